/*
 * socks.c: the messages of SOCKS 5 that a client needs.
 *
 *     greeting   5 ‖ 1 ‖ 2 (user and password)          → 5 ‖ method
 *     auth       1 ‖ length 1 ‖ user ‖ length 1 ‖ password → 1 ‖ 0
 *     request    5 ‖ 1 (CONNECT) ‖ 0 ‖ 3 ‖ length 1 ‖ host ‖ port 2
 *     reply      5 ‖ code 1 ‖ 0 ‖ type 1 ‖ address 4 | 16 | length 1 and name ‖ port 2
 */
#include "core/socks.h"

#include "core/base/cursor.h"

#include <assert.h>
#include <string.h>

#define VERSION       5
#define AUTH_VERSION  1
#define METHOD_USER   2
#define METHOD_REFUSE 0xFF
#define CONNECT       1
#define TYPE_IPV4     1
#define TYPE_NAME     3
#define TYPE_IPV6     4

/* RFC 1929 wants at least one byte; only the user name isolates. */
#define PASSWORD "0"
/* tor takes user names with this beginning as parameters of its own (proposal 351). */
#define RESERVED_USER "<torS0X>"

static const struct {
	int code;
	const char *text;
} code_texts[] = {
    {SOCKS_GRANTED, "granted"},
    {SOCKS_FAILURE, "general failure"},
    {SOCKS_NOT_ALLOWED, "not allowed"},
    {SOCKS_NET_UNREACHABLE, "network unreachable"},
    {SOCKS_HOST_UNREACHABLE, "host unreachable"},
    {SOCKS_REFUSED, "connection refused"},
    {SOCKS_TTL_EXPIRED, "no connection in time"},
    {SOCKS_BAD_COMMAND, "command not supported"},
    {SOCKS_BAD_ADDRESS_TYPE, "address type not supported"},
    {SOCKS_ONION_NO_DESCRIPTOR, "onion service descriptor not found"},
    {SOCKS_ONION_BAD_DESCRIPTOR, "onion service descriptor is invalid"},
    {SOCKS_ONION_NO_INTRODUCTION, "onion service introduction failed"},
    {SOCKS_ONION_NO_RENDEZVOUS, "onion service rendezvous failed"},
    {SOCKS_ONION_NO_AUTH, "onion service wants client authorization"},
    {SOCKS_ONION_WRONG_AUTH, "onion service client authorization is wrong"},
    {SOCKS_ONION_BAD_ADDRESS, "onion service address is invalid"},
    {SOCKS_ONION_INTRODUCTION_TIMEOUT, "onion service introduction timed out"},
};

const char *socks_code_text(int code)
{
	for (size_t i = 0; i < sizeof(code_texts) / sizeof(code_texts[0]); i++)
		if (code_texts[i].code == code)
			return code_texts[i].text;
	return "unknown SOCKS error";
}

static void _enter_state(struct socks *socks, enum socks_state state)
{
	socks->state = state;
	socks->in_len = 0;
}

static void write_name(struct writer *w, const char *name)
{
	size_t len = strlen(name);

	write_u8(w, (uint8_t)len);
	write_bytes(w, name, len);
}

static void finish_out(struct socks *socks, const struct writer *w)
{
	assert(!w->bad);
	socks->out_len = w->len;
}

static void send_greeting(struct socks *socks)
{
	struct writer w;

	writer_init(&w, socks->out, sizeof(socks->out));
	write_u8(&w, VERSION);
	write_u8(&w, 1);
	write_u8(&w, METHOD_USER);
	finish_out(socks, &w);
}

static void send_auth(struct socks *socks)
{
	struct writer w;

	writer_init(&w, socks->out, sizeof(socks->out));
	write_u8(&w, AUTH_VERSION);
	write_name(&w, socks->user);
	write_name(&w, PASSWORD);
	finish_out(socks, &w);
}

static void send_request(struct socks *socks)
{
	struct writer w;

	writer_init(&w, socks->out, sizeof(socks->out));
	write_u8(&w, VERSION);
	write_u8(&w, CONNECT);
	write_u8(&w, 0);
	write_u8(&w, TYPE_NAME);
	write_name(&w, socks->host);
	write_u16(&w, socks->port);
	finish_out(socks, &w);
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= SOCKS_NAME_MAX;
}

