/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapkey.c - see mapkey.h */
#include "mapkey.h"

#include <stdio.h>
#include <string.h>

#define GROUPS	  8
#define FREE_BITS 8 /* of a group that is only partly the client's: 256 keys */

struct keys {
	enum map_form form;
	mapkey_fn *fn;
	void *arg;
	unsigned n;
};

const char *
map_form_name(enum map_form f)
{
	static const char *const names[MAP_FORMS] = { "postfix", "sendmail", "access.db" };

	return names[f];
}

const char *
map_form_value(enum map_form f)
{
	return f == MAP_POSTFIX ? "OK" : "RELAY";
}

/* The first n groups with colons between them. */
static char *
spell(char *buf, const uint16_t *g, unsigned n)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(buf + at, MAPKEY_TEXT - at, "%s%x", i == 0 ? "" : ":", g[i]);
	return buf;
}

static void
give(struct keys *k, const char *key)
{
	if (k->fn != NULL)
		k->fn(k->arg, key);
	k->n++;
}

/* Zero groups at the end of the first n; 0 to n. */
static unsigned
zeros_at_end(const uint16_t *g, unsigned n)
{
	unsigned z = 0;

	while (z < n && g[n - 1 - z] == 0)
		z++;
	return z;
}

static bool
zeros_within(const uint16_t *g, unsigned n)
{
	for (unsigned i = 0; i + 1 < n; i++)
		if (g[i] == 0 && g[i + 1] == 0)
			return true;
	return false;
}

/* The network that the first n < 8 groups are. */
static void
postfix_network(struct keys *k, const uint16_t *g, unsigned n)
{
	unsigned z = zeros_at_end(g, n);
	char key[MAPKEY_TEXT];

	if (z > 2 || z == n || zeros_within(g, n - z))
		return;
	give(k, spell(key, g, n));
	if (z == 0)
		return;
	spell(key, g, n - z);
	give(k, strcat(key, ":"));
}

static void
sendmail_network(struct keys *k, const uint16_t *g, unsigned n)
{
	char key[MAPKEY_TEXT], text[MAPKEY_TEXT];

	(void)snprintf(key, sizeof key, "ipv6:%.48s", spell(text, g, n));
	give(k, key);
}

/* One address.  "2001:db8::1" is also what is left of "2001:db8::1:5". */
static void
postfix_address(struct keys *k, const uint16_t *g)
{
	char text[ADDR_TEXT];
	const char *gap;
	struct addr a;

	for (unsigned i = 0; i < GROUPS; i++) {
		a.b[2 * i] = (uint8_t)(g[i] >> 8);
		a.b[2 * i + 1] = (uint8_t)g[i];
	}
	gap = strstr(addr_format(text, &a), "::");
	if (gap == NULL || gap[2] == '\0')
		give(k, text);
}

static void
network(struct keys *k, const uint16_t *g, unsigned n)
{
	if (k->form != MAP_POSTFIX)
		sendmail_network(k, g, n);
	else if (n < GROUPS)
		postfix_network(k, g, n);
	else
		postfix_address(k, g);
}

unsigned
mapkey_each(enum map_form f, const struct addr *client, unsigned ipv6_prefix, mapkey_fn *fn, void *arg)
{
	struct keys k = { .form = f, .fn = fn, .arg = arg };
	unsigned n = (ipv6_prefix + 15) / 16, bits = n * 16 - ipv6_prefix;
	char text[ADDR_TEXT];
	uint16_t g[GROUPS];

	if (addr_is4(client)) {
		give(&k, addr_format(text, client));
		return k.n;
	}
	if (bits > FREE_BITS)
		return 0;
	for (unsigned i = 0; i < GROUPS; i++)
		g[i] = (uint16_t)(client->b[2 * i] << 8 | client->b[2 * i + 1]);
	/* The bits that are not the client's are zero at first.  All of its networks, or none: so twice. */
	k.fn = NULL;
	for (unsigned v = 0; v < 1u << bits; v++) {
		unsigned before = k.n;

		network(&k, g, n);
		if (k.n == before)
			return 0;
		g[n - 1]++;
	}
	g[n - 1] = (uint16_t)(g[n - 1] - (1u << bits));
	k = (struct keys){ .form = f, .fn = fn, .arg = arg };
	for (unsigned v = 0; v < 1u << bits; v++, g[n - 1]++)
		network(&k, g, n);
	return k.n;
}
