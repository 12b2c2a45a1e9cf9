/*
 * tacet_private.h: what the files of libtacet's public face share (facade_*).
 *
 *     tacet.c          open, run, close; accounts, contacts, messages
 *     tacet_people.c   invitations, requests, who is blocked; backups
 *     tacet_stream.c   streams
 */
#ifndef CORE_TACET_PRIVATE_H
#define CORE_TACET_PRIVATE_H

#include "core/tacet.h"

#include "core/base/loop.h"
#include "core/node.h"

struct tacet {
	struct loop *loop;
	struct node *node;
	struct tacet_handlers handlers;
	void *arg;
	struct tacet_stream *streams;
};

/* Accounts and contacts are the engine's own objects under public names. */
static inline struct account *account_in(const struct tacet_account *account)
{
	return (struct account *)account;
}

static inline struct tacet_account *account_out(struct account *account)
{
	return (struct tacet_account *)account;
}

static inline struct contact *contact_in(const struct tacet_contact *contact)
{
	return (struct contact *)contact;
}

static inline struct tacet_contact *contact_out(struct contact *contact)
{
	return (struct tacet_contact *)contact;
}

/* The way back from an account. */
static inline struct tacet *facade_of(struct account *account)
{
	return account_user(account);
}

/* The loop may have something to do after this call. */
static inline void facade_touch(struct account *account)
{
	loop_touch(facade_of(account)->loop);
}

/* The account is the program's from now on. */
void facade_adopt(void *tacet, struct account *account);
/* Fill out, which may be NULL, and return -1. */
int facade_err(struct tacet_err *out, const struct err *err);
int facade_fail(struct tacet_err *out, enum err_code code, const char *text);
/* Copy a struct that begins with its size, of a caller who may know fewer fields or more. */
int facade_take(void *out, size_t out_size, const void *in, struct tacet_err *err);

/* tacet_people.c: handlers of the engine. */
void facade_request(void *arg, struct account *account, const struct contact_request *request);
void facade_introduced(void *arg, struct contact *contact, const struct err *why);
void facade_trouble(void *arg, const char *why);
void facade_conflict(void *arg, struct account *account);

/* tacet_stream.c: free all without a word. */
void facade_end_streams(struct tacet *tacet);

#endif
