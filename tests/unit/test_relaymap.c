/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_relaymap.c - from the ledger to the file: logins, terms, the administrator's word, and settings that change */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/mapfile_db.h"
#include "../../src/relaymap_priv.h"
#include "conf.h"
#include "files.h"
#include "logmsg.h"
#include "mapstatic.h"
#include "pipeline.h"
#include "relaymap.h"
#include "unit.h"

#define T0 1750000000

static char dir[64], conf_path[96], static_path[96];
static struct ledger *ledger;
static struct pipeline pipeline;
static struct relaymap *rm;
static _Atomic time_t clock_now;

static time_t
now(void *arg)
{
	(void)arg;
	return clock_now;
}

static void
told(void *arg, const struct event *ev, const struct addr *client, unsigned changes)
{
	(void)arg;
	(void)ev;
	(void)changes;
	relaymap_changed(rm, client);
}

static void
reread(void)
{
	struct err e;
	struct conf *c = conf_read(conf_path, &e);

	if (c == NULL)
		fail_msg("%s", e.text);
	conf_install(c);
}

static void
settings(const char *map, const char *form, bool fixed)
{
	char text[1000];

	(void)snprintf(text, sizeof text, "%s%s%s%s%s\nrelay_map_form = %s\nrelay_map_static = \"%s\"\nrelay_for = 15m\n",
	    "relay_map = \"", *map != '\0' ? dir : "", *map != '\0' ? "/" : "", map, "\"", form, fixed ? static_path : "");
	write_text(conf_path, text);
	reread();
}

static int
start(void **state)
{
	struct effects fx = { .told = told };
	struct relaymap_setup setup = { .now = now };

	(void)state;
	(void)strcpy(dir, "/tmp/relaymap.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(conf_path, sizeof conf_path, "%s/conf", dir);
	(void)snprintf(static_path, sizeof static_path, "%s/static", dir);
	clock_now = T0;
	setup.ledger = ledger = ledger_new(1000);
	pipeline_init(&pipeline, ledger, &fx);
	rm = relaymap_new(&setup);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	relaymap_stop(rm);
	relaymap_free(rm);
	ledger_free(ledger);
	conf_install(NULL);
	return remove_tree(dir);
}

static void
login(const char *addr, uint32_t term)
{
	struct conf *c = conf_current();
	struct addr a = address(addr);

	(void)pipeline_add(&pipeline, &c->policy, SET_RELAY, &a, clock_now, term, STR("alice"));
	conf_put(c);
}

static void
logout(const char *addr)
{
	struct conf *c = conf_current();
	struct addr a = address(addr);

	(void)pipeline_del(&pipeline, &c->policy, SET_RELAY, &a, clock_now);
	conf_put(c);
}

static const char *
value_of(const char *file, const char *key, bool nul)
{
	static char value[1024];
	char path[160];
	struct err e = { "" };
	struct str s = STR_NONE;
	struct hash *h;

	(void)snprintf(path, sizeof path, "%s/%s", dir, file);
	h = hash_open(path, nul, false, &e);
	if (h == NULL)
		fail_msg("%s", e.text);
	assert_int_not_equal(hash_get(h, str_of(key), &s, &e), HASH_FAILED);
	str_copy(value, sizeof value, s);
	assert_int_equal(hash_close(h, &e), 0);
	return value;
}

static struct relaymap_status
status(void)
{
	struct relaymap_status st;

	relaymap_status(rm, &st);
	return st;
}

static void
logins_and_terms(void **state)
{
	struct relaymap_status st;
	time_t written;

	(void)state;
	settings("relay", "postfix", false);
	login("192.0.2.1", 60);
	assert_true(relaymap_round(rm)); /* grants from before it was there */
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "OK");
	login("192.0.2.2", 900);
	login("2001:db8:1:2::77", 900);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.2", true), "OK");
	assert_string_equal(value_of("relay.db", "2001:db8:1:2", true), "OK");
	clock_now += 30;
	written = status().written;
	login("192.0.2.1", 60); /* renewed: the file says the same */
	assert_true(relaymap_round(rm));
	assert_int_equal(status().written, written);
	clock_now += 59;
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "OK");
	clock_now += 1;
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "");
	logout("192.0.2.2");
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.2", true), "");
	st = status();
	assert_int_equal(st.grants, 1);
	assert_int_equal(st.left_out, 0);
	login("2001::77", 900);
	assert_true(relaymap_round(rm));
	assert_int_equal(status().left_out, 1);
}

