/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netlist.c - a list of networks
 *
 * One hash-free array for each prefix length in use would be quicker for thousands of networks; a plain array is right
 * for the dozens that an own-networks or an allow list holds.
 */
#include "netlist.h"

#include <stdlib.h>
#include <string.h>

struct net {
	struct addr base;
	unsigned bits; /* 0..128; IPv4 networks are counted from ::ffff:0:0/96 on */
};

struct netlist {
	struct net *nets;
	unsigned n;
};

struct netlist *
netlist_new(void)
{
	return xcalloc(1, sizeof(struct netlist));
}

void
netlist_free(struct netlist *l)
{
	if (l == NULL)
		return;
	free(l->nets);
	free(l);
}

static bool
net_has(const struct net *net, const struct addr *a)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (memcmp(net->base.b, a->b, whole) != 0)
		return false;
	return rest == 0 || ((net->base.b[whole] ^ a->b[whole]) & (0xff00 >> rest) & 0xff) == 0;
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
	struct net net = { .bits = 128 };
	struct addr base;

	if (addr_parse(&net.base, head) == -1)
		return err_set(e, "\"%s\" is not an address or a network", str_show(shown, sizeof shown, text));
	if (slash != NULL) {
		struct str bits = { slash + 1, text.n - head.n - 1 };
		unsigned skip = addr_is4(&net.base) && memchr(head.p, ':', head.n) == NULL ? 96 : 0;

		if (parse_bits(bits, 128 - skip, &net.bits) == -1)
			return err_set(e, "\"%s\": the part behind / must be a number of bits, 0 to %u",
			    str_show(shown, sizeof shown, text), 128 - skip);
		net.bits += skip;
	}
	base = net.base;
	for (unsigned bit = net.bits; bit < 128; bit = (bit | 7) + 1)
		base.b[bit / 8] &= (uint8_t)(0xff00 >> (bit & 7));
	if (!addr_eq(&base, &net.base))
		return err_set(e, "\"%s\": bits are set behind the prefix", str_show(shown, sizeof shown, text));
	l->nets = xrealloc(l->nets, (l->n + 1) * sizeof *l->nets);
	l->nets[l->n++] = net;
	return 0;
}

bool
netlist_has(const struct netlist *l, const struct addr *a)
{
	if (l == NULL)
		return false;
	for (unsigned i = 0; i < l->n; i++)
		if (net_has(&l->nets[i], a))
			return true;
	return false;
}

unsigned
netlist_size(const struct netlist *l)
{
	return l == NULL ? 0 : l->n;
}
