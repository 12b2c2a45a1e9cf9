/*
 * fuzz_http_answer.c: what a gateway says to a question, and addresses of gateways.
 *
 *     input: mode 1 ‖ the rest
 *     mode 0: the rest is an address of a gateway
 *     else:   the rest is an answer; read at once, and in pieces of mode bytes: both see the same
 */
#include "core/http_address.h"
#include "core/http_answer.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

struct seen {
	struct http_answer answer;
	uint64_t sum; /* of the body */
	size_t body, used;
	int result;
};

static void read_piece(struct seen *seen, const uint8_t *data, size_t len)
{
	while (len > 0 && seen->result == 0 && seen->answer.state != HTTP_ANSWER_DONE) {
		struct err err = {.code = ERR_NONE};
		const uint8_t *body;
		size_t used, body_len;

		seen->result =
		    http_answer_feed(&seen->answer, data, len, &used, &body, &body_len, &err);
		FUZZ_CHECK((seen->result == -1) == (err.code != ERR_NONE));
		if (seen->result)
			return;
		FUZZ_CHECK(used >= 1 && used <= len && body_len <= used);
		FUZZ_CHECK(body >= data && body + body_len <= data + len);
		FUZZ_CHECK(body_len == 0 || seen->answer.status >= 200);
		FUZZ_CHECK(seen->answer.head_bytes <= HTTP_HEADERS_MAX);
		for (size_t i = 0; i < body_len; i++)
			seen->sum = seen->sum * 31 + body[i];
		seen->body += body_len;
		seen->used += used;
		data += used;
		len -= used;
	}
}

static struct seen read_in_pieces(const uint8_t *data, size_t len, size_t piece)
{
	struct seen seen = {0};

	http_answer_start(&seen.answer);
	for (size_t at = 0; at < len; at += piece)
		read_piece(&seen, data + at, len - at < piece ? len - at : piece);
	return seen;
}

static void read_answer(const uint8_t *data, size_t len, size_t piece)
{
	struct seen whole = read_in_pieces(data, len, len ? len : 1);
	struct seen pieces = read_in_pieces(data, len, piece);

	FUZZ_CHECK(whole.result == pieces.result && whole.answer.state == pieces.answer.state);
	FUZZ_CHECK(whole.answer.status == pieces.answer.status);
	FUZZ_CHECK(whole.answer.date_s == pieces.answer.date_s);
	FUZZ_CHECK(whole.body == pieces.body && whole.sum == pieces.sum);
	FUZZ_CHECK(whole.result || whole.used == pieces.used);
}

static void read_address(const uint8_t *data, size_t len)
{
	char text[2 * HTTP_QUESTION_MAX] = "";
	struct http_url url;

	memcpy(text, data, len < sizeof(text) ? len : sizeof(text) - 1);
	if (http_url_parse(text, &url, NULL))
		return;
	FUZZ_CHECK(url.port > 0 && url.path[0] == '/' && url.host[0] != '\0');
	FUZZ_CHECK(strpbrk(url.authority, "\r\n /@") == NULL);
	FUZZ_CHECK(strpbrk(url.path, "\r\n ") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] == 0)
		read_address(data + 1, size - 1);
	else
		read_answer(data + 1, size - 1, data[0]);
	return 0;
}
