/*
 * certificate_keeper.c: see certificate_keeper.h.
 */
#include "xmpp/certificate_keeper.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

struct certificate_keeper {
	const struct env *env;
	char *directory, *domain;
	void (*renewed)(void *arg, SSL_CTX *ctx);
	void *arg;
	SSL_CTX *ctx;
	struct timer *timer;
};

static bool same_certificate(SSL_CTX *a, SSL_CTX *b)
{
	return X509_cmp(SSL_CTX_get0_certificate(a), SSL_CTX_get0_certificate(b)) == 0;
}

static void take(struct certificate_keeper *keeper, SSL_CTX *ctx)
{
	SSL_CTX *old = keeper->ctx;

	keeper->ctx = ctx;
	keeper->renewed(keeper->arg, ctx);
	SSL_CTX_free(old);
	log_notice("TLS: the certificate was renewed");
}

static void on_timer(void *arg)
{
	struct certificate_keeper *keeper = arg;
	struct err err;
	SSL_CTX *ctx = certificate_context(keeper->env, keeper->directory, keeper->domain, &err);

	timer_set(keeper->timer, CERTIFICATE_KEEPER_MS);
	if (!ctx)
		log_warn("TLS: looking after the certificate: %s", err.text);
	else if (same_certificate(ctx, keeper->ctx))
		SSL_CTX_free(ctx);
	else
		take(keeper, ctx);
}

struct certificate_keeper *certificate_keeper_new(const struct env *env, const char *directory,
						  const char *domain,
						  void (*renewed)(void *arg, SSL_CTX *ctx),
						  void *arg, struct err *err)
{
	struct certificate_keeper *keeper = calloc(1, sizeof(*keeper));

	if (!keeper) {
		err_set(err, ERR_MEMORY, "no memory for certificates");
		return NULL;
	}
	keeper->env = env;
	keeper->renewed = renewed;
	keeper->arg = arg;
	keeper->directory = strdup(directory);
	keeper->domain = strdup(domain);
	keeper->timer = timer_new(env, on_timer, keeper);
	if (!keeper->directory || !keeper->domain || !keeper->timer)
		err_set(err, ERR_MEMORY, "no memory for certificates");
	else
		keeper->ctx = certificate_context(env, directory, domain, err);
	if (!keeper->ctx) {
		certificate_keeper_free(&keeper);
		return NULL;
	}
	timer_set(keeper->timer, CERTIFICATE_KEEPER_MS);
	return keeper;
}

void certificate_keeper_free(struct certificate_keeper **keeper)
{
	struct certificate_keeper *old = *keeper;

	if (!old)
		return;
	timer_free(&old->timer);
	SSL_CTX_free(old->ctx);
	free(old->directory);
	free(old->domain);
	free(old);
	*keeper = NULL;
}

SSL_CTX *certificate_keeper_ctx(const struct certificate_keeper *keeper)
{
	return keeper->ctx;
}
