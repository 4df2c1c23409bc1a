/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_mapkey.c - keys that match a client's addresses and nobody else's, looked up as each MTA does it */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapkey.h"
#include "unit.h"

struct keys {
	unsigned n;
	char v[MAPKEY_MAX][MAPKEY_TEXT];
};

static void
keep(void *arg, const char *key)
{
	struct keys *k = arg;

	assert_true(k->n < MAPKEY_MAX);
	assert_true(strlen(key) < MAPKEY_TEXT);
	(void)strcpy(k->v[k->n++], key);
}

static void
forms(void **state)
{
	static const struct {
		const char *name;
		enum map_form form;
		const char *client;
		unsigned prefix;
		const char *keys; /* with blanks between; "": none */
	} rows[] = {
		{ "IPv4", MAP_POSTFIX, "192.0.2.7", 64, "192.0.2.7" },
		{ "IPv4 for sendmail", MAP_SENDMAIL, "192.0.2.7", 64, "192.0.2.7" },
		{ "/64", MAP_POSTFIX, "2001:db8:1:2::", 64, "2001:db8:1:2" },
		{ "/64 for sendmail", MAP_ACCESS, "2001:db8:1:2::", 64, "ipv6:2001:db8:1:2" },
		{ "ends with a zero group", MAP_POSTFIX, "2001:db8:1::", 64, "2001:db8:1:0 2001:db8:1:" },
		{ "ends with two", MAP_POSTFIX, "2001:db8::", 64, "2001:db8:0:0 2001:db8:" },
		{ "zeros for sendmail", MAP_SENDMAIL, "2001:db8::", 64, "ipv6:2001:db8:0:0" },
		{ "ends with three", MAP_POSTFIX, "2001::", 64, "" },
		{ "three for sendmail", MAP_SENDMAIL, "2001::", 64, "ipv6:2001:0:0:0" },
		{ "two in the middle", MAP_POSTFIX, "2001:0:0:5::", 64, "" },
		{ "one in the middle", MAP_POSTFIX, "2001:0:5:6::", 64, "2001:0:5:6" },
		{ "/48", MAP_POSTFIX, "2001:db8:1::", 48, "2001:db8:1" },
		{ "/47", MAP_POSTFIX, "2001:db8:2::", 47, "2001:db8:2 2001:db8:3" },
		{ "/63 from zero", MAP_POSTFIX, "2001:db8:2::", 63, "2001:db8:2:0 2001:db8:2: 2001:db8:2:1" },
		{ "/128", MAP_POSTFIX, "2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6" },
		{ "/128 that matches others", MAP_POSTFIX, "2001:db8::1", 128, "" },
		{ "/128 with its gap at the end", MAP_POSTFIX, "2001:db8:1:2::", 128, "2001:db8:1:2::" },
		{ "/128 for sendmail", MAP_SENDMAIL, "2001:db8::1", 128, "ipv6:2001:db8:0:0:0:0:0:1" },
		{ "longest for sendmail", MAP_SENDMAIL, "1111:2222:3333:4444:5555:6666:7777:8888", 128,
		    "ipv6:1111:2222:3333:4444:5555:6666:7777:8888" },
		{ "too many bits left", MAP_POSTFIX, "2001:db8:2::", 55, "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct addr a = address(rows[i].client);
		struct keys k = { 0 };
		char got[1000] = "";
		unsigned n = mapkey_each(rows[i].form, &a, rows[i].prefix, keep, &k);

		row_eq(rows[i].name, n, k.n);
		for (unsigned j = 0; j < k.n; j++)
			(void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", j == 0 ? "" : " ", k.v[j]);
		row_str_eq(rows[i].name, got, rows[i].keys);
	}
}

static void
as_many_as_there_are(void **state)
{
	struct addr a = address("2001:db8:1:ff00::");
	struct keys *k = calloc(1, sizeof *k);

	(void)state;
	assert_int_equal(mapkey_each(MAP_POSTFIX, &a, 56, keep, k), 256);
	assert_string_equal(k->v[255], "2001:db8:1:ffff");
	free(k);
}

static bool
among(const struct keys *k, const char *text)
{
	for (unsigned i = 0; i < k->n; i++)
		if (strcmp(k->v[i], text) == 0)
			return true;
	return false;
}

/* The text, then the text without its last piece, and so on. */
static bool
looked_up(const struct keys *k, char *text)
{
	char *cut;

	for (;;) {
		if (among(k, text))
			return true;
		cut = strrchr(text, ':');
		if (cut == NULL)
			return false;
		*cut = '\0';
	}
}

static bool
found(const struct keys *k, enum map_form form, const struct addr *a)
{
	char text[80];
	int at = 5;

	if (form == MAP_POSTFIX) {
		assert_non_null(inet_ntop(AF_INET6, a->b, text, sizeof text));
		return looked_up(k, text);
	}
	(void)strcpy(text, "ipv6");
	for (at = 0; at < 8; at++)
		(void)snprintf(text + strlen(text), sizeof text - strlen(text), ":%x", a->b[2 * at] << 8 | a->b[2 * at + 1]);
	return looked_up(k, text);
}

/* Addresses with many zero groups and few values, so that they fall into and beside each other's networks. */
static struct addr
draw(void)
{
	static const uint16_t few[] = { 0, 0, 0, 1, 5 };
	struct addr a = { { 0x20, 0x01 } };

	for (unsigned i = 1; i < 8; i++)
		a.b[2 * i + 1] = (uint8_t)few[(unsigned)rand() % ROWS(few)];
	return a;
}

static void
nobody_else(void **state)
{
	static const unsigned prefixes[] = { 32, 47, 48, 56, 60, 63, 64, 80, 127, 128 };
	unsigned given[MAP_FORMS] = { 0 };
	struct keys *k = calloc(1, sizeof *k);

	(void)state;
	srand(7);
	for (unsigned round = 0; round < 6000; round++) {
		enum map_form form = round % 2 == 0 ? MAP_POSTFIX : MAP_SENDMAIL;
		unsigned prefix = prefixes[(unsigned)rand() % ROWS(prefixes)];
		struct addr some = draw(), client = addr_client(&some, prefix);

		k->n = 0;
		if (mapkey_each(form, &client, prefix, keep, k) == 0)
			continue;
		given[form]++;
		for (unsigned i = 0; i < 60; i++) {
			struct addr other = draw(), folded;

			if (i % 2 == 0) /* one of the client's own */
				for (unsigned bit = 0; bit < prefix; bit++) {
					uint8_t mask = (uint8_t)(0x80 >> bit % 8);

					other.b[bit / 8] = (uint8_t)((other.b[bit / 8] & ~mask) | (client.b[bit / 8] & mask));
				}
			folded = addr_client(&other, prefix);
			if (found(k, form, &other) != addr_eq(&folded, &client)) {
				char text[2][ADDR_TEXT];

				fail_msg("form %d: %s of %s/%u is %sfound", form, addr_format(text[0], &other),
				    addr_format(text[1], &client), prefix, addr_eq(&folded, &client) ? "not " : "");
			}
		}
	}
	assert_true(given[MAP_POSTFIX] > 500);
	assert_true(given[MAP_SENDMAIL] == 3000);
	free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(as_many_as_there_are),
		cmocka_unit_test(nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
