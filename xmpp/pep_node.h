/*
 * pep_node.h: how a node is configured (XEP-0060 section 16.4.4), and what is written down of it.
 * Pure. Neighbours: pep_store.c keeps the records, feature_pep.c asks.
 */
#ifndef XMPP_PEP_NODE_H
#define XMPP_PEP_NODE_H

#include "xmpp/pep.h"

/* Who may see it; XEP-0060 section 4.5. Presence and open are the same here: contacts. */
enum pep_access { PEP_ACCESS_PRESENCE, PEP_ACCESS_OPEN, PEP_ACCESS_WHITELIST };

/* When the last item is sent by itself. */
enum pep_last { PEP_LAST_PRESENCE, PEP_LAST_SUBSCRIPTION, PEP_LAST_NEVER };

struct pep_config {
	enum pep_access access;
	enum pep_last last;
	unsigned max_items;
};

/* A node as it is written down. */
struct pep_record {
	struct pep_config config;
	char version[PEP_VERSION_SIZE];
	size_t bytes; /* of all its items */
};

/* Longest text of a record. */
#define PEP_RECORD_SIZE 128

/* What a node is when nobody has said how it should be. */
struct pep_config pep_config_default(const char *node);
/* May contacts see it? */
bool pep_config_public(const struct pep_config *config);
/* Add a form with the configuration: type "form" or "result", form_type the last part of its
 * FORM_TYPE. */
void pep_config_form(const struct pep_config *config, struct xml *parent, const char *type);
/* Set what form (XEP-0004, may be NULL) says; what it says beyond what is known here is ignored.
 * -1: a value that cannot be had; config may be changed then. */
int pep_config_apply(struct pep_config *config, struct xml *form);
bool pep_config_equal(const struct pep_config *a, const struct pep_config *b);

void pep_record_write(const struct pep_record *record, char out[PEP_RECORD_SIZE]);
/* -1: not one. */
int pep_record_read(const char *text, struct pep_record *record);

#endif
