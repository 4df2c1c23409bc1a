/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netlist.c - a list of networks
 *
 * A network is a range of addresses; of ranges that overlap or touch, sealing makes one.  IPv4 has its place among the
 * IPv6 addresses (addr.h), so one list holds both.
 */
#include "netlist.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct range {
	struct addr first, last; /* both belong to it */
};

/* The first addresses alone, as numbers: half the memory to search through. */
struct key {
	uint64_t high, low;
};

struct netlist {
	struct range *ranges;
	struct key *keys; /* of the sealed ones */
	unsigned n, cap;
	unsigned added;
	unsigned sealed; /* so many from the start are sorted and disjoint */
	_Atomic unsigned refs;
};

struct netlist *
netlist_new(void)
{
	struct netlist *l = xcalloc(1, sizeof *l);

	atomic_init(&l->refs, 1);
	return l;
}

struct netlist *
netlist_share(const struct netlist *l)
{
	struct netlist *mine = (struct netlist *)l; /* all but the count of owners stays const */

	if (mine != NULL)
		atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
	return mine;
}

void
netlist_free(struct netlist *l)
{
	if (l == NULL || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(l->ranges);
	free(l->keys);
	free(l);
}

static int
compare(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof a->b);
}

static void
append(struct netlist *l, const struct range *r)
{
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 8 : l->cap * 2;
		l->ranges = xrealloc(l->ranges, l->cap * sizeof *l->ranges);
	}
	l->ranges[l->n++] = *r;
	l->added++;
}

/* The network of `bits` bits, 0..128 (IPv4 networks count from ::ffff:0:0/96 on), that holds the range's first. */
static void
widen(struct range *r, unsigned bits)
{
	r->last = r->first;
	for (unsigned bit = bits; bit < 128; bit = (bit | 7) + 1) {
		uint8_t keep = (uint8_t)(0xff00 >> (bit & 7));

		r->first.b[bit / 8] &= keep;
		r->last.b[bit / 8] |= (uint8_t)~keep;
	}
}

static int
parse_bits(struct str s, unsigned max, unsigned *bits)
{
	unsigned v = 0;

	if (s.n == 0 || s.n > 3)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	if (v > max)
		return -1;
	*bits = v;
	return 0;
}

int
netlist_add(struct netlist *l, struct str text, struct err *e)
{
	char shown[80];
	const char *slash = text.n == 0 ? NULL : memchr(text.p, '/', text.n);
	struct str head = { text.p, slash == NULL ? text.n : (size_t)(slash - text.p) };
	unsigned bits = 128;
	struct range net;
	struct addr base;

	if (addr_parse(&base, head) == -1)
		return err_set(e, "\"%s\" is not an address or a network", str_show(shown, sizeof shown, text));
	if (slash != NULL) {
		struct str behind = { slash + 1, text.n - head.n - 1 };
		unsigned skip = addr_is4(&base) && memchr(head.p, ':', head.n) == NULL ? 96 : 0;

		if (parse_bits(behind, 128 - skip, &bits) == -1)
			return err_set(e, "\"%s\": the part behind / must be a number of bits, 0 to %u",
			    str_show(shown, sizeof shown, text), 128 - skip);
		bits += skip;
	}
	net.first = base;
	widen(&net, bits);
	if (!addr_eq(&base, &net.first))
		return err_set(e, "\"%s\": bits are set behind the prefix", str_show(shown, sizeof shown, text));
	append(l, &net);
	return 0;
}

void
netlist_add_addr(struct netlist *l, const struct addr *a)
{
	append(l, &(struct range){ *a, *a });
}

void
netlist_add_clients(struct netlist *l, const struct netlist *from, unsigned ipv6_prefix)
{
	for (unsigned i = 0; from != NULL && i < from->n; i++) {
		struct range r = from->ranges[i], low = r, high = { r.last, r.last };

		if (!addr_is4(&r.first)) {
			widen(&low, ipv6_prefix);
			widen(&high, ipv6_prefix);
			r = (struct range){ low.first, high.last };
		}
		append(l, &r);
	}
}

static struct key
key_of(const struct addr *a)
{
	struct key k = { 0, 0 };

	for (unsigned i = 0; i < 8; i++) {
		k.high = k.high << 8 | a->b[i];
		k.low = k.low << 8 | a->b[8 + i];
	}
	return k;
}

static int
by_first(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return compare(&x->first, &y->first);
}

/* Does it begin at most one behind the end of the other? */
static bool
joins(const struct range *before, const struct range *r)
{
	struct addr next = before->last;

	for (unsigned i = 16; i-- > 0 && ++next.b[i] == 0;)
		if (i == 0)
			return true; /* the other ends with the last address there is */
	return compare(&r->first, &next) <= 0;
}

void
netlist_seal(struct netlist *l)
{
	unsigned n = 0;

	if (l->n > 1)
		qsort(l->ranges, l->n, sizeof *l->ranges, by_first);
	for (unsigned i = 0; i < l->n; i++)
		if (n == 0 || !joins(&l->ranges[n - 1], &l->ranges[i]))
			l->ranges[n++] = l->ranges[i];
		else if (compare(&l->ranges[i].last, &l->ranges[n - 1].last) > 0)
			l->ranges[n - 1].last = l->ranges[i].last;
	l->n = l->sealed = n;
	l->keys = xrealloc(l->keys, (n + 1) * sizeof *l->keys);
	for (unsigned i = 0; i < n; i++)
		l->keys[i] = key_of(&l->ranges[i].first);
}

static bool
not_after(const struct key *a, const struct key *b)
{
	return a->high < b->high || (a->high == b->high && a->low <= b->low);
}

/* How many of the sealed ranges begin at `k` or before it. */
static unsigned
begin_before(const struct netlist *l, struct key k)
{
	unsigned at = 0, n = l->sealed;

	if (n == 0)
		return 0;
	while (n > 1) { /* without a branch to guess: whether the half is taken is as good as random */
		unsigned half = n / 2;

		at += not_after(&l->keys[at + half], &k) ? half : 0;
		n -= half;
	}
	return at + not_after(&l->keys[at], &k);
}

bool
netlist_has(const struct netlist *l, const struct addr *a)
{
	unsigned n;

	if (l == NULL || l->n == 0)
		return false;
	n = begin_before(l, key_of(a));
	if (n > 0 && compare(a, &l->ranges[n - 1].last) <= 0)
		return true;
	for (unsigned i = l->sealed; i < l->n; i++)
		if (compare(&l->ranges[i].first, a) <= 0 && compare(a, &l->ranges[i].last) <= 0)
			return true;
	return false;
}

char *
netlist_text(const struct netlist *l, unsigned i, char *buf)
{
	if (l == NULL || i >= l->n)
		return NULL;
	addr_format(buf, &l->ranges[i].first);
	if (!addr_eq(&l->ranges[i].first, &l->ranges[i].last)) {
		(void)strcat(buf, "-");
		addr_format(buf + strlen(buf), &l->ranges[i].last);
	}
	return buf;
}

unsigned
netlist_size(const struct netlist *l)
{
	return l == NULL ? 0 : l->added;
}

bool
netlist_eq(const struct netlist *a, const struct netlist *b)
{
	unsigned na = a == NULL ? 0 : a->n, nb = b == NULL ? 0 : b->n;

	return na == nb && (na == 0 || memcmp(a->ranges, b->ranges, na * sizeof *a->ranges) == 0);
}
