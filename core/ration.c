/*
 * ration.c: see ration.h.
 */
#include "core/ration.h"

int64_t ration_take(struct ration *ration, unsigned most, int64_t refill_ms, int64_t now_ms)
{
	int64_t refilled = (now_ms - ration->counted_ms) / refill_ms;

	if (refilled >= ration->used) {
		ration->used = 0;
		ration->counted_ms = now_ms;
	} else {
		ration->used -= (unsigned)refilled;
		ration->counted_ms += refilled * refill_ms;
	}
	if (ration->used >= most)
		return ration->counted_ms + refill_ms - now_ms;
	ration->used++;
	return 0;
}
