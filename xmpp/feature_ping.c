/*
 * feature_ping.c: XEP-0199.
 */
#include "xmpp/feature.h"

void ping_answer(struct request *request)
{
	request_result(request);
}
