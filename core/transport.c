/*
 * transport.c: the front of transport.h; each call goes to the table of the transport behind it.
 */
#include "core/transport.h"

struct service *service_new(struct transport *transport, const struct service_handler *handler,
			    void *arg, struct err *err)
{
	return transport->ops->service_new(transport, handler, arg, err);
}

int service_endpoint(const struct service *service, unsigned slot, struct endpoint *endpoint)
{
	if (slot >= SERVICE_SLOTS)
		return -1;
	return service->transport->ops->service_endpoint(service, slot, endpoint);
}

void service_free(struct service **service)
{
	if (!*service)
		return;
	(*service)->transport->ops->service_free(*service);
	*service = NULL;
}

struct dial *transport_dial(struct transport *transport, const struct endpoint *endpoint,
			    const char *isolation,
			    void (*done)(void *arg, struct stream *stream, const struct err *why),
			    void *arg, struct err *err)
{
	return transport->ops->dial(transport, endpoint, isolation, done, arg, err);
}

void dial_cancel(struct dial **dial)
{
	if (!*dial)
		return;
	(*dial)->transport->ops->dial_cancel(*dial);
	*dial = NULL;
}
