/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is ours: every way in which an address has ever been made to look so. */
#include <string.h>

#include "gate.h"
#include "unit.h"

static struct domains *
ours(void)
{
	static const char *const entries[] = { "example.org", "Mixed.Example", ".sub.example.net", "[192.0.2.25]",
		"[IPv6:2001:DB8::25]", "xn--bcher-kva.example", ("b\xc3\xbc" "cher.example"), "localhost" };
	struct domains *d = domains_new();
	struct err e;

	for (size_t i = 0; i < ROWS(entries); i++)
		assert_int_equal(domains_add(d, str_of(entries[i]), &e), 0);
	domains_seal(d);
	return d;
}

static void
nothing_slips_through(void **state)
{
	static const struct {
		const char *name, *recipient;
		enum gate want;
	} rows[] = {
		{ "ours", "<alice@example.org>", GATE_OURS },
		{ "ours, without brackets", "alice@example.org", GATE_OURS },
		{ "another", "<bob@elsewhere.example>", GATE_FOREIGN },
		{ "case", "<Alice@EXAMPLE.Org>", GATE_OURS },
		{ "case of the list", "<alice@mixed.example>", GATE_OURS },
		{ "a dot at the end", "<alice@example.org.>", GATE_OURS },
		{ "another with a dot at the end", "<bob@elsewhere.example.>", GATE_FOREIGN },
		{ "two dots at the end", "<alice@example.org..>", GATE_MALFORMED },
		{ "a dot before", "<alice@.example.org>", GATE_MALFORMED },
		{ "an empty label", "<alice@example..org>", GATE_MALFORMED },
		{ "only a dot", "<alice@.>", GATE_MALFORMED },
		{ "nothing behind @", "<alice@>", GATE_MALFORMED },
		{ "nothing before @", "<@example.org>", GATE_ROUTED },
		{ "no domain", "<alice>", GATE_MALFORMED },
		{ "postmaster", "<postmaster>", GATE_OURS },
		{ "postmaster, shouted", "<POSTMASTER>", GATE_OURS },
		{ "postmaster elsewhere", "<postmaster@elsewhere.example>", GATE_FOREIGN },
		{ "postmaster by percent", "<postmaster%elsewhere.example>", GATE_ROUTED },
		{ "nobody", "<>", GATE_MALFORMED },
		{ "nothing at all", "", GATE_MALFORMED },

		{ "below ours", "<bob@mail.example.org>", GATE_FOREIGN },
		{ "ours at its beginning", "<bob@example.org.elsewhere.example>", GATE_FOREIGN },
		{ "ours at its end", "<bob@notexample.org>", GATE_FOREIGN },
		{ "ours with a dash", "<bob@evil-example.org>", GATE_FOREIGN },
		{ "the top of ours", "<bob@org>", GATE_FOREIGN },
		{ "below a listed one", "<alice@a.sub.example.net>", GATE_OURS },
		{ "far below a listed one", "<alice@a.b.sub.example.net>", GATE_OURS },
		{ "the listed one itself", "<alice@sub.example.net>", GATE_FOREIGN },
		{ "beside a listed one", "<alice@notsub.example.net>", GATE_FOREIGN },

		{ "percent hack", "<bob%elsewhere.example@example.org>", GATE_ROUTED },
		{ "two percents", "<bob%elsewhere.example%example.org@example.org>", GATE_ROUTED },
		{ "percent without domain", "<bob%elsewhere.example>", GATE_ROUTED },
		{ "percent to ours through another", "<bob%example.org@elsewhere.example>", GATE_ROUTED },
		{ "bang path", "<elsewhere.example!bob@example.org>", GATE_ROUTED },
		{ "bang path alone", "<elsewhere.example!bob>", GATE_ROUTED },
		{ "bang path through ours", "<example.org!elsewhere.example!bob>", GATE_ROUTED },
		{ "source route", "<@example.org:bob@elsewhere.example>", GATE_ROUTED },
		{ "source route that ends here", "<@elsewhere.example:alice@example.org>", GATE_ROUTED },
		{ "long source route", "<@example.org,@b.example:bob@elsewhere.example>", GATE_ROUTED },
		{ "source route without its colon", "<@elsewhere.example@example.org>", GATE_ROUTED },
		{ "two @", "<bob@elsewhere.example@example.org>", GATE_ROUTED },
		{ "two @, ours first", "<bob@example.org@elsewhere.example>", GATE_ROUTED },
		{ "a colon", "<elsewhere.example:bob@example.org>", GATE_MALFORMED },
		{ "DECnet", "<ELSEWH::BOB@example.org>", GATE_MALFORMED },

		{ "quoted", "<\"alice smith\"@example.org>", GATE_OURS },
		{ "quoted, another's", "<\"alice smith\"@elsewhere.example>", GATE_FOREIGN },
		{ "quoted @", "<\"bob@elsewhere.example\"@example.org>", GATE_ROUTED },
		{ "quoted @ alone", "<\"bob@elsewhere.example\">", GATE_ROUTED },
		{ "quoted %", "<\"bob%elsewhere.example\"@example.org>", GATE_ROUTED },
		{ "quoted !", "<\"elsewhere.example!bob\"@example.org>", GATE_ROUTED },
		{ "quoted :", "<\"@elsewhere.example:bob\"@example.org>", GATE_ROUTED },
		{ "quoted, escaped @", "<\"bob\\@elsewhere.example\"@example.org>", GATE_ROUTED },
		{ "quotes that close early", "<\"bob\"@elsewhere.example\"@example.org>", GATE_ROUTED },
		{ "quotes that go on", "<\"bob\"x@example.org>", GATE_MALFORMED },
		{ "quotes inside", "<bob\"@elsewhere.example\"@example.org>", GATE_MALFORMED },
		{ "quotes that do not end", "<\"bob@example.org>", GATE_MALFORMED },
		{ "an escaped quote at the end", "<\"bob\\\"@example.org>", GATE_MALFORMED },
		{ "a backslash at the end", "<\"bob\\", GATE_MALFORMED },
		{ "empty quotes", "<\"\"@example.org>", GATE_OURS },
		{ "backslash @", "<bob\\@elsewhere.example@example.org>", GATE_MALFORMED },
		{ "backslash %", "<bob\\%elsewhere.example@example.org>", GATE_MALFORMED },
		{ "a control character", "<\"bob\r\nRCPT\"@example.org>", GATE_MALFORMED },

		{ "our literal", "<alice@[192.0.2.25]>", GATE_OURS },
		{ "another's literal", "<bob@[198.51.100.9]>", GATE_FOREIGN },
		{ "our literal, IPv6, otherwise written", "<alice@[IPv6:2001:db8:0::25]>", GATE_OURS },
		{ "our IPv4 literal as IPv6", "<alice@[IPv6:::ffff:192.0.2.25]>", GATE_OURS },
		{ "another's, IPv6", "<bob@[IPv6:2001:db8::26]>", GATE_FOREIGN },
		{ "octal literal", "<bob@[192.0.02.25]>", GATE_FOREIGN },
		{ "short literal", "<bob@[192.0.537]>", GATE_FOREIGN },
		{ "a name in brackets", "<bob@[example.org]>", GATE_FOREIGN },
		{ "a literal that does not close", "<bob@[192.0.2.25>", GATE_FOREIGN },
		{ "a literal with more behind it", "<bob@[192.0.2.25].elsewhere.example>", GATE_FOREIGN },
		{ "an address without brackets", "<bob@192.0.2.25>", GATE_FOREIGN },
		{ "a number", "<bob@#3221225985>", GATE_MALFORMED },
		{ "empty brackets", "<bob@[]>", GATE_FOREIGN },

		{ "a comment behind", "<bob@elsewhere.example(@example.org)>", GATE_ROUTED },
		{ "a comment with a blank", "<bob@elsewhere.example (x@example.org)>", GATE_ROUTED },
		{ "a comment before", "<(x)alice@example.org>", GATE_MALFORMED },
		{ "two addresses", "<bob@elsewhere.example>,<alice@example.org>", GATE_ROUTED },
		{ "two addresses in one", "<bob@elsewhere.example,alice@example.org>", GATE_ROUTED },
		{ "a name before it", "\"x\" <alice@example.org>", GATE_MALFORMED },
		{ "half a bracket", "<alice@example.org", GATE_MALFORMED },
		{ "the other half", "alice@example.org>", GATE_MALFORMED },
		{ "two brackets", "<<alice@example.org>>", GATE_MALFORMED },
		{ "blanks", "< alice@example.org >", GATE_MALFORMED },
		{ "a tab", "<alice@example.org\t>", GATE_MALFORMED },
		{ "a group", "<x:alice@example.org;>", GATE_MALFORMED },
		{ "a path", "</etc/passwd@example.org>", GATE_OURS },
		{ "an underscore", "<alice@a_b.sub.example.net>", GATE_OURS },
		{ "a tag", "<alice+elsewhere.example=bob@example.org>", GATE_OURS },

		{ "IDN, A-label", "<alice@xn--bcher-kva.example>", GATE_OURS },
		{ "IDN, A-label, case", "<alice@XN--Bcher-KVA.example>", GATE_OURS },
		{ "IDN, U-label", "<alice@b\xc3\xbc" "cher.example>", GATE_OURS },
		{ "IDN, U-label in capitals", "<alice@B\xc3\x9c" "CHER.example>", GATE_FOREIGN },
		{ "IDN, decomposed", "<alice@bu\xcc\x88" "cher.example>", GATE_FOREIGN },
		{ "IDN, another's that looks like ours", "<bob@ex\xd0\xb0mple.org>", GATE_FOREIGN },
		{ "IDN, fullwidth letters", "<bob@\xef\xbd\x85xample.org>", GATE_FOREIGN },
		{ "IDN, ideographic dot", "<bob@example\xe3\x80\x82org>", GATE_FOREIGN },
		{ "IDN, an ideographic dot before ours", "<bob@elsewhere\xe3\x80\x82sub.example.net>", GATE_FOREIGN },
		{ "a local part beyond ASCII", "<\xe7\x94\xa8\xe6\x88\xb7@example.org>", GATE_OURS },
		{ "fullwidth @", "<bob\xef\xbc\xa0" "elsewhere.example@example.org>", GATE_ROUTED },
		{ "fullwidth %", "<bob\xef\xbc\x85" "elsewhere.example@example.org>", GATE_ROUTED },
		{ "fullwidth !", "<elsewhere.example\xef\xbc\x81" "bob@example.org>", GATE_ROUTED },
		{ "small @", "<bob\xef\xb9\xab" "elsewhere.example@example.org>", GATE_ROUTED },
		{ "quoted fullwidth @", "<\"bob\xef\xbc\xa0" "elsewhere.example\"@example.org>", GATE_ROUTED },
	};
	struct domains *d = ours();

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_eq(rows[i].name, gate_recipient(d, str_of(rows[i].recipient)), rows[i].want);
	domains_free(d);
}

