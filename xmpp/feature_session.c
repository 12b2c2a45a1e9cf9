/*
 * feature_session.c: the resource of RFC 3921 section 3, which later clients leave out; libpurple
 * gives up without a result. And a second resource on one stream, which RFC 6120 section 7 forbids.
 */
#include "xmpp/feature.h"

void session_start(struct request *request)
{
	request_result(request);
}

void session_bind_again(struct request *request)
{
	request_error(request, STANZA_NOT_ALLOWED, "a resource is bound already");
}
