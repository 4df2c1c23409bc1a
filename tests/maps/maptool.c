/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maptool.c - write a relay map once, for tests/maps/real
 *
 * usage: maptool CONF ADDRESS...
 *
 * These addresses, and no others, have a grant; the map that CONF names is made to say so.  What the status shows comes
 * out; exit 1 when it has a problem to show.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conf.h"
#include "ledger.h"
#include "relaymap.h"

static time_t
now(void *arg)
{
	(void)arg;
	return time(NULL);
}

static int
die(const char *what)
{
	(void)fprintf(stderr, "maptool: %s\n", what);
	return 2;
}

int
main(int argc, char **argv)
{
	struct relaymap_setup setup = { .now = now };
	struct relaymap_status st;
	struct relaymap *rm;
	struct conf *c;
	struct addr a;
	struct err e;

	if (argc < 2)
		return die("which configuration?");
	if ((c = conf_read(argv[1], &e)) == NULL)
		return die(e.text);
	conf_install(conf_get(c));
	setup.ledger = ledger_new(1000000);
	for (int i = 2; i < argc; i++) {
		if (addr_parse(&a, str_of(argv[i])) == -1)
			return die(argv[i]);
		(void)ledger_add(setup.ledger, &c->policy, SET_RELAY, &a, time(NULL), 900, STR("user"));
	}
	rm = relaymap_new(&setup);
	(void)relaymap_round(rm);
	relaymap_status(rm, &st);
	(void)printf("grants %zu, fixed %u, overruled %u, left out %u\n", st.grants, st.fixed, st.overruled, st.left_out);
	if (st.trouble.text[0] != '\0')
		(void)printf("problem: %s\n", st.trouble.text);
	relaymap_free(rm);
	ledger_free(setup.ledger);
	conf_put(c);
	conf_install(NULL);
	return st.trouble.text[0] != '\0';
}
