/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helo.c - does a client claim to be us? */
#include "helo.h"

#include <string.h>

static struct str
without_dot(struct str s)
{
	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	return s;
}

static bool
ends_with(struct str s, struct str tail)
{
	return s.n >= tail.n && str_caseeq((struct str){ s.p + s.n - tail.n, tail.n }, tail);
}

bool
helo_is_full_name(struct str name)
{
	name = without_dot(name);
	return name.n > 0 && memchr(name.p, '.', name.n) != NULL && !ends_with(name, STR(".localdomain")) &&
	    !ends_with(name, STR(".localhost")) && !ends_with(name, STR(".local"));
}

bool
helo_is_telling(const struct addr *a)
{
	const uint8_t *b = addr_is4(a) ? a->b + 12 : a->b;

	if (addr_is_special(a))
		return false;
	if (!addr_is4(a))
		return (b[0] & 0xfe) != 0xfc;
	return !(b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
	    (b[0] == 100 && (b[1] & 0xc0) == 64));
}

/* Brackets belong around addresses (RFC 5321, 4.1.3); forgers put names into them, too. */
static struct str
without_brackets(struct str s)
{
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		return (struct str){ s.p + 1, s.n - 2 };
	return s;
}

static bool
is_own_address(const struct conf *c, const struct mta_self *self, const struct addr *a)
{
	struct addr own;

	for (unsigned i = 0; i < c->n_own_addrs; i++)
		if (addr_eq(a, &c->own_addrs[i]))
			return true;
	for (unsigned i = 0; i < sizeof self->addr / sizeof self->addr[0]; i++)
		if (addr_parse(&own, self->addr[i]) == 0 && addr_eq(a, &own))
			return helo_is_telling(a);
	return false;
}

static bool
is_own_name(const struct conf *c, const struct mta_self *self, struct str helo)
{
	for (size_t i = 0; c->own_names != NULL && c->own_names[i] != NULL; i++)
		if (str_caseeq(helo, without_dot(str_of(c->own_names[i]))))
			return true;
	return helo_is_full_name(self->name) && str_caseeq(helo, without_dot(self->name));
}

bool
helo_forged(const struct conf *c, const struct mta_self *self, const struct addr *client, struct str helo)
{
	struct addr a;

	helo = without_brackets(without_dot(helo));
	if (helo.n == 0)
		return false;
	if (addr_parse(&a, helo) == 0)
		return !addr_eq(&a, client) && is_own_address(c, self, &a);
	return is_own_name(c, self, helo);
}
