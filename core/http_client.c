/*
 * http_client.c: HTTP requests through tor's SOCKS port, on the loop; see http_client.h.
 *
 * libcurl tells which sockets it waits for and until when; watches and one timer of the loop do
 * the waiting. Requests that have ended are listed and told one at a time by a second timer, so
 * that a callback may do anything, even free the client.
 */
#include "core/http_client.h"

#include "core/base/log.h"
#include "core/http_address.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* In front of each isolation string: no circuit is shared with other users of the same tor. */
#define SOCKS_USER_PREFIX "tacet-registry-"
/* libcurl's buffer of a request, in bytes; an answer has 800 bytes a value. */
#define RECEIVE_BUFFER 4096

enum request_state { REQUEST_WAITING, REQUEST_ACTIVE, REQUEST_ENDED };

struct http_request {
	struct http_client *client;
	struct http_request *next, *previous; /* in the list of its state */
	enum request_state state;
	CURL *easy;
	struct curl_slist *headers;
	size_t header_bytes, body_bytes, body_limit;
	bool content;
	bool cut;
	int64_t started_ms;
	int64_t dated_ms; /* when the Date header came */
	struct http_result result;
	bool (*received)(void *arg, const uint8_t *data, size_t len);
	void (*done)(void *arg, const struct http_result *result);
	void *arg;
};

struct request_list {
	struct http_request *first, *last;
};

struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct timer *timeout; /* what libcurl wants to be woken for */
	struct timer *deliver; /* tells of the first request that has ended */
	struct request_list lists[REQUEST_ENDED + 1];
	unsigned active;
	unsigned proxy_count; /* 0: connect directly */
	struct http_proxy proxies[HTTP_PROXIES_MAX];
	bool unusable[HTTP_PROXIES_MAX];
};

static int64_t now_ms(const struct http_client *client)
{
	return env_mono_ms(loop_env(client->loop));
}

/* --- lists --- */

static void request_enter(struct http_request *r, enum request_state state)
{
	struct request_list *list = &r->client->lists[state];

	r->state = state;
	r->next = NULL;
	r->previous = list->last;
	*(list->last ? &list->last->next : &list->first) = r;
	list->last = r;
}

static void request_leave(struct http_request *r)
{
	struct request_list *list = &r->client->lists[r->state];

	*(r->previous ? &r->previous->next : &list->first) = r->next;
	*(r->next ? &r->next->previous : &list->last) = r->previous;
}

/* --- what libcurl calls during a transfer --- */

static size_t header_line(char *line, size_t size, size_t count, void *arg)
{
	struct http_request *r = arg;
	size_t len = size * count;
	char date[64];
	time_t t;

	r->header_bytes += len;
	if (r->header_bytes > HTTP_HEADERS_MAX)
		return 0;
	if (len <= 5 || len - 5 >= sizeof(date) || strncasecmp(line, "date:", 5) != 0)
		return len;
	memcpy(date, line + 5, len - 5);
	date[len - 5] = '\0';
	t = curl_getdate(date, NULL);
	if (t > 0) {
		/* The header is cut to seconds: half of one more is the best guess. */
		r->result.date_ms = (int64_t)t * 1000 + 500;
		r->dated_ms = now_ms(r->client);
	}
	return len;
}

static size_t body_piece(char *data, size_t size, size_t count, void *arg)
{
	struct http_request *r = arg;
	size_t len = size * count, room = r->body_limit - r->body_bytes;
	long status = 0;

	r->cut = len > room;
	if (r->cut)
		len = room;
	r->body_bytes += len;
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (r->received && len > 0 && status == 200)
		r->content = !r->received(r->arg, (const uint8_t *)data, len);
	return r->cut || r->content ? 0 : len;
}

static bool is_allowed(const struct http_client *client, const struct curl_sockaddr *to)
{
	for (unsigned i = 0; i < client->proxy_count; i++)
		if (to->addrlen <= sizeof(client->proxies[i].socket) &&
		    memcmp(&to->addr, &client->proxies[i].socket, to->addrlen) == 0)
			return true;
	return client->proxy_count == 0;
}

/* Whatever libcurl and the environment may think: with a proxy nothing else is connected to. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct http_client *client = arg;

	(void)purpose;
	if (!is_allowed(client, to)) {
		log_warn("http: a connection beside the proxy was prevented");
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* --- requests --- */

static void request_free(struct http_request *r)
{
	if (r->state == REQUEST_ACTIVE) {
		curl_multi_remove_handle(r->client->multi, r->easy);
		r->client->active--;
	}
	request_leave(r);
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	free(r);
}

static void request_end(struct http_request *r, enum http_end end)
{
	struct http_client *client = r->client;

	if (r->state == REQUEST_ACTIVE) {
		curl_multi_remove_handle(client->multi, r->easy);
		client->active--;
	}
	request_leave(r);
	request_enter(r, REQUEST_ENDED);
	r->result.end = end;
	timer_set(client->deliver, 0);
}