static void
blocked_by_hand(void **state)
{
	struct conf *c;
	struct addr a = address("192.0.2.1");

	(void)state;
	settings("relay", "sendmail", false);
	login("192.0.2.1", 3000);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", false), "RELAY");
	c = conf_current();
	(void)pipeline_add(&pipeline, &c->policy, SET_BLOCK, &a, clock_now, 600, STR("no"));
	conf_put(c);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", false), "");
	clock_now += 660; /* the block has run out, and nobody says so */
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", false), "RELAY");
}

static void
the_administrators_entries(void **state)
{
	(void)state;
	settings("relay", "postfix", true);
	login("192.0.2.1", 900);
	assert_false(relaymap_round(rm));
	assert_non_null(strstr(status().trouble.text, "static: cannot be opened"));
	assert_int_equal(status().written, 0);
	write_text(static_path, "# ours\n192.0.2.1\tREJECT you know why\nExample.COM   OK\n");
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "REJECT you know why");
	assert_string_equal(value_of("relay.db", "example.com", true), "OK");
	assert_int_equal(status().fixed, 2);
	write_text(static_path, "192.0.2.9 OK\nnonsense\n");
	assert_true(relaymap_round(rm)); /* seen for the first time: perhaps still being written */
	assert_false(relaymap_round(rm));
	assert_non_null(strstr(status().trouble.text, "static:2: an entry is a key"));
	assert_string_equal(value_of("relay.db", "example.com", true), "OK");
	write_text(static_path, "192.0.2.9 OK\n");
	(void)relaymap_round(rm);
	assert_true(relaymap_round(rm));
	assert_string_equal(status().trouble.text, "");
	assert_string_equal(value_of("relay.db", "192.0.2.9", true), "OK");
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "OK");
	assert_string_equal(value_of("relay.db", "example.com", true), "");
}

static void
restart(void)
{
	struct relaymap_setup setup = { .ledger = ledger, .now = now };

	relaymap_free(rm);
	rm = relaymap_new(&setup);
}

/* A grant is not to outlive its term because of a mistake in another file. */
static void
entries_never_read(void **state)
{
	(void)state;
	settings("relay", "postfix", true);
	write_text(static_path, "192.0.2.9 REJECT\nExample.COM   OK\n");
	login("192.0.2.1", 900);
	login("2001:db8:1:2::77", 900);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "2001:db8:1:2", true), "OK");
	write_text(static_path, "nonsense\n");
	restart();
	assert_false(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "");
	assert_string_equal(value_of("relay.db", "2001:db8:1:2", true), "");
	assert_string_equal(value_of("relay.db", "192.0.2.9", true), "REJECT");
	assert_string_equal(value_of("relay.db", "example.com", true), "OK");
	write_text(static_path, "192.0.2.9 REJECT\n");
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "OK");
}

/* Another file of entries, with a mistake: those before hold, and terms end. */
static void
other_entries(void **state)
{
	char text[300];

	(void)state;
	settings("relay", "postfix", true);
	write_text(static_path, "192.0.2.9 REJECT\n");
	login("192.0.2.1", 60);
	assert_true(relaymap_round(rm));
	(void)snprintf(text, sizeof text, "relay_map = %s/relay\nrelay_map_static = %s/missing\nrelay_for = 15m\n", dir, dir);
	write_text(conf_path, text);
	reread();
	clock_now += 61;
	assert_false(relaymap_round(rm));
	assert_non_null(strstr(status().trouble.text, "missing: cannot be opened"));
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "");
	assert_string_equal(value_of("relay.db", "192.0.2.9", true), "REJECT");
}

