/*
 * sent_marks.c: see sent_marks.h. Neighbours: contact.c, whose transaction adds them; store.c.
 */
#include "core/sent_marks.h"

#include "core/base/log.h"

#include <stdlib.h>

struct sent_marks {
	struct store *store;
	int64_t account;
	int64_t last;        /* number of the newest; 0: there has been none */
	int64_t old;         /* those up to this one go when the time is over */
	struct timer *timer; /* pending while there are marks */
};

static void erase_old(void *arg)
{
	struct sent_marks *marks = arg;
	struct err why = {0};

	if (store_marks_remove(marks->store, marks->account, marks->old, &why) < 0)
		log_warn("marks of messages stay stored: %s", why.text);
	else if (marks->old == marks->last)
		return;
	marks->old = marks->last;
	timer_set(marks->timer, SENT_MARK_MS);
}

static int count(void *arg, int64_t number, const uint8_t mark[SENT_MARK_LEN])
{
	(void)mark;
	((struct sent_marks *)arg)->last = number;
	return 0;
}

struct sent_marks *sent_marks_new(const struct env *env, struct store *store, int64_t account,
				  struct err *err)
{
	struct sent_marks *marks = calloc(1, sizeof(*marks));

	if (marks != NULL)
		marks->timer = timer_new(env, erase_old, marks);
	if (marks == NULL || marks->timer == NULL) {
		err_set(err, ERR_MEMORY, "marks: out of memory");
		sent_marks_free(&marks);
		return NULL;
	}
	marks->store = store;
	marks->account = account;
	if (store_marks(store, account, count, marks, err) < 0) {
		sent_marks_free(&marks);
		return NULL;
	}
	marks->old = marks->last;
	if (marks->last > 0)
		timer_set(marks->timer, SENT_MARK_MS);
	return marks;
}

void sent_marks_free(struct sent_marks **marks)
{
	struct sent_marks *m = *marks;

	if (m == NULL)
		return;
	timer_free(&m->timer);
	free(m);
	*marks = NULL;
}

int sent_marks_add(struct sent_marks *marks, const uint8_t mark[SENT_MARK_LEN], struct err *err)
{
	/* A number whose transaction fails is not used again: that is no harm. */
	int64_t number = ++marks->last;

	if (!timer_pending(marks->timer)) {
		marks->old = marks->last;
		timer_set(marks->timer, SENT_MARK_MS);
	}
	if (store_mark_add(marks->store, marks->account, number, mark, err) < 0)
		return -1;
	return store_marks_remove(marks->store, marks->account, number - SENT_MARKS_MAX, err);
}

struct telling {
	void (*each)(void *arg, const uint8_t mark[SENT_MARK_LEN]);
	void *arg;
};

static int tell(void *arg, int64_t number, const uint8_t mark[SENT_MARK_LEN])
{
	const struct telling *telling = arg;

	(void)number;
	telling->each(telling->arg, mark);
	return 0;
}

void sent_marks_each(struct sent_marks *marks,
		     void (*each)(void *arg, const uint8_t mark[SENT_MARK_LEN]), void *arg)
{
	struct telling telling = {each, arg};
	struct err why = {0};

	if (store_marks(marks->store, marks->account, tell, &telling, &why) < 0)
		log_warn("marks of messages are not known: %s", why.text);
}
