/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_filter.c - which kinds and which clients are asked for */
#include <string.h>

#include "control_priv.h"

void
filter_clear(struct filter *f)
{
	netlist_free(f->nets);
	*f = (struct filter){ 0 };
}

/* The next of a list with commas; false at its end. */
static bool
next_of(struct str *rest, struct str *one)
{
	const char *comma;

	if (rest->n == 0)
		return false;
	comma = memchr(rest->p, ',', rest->n);
	*one = (struct str){ rest->p, comma != NULL ? (size_t)(comma - rest->p) : rest->n };
	rest->p += one->n + (comma != NULL);
	rest->n -= one->n + (comma != NULL);
	return true;
}

int
filter_kinds(struct filter *f, struct str text, struct err *e)
{
	struct str one;
	char shown[80];

	if (text.n == 0)
		return err_set(e, "a kind is missing");
	while (next_of(&text, &one)) {
		unsigned k = 0;

		while (k <= EVENT_KINDS && !str_eq(one, str_of(kind_text(k))))
			k++;
		if (k > EVENT_KINDS)
			return err_set(e, "no such kind of event: %s", str_show(shown, sizeof shown, one));
		f->kinds |= 1u << k;
	}
	return 0;
}

int
filter_clients(struct filter *f, struct str text, unsigned ipv6_prefix, struct err *e)
{
	struct netlist *said = netlist_new();
	struct str one;
	int rc = text.n == 0 ? err_set(e, "an address or network is missing") : 0;

	while (rc == 0 && next_of(&text, &one))
		rc = netlist_add(said, one, e);
	if (rc == 0) {
		netlist_free(f->nets);
		f->nets = netlist_new();
		netlist_add_clients(f->nets, said, ipv6_prefix);
		netlist_seal(f->nets);
	}
	netlist_free(said);
	return rc;
}

bool
filter_kind(const struct filter *f, unsigned kind)
{
	return f->kinds == 0 || (f->kinds >> kind & 1) != 0;
}

bool
filter_client(const struct filter *f, const struct addr *client)
{
	return f->nets == NULL || netlist_has(f->nets, client);
}