/* access.db has no use for the entries, and whatever comes after it has. */
static void
entries_after_access_db(void **state)
{
	char path[160];
	struct err e = { "" };
	struct hash *h;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/access.db", dir);
	h = hash_create(path, false, 1, &e);
	assert_non_null(h);
	assert_int_equal(hash_close(h, &e), 0);
	write_text(static_path, "192.0.2.1 REJECT\n");
	settings("access", "access.db", true);
	login("192.0.2.1", 900);
	assert_true(relaymap_round(rm));
	settings("relay", "sendmail", true);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", false), "REJECT");
}

static void
clear(void)
{
	struct relaymap *other = relaymap_new(&(struct relaymap_setup){ 0 });
	struct err e = { "" };

	if (relaymap_clear(other, &e) == -1)
		fail_msg("%s", e.text);
	relaymap_free(other);
}

/* What a daemon that was killed has left. */
static void
cleared_for_the_dead(void **state)
{
	static const char *const forms[] = { "postfix", "sendmail" };

	(void)state;
	for (unsigned i = 0; i < ROWS(forms); i++) {
		settings(forms[i], forms[i], true);
		login("192.0.2.1", 900);
		write_text(static_path, "192.0.2.9 REJECT\n192.0.2.8 OK\n");
		clear(); /* there is no file yet, and there need not be one */
		assert_true(relaymap_round(rm));
		restart();
		clear();
		assert_string_equal(value_of(i == 0 ? "postfix.db" : "sendmail.db", "192.0.2.1", i == 0), "");
		assert_string_equal(value_of(i == 0 ? "postfix.db" : "sendmail.db", "192.0.2.9", i == 0), "REJECT");
		assert_string_equal(value_of(i == 0 ? "postfix.db" : "sendmail.db", "192.0.2.8", i == 0), "OK");
		assert_true(relaymap_round(rm));
		restart();
		write_text(static_path, "nonsense\n");
		clear();
		assert_string_equal(value_of(i == 0 ? "postfix.db" : "sendmail.db", "192.0.2.1", i == 0), "");
		assert_string_equal(value_of(i == 0 ? "postfix.db" : "sendmail.db", "192.0.2.9", i == 0), "REJECT");
	}
}

/* Whoever takes it away gets a new one; whoever puts his own there keeps it. */
static void
file_taken_away(void **state)
{
	char path[160];

	(void)state;
	settings("relay.db", "postfix", false);
	login("192.0.2.1", 900);
	assert_true(relaymap_round(rm));
	(void)snprintf(path, sizeof path, "%s/relay.db", dir);
	assert_int_equal(unlink(path), 0);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "OK");
	write_text(path, "mine");
	assert_false(relaymap_round(rm));
	assert_non_null(strstr(status().trouble.text, "relay.db: "));
	login("192.0.2.2", 900);
	assert_false(relaymap_round(rm));
	assert_int_equal(unlink(path), 0);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.2", true), "OK");
	assert_string_equal(status().trouble.text, "");
}

static void
another_path(void **state)
{
	(void)state;
	settings("one", "postfix", false);
	login("192.0.2.1", 900);
	assert_true(relaymap_round(rm));
	settings("two", "sendmail", false);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("one.db", "192.0.2.1", true), "");
	assert_string_equal(value_of("two.db", "192.0.2.1", false), "RELAY");
	settings("", "sendmail", false);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("two.db", "192.0.2.1", false), "");
	assert_string_equal(status().path, "");
	login("192.0.2.2", 900);
	settings("two", "sendmail", false);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("two.db", "192.0.2.1", false), "RELAY");
	assert_string_equal(value_of("two.db", "192.0.2.2", false), "RELAY");
}