int socks_start(struct socks *socks, const char *user, const char *host, uint16_t port,
		struct err *err)
{
	*socks = (struct socks){.code = -1, .port = port};
	if (!is_name(user) || !is_name(host))
		return err_set(err, ERR_INPUT, "a SOCKS name must have 1 to %d bytes",
			       SOCKS_NAME_MAX);
	if (!strncmp(user, RESERVED_USER, strlen(RESERVED_USER)))
		return err_set(err, ERR_INPUT, "SOCKS user name is reserved by tor");
	memcpy(socks->user, user, strlen(user) + 1);
	memcpy(socks->host, host, strlen(host) + 1);
	send_greeting(socks);
	_enter_state(socks, SOCKS_METHOD);
	return 0;
}

static int got_method(struct socks *socks, struct err *err)
{
	if (socks->in[0] != VERSION)
		return err_set(err, ERR_PROTOCOL, "the SOCKS port does not speak SOCKS 5");
	if (socks->in[1] != METHOD_USER)
		return err_set(err, ERR_PROTOCOL, "the SOCKS port takes no user name");
	send_auth(socks);
	_enter_state(socks, SOCKS_AUTH);
	return 0;
}

static int got_auth(struct socks *socks, struct err *err)
{
	if (socks->in[0] != AUTH_VERSION)
		return err_set(err, ERR_PROTOCOL, "malformed SOCKS authentication reply");
	if (socks->in[1] != 0)
		return err_set(err, ERR_AUTH, "the SOCKS port refuses the user name");
	send_request(socks);
	_enter_state(socks, SOCKS_REQUEST);
	return 0;
}

static int got_reply(struct socks *socks, struct err *err)
{
	if (socks->in[0] != VERSION)
		return err_set(err, ERR_PROTOCOL, "malformed SOCKS reply");
	socks->code = socks->in[1];
	if (socks->code != SOCKS_GRANTED)
		return err_set(err, ERR_UNAVAILABLE, "%s (SOCKS %02X)",
			       socks_code_text(socks->code), (unsigned)socks->code);
	_enter_state(socks, SOCKS_OPEN);
	return 0;
}

/* How many bytes the reply has, as far as its first bytes tell; 0: malformed. */
static size_t reply_len(const struct socks *socks)
{
	if (socks->in_len < 5)
		return 5;
	switch (socks->in[3]) {
	case TYPE_IPV4:
		return 4 + 4 + 2;
	case TYPE_IPV6:
		return 4 + 16 + 2;
	case TYPE_NAME:
		return 4 + 1 + (size_t)socks->in[4] + 2;
	default:
		return 0;
	}
}

static size_t message_len(const struct socks *socks)
{
	return socks->state == SOCKS_REQUEST ? reply_len(socks) : 2;
}

static int got_message(struct socks *socks, struct err *err)
{
	switch (socks->state) {
	case SOCKS_METHOD:
		return got_method(socks, err);
	case SOCKS_AUTH:
		return got_auth(socks, err);
	default:
		return got_reply(socks, err);
	}
}

/* One more byte of the present message. A server that is ahead of us breaks the protocol, since it
 * can know the next step only after what we send now. */
static int take(struct socks *socks, uint8_t byte, struct err *err)
{
	size_t wanted;

	if (socks->out_len > 0)
		return err_set(err, ERR_PROTOCOL, "the SOCKS port answers before it was asked");
	socks->in[socks->in_len++] = byte;
	wanted = message_len(socks);
	if (wanted == 0)
		return err_set(err, ERR_PROTOCOL, "malformed SOCKS reply");
	return socks->in_len < wanted ? 0 : got_message(socks, err);
}

int socks_feed(struct socks *socks, const void *data, size_t len, size_t *used, struct err *err)
{
	const uint8_t *at = data;

	*used = 0;
	socks->out_len = 0;
	if (socks->state == SOCKS_START || socks->state == SOCKS_CLOSED)
		return err_set(err, ERR_WRONG_STATE, "SOCKS is not under way");
	while (*used < len && socks->state != SOCKS_OPEN) {
		if (take(socks, at[*used], err)) {
			_enter_state(socks, SOCKS_CLOSED);
			socks->out_len = 0;
			return -1;
		}
		(*used)++;
	}
	return 0;
}
