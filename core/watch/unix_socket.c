/*
 * core/watch/unix_socket.c - NETLINK_SOCK_DIAG for one socket, and its timeouts
 */
#include "core/watch/unix_socket.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "core/watch/system.h"

#define ESTABLISHED 1 /* TCP_ESTABLISHED; UNIX sockets use the same number */

struct question {
	struct nlmsghdr header;
	struct unix_diag_req request;
};

static bool ask(int netlink, uint32_t inode)
{
	struct question question = {
		.header = { .nlmsg_len = sizeof(question),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST },
		.request = { .sdiag_family = AF_UNIX,
			     .udiag_states = ~0u,
			     .udiag_ino = inode,
			     .udiag_show = UDIAG_SHOW_PEER,
			     .udiag_cookie = { ~0u, ~0u } },
	};

	return dlw_system(SYS_sendto, netlink, (long)&question, sizeof(question), MSG_DONTWAIT, 0,
			  0) == sizeof(question);
}

/** peer_in() - the peer in one answer of @length bytes, 0: none */
static uint32_t peer_in(const struct nlmsghdr *header, size_t length)
{
	const struct unix_diag_msg *message = NLMSG_DATA(header);
	const char *at = (const char *)(message + 1);
	const char *end = (const char *)header + header->nlmsg_len;

	if (length < sizeof(*header) || header->nlmsg_len > length ||
	    header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)) ||
	    message->udiag_state != ESTABLISHED ||
	    (message->udiag_type != SOCK_STREAM && message->udiag_type != SOCK_SEQPACKET))
		return 0;
	while ((size_t)(end - at) >= sizeof(struct nlattr)) {
		const struct nlattr *attribute = (const struct nlattr *)at;
		size_t size = NLA_ALIGN(attribute->nla_len);
		uint32_t peer;

		if (attribute->nla_len < NLA_HDRLEN || size > (size_t)(end - at))
			return 0;
		if (attribute->nla_type == UNIX_DIAG_PEER &&
		    attribute->nla_len >= NLA_HDRLEN + sizeof(peer)) {
			memcpy(&peer, at + NLA_HDRLEN, sizeof(peer));
			return peer;
		}
		at += size;
	}
	return 0;
}

uint32_t dlw_unix_peer(uint32_t inode)
{
	char answer[512] __attribute__((aligned(8)));
	int netlink = (int)dlw_system(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
				      NETLINK_SOCK_DIAG, 0, 0, 0);
	uint32_t peer = 0;
	long got;

	if (netlink < 0)
		return 0;
	if (ask(netlink, inode)) {
		/* the kernel has answered by the time sendto() returns */
		got = dlw_system(SYS_recvfrom, netlink, (long)answer, sizeof(answer), MSG_DONTWAIT,
				 0, 0);
		if (got > 0)
			peer = peer_in((const struct nlmsghdr *)answer, (size_t)got);
	}
	dlw_sys_close(netlink);
	return peer;
}

static bool has_no_limit(int fd, int option)
{
	struct timeval limit = { 1, 0 };
	uint32_t size = sizeof(limit);

	return dlw_system(SYS_getsockopt, fd, SOL_SOCKET, option, (long)&limit, (long)&size, 0) ==
		       0 &&
	       limit.tv_sec == 0 && limit.tv_usec == 0;
}

bool dlw_socket_waits_for_ever(int32_t pid, int fd)
{
	int process = (int)dlw_system(SYS_pidfd_open, pid, 0, 0, 0, 0, 0);
	int copy;
	bool for_ever;

	if (process < 0)
		return false;
	copy = (int)dlw_system(SYS_pidfd_getfd, process, fd, 0, 0, 0, 0);
	dlw_sys_close(process);
	if (copy < 0)
		return false;
	for_ever = has_no_limit(copy, SO_RCVTIMEO) && has_no_limit(copy, SO_SNDTIMEO);
	dlw_sys_close(copy);
	return for_ever;
}