/* It is changed once a second: sooner, the round would leave it for the next. */
static void
access_round(void)
{
	static time_t left;
	char path[160];
	struct stat st;

	while (left > time(NULL))
		(void)poll(NULL, 0, 20);
	assert_true(relaymap_round(rm));
	(void)snprintf(path, sizeof path, "%s/access.db", dir);
	assert_int_equal(stat(path, &st), 0);
	left = st.st_mtime;
}

static void
in_access_db(void **state)
{
	char path[160];
	struct err e = { "" };
	struct hash *h;

	(void)state;
	settings("access", "access.db", false);
	login("192.0.2.1", 900);
	assert_false(relaymap_round(rm));
	assert_non_null(strstr(status().trouble.text, "it is made with makemap"));
	(void)snprintf(path, sizeof path, "%s/access.db", dir);
	h = hash_create(path, false, 1, &e);
	assert_non_null(h);
	assert_int_equal(hash_add(h, STR("192.0.2.2"), STR("REJECT"), &e), HASH_DONE);
	assert_int_equal(hash_close(h, &e), 0);
	login("192.0.2.2", 900);
	login("2001:db8::77", 900);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("access.db", "192.0.2.1", false), "RELAY");
	assert_string_equal(value_of("access.db", "ipv6:2001:db8:0:0", false), "RELAY");
	assert_string_equal(value_of("access.db", "192.0.2.2", false), "REJECT");
	assert_int_equal(status().overruled, 1);
	relaymap_withdraw(rm);
	assert_string_equal(value_of("access.db", "192.0.2.1", false), "");
	assert_string_equal(value_of("access.db", "192.0.2.2", false), "REJECT");
}

/* Change upon change, with the administrator's own records among them, and his makemap in between. */
static void
changes_in_access_db(void **state)
{
	char path[160];
	struct err e = { "" };
	struct hash *h;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/access.db", dir);
	settings("access", "access.db", false);
	h = hash_create(path, false, 1, &e);
	assert_non_null(h);
	assert_int_equal(hash_add(h, STR("192.0.2.2"), STR("RELAY"), &e), HASH_DONE);
	assert_int_equal(hash_close(h, &e), 0);
	login("192.0.2.1", 900);
	access_round();
	login("192.0.2.2", 900);
	login("192.0.2.3", 900);
	access_round();
	assert_string_equal(value_of("access.db", "192.0.2.3", false), "RELAY");
	assert_int_equal(status().overruled, 1);
	logout("192.0.2.1");
	logout("192.0.2.2"); /* the record is his */
	access_round();
	assert_string_equal(value_of("access.db", "192.0.2.1", false), "");
	assert_string_equal(value_of("access.db", "popauth-milter:192.0.2.1", false), "");
	assert_string_equal(value_of("access.db", "192.0.2.2", false), "RELAY");
	assert_int_equal(status().overruled, 0);
	h = hash_open(path, false, true, &e);
	assert_non_null(h);
	assert_int_equal(hash_del(h, STR("192.0.2.3"), &e), HASH_DONE);
	assert_int_equal(hash_del(h, STR("popauth-milter:192.0.2.3"), &e), HASH_DONE);
	assert_int_equal(hash_close(h, &e), 0);
	login("192.0.2.4", 900);
	access_round();
	assert_string_equal(value_of("access.db", "192.0.2.3", false), "RELAY");
	assert_string_equal(value_of("access.db", "192.0.2.4", false), "RELAY");
}

static bool
value_is(void *arg, const char *key, struct str *value)
{
	*value = str_of(arg);
	return strcmp(key, "192.0.2") == 0;
}

