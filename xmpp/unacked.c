/*
 * unacked.c: see unacked.h. Neighbours: sm.c; parcel.c.
 */
#include "xmpp/unacked.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	struct parcel *parcel;
	struct buf text;
};

struct unacked {
	struct entry *first, **end;
	uint32_t acknowledged;
	unsigned count;
	size_t bytes;
};

struct unacked *unacked_new(uint32_t acknowledged)
{
	struct unacked *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->end = &queue->first;
	queue->acknowledged = acknowledged;
	return queue;
}

/* Take the oldest out; its parcel becomes the caller's. The queue is not empty. */
static struct parcel *take(struct unacked *queue)
{
	struct entry *entry = queue->first;
	struct parcel *parcel = entry->parcel;

	queue->first = entry->next;
	if (!queue->first)
		queue->end = &queue->first;
	queue->count--;
	queue->bytes -= entry->text.len;
	queue->acknowledged++;
	buf_free(&entry->text);
	free(entry);
	return parcel;
}

void unacked_free(struct unacked **queue)
{
	struct parcel *parcel;

	if (!*queue)
		return;
	while ((*queue)->first) {
		parcel = take(*queue);
		parcel_drop(&parcel);
	}
	free(*queue);
	*queue = NULL;
}

int unacked_add(struct unacked *queue, const struct buf *text, struct parcel *parcel)
{
	struct entry *entry;

	if (queue->count >= UNACKED_STANZAS_MAX || text->len > UNACKED_BYTES_MAX - queue->bytes)
		return -1;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -1;
	buf_init(&entry->text, UNACKED_BYTES_MAX);
	if (buf_add(&entry->text, text->data, text->len) < 0) {
		free(entry);
		return -1;
	}
	entry->parcel = parcel_hold(parcel);
	*queue->end = entry;
	queue->end = &entry->next;
	queue->count++;
	queue->bytes += text->len;
	return 0;
}

unsigned unacked_count(const struct unacked *queue)
{
	return queue->count;
}

uint32_t unacked_sent(const struct unacked *queue)
{
	return queue->acknowledged + queue->count;
}

uint32_t unacked_acknowledged(const struct unacked *queue)
{
	return queue->acknowledged;
}

bool unacked_holds(const struct unacked *queue, const struct parcel *parcel)
{
	for (const struct entry *entry = queue->first; entry; entry = entry->next)
		if (entry->parcel == parcel)
			return true;
	return false;
}

int unacked_acknowledge(struct unacked *queue, uint32_t h)
{
	uint32_t news = h - queue->acknowledged;
	struct parcel *parcel;

	if (news > queue->count)
		return -1;
	while (news-- > 0) {
		parcel = take(queue);
		parcel_settle(parcel);
		parcel_drop(&parcel);
	}
	return 0;
}

void unacked_each(const struct unacked *queue, void (*each)(void *arg, const struct buf *text),
		  void *arg)
{
	for (const struct entry *entry = queue->first; entry; entry = entry->next)
		each(arg, &entry->text);
}

void unacked_return(struct unacked *queue)
{
	struct parcel *parcel;

	while (queue->first) {
		parcel = take(queue);
		parcel_return(&parcel);
	}
}
