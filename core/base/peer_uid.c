/*
 * peer_uid.c: which user a connection comes from, as the kernel knows it; see stream_socket.h.
 *
 * A Unix socket says it itself. For TCP over loopback the kernel is asked whose the socket at the
 * other end is (sock_diag(7)); in another network namespace there is none to be found.
 */
#include "core/base/stream_socket_private.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 request;
};

/* Address and port of one end, as sock_diag has them. */
static int take_end(const struct sockaddr_storage *end, __be32 address[4], __be16 *port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)end;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)end;

	if (end->ss_family == AF_INET) {
		address[0] = v4->sin_addr.s_addr;
		*port = v4->sin_port;
		return 0;
	}
	if (end->ss_family != AF_INET6)
		return -1;
	memcpy(address, &v6->sin6_addr, sizeof v6->sin6_addr);
	*port = v6->sin6_port;
	return 0;
}

/* The socket that is asked for is the other end's: its source is our destination. */
static int make_question(int fd, struct question *question)
{
	struct sockaddr_storage ours = {0}, theirs = {0};
	socklen_t ours_len = sizeof ours, theirs_len = sizeof theirs;
	struct inet_diag_sockid *id = &question->request.id;

	*question = (struct question){
	    .header = {.nlmsg_len = sizeof *question,
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST},
	    .request = {.sdiag_protocol = IPPROTO_TCP, .idiag_states = UINT32_MAX}};
	if (getsockname(fd, (struct sockaddr *)&ours, &ours_len) != 0 ||
	    getpeername(fd, (struct sockaddr *)&theirs, &theirs_len) != 0 ||
	    take_end(&theirs, id->idiag_src, &id->idiag_sport) != 0 ||
	    take_end(&ours, id->idiag_dst, &id->idiag_dport) != 0)
		return -1;
	question->request.sdiag_family = (uint8_t)theirs.ss_family;
	id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return 0;
}

static int ask_kernel(const struct question *question, uid_t *uid)
{
	int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct {
		struct nlmsghdr header;
		struct inet_diag_msg message;
		uint8_t rest[1024];
	} answer;
	ssize_t len = -1;

	if (netlink < 0)
		return -1;
	/* The kernel has answered when send returns. A socket that was closed is nobody's, and
	 * called root's. */
	if (send(netlink, question, sizeof *question, 0) == (ssize_t)sizeof *question)
		len = recv(netlink, &answer, sizeof answer, MSG_DONTWAIT);
	close(netlink);
	if (len < (ssize_t)(sizeof answer.header + sizeof answer.message) ||
	    answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    answer.message.id.idiag_sport != question->request.id.idiag_sport ||
	    answer.message.idiag_state != TCP_ESTABLISHED)
		return -1;
	*uid = answer.message.idiag_uid;
	return 0;
}

int socket_peer_uid(int fd, uid_t *uid)
{
	struct question question;
	struct ucred who;
	socklen_t len = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.pid != 0) {
		*uid = who.uid;
		return 0;
	}
	return make_question(fd, &question) == 0 ? ask_kernel(&question, uid) : -1;
}