/* To whom has read his mail, which is no authentication to the MTA. */
static void
what_refuses_a_network(void **state)
{
	static const struct {
		const char *value;
		bool refuses;
	} rows[] = {
		{ "REJECT", true }, { "reject no customers here", true }, { "554 Go away", true }, { "450 Later", true },
		{ "ERROR:5.7.1:550 No", true }, { "DISCARD", true }, { "DEFER_IF_PERMIT", true }, { "reject_unauth_destination", true },
		{ "OK", false }, { "RELAY", false }, { "DUNNO", false }, { "1750000000", false }, { "DEFER_IF_REJECT", false },
		{ "WARN or reject", false }, { "permit", false }, { "permit, reject", false }, { "permit_mynetworks", false },
		{ "permit_sasl_authenticated, reject", true }, { "permit_mynetworks permit_sasl_authenticated defer", true },
		{ "permit_sasl_authenticated, permit, reject", false }, { "permit_sasl_authenticated,OK,reject", false },
		{ "Permit_SASL_Authenticated ,\tREJECT", true }, { "permit_tls_clientcerts,reject_unauth_destination", true },
		{ "check_sender_access hash:/etc/postfix/senders, reject", true }, { "check_sender_access", false },
		{ "permit_dnswl_client reject.example, permit", false }, { "permit_dnswl_client list.example reject", true },
		{ "warn_if_reject reject_unverified_sender, permit", false }, { "sleep 5, reject", true }, { "sleep 5", false },
		{ "class_of_ours, reject", false }, { ",", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char value[80];

		(void)snprintf(value, sizeof value, "%s", rows[i].value);
		row_eq(value, mapstatic_refused("192.0.2.1", value_is, value), rows[i].refuses);
	}
}

/* A login lets nobody in whose network the administrator refuses. */
static void
within_a_refused_network(void **state)
{
	(void)state;
	settings("relay", "postfix", true);
	write_text(static_path, "192.0.2 REJECT no customers here\n192.0 OK\n198.51 554 no\n198.51.100 DUNNO\n2001:db8:1 REJECT\n");
	login("192.0.2.1", 60);
	login("192.0.3.1", 900);
	login("198.51.100.1", 900);
	login("198.51.101.1", 900);
	login("2001:db8:1:2::77", 900);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "");
	assert_string_equal(value_of("relay.db", "192.0.3.1", true), "OK");
	assert_string_equal(value_of("relay.db", "198.51.100.1", true), "OK");
	assert_string_equal(value_of("relay.db", "198.51.101.1", true), "");
	assert_string_equal(value_of("relay.db", "2001:db8:1:2", true), "");
	assert_string_equal(value_of("relay.db", "192.0.2", true), "REJECT no customers here");
	assert_int_equal(status().overruled, 3);
	clock_now += 60;
	login("192.0.2.2", 900);
	login("192.0.2.3", 900);
	assert_true(relaymap_round(rm)); /* changes alone */
	assert_string_equal(value_of("relay.db", "192.0.2.2", true), "");
	assert_int_equal(status().overruled, 4);
	write_text(static_path, "192.0 OK\n");
	(void)relaymap_round(rm);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.2", true), "OK");
	assert_string_equal(value_of("relay.db", "2001:db8:1:2", true), "OK");
	assert_int_equal(status().overruled, 0);
}

static struct granted
granted(const char *addr)
{
	return (struct granted){ address(addr), 1 };
}

/* 10.0.0.0 and those behind it. */
static struct grants
a_lot(unsigned n)
{
	struct grants g = { xcalloc(n, sizeof *g.v), n, n };

	for (unsigned i = 0; i < n; i++)
		g.v[i] = (struct granted){ { { [10] = 255, 255, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } }, 1 };
	return g;
}

