/*
 * ctl_retry.c: see ctl_retry.h.
 */
#include "component/ctl_retry.h"

void ctl_retry_met(struct ctl_retry *retry)
{
	retry->met = true;
	retry->until_ms = 0;
	retry->pause_ms = 0;
}

int64_t ctl_retry_next(struct ctl_retry *retry, int64_t now_ms)
{
	if (retry->never || !retry->met)
		return -1;
	if (ctl_retry_begins(retry))
		retry->until_ms = now_ms + CTL_RETRY_TOTAL_MS;
	if (now_ms >= retry->until_ms)
		return -1;
	retry->pause_ms = retry->pause_ms ? 2 * retry->pause_ms : CTL_RETRY_FIRST_MS;
	if (retry->pause_ms > CTL_RETRY_PAUSE_MS)
		retry->pause_ms = CTL_RETRY_PAUSE_MS;
	return retry->pause_ms;
}

bool ctl_retry_begins(const struct ctl_retry *retry)
{
	return retry->until_ms == 0;
}
