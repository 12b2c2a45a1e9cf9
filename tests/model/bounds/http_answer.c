/* A gateway, or an exit in front of it, that answers with anything, byte by byte, for ever. */
#include "core/http_answer.h"
#include "tests/model/bounds/stubs.h"

int main(void)
{
	static struct http_answer answer;
	const uint8_t *body;
	size_t used, body_len;
	uint8_t byte;

	http_answer_start(&answer);
	while (Frama_C_interval(0, 1)) {
		any(&byte, 1);
		if (http_answer_feed(&answer, &byte, 1, &used, &body, &body_len, NULL))
			return 1;
		/*@ assert taken: used <= 1; */
		/*@ assert body: body_len <= 1; */
	}
	return 0;
}
