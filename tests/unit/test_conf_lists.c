/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The allowlist: from the configuration, from its file, and again when that has changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "files.h"
#include "unit.h"

static char dir[] = "/tmp/popauth-lists-XXXXXX";
static char conf_path[sizeof dir + 8], list_path[sizeof dir + 8];
static struct conf_look look;

/* As another program would replace it: another inode, so that nothing depends on how finely the clock ticks. */
static void
replace_list(const char *text)
{
	char other[sizeof list_path + 4];

	(void)snprintf(other, sizeof other, "%s.new", list_path);
	write_text(other, text);
	assert_int_equal(rename(other, list_path), 0);
}

static struct conf *
read_conf(void)
{
	struct conf *c;
	struct err e = { "" };
	char text[256];

	(void)snprintf(text, sizeof text, "allow = 192.0.2.0/24\nallow_file = '%s'\n", list_path);
	write_text(conf_path, text);
	memset(&look, 0, sizeof look);
	if ((c = conf_read(conf_path, &e)) == NULL || conf_lists(c, false, &e) == -1)
		fail_msg("%s", e.text);
	return c;
}

static bool
allows(const struct conf *c, const char *text)
{
	struct addr a = address(text);

	return policy_trusts(&c->policy, &a);
}

static void
takes_the_file_in(void **state)
{
	struct conf *c;

	(void)state;
	write_text(list_path, "# partners\n\n  198.51.100.7  # their relay\r\n2001:db8:5::1\n203.0.113.0/25");
	c = read_conf();
	assert_true(allows(c, "192.0.2.1"));
	assert_true(allows(c, "198.51.100.7"));
	assert_false(allows(c, "198.51.100.8"));
	assert_true(allows(c, "2001:db8:5::2")); /* the same client */
	assert_true(allows(c, "203.0.113.127"));
	assert_false(allows(c, "203.0.113.128"));
	conf_put(c);
}

/* Twice: only what was the same at two looks is read. */
static struct conf *
refresh(struct conf *c, struct err *e)
{
	struct conf *fresh = conf_refresh(c, &look, false, e);

	assert_null(fresh);
	assert_string_equal(e->text, "");
	return conf_refresh(c, &look, false, e);
}

static void
reads_it_again(void **state)
{
	struct conf *c, *fresh, *again;
	struct err e;

	(void)state;
	write_text(list_path, "198.51.100.7\n");
	c = read_conf();
	assert_null(refresh(c, &e));
	replace_list("198.51.100.8\n");
	fresh = refresh(c, &e);
	assert_non_null(fresh);
	assert_true(allows(fresh, "192.0.2.1"));
	assert_true(allows(fresh, "198.51.100.8"));
	assert_false(allows(fresh, "198.51.100.7"));
	assert_true(allows(c, "198.51.100.7")); /* who holds the old one goes on with it */
	assert_ptr_equal(fresh->path, c->path);
	assert_null(refresh(fresh, &e));
	replace_list("198.51.100.9\n");
	again = refresh(fresh, &e);
	assert_non_null(again);
	assert_ptr_equal(again->base, c);
	conf_put(c);
	conf_put(fresh);
	assert_true(allows(again, "198.51.100.9"));
	assert_string_equal(again->user, "popauth-milter");
	conf_put(again);
}

