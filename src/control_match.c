/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_match.c - which entries of a list are meant
 *
 * A list may have a million entries, and each is asked under its shard's lock: addresses are compared as numbers, the kinds
 * are searched before, and a zone or a reason, which are interned, is searched once for all entries that have it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_priv.h"
#include "netlist.h"

#define NOTE_BITS 10 /* several times as many places as a server has zones */

struct match {
	bool by_addr, by_prefix;
	struct addr addr;	 /* by_addr, by_prefix */
	unsigned prefix;	 /* bytes of addr that count */
	struct netlist *network; /* NULL: none */
	char *text;
	bool kinds[EVENT_KINDS + 1]; /* the text is part of their names; EVENT_KINDS: by hand */
	/* What came of the search in interned texts. */
	struct {
		const char *text;
		bool fits;
	} notes[1 << NOTE_BITS];
};

/* "192.0", "192.0.2.": whole numbers. */
static bool
parse_prefix(struct match *m, const char *s)
{
	char whole[64];
	unsigned dots = 0;
	size_t n = strlen(s);

	if (n == 0 || n > 12 || strspn(s, "0123456789.") != n)
		return false;
	for (size_t i = 0; i < n; i++)
		dots += s[i] == '.';
	if (s[n - 1] != '.')
		dots++;
	if (dots < 2 || dots > 3)
		return false; /* a lone number is more likely to be part of a name */
	(void)snprintf(whole, sizeof whole, "%s%s%s", s, s[n - 1] == '.' ? "" : ".", dots == 2 ? "0.0" : "0");
	m->prefix = 12 + dots;
	return addr_parse(&m->addr, str_of(whole)) == 0;
}

static bool
fits_text(const struct match *m, const char *s)
{
	return s != NULL && strcasestr(s, m->text) != NULL;
}

struct match *
match_new(struct str text, const struct policy *p)
{
	struct match *m;

	if (text.n == 0)
		return NULL;
	m = xcalloc(1, sizeof(*m));
	m->text = xmalloc(text.n + 1);
	str_copy(m->text, text.n + 1, text);
	for (unsigned k = 0; k <= EVENT_KINDS; k++)
		m->kinds[k] = fits_text(m, kind_text(k));
	if (addr_parse(&m->addr, text) == 0) {
		m->by_addr = true;
		m->addr = addr_client(&m->addr, p->ipv6_prefix);
	} else if (parse_prefix(m, m->text)) {
		m->by_prefix = true;
	} else if (strchr(m->text, '/') != NULL) {
		m->network = netlist_new();
		if (netlist_add(m->network, text, NULL) == -1) {
			netlist_free(m->network);
			m->network = NULL;
		} else {
			netlist_seal(m->network);
		}
	}
	return m;
}

void
match_free(struct match *m)
{
	if (m == NULL)
		return;
	netlist_free(m->network);
	free(m->text);
	free(m);
}

static bool
fits_interned(struct match *m, const char *s)
{
	size_t i = (size_t)((uint64_t)(uintptr_t)s * 0x9e3779b97f4a7c15u >> (64 - NOTE_BITS)); /* Fibonacci hashing */

	if (s == NULL)
		return false;
	if (m->notes[i].text != s) {
		m->notes[i].text = s;
		m->notes[i].fits = fits_text(m, s);
	}
	return m->notes[i].fits;
}

bool
match_fits(struct match *m, enum set s, const struct addr *client, const struct record *r)
{
	if (m == NULL)
		return true;
	if (m->by_addr)
		return addr_eq(&m->addr, client);
	if (m->by_prefix)
		return memcmp(&m->addr, client, m->prefix) == 0;
	if (m->network != NULL)
		return netlist_has(m->network, client);
	if (s == SET_RELAY)
		return fits_text(m, r->grant->user);
	if (s == SET_CACHE)
		return m->kinds[r->cached_kind] || fits_interned(m, r->cached_zone);
	return m->kinds[r->blocked_kind] || fits_interned(m, r->blocked_note);
}
