/* In place of the server's part of personal eventing, for tests in which nothing is kept for it:
 * none of this is called. */
#include "xmpp/pep.h"

#include <stdlib.h>

void server_pep_nodes(const struct server *server, const char *user,
		      void (*each)(void *each_arg, const char *node, const char *version),
		      void *each_arg)
{
	(void)server, (void)user, (void)each, (void)each_arg;
	abort();
}

int server_pep_version(const struct server *server, const char *user, const char *node,
		       char version[PEP_VERSION_SIZE])
{
	(void)server, (void)user, (void)node, (void)version;
	abort();
}

struct xml *server_pep_serve(const struct server *server, const char *user, struct xml *payload,
			     enum stanza_error *error)
{
	(void)server, (void)user, (void)payload, (void)error;
	abort();
}

int server_pep_known(const struct server *server, const char *user, const char *contact,
		     const char *node, char version[PEP_VERSION_SIZE])
{
	(void)server, (void)user, (void)contact, (void)node, (void)version;
	abort();
}

void server_pep_known_nodes(const struct server *server, const char *user, const char *contact,
			    void (*each)(void *each_arg, const char *node), void *each_arg)
{
	(void)server, (void)user, (void)contact, (void)each, (void)each_arg;
	abort();
}

int server_pep_learn(struct server *server, const char *user, const char *contact, const char *node,
		     const char *version, struct xml *answer, struct err *err)
{
	(void)server, (void)user, (void)contact, (void)node, (void)version, (void)answer, (void)err;
	abort();
}

struct xml *server_pep_recall(const struct server *server, const char *user, const char *contact,
			      struct xml *payload, enum stanza_error *error)
{
	(void)server, (void)user, (void)contact, (void)payload, (void)error;
	abort();
}

void server_pep_answer(struct server *server, uint64_t token, struct xml *answer,
		       enum stanza_error error)
{
	(void)server, (void)token, (void)answer, (void)error;
	abort();
}