static void
a_bad_file_changes_nothing(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: no file at all */
	} rows[] = {
		{ "198.51.100.8\n198.51.100.9/33\n\nfoo\n",
		    "@:2: \"198.51.100.9/33\": the part behind / must be a number of bits, 0 to 32\n"
		    "@:4: \"foo\" is not an address or a network" },
		{ "198.51.100.8/24\n", "@:1: \"198.51.100.8/24\": bits are set behind the prefix" },
		{ NULL, "allow_file: @: cannot be opened: No such file or directory; make the file, or say allow_file = \"\"" },
	};
	struct conf *c, *fresh;
	struct err e;

	(void)state;
	write_text(list_path, "198.51.100.7\n");
	c = read_conf();
	for (size_t i = 0; i < ROWS(rows); i++) {
		char want[512] = "";

		if (rows[i].text == NULL)
			unlink(list_path);
		else
			replace_list(rows[i].text);
		assert_null(refresh(c, &e));
		for (const char *p = rows[i].want; *p != '\0'; p++)
			strncat(want, *p == '@' ? list_path : p, *p == '@' ? sizeof list_path : 1);
		assert_string_equal(e.text, want);
		assert_null(refresh(c, &e)); /* said once */
		assert_string_equal(e.text, "");
	}
	replace_list("198.51.100.8\n");
	fresh = refresh(c, &e);
	assert_non_null(fresh);
	assert_true(allows(fresh, "198.51.100.8"));
	conf_put(c);
	conf_put(fresh);
}

static void
a_bad_file_is_no_start(void **state)
{
	struct conf *c;
	struct err e;

	(void)state;
	write_text(list_path, "198.51.100.7\n");
	c = read_conf();
	conf_put(c);
	unlink(list_path);
	assert_int_equal(mkfifo(list_path, 0600), 0);
	c = conf_read(conf_path, &e);
	assert_non_null(c);
	assert_int_equal(conf_lists(c, false, &e), -1);
	assert_ptr_equal(strstr(e.text, "allow_file: /"), e.text);
	assert_non_null(strstr(e.text, "is not a file; it must be a file that uid "));
	assert_true(allows(c, "192.0.2.1"));
	conf_put(c);
	unlink(list_path);
}

/* Whatever this machine's are. */
static void
knows_what_is_around(void **state)
{
	struct conf *c;
	struct err e = { "" };

	(void)state;
	write_text(list_path, "198.51.100.7\n");
	c = read_conf();
	assert_int_equal(netlist_size(c->policy.own), 0);
	conf_put(c);
	c = conf_read(conf_path, &e);
	assert_non_null(c);
	assert_int_equal(conf_lists(c, true, &e), 0);
	for (unsigned i = 0; i < c->n_own_addrs; i++)
		assert_true(policy_ignores(&c->policy, &c->own_addrs[i], EVENT_LOGIN));
	assert_null(conf_refresh(c, &look, true, &e));
	conf_put(c);
}

/* A block is a client's, and an IPv6 client is a network: our own host's neighbours cannot be blocked without it. */
static void
spares_our_neighbours(void **state)
{
	struct conf *c;
	struct err e = { "" };
	struct addr neighbour = address("2001:db8:1:1::6"), stranger = address("2001:db8:1:2::5");

	(void)state;
	write_text(conf_path, "own_networks = { '2001:db8:1:1::5' }\n");
	c = conf_read(conf_path, &e);
	assert_non_null(c);
	assert_int_equal(conf_lists(c, false, &e), 0);
	assert_true(policy_ignores(&c->policy, &neighbour, EVENT_UNKNOWN_USER));
	assert_false(policy_ignores(&c->policy, &neighbour, EVENT_LOGIN)); /* it is not ours */
	assert_false(policy_ignores(&c->policy, &stranger, EVENT_UNKNOWN_USER));
	conf_put(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_file_in),
		cmocka_unit_test(reads_it_again),
		cmocka_unit_test(a_bad_file_changes_nothing),
		cmocka_unit_test(a_bad_file_is_no_start),
		cmocka_unit_test(knows_what_is_around),
		cmocka_unit_test(spares_our_neighbours),
	};
	int rc;

	if (mkdtemp(dir) == NULL)
		return 99;
	(void)snprintf(conf_path, sizeof conf_path, "%s/conf", dir);
	(void)snprintf(list_path, sizeof list_path, "%s/list", dir);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(conf_path);
	(void)unlink(list_path);
	(void)rmdir(dir);
	return rc;
}
