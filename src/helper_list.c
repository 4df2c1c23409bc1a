/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper_list.c - what a kernel set holds, asked by a message of our own
 *
 * libipset hands out listings as text only: to print a million entries and to read them again took longer than
 * everything else about them.  The message is IPSET_CMD_LIST as a netlink dump, as linux/netfilter/ipset/ip_set.h has it;
 * in the oldest form that the kernel knows, for nothing newer is asked.
 *
 * The socket is for listings alone, so that changes can be made by libipset's while a long one is under way.  Answers carry
 * their question's number: what is left of a listing that was given up is passed over.
 */
#include <arpa/inet.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

#define ANSWER_MAX 65536 /* the kernel fills what it is given, up to half of this */

/* NLA_HDRLEN and the like, which are signed. */
#define ATTR_HEAD	sizeof(struct nlattr)
#define ATTR_TYPE	0x3fffu
#define ALIGNED(n)	(((n) + 3u) & ~(size_t)3)

struct klist {
	int fd;
	uint32_t seq;
	uint8_t buf[ANSWER_MAX];
};

struct span {
	const uint8_t *p;
	size_t n;
};

struct klist *
klist_open(struct err *e)
{
	struct klist *l = xcalloc(1, sizeof(*l));

	l->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (l->fd != -1)
		return l;
	err_sys(e, "cannot speak to the kernel about its sets");
	free(l);
	return NULL;
}

void
klist_close(struct klist *l)
{
	if (l == NULL)
		return;
	close(l->fd);
	free(l);
}

/* Take the next attribute off; false: there is none, or what is there is not one. */
static bool
next(struct span *in, unsigned *type, struct span *value)
{
	struct nlattr a;
	size_t whole;

	if (in->n < sizeof(a))
		return false;
	memcpy(&a, in->p, sizeof(a));
	if (a.nla_len < ATTR_HEAD || a.nla_len > in->n)
		return false;
	*type = a.nla_type & ATTR_TYPE;
	*value = (struct span){ in->p + ATTR_HEAD, a.nla_len - ATTR_HEAD };
	whole = ALIGNED(a.nla_len);
	if (whole > in->n)
		whole = in->n;
	in->p += whole;
	in->n -= whole;
	return true;
}

/* What comes before it is taken off `in`; not found and nothing left: there is none. */
static bool
find(struct span *in, unsigned want, struct span *value)
{
	unsigned type;

	while (next(in, &type, value))
		if (type == want)
			return true;
	return false;
}

static bool
take_address(struct span ip, int family, struct addr *a)
{
	struct span v;

	if (family == AF_INET) {
		if (!find(&ip, IPSET_ATTR_IPADDR_IPV4, &v) || v.n != 4)
			return false;
		*a = (struct addr){ { [10] = 255, 255 } };
		memcpy(a->b + 12, v.p, 4);
		return true;
	}
	if (!find(&ip, IPSET_ATTR_IPADDR_IPV6, &v) || v.n != sizeof(a->b))
		return false;
	memcpy(a->b, v.p, sizeof(a->b));
	return true;
}

static bool
take_entry(const struct klist_reading *to, struct span entry)
{
	struct span at_ip = entry, at_timeout = entry, ip, v;
	struct addr a;
	uint32_t timeout;

	if (!find(&at_ip, IPSET_ATTR_IP, &ip) || !take_address(ip, to->family, &a) ||
	    !find(&at_timeout, IPSET_ATTR_TIMEOUT, &v) || v.n != sizeof(timeout))
		return false;
	memcpy(&timeout, v.p, sizeof(timeout));
	to->fn(to->arg, &a, ntohl(timeout));
	return true;
}

/* One part of the listing; the first one may have the set's head alone. */
static bool
take_part(const struct klist_reading *to, struct span attrs)
{
	struct span entries, entry;
	unsigned type;

	if (!find(&attrs, IPSET_ATTR_ADT, &entries))
		return attrs.n == 0;
	while (next(&entries, &type, &entry))
		if (type != IPSET_ATTR_DATA || !take_entry(to, entry))
			return false;
	return entries.n == 0;
}

