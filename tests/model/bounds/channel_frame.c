/* A contact that sends any CHANNEL frame. */
#include "core/channel_frame.h"
#include "tests/model/bounds/stubs.h"

/* All that matters is decided before this length; in longer ones only the last loop goes on. */
#define LEN_MAX (CHANNEL_HEAD_LEN + 4 + CHANNEL_SERVICE_MAX + 16)

static void check(const uint8_t *payload, size_t len)
{
	struct channel_frame frame;

	if (channel_frame_parse(payload, len, &frame, NULL))
		return;
	/*@ assert within: frame.len <= CHANNEL_DATA_MAX; */
	/*@ assert id: frame.id != 0; */
}

int main(void)
{
	static uint8_t payload[LEN_MAX];

	any(payload, sizeof(payload));
	for (size_t len = 0; len <= sizeof(payload); len++)
		check(payload, len);
	return 0;
}