static void start_waiting(struct http_client *client)
{
	struct http_request *r;

	while (client->active < HTTP_ACTIVE_MAX && (r = client->lists[REQUEST_WAITING].first)) {
		r->started_ms = now_ms(client);
		if (curl_multi_add_handle(client->multi, r->easy) != CURLM_OK) {
			request_end(r, HTTP_FAILED);
			continue;
		}
		request_leave(r);
		request_enter(r, REQUEST_ACTIVE);
		client->active++;
	}
}

/* The proxy answers so when it has no circuit, or is told not to make one: none of the gateway's
 * fault. The other replies tell what became of the connection behind the circuit. */
static bool proxy_is_stuck(CURL *easy)
{
	long error = CURLPX_OK;

	curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &error);
	switch (error) {
	case CURLPX_REPLY_CONNECTION_REFUSED:
	case CURLPX_REPLY_HOST_UNREACHABLE:
	case CURLPX_REPLY_NETWORK_UNREACHABLE:
	case CURLPX_REPLY_NOT_ALLOWED: /* by the exits that were tried */
	case CURLPX_REPLY_TTL_EXPIRED:
		return false;
	default:
		return true;
	}
}

static enum http_end how_it_ended(const struct http_request *r, CURLcode code)
{
	if (r->content)
		return HTTP_CONTENT;
	if (r->cut)
		return HTTP_CUT;
	switch (code) {
	case CURLE_OK:
		return HTTP_COMPLETE;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return r->client->proxy_count == 0 ? HTTP_FAILED : HTTP_PROXY_DOWN;
	case CURLE_PROXY:
		return proxy_is_stuck(r->easy) ? HTTP_PROXY_DOWN : HTTP_FAILED;
	default:
		return HTTP_FAILED;
	}
}

/* Let libcurl work, then see what has ended. */
static void progress(struct http_client *client, curl_socket_t fd, int what)
{
	int running, left;
	CURLMsg *message;

	curl_multi_socket_action(client->multi, fd, what, &running);
	while ((message = curl_multi_info_read(client->multi, &left))) {
		CURLcode code = message->data.result;
		struct http_request *r = NULL;
		curl_off_t connected = 0;
		long status = 0;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &r);
		curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(r->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
		r->result.status = (int)status;
		r->result.reached = connected > 0;
		r->result.duration_ms = now_ms(client) - r->started_ms;
		log_debug("http: ended after %lld ms: %s, status %ld",
			  (long long)r->result.duration_ms, curl_easy_strerror(code), status);
		request_end(r, how_it_ended(r, code));
	}
	start_waiting(client);
}

/* Tell of one request; nothing of ours is touched after the callback. */
static void deliver_fire(void *arg)
{
	struct http_client *client = arg;
	struct http_request *r = client->lists[REQUEST_ENDED].first;
	void (*done)(void *, const struct http_result *);
	struct http_result result;
	void *done_arg;

	if (!r)
		return;
	if (r->next)
		timer_set(client->deliver, 0);
	done = r->done;
	done_arg = r->arg;
	result = r->result;
	if (result.date_ms >= 0)
		result.date_ms += now_ms(client) - r->dated_ms;
	request_free(r);
	done(done_arg, &result);
}

/* --- libcurl's sockets and timer --- */

/* One descriptor that libcurl waits for. */
struct waited {
	struct http_client *client;
	curl_socket_t fd;
	struct watch *watch;
};

static void waited_ready(void *arg, unsigned what)
{
	struct waited *w = arg;

	progress(w->client, w->fd,
		 ((what & WATCH_READ) ? CURL_CSELECT_IN : 0) |
		     ((what & WATCH_WRITE) ? CURL_CSELECT_OUT : 0));
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http_client *client = arg;
	struct waited *w = socket_arg;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			watch_free(&w->watch);
		free(w);
		curl_multi_assign(client->multi, fd, NULL);
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return -1;
		w->client = client;
		w->fd = fd;
		curl_multi_assign(client->multi, fd, w);
	}
	watch_free(&w->watch);
	w->watch = watch_fd(client->loop, fd,
			    ((what & CURL_POLL_IN) ? (unsigned)WATCH_READ : 0) |
				((what & CURL_POLL_OUT) ? (unsigned)WATCH_WRITE : 0),
			    waited_ready, w);
	return w->watch ? 0 : -1;
}

static int timeout_wanted(CURLM *multi, long delay_ms, void *arg)
{
	struct http_client *client = arg;

	(void)multi;
	if (delay_ms < 0)
		timer_stop(client->timeout);
	else
		timer_set(client->timeout, delay_ms);
	return 0;
}