/* One that says it was interrupted (NLM_F_DUMP_INTR) is as good: changes come in the midst of every long listing. */
static void
take_message(struct klist_reading *to, const struct nlmsghdr *h, struct span body)
{
	int code = 0;

	if (h->nlmsg_seq != to->seq)
		return;
	if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
		if (body.n >= sizeof(code))
			memcpy(&code, body.p, sizeof(code));
		if (code < 0)
			to->error = code == INT_MIN ? EBADMSG : -code;
		to->done = true;
	} else if (to->error == 0 && (body.n < sizeof(struct nfgenmsg) || !take_part(to,
	    (struct span){ body.p + sizeof(struct nfgenmsg), body.n - sizeof(struct nfgenmsg) }))) {
		to->error = EBADMSG; /* the rest is passed over, but read: else the next listing would find this one going on */
	}
}

void
klist_read(struct klist_reading *to, const uint8_t *p, size_t n)
{
	struct nlmsghdr h;

	while (n > 0 && !to->done) {
		if (n >= sizeof(h))
			memcpy(&h, p, sizeof(h));
		if (n < sizeof(h) || h.nlmsg_len < sizeof(h) || h.nlmsg_len > n) {
			to->error = EBADMSG;
			return;
		}
		take_message(to, &h, (struct span){ p + sizeof(h), h.nlmsg_len - sizeof(h) });
		if (ALIGNED(h.nlmsg_len) >= n)
			return;
		p += ALIGNED(h.nlmsg_len);
		n -= ALIGNED(h.nlmsg_len);
	}
}

/* Some of the answer.  -1: errno says why. */
static int
receive(struct klist *l, struct klist_reading *to)
{
	struct sockaddr_nl from = { 0 };
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(l->fd, l->buf, sizeof(l->buf), MSG_TRUNC, (struct sockaddr *)&from, &size);

	if (n == -1)
		return errno == EINTR ? 0 : -1;
	if (from.nl_pid != 0)
		return 0; /* not the kernel */
	if ((size_t)n > sizeof(l->buf)) {
		errno = EMSGSIZE;
		return -1;
	}
	klist_read(to, l->buf, (size_t)n);
	return 0;
}

static int
ask(struct klist *l, const char *name)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg nf;
		struct nlattr protocol_head;
		uint8_t protocol[4];
		struct nlattr name_head;
		char name[KSET_NAME];
	} q = {
		.head = { .nlmsg_len = sizeof(q), .nlmsg_type = NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_LIST,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = ++l->seq },
		.nf = { .nfgen_family = AF_INET, .version = NFNETLINK_V0 },
		.protocol_head = { .nla_len = ATTR_HEAD + 1, .nla_type = IPSET_ATTR_PROTOCOL },
		.protocol = { IPSET_PROTOCOL_MIN },
		.name_head = { .nla_len = (uint16_t)(ATTR_HEAD + strlen(name) + 1), .nla_type = IPSET_ATTR_SETNAME },
	};

	memcpy(q.name, name, strlen(name) + 1);
	q.head.nlmsg_len = (uint32_t)(sizeof(q) - sizeof(q.name) + ALIGNED(strlen(name) + 1));
	return send(l->fd, &q, q.head.nlmsg_len, 0) == -1 ? -1 : 0;
}

int
klist_dump(struct klist *l, const char *name, int family, kset_fn *fn, void (*breathe)(void *arg), void *arg,
    struct err *e)
{
	struct klist_reading to = { .family = family, .fn = fn, .arg = arg };

	if (ask(l, name) == -1)
		return err_sys(e, "cannot list %s", name);
	to.seq = l->seq;
	while (!to.done) {
		if (receive(l, &to) == -1)
			return err_sys(e, "cannot list %s", name);
		breathe(arg);
	}
	return to.error != 0 ? err_set(e, "cannot list %s: %s", name, strerror(to.error)) : 0;
}
