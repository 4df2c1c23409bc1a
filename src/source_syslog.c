/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_syslog.c - syslog datagrams, from a unix socket of our own making or by UDP
 *
 * A datagram is one line, whatever it holds: a newline within is the client's text as much as anything else, and would
 * begin a line of his making.  Who may write to the unix socket is a matter of its mode and group; who may send by UDP
 * is in a list.  What the kernel dropped because we came too late is told with the next datagram (SO_RXQ_OVFL, Linux);
 * a unix socket that is full makes its writers wait instead.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source_parts.h"
#include "unixsock.h"

#define RCVBUF	 (4 << 20) /* wished for; net.core.rmem_max may be less */
#define MODE	 0660
#define OVERHEAD 64 /* what a datagram counts beside its bytes: there are empty ones */

struct syslog {
	struct source base;
	int fd;			   /* -1: not open */
	struct unixsock_file file; /* zeroes: none of ours */
	uint32_t overflown;	   /* as the kernel told last */
	char buf[SOURCE_LINE_MAX];
};

static struct source *
syslog_alloc(void)
{
	struct syslog *y = xcalloc(1, sizeof *y);

	y->fd = -1;
	return &y->base;
}

static int
syslog_fd(const struct source *s)
{
	return ((const struct syslog *)s)->fd;
}

static void
take_over(struct syslog *y, int fd)
{
	static const int size = RCVBUF;

	if (y->fd != -1)
		(void)close(y->fd);
	y->fd = fd;
	y->overflown = 0;
	if (fd != -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

/* --- datagrams --- */

/* How many datagrams the kernel has dropped since the socket was made. */
static uint32_t
told_overflown(struct msghdr *m, uint32_t before)
{
#ifdef SO_RXQ_OVFL
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
			memcpy(&before, CMSG_DATA(c), sizeof before);
#else
	(void)m;
#endif
	return before;
}

/* With NULL for the list, loopback. */
static bool
may_send(const struct netlist *senders, const struct sockaddr_storage *from)
{
	static const struct addr loopback6 = { { [15] = 1 } };
	struct addr a;

	if (addr_from_sockaddr(&a, (const struct sockaddr *)from) == -1)
		return false;
	if (senders != NULL)
		return netlist_has(senders, &a);
	return addr_is4(&a) ? a.b[12] == 127 : addr_eq(&a, &loopback6);
}

static void
on_datagram(struct syslog *y, struct msghdr *m, size_t n)
{
	struct str line = { y->buf, n };
	uint32_t overflown = told_overflown(m, y->overflown);

	if (overflown != y->overflown)
		source_drop(&y->base, SOURCE_OVERFLOWN, (uint32_t)(overflown - y->overflown));
	y->overflown = overflown;
	if (y->base.spec.kind == LOGSPEC_UDP && !may_send(y->base.setup.senders, m->msg_name))
		source_drop(&y->base, SOURCE_REFUSED, 1);
	else if ((m->msg_flags & MSG_TRUNC) != 0)
		source_drop(&y->base, SOURCE_TOO_LONG, 1);
	else {
		while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\0'))
			line.n--;
		source_line(&y->base, line);
	}
}

static enum source_result
receive(struct syslog *y, size_t max_bytes, struct err *e)
{
	_Alignas(struct cmsghdr) char control[256];
	struct sockaddr_storage from;
	struct iovec iov = { y->buf, sizeof y->buf };
	size_t used = 0;

	while (used < max_bytes) {
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof control };
		ssize_t n = recvmsg(y->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno != EAGAIN) {
			(void)err_sys(e, "%s", y->base.name);
			take_over(y, -1);
			return SOURCE_LOST;
		}
		if (n == -1)
			return SOURCE_IDLE;
		on_datagram(y, &m, (size_t)n);
		used += (size_t)n + OVERHEAD;
	}
	return SOURCE_MORE;
}

/* --- unix --- */

static void
unix_release(struct source *s)
{
	struct syslog *y = (struct syslog *)s;

	take_over(y, -1);
	unixsock_remove(s->spec.path, &y->file);
}

static void
unix_configure(struct source *s)
{
	const struct syslog *y = (const struct syslog *)s;

	if (unixsock_stands(s->spec.path, &y->file))
		(void)!lchown(s->spec.path, (uid_t)-1, s->setup.group);
}

/* Make a socket at the path; what was open before is read until then, as writers may be connected to it. */
static int
unix_open(struct syslog *y, struct err *e)
{
	int fd = unixsock_receiver(y->base.spec.path, MODE, y->base.setup.group, &y->file, e);

	if (fd == -1)
		return -1;
	take_over(y, fd);
	return 0;
}

static enum source_result
unix_read(struct source *s, size_t max_bytes, struct err *e)
{
	struct syslog *y = (struct syslog *)s;
	enum source_result is = y->fd == -1 ? SOURCE_IDLE : receive(y, max_bytes, e);

	if (is != SOURCE_IDLE || (y->fd != -1 && unixsock_stands(s->spec.path, &y->file)))
		return is;
	return unix_open(y, e) == -1 ? SOURCE_LOST : SOURCE_MORE;
}

/* --- UDP --- */

static void
udp_release(struct source *s)
{
	take_over((struct syslog *)s, -1);
}

static socklen_t
endpoint(struct sockaddr_storage *out, const struct logspec *spec)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(spec->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(spec->port) };

	if (addr_is4(&spec->addr)) {
		memcpy(&in.sin_addr, spec->addr.b + 12, 4);
		memcpy(out, &in, sizeof in);
		return sizeof in;
	}
	memcpy(&in6.sin6_addr, spec->addr.b, 16);
	memcpy(out, &in6, sizeof in6);
	return sizeof in6;
}

static int
udp_open(struct syslog *y, struct err *e)
{
	static const int on = 1;
	struct sockaddr_storage where;
	socklen_t len = endpoint(&where, &y->base.spec);
	int fd = socket(where.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return err_sys(e, "%s", y->base.name);
	if (where.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&where, len) == -1) {
		(void)err_sys(e, "%s", y->base.name);
		(void)close(fd);
		return -1;
	}
#ifdef SO_RXQ_OVFL
	(void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
#endif
	take_over(y, fd);
	return 0;
}

static enum source_result
udp_read(struct source *s, size_t max_bytes, struct err *e)
{
	struct syslog *y = (struct syslog *)s;

	if (y->fd == -1 && udp_open(y, e) == -1)
		return SOURCE_LOST;
	return receive(y, max_bytes, e);
}

/* The kernel tells the length of the next datagram only. */
static void
syslog_status(const struct source *s, struct source_status *st)
{
	int waiting;

	if (syslog_fd(s) != -1 && ioctl(syslog_fd(s), FIONREAD, &waiting) == 0)
		st->lag = (uint64_t)waiting;
}

const struct source_kind source_unix = {
	.alloc = syslog_alloc,
	.release = unix_release,
	.configure = unix_configure,
	.fd = syslog_fd,
	.read = unix_read,
	.status = syslog_status,
};

const struct source_kind source_udp = {
	.alloc = syslog_alloc,
	.release = udp_release,
	.fd = syslog_fd,
	.read = udp_read,
	.status = syslog_status,
};