/* One login more is one change, as long as the file is the one that was left. */
static void
only_what_changed(void **state)
{
	struct granted v[] = { granted("192.0.2.1"), granted("192.0.2.2"), granted("192.0.2.3") };
	struct grants two = { v, 2, 2 }, three = { v, 3, 3 }, last = { v + 2, 1, 1 }, many = a_lot(1201);
	char path[96];
	const struct mapfile_spec sp = { path, MAP_POSTFIX, (gid_t)-1 };
	struct held held = { 0 };
	struct err e = { "" };

	(void)state;
	(void)snprintf(path, sizeof path, "%s/relay.db", dir);
	held_forget(&held);
	assert_int_equal(relaymap_write(&sp, NULL, &two, 64, &held, &e), 0);
	assert_int_equal(held.changes, 0);
	assert_int_equal(relaymap_write(&sp, NULL, &three, 64, &held, &e), 0);
	assert_int_equal(held.changes, 1);
	assert_string_equal(value_of("relay.db", "192.0.2.3", true), "OK");
	assert_int_equal(relaymap_write(&sp, NULL, &last, 64, &held, &e), 0);
	assert_int_equal(held.changes, 3);
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(relaymap_write(&sp, NULL, &two, 64, &held, &e), 0);
	assert_int_equal(held.changes, 0);
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "OK");
	assert_string_equal(value_of("relay.db", "192.0.2.3", true), "");
	held.changes = 1003;
	assert_int_equal(relaymap_write(&sp, NULL, &two, 64, &held, &e), 0);
	assert_int_equal(held.changes, 0);
	assert_int_equal(relaymap_write(&sp, NULL, &many, 64, &held, &e), 0); /* as much work as all of them */
	assert_int_equal(held.changes, 0);
	assert_string_equal(value_of("relay.db", "10.0.4.176", true), "OK");
	assert_int_equal(relaymap_write(&sp, NULL, &two, 64, &held, &e), 0);
	assert_int_equal(held.changes, 0);
	assert_string_equal(value_of("relay.db", "10.0.4.176", true), "");
	held_forget(&held);
	free(many.v);
}

/* More at once than the queue holds. */
static void
queue_overflows(void **state)
{
	char text[32];

	(void)state;
	settings("relay", "postfix", false);
	assert_true(relaymap_round(rm));
	for (unsigned i = 0; i < 6000; i++) {
		struct addr a;

		(void)snprintf(text, sizeof text, "10.0.%u.%u", i / 256, i % 256);
		a = address(text);
		relaymap_changed(rm, &a);
	}
	login("192.0.2.1", 900);
	assert_true(relaymap_round(rm));
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "OK");
}

/* With its thread: a login is there without anybody asking, and gone at the end. */
static void
by_itself(void **state)
{
	struct err e = { "" };
	unsigned tries = 0;

	(void)state;
	settings("relay", "postfix", false);
	assert_int_equal(relaymap_start(rm, &e), 0);
	while (status().written == 0 && tries++ < 6000)
		(void)poll(NULL, 0, 10);
	login("192.0.2.1", 900);
	while (status().grants == 0 && tries++ < 6000)
		(void)poll(NULL, 0, 10);
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "OK");
	relaymap_stop(rm);
	assert_string_equal(value_of("relay.db", "192.0.2.1", true), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(logins_and_terms, start, stop),
		cmocka_unit_test_setup_teardown(blocked_by_hand, start, stop),
		cmocka_unit_test_setup_teardown(the_administrators_entries, start, stop),
		cmocka_unit_test_setup_teardown(entries_never_read, start, stop),
		cmocka_unit_test_setup_teardown(other_entries, start, stop),
		cmocka_unit_test_setup_teardown(entries_after_access_db, start, stop),
		cmocka_unit_test_setup_teardown(cleared_for_the_dead, start, stop),
		cmocka_unit_test_setup_teardown(file_taken_away, start, stop),
		cmocka_unit_test_setup_teardown(another_path, start, stop),
		cmocka_unit_test_setup_teardown(in_access_db, start, stop),
		cmocka_unit_test_setup_teardown(changes_in_access_db, start, stop),
		cmocka_unit_test(what_refuses_a_network),
		cmocka_unit_test_setup_teardown(within_a_refused_network, start, stop),
		cmocka_unit_test_setup_teardown(only_what_changed, start, stop),
		cmocka_unit_test_setup_teardown(queue_overflows, start, stop),
		cmocka_unit_test_setup_teardown(by_itself, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