/* A NUL ends nothing here; and what is too long is no address. */
static void
lengths_and_nuls(void **state)
{
	struct domains *d = ours();
	char text[600];

	(void)state;
	assert_int_equal(gate_recipient(d, STR("<alice@example.org\0@elsewhere.example>")), GATE_ROUTED);
	assert_int_equal(gate_recipient(d, STR("<bob\0alice@example.org>")), GATE_MALFORMED);
	assert_int_equal(gate_recipient(d, STR("<alice@example.org\0>")), GATE_MALFORMED);
	assert_int_equal(gate_recipient(d, STR("<\"a\0b\"@example.org>")), GATE_MALFORMED);
	assert_int_equal(gate_recipient(d, STR_NONE), GATE_MALFORMED);
	memset(text, 'a', sizeof text);
	memcpy(text + sizeof text - 12, "@example.org", 12);
	assert_int_equal(gate_recipient(d, (struct str){ text, sizeof text }), GATE_MALFORMED);
	domains_free(d);
}

/* With nothing listed, nobody but postmaster is ours. */
static void
an_empty_list_is_closed(void **state)
{
	struct domains *d = domains_new();

	(void)state;
	domains_seal(d);
	assert_int_equal(gate_recipient(d, STR("<alice@example.org>")), GATE_FOREIGN);
	assert_int_equal(gate_recipient(d, STR("<postmaster>")), GATE_OURS);
	domains_free(d);
}

static void
entries_that_mean_nothing(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a..b", "example.org.", "@example.org", "*.example.org",
		"a b", "[example.org]", "192.0.2.25", "[192.0.2.0/24]", "192.0.2.25/32", "a@b", "..example.org" };
	struct domains *d = domains_new();
	struct err e;

	(void)state;
	for (size_t i = 0; i < ROWS(bad); i++)
		row_eq(bad[i], domains_add(d, str_of(bad[i]), &e), -1);
	assert_int_equal(domains_count(d), 0);
	domains_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_slips_through),
		cmocka_unit_test(lengths_and_nuls),
		cmocka_unit_test(an_empty_list_is_closed),
		cmocka_unit_test(entries_that_mean_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
