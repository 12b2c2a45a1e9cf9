/* A proxy that says anything, byte by byte: a reply has 262 at the most. */
#include "core/socks.h"
#include "tests/model/bounds/stubs.h"

int main(void)
{
	static struct socks socks;
	uint8_t byte;
	size_t used;

	if (socks_start(&socks, "user", "gateway.example.org", 80, NULL))
		return 1;
	for (int i = 0; i < 2 + 2 + SOCKS_IN_MAX; i++) {
		any(&byte, 1);
		if (socks_feed(&socks, &byte, 1, &used, NULL))
			return 1;
		/*@ assert taken: used <= 1; */
		/*@ assert bounded: socks.in_len <= SOCKS_IN_MAX && socks.out_len <= SOCKS_OUT_MAX;
		 */
	}
	return 0;
}
