/*
 * pool.h: the addresses of all accounts: one for each while there are enough, else shared.
 *
 * Tor publishes some eight onion services well, and above ten or so slowly or not at all. So a pool
 * has a number of berths, each with one address (address.h), and accounts are residents of a
 * berth. While there are no more residents than berths each has its own; then they share, as evenly
 * as can be, and chance decides who with whom. A resident keeps its berth, as long as that is not
 * more crowded than it must be, and after a restart too (resident_place): each change would show
 * one more pair of accounts to whoever is a contact of both (threat-model.md).
 *
 * Who connects is nobody's until he has knocked; all residents are asked whose he is.
 *
 * Neighbours: account.c above; address.c, lobby.c below.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include "core/lobby.h"
#include "core/transport.h"

#include <limits.h>

struct pool;
struct resident;

/* Berths of each transport: a tor publishes eight services well (FACTS of others: trouble begins at
 * about ten, and twice as many are there for two minutes when addresses change). */
#define POOL_SERVICES 8
/* Most of both: 16 tor processes are half a gigabyte. */
#define POOL_SERVICES_MAX   10
#define POOL_TRANSPORTS_MAX 16
/* What resident_new is told, and resident_place says, when there is no berth. */
#define POOL_NOWHERE UINT_MAX
/* An address that is shared is fled from so many times at once, and then once in so many ms: one
 * resident must not keep the others from being reached. */
#define POOL_FLIGHTS        3
#define POOL_FLIGHT_EACH_MS ((int64_t)5 * 60 * 1000)

struct pool_config {
	const struct env *env;
	struct transport *const *transports; /* copied; 1 … POOL_TRANSPORTS_MAX */
	unsigned transport_count;
	unsigned services; /* of each; 0: POOL_SERVICES */
	unsigned share;    /* most residents of a berth; 0: as many as it takes */
};

/* All come from the loop, never from within a call of pool.h, never after resident_free. They may
 * call all of it but resident_free. */
struct resident_handler {
	/* As address_handler's. */
	void (*shown)(void *arg, bool fresh);
	/* Is this the knock of somebody for this resident? Answers without doing anything. */
	bool (*knows)(void *arg, const uint8_t knock[KNOCK_LEN]);
	/* As lobby_knock, for a knock that it knows. */
	bool (*knocked)(void *arg, struct stream *stream, const uint8_t knock[KNOCK_LEN]);
};

/* NULL: memory is short. */
struct pool *pool_new(const struct pool_config *config);
/* Residents must be gone. NULL is fine. */
void pool_free(struct pool **pool);
unsigned pool_berths(const struct pool *pool);

/* place: where it was before, or POOL_NOWHERE. Nothing happens before resident_open. NULL: memory
 * is short. */
struct resident *resident_new(struct pool *pool, unsigned place,
			      const struct resident_handler *handler, void *arg);
void resident_free(struct resident **resident);
/* Be there to be dialled. If all berths are full (share), when there is room; the log says so. */
void resident_open(struct resident *resident);
/* Be there no more: the address is withdrawn with the last one. */
void resident_close(struct resident *resident);
/* Somebody who knows the address must not even see that it is there: all who share it move, now or
 * when they have not moved too often (POOL_FLIGHTS). Also for one who is closed. */
void resident_flee(struct resident *resident);
/* As address_wake. */
void resident_wake(struct resident *resident);
/* As lobby_silence, for somebody who was this resident's. */
void resident_silence(struct resident *resident, struct stream *stream);

/* Can it be dialled? */
bool resident_shown(const struct resident *resident);
/* As address_endpoint. */
int resident_endpoint(const struct resident *resident, unsigned slot, struct endpoint *endpoint);
/* Its berth, or POOL_NOWHERE. */
unsigned resident_place(const struct resident *resident);
/* Residents of its berth, itself included; 0: it has none. */
unsigned resident_neighbours(const struct resident *resident);

#endif