static void timeout_fire(void *arg)
{
	progress(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* --- asking --- */

/* The same for each question with this isolation, so that it finds its circuit; if that one cannot
 * be used, the next that can. */
static const struct http_proxy *choose_proxy(const struct http_client *client,
					     const char *isolation)
{
	unsigned hash = 0, number;

	/* It is random text already. */
	for (const char *at = isolation; *at != '\0'; at++)
		hash = 31 * hash + (unsigned char)*at;
	for (unsigned i = 0; i < client->proxy_count; i++) {
		number = (hash + i) % client->proxy_count;
		if (!client->unusable[number])
			return &client->proxies[number];
	}
	return &client->proxies[hash % client->proxy_count];
}

static int set_proxy(struct http_client *client, CURL *easy, const char *isolation)
{
	char user[sizeof(SOCKS_USER_PREFIX) + HTTP_ISOLATION_MAX];

	/* The empty strings keep libcurl from what the environment says (http_proxy, no_proxy). */
	if (curl_easy_setopt(easy, CURLOPT_NOPROXY, "") != CURLE_OK)
		return -1;
	if (client->proxy_count == 0)
		return curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK ? 0 : -1;
	snprintf(user, sizeof(user), "%s%s", SOCKS_USER_PREFIX, isolation);
	if (curl_easy_setopt(easy, CURLOPT_PROXY, choose_proxy(client, isolation)->url) !=
		CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, user) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, "tacet") != CURLE_OK)
		return -1;
	return 0;
}

static int set_headers(struct http_request *r, bool post)
{
	static const char *const lines[] = {"Expect:", "User-Agent:", "Accept: application/json",
					    "Content-Type: application/json"};

	for (size_t i = 0; i < (post ? 4 : 3); i++) {
		struct curl_slist *longer = curl_slist_append(r->headers, lines[i]);

		if (!longer)
			return -1;
		r->headers = longer;
	}
	return 0;
}

/* What is the same for all; each of these can fail only by a bug or for an older libcurl. */
static void set_rules(struct http_request *r)
{
	CURL *easy = r->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	/* A resumed TLS session is as good as a cookie. */
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_line);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_piece);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, r->client);
}

static int set_question(struct http_request *r, const struct http_question *q)
{
	set_rules(r);
	if (set_headers(r, q->json != NULL) || set_proxy(r->client, r->easy, q->isolation))
		return -1;
	if (curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
	    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers) != CURLE_OK ||
	    curl_easy_setopt(r->easy, CURLOPT_URL, q->url) != CURLE_OK ||
	    curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms) != CURLE_OK)
		return -1;
	if (q->json && curl_easy_setopt(r->easy, CURLOPT_COPYPOSTFIELDS, q->json) != CURLE_OK)
		return -1;
	return 0;
}

struct http_request *http_client_ask(struct http_client *client, const struct http_question *q)
{
	struct http_request *r = calloc(1, sizeof(*r));

	assert(strlen(q->isolation) <= HTTP_ISOLATION_MAX);
	if (!r)
		return NULL;
	r->client = client;
	r->body_limit = q->body_limit;
	r->result.date_ms = -1;
	r->received = q->received;
	r->done = q->done;
	r->arg = q->arg;
	request_enter(r, REQUEST_WAITING);
	r->easy = curl_easy_init();
	if (!r->easy || set_question(r, q)) {
		request_free(r);
		return NULL;
	}
	start_waiting(client);
	return r;
}

void http_request_cancel(struct http_request **request)
{
	struct http_request *r = *request;
	struct http_client *client;

	*request = NULL;
	if (!r)
		return;
	client = r->client;
	request_free(r);
	start_waiting(client);
}

/* --- the client --- */

int http_client_add_proxy(struct http_client *client, const char *socks, struct err *err)
{
	if (client->proxy_count == HTTP_PROXIES_MAX)
		return err_set(err, ERR_INPUT, "HTTP client: too many proxies");
	if (http_proxy_parse(socks, &client->proxies[client->proxy_count], err))
		return -1;
	client->proxy_count++;
	return 0;
}

void http_client_set_usable(struct http_client *client, unsigned number, bool usable)
{
	assert(number < client->proxy_count);
	client->unusable[number] = !usable;
}

static int client_start(struct http_client *client, const char *socks, struct err *err)
{
	const struct env *env = loop_env(client->loop);

	if (socks && http_client_add_proxy(client, socks, err))
		return -1;
	client->multi = curl_multi_init();
	client->timeout = timer_new(env, timeout_fire, client);
	client->deliver = timer_new(env, deliver_fire, client);
	if (!client->multi || !client->timeout || !client->deliver)
		return err_set(err, ERR_MEMORY, "HTTP client: out of memory");
	curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, timeout_wanted);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	return 0;
}

struct http_client *http_client_new(struct loop *loop, const char *socks, struct err *err)
{
	struct http_client *client;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(err, ERR_UNAVAILABLE, "HTTP client: libcurl does not start");
		return NULL;
	}
	client = calloc(1, sizeof(*client));
	if (!client) {
		curl_global_cleanup();
		err_set(err, ERR_MEMORY, "HTTP client: out of memory");
		return NULL;
	}
	client->loop = loop;
	if (client_start(client, socks, err))
		http_client_free(&client);
	return client;
}

void http_client_free(struct http_client **client)
{
	struct http_client *old = *client;

	*client = NULL;
	if (!old)
		return;
	for (int state = REQUEST_WAITING; state <= REQUEST_ENDED; state++)
		while (old->lists[state].first)
			request_free(old->lists[state].first);
	curl_multi_cleanup(old->multi);
	timer_free(&old->timeout);
	timer_free(&old->deliver);
	free(old);
	curl_global_cleanup();
}
