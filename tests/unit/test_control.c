/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control socket answers to each request, good and bad, and to whom. */
#include <grp.h>
#include <limits.h>
#include <sys/wait.h>

#include "control_rig.h"
#include "logmsg.h"
#include "verbs.h"

#define GROUP 64999 /* any that root is not in */

static bool
origin(void *arg, const char *rule, struct rule_origin *out)
{
	(void)arg;
	*out = (struct rule_origin){ "/rules/test.rules", 7, 1740000000 };
	return strcmp(rule, "test-rule") == 0;
}

static int
reload(void *arg, struct json *restart, struct err *e)
{
	(void)arg;
	(void)restart;
	return disk.broken ? err_set(e, "conf:3: no such option") : 0;
}

static void
more_status(void *arg, struct json *o)
{
	(void)arg;
	json_put_cstr(o, "version", "1.2.3");
}

static int
start_as(mode_t mode, gid_t gid)
{
	struct control_setup s = control_begin();

	s.mode = mode;
	s.gid = gid;
	s.host.durable_request = durable_request;
	s.host.durable_check = durable_check;
	s.host.reload = reload;
	s.host.status = more_status;
	s.host.origin = origin;
	return control_up(&s);
}

static int
start(void **state)
{
	(void)state;
	return start_as(0660, (gid_t)-1);
}

static int
start_open(void **state)
{
	(void)state;
	return start_as(0666, geteuid() == 0 ? GROUP : (gid_t)-1);
}

static void
people(void)
{
	fake_event(&f, EVENT_LOGIN, "192.0.2.1", "alice", NULL);
	fake_event(&f, EVENT_LOGIN, "2001:db8:1:2::5", "b\033ob", NULL);
	fake_event(&f, EVENT_RBL, "192.0.2.7", NULL, "zen.example");
}

/* One request after the other, on one connection, to one daemon: each row sees what those before it did. */
static void
answers(void **state)
{
	static const struct {
		const char *name, *ask;
		int code;
		const char *has, *hasnt;
	} rows[] = {
		{ "list", "{\"verb\":\"relay list\"}", 0, "\"client\":\"192.0.2.1\",\"user\":\"alice\",\"since\":1750000000,"
		  "\"last\":1750000000,\"until\":1750000900,\"logins\":1,\"sent\":0,\"budget\":500}\n", "192.0.2.7" },
		{ "IPv6 client", "{\"verb\":\"relay list\"}", 0, "\"client\":\"2001:db8:1:2::/64\",\"user\":\"b\\\\x1bob\"", NULL },
		{ "cache", "{\"verb\":\"cache list\"}", 0, "\"client\":\"192.0.2.7\",\"kind\":\"rbl\",\"zone\":\"zen.example\"",
		  "192.0.2.1" },
		{ "empty list", "{\"verb\":\"block list\"}", 0, "{\"end\":0}", "client" },
		{ "add", "{\"verb\":\"block add\",\"address\":\"192.0.2.66\",\"for\":\"1h\",\"reason\":\"enough\"}", 0,
		  "{\"client\":\"192.0.2.66\",\"kind\":\"hand\",\"by\":\"hand\",\"reason\":\"enough\",\"since\":1750000000,"
		  "\"until\":1750003600", NULL },
		{ "added", "{\"verb\":\"block list\"}", 0, "192.0.2.66", NULL },
		{ "del", "{\"verb\":\"block del\",\"address\":\"192.0.2.66\"}", 0, "192.0.2.66 taken out of block", NULL },
		{ "deleted", "{\"verb\":\"block list\"}", 0, "{\"end\":0}", "client" },
		{ "del again", "{\"verb\":\"block del\",\"address\":\"192.0.2.66\"}", 1, "192.0.2.66 is not in block", NULL },
		{ "del as listed", "{\"verb\":\"relay del\",\"address\":\"2001:db8:1:2::/64\"}", 0, "taken out of relay", NULL },
		{ "seconds", "{\"verb\":\"relay add\",\"address\":\"192.0.2.3\",\"for\":60,\"user\":\"carol\"}", 0,
		  "\"user\":\"carol\",\"since\":1750000000,\"last\":1750000000,\"until\":1750000060", NULL },
		{ "default term", "{\"verb\":\"cache add\",\"address\":\"192.0.2.4\"}", 0, "\"until\":1750086400", NULL },
		{ "explain granted", "{\"verb\":\"explain\",\"address\":\"192.0.2.1\"}", 0,
		  "\"verdict\":\"relay\",\"known\":true", NULL },
		{ "explain evidence", "{\"verb\":\"explain\",\"address\":\"192.0.2.7\"}", 0,
		  "\"rule\":\"test-rule\",\"changes\":[\"counted\",\"cached\"],\"text\":\"a line\"", NULL },
		{ "explain counters", "{\"verb\":\"explain\",\"address\":\"192.0.2.7\"}", 0,
		  "{\"kind\":\"rbl\",\"rate\":{\"have\":1,\"of\":10,\"counts\":\"sessions\",\"span\":60,\"term\":3600},\"total\":"
		  "{\"have\":1,\"of\":25,\"counts\":\"sessions\",\"span\":86400,\"term\":86400}", NULL },
		{ "explain what lifts it", "{\"verb\":\"explain\",\"address\":\"192.0.2.7\"}", 0,
		  "popauth-milterctl cache del 192.0.2.7\",\"a POP, IMAP or SMTP login", NULL },
		{ "explain by hand", "{\"verb\":\"explain\",\"address\":\"192.0.2.4\"}", 0, "\"verdict\":\"cached\"", "login from" },
		{ "explain how to prevent it", "{\"verb\":\"explain\",\"address\":\"192.0.2.7\"}", 0,
		  "\"for ever: its address in allow\"", NULL },
		{ "explain the rule", "{\"verb\":\"explain\",\"address\":\"192.0.2.7\"}", 0,
		  "\"text\":\"a line\",\"file\":\"/rules/test.rules\",\"line\":7,\"written\":1740000000}", "referred" },
		{ "explain a reference", "{\"verb\":\"explain\",\"address\":\"r0004-1v89v-gr0ny\"}", 0,
		  "{\"client\":\"192.0.2.7\",\"ref\":{\"text\":\"R0004-1V89V-GR0NY\",\"time\":1750000000},", NULL },
		{ "explain what it is of", "{\"verb\":\"explain\",\"address\":\"R0004-1V89V-GR0NY\"}", 0,
		  "\"written\":1740000000,\"referred\":true", NULL },
		{ "explain an old reference", "{\"verb\":\"explain\",\"address\":\"R0004 RV89T X7OHY\"}", 1,
		  "nothing is known of 192.0.2.99 any more", NULL },
		{ "explain unknown", "{\"verb\":\"explain\",\"address\":\"192.0.2.99\"}", 1, "nothing is known of 192.0.2.99", NULL },
		{ "explain an unknown network", "{\"verb\":\"explain\",\"address\":\"2001:db8:99::1\"}", 1,
		  "nothing is known of 2001:db8:99::/64", NULL },
		{ "explain loopback", "{\"verb\":\"explain\",\"address\":\"127.0.0.1\"}", 0, "\"verdict\":\"trusted\"", NULL },
		{ "status", "{\"verb\":\"status\"}", 0, "\"clients\":{\"known\":6,\"relay\":2,\"cache\":2,\"block\":0}", NULL },
		{ "status from the daemon", "{\"verb\":\"status\"}", 0, "\"version\":\"1.2.3\"", NULL },
		{ "stats", "{\"verb\":\"stats\"}", 0, "\"events_by_kind\":{\"login\":2,", NULL },
		{ "reload", "{\"verb\":\"reload\"}", 0, "{\"end\":0,\"message\":\"reloaded\"}", NULL },
		{ "flush", "{\"verb\":\"relay flush\"}", 0, "2 taken out of relay", NULL },
		{ "flushed", "{\"verb\":\"relay list\"}", 0, "{\"end\":0}", "client" },
		{ "flush nothing", "{\"verb\":\"relay flush\"}", 0, "0 taken out of relay", NULL },
	};
	static char buf[65536];
	int fd;

	(void)state;
	people();
	fd = dial(&f);
	for (size_t i = 0; i < ROWS(rows); i++) {
		ask(fd, rows[i].ask);
		row_eq(rows[i].name, answer(fd, buf, sizeof buf), rows[i].code);
		if (strstr(buf, rows[i].has) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\" in it", rows[i].name, buf, rows[i].has);
		if (rows[i].hasnt != NULL && strstr(buf, rows[i].hasnt) != NULL)
			fail_msg("%s: got \"%s\", with \"%s\" in it", rows[i].name, buf, rows[i].hasnt);
	}
	close(fd);
}

/* Thirty listed clients, one a second, two that log in, one blocked by hand. */
static void
crowd(void)
{
	char client[32];

	for (unsigned i = 0; i < 30; i++, f.now++) {
		(void)snprintf(client, sizeof client, "198.51.100.%u", i);
		fake_event(&f, EVENT_RBL, client, NULL, i % 3 ? "zen.example" : "bl.example");
	}
	fake_event(&f, EVENT_LOGIN, "192.0.2.1", "Alice", NULL);
	fake_event(&f, EVENT_LOGIN, "2001:db8:1:2::5", "bob", NULL);
}

static void
lists_pages(void **state)
{
	static const struct {
		const char *name, *ask, *first, *last, *hasnt;
	} rows[] = {
		{ "newest first", "{\"verb\":\"cache list\",\"limit\":3}", "{\"client\":\"198.51.100.29\"", "{\"total\":30}", "100.26" },
		{ "next", "{\"verb\":\"cache list\",\"limit\":3,\"offset\":3}", "{\"client\":\"198.51.100.26\"", "{\"total\":30}", "100.27" },
		{ "last", "{\"verb\":\"cache list\",\"limit\":10,\"offset\":29}", "{\"client\":\"198.51.100.0\"", "{\"total\":30}", "100.1\"" },
		{ "behind", "{\"verb\":\"cache list\",\"limit\":10,\"offset\":30}", "{\"total\":30}", "{\"total\":30}", "client" },
		{ "zone", "{\"verb\":\"cache list\",\"limit\":5,\"match\":\"BL.ex\"}", "{\"client\":\"198.51.100.27\"", "{\"total\":10}", "zen" },
		{ "kind", "{\"verb\":\"cache list\",\"limit\":1,\"match\":\"rbl\"}", "{\"client\":\"198.51.100.29\"", "{\"total\":30}", NULL },
		{ "address", "{\"verb\":\"cache list\",\"limit\":5,\"match\":\"198.51.100.7\"}", "{\"client\":\"198.51.100.7\"",
		  "{\"total\":1}", NULL },
		{ "mapped address", "{\"verb\":\"cache list\",\"limit\":5,\"match\":\"::ffff:198.51.100.7\"}",
		  "{\"client\":\"198.51.100.7\"", "{\"total\":1}", NULL },
		{ "network", "{\"verb\":\"cache list\",\"limit\":1,\"match\":\"198.51.100.16/28\"}", "{\"client\":\"198.51.100.29\"",
		  "{\"total\":14}", NULL },
		{ "beginning", "{\"verb\":\"cache list\",\"limit\":1,\"match\":\"198.51\"}", "{\"client\":\"198.51.100.29\"",
		  "{\"total\":30}", NULL },
		{ "beginning with a dot", "{\"verb\":\"cache list\",\"limit\":1,\"match\":\"198.51.100.\"}",
		  "{\"client\":\"198.51.100.29\"", "{\"total\":30}", NULL },
		{ "another beginning", "{\"verb\":\"cache list\",\"limit\":1,\"match\":\"198.5\"}", "{\"total\":0}", "{\"total\":0}", NULL },
		{ "no network", "{\"verb\":\"cache list\",\"limit\":1,\"match\":\"a/b\"}", "{\"total\":0}", "{\"total\":0}", NULL },
		{ "user", "{\"verb\":\"relay list\",\"limit\":5,\"match\":\"ali\"}", "{\"client\":\"192.0.2.1\",\"user\":\"Alice\"",
		  "{\"total\":1}", "bob" },
		{ "IPv6 client", "{\"verb\":\"relay list\",\"limit\":5,\"match\":\"2001:db8:1:2::77\"}",
		  "{\"client\":\"2001:db8:1:2::/64\",\"user\":\"bob\"", "{\"total\":1}", NULL },
		{ "IPv6 client as listed", "{\"verb\":\"relay list\",\"limit\":5,\"match\":\"2001:db8:1:2::/64\"}",
		  "{\"client\":\"2001:db8:1:2::/64\"", "{\"total\":1}", NULL },
		{ "no page", "{\"verb\":\"relay list\",\"match\":\"bob\"}", "{\"client\":\"2001:db8:1:2::/64\"", "\"budget\":500}", "Alice" },
		{ "summary", "{\"verb\":\"summary\"}", "{\"network\":\"198.51.100.0/24\",\"clients\":30,\"events\":30}\n"
		  "{\"zone\":\"zen.example\",\"clients\":20,\"events\":20}\n{\"zone\":\"bl.example\",\"clients\":10,\"events\":10}\n"
		  "{\"user\":\"Alice\",\"clients\":1,\"logins\":1}\n", "{\"user\":\"bob\",\"clients\":1,\"logins\":1}", NULL },
	};
	static char buf[65536];
	int fd = dial(&f);

	(void)state;
	crowd();
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *end;

		ask(fd, rows[i].ask);
		row_eq(rows[i].name, answer(fd, buf, sizeof buf), 0);
		end = strstr(buf, "{\"end\"");
		if (strncmp(buf, rows[i].first, strlen(rows[i].first)) != 0)
			fail_msg("%s: got \"%s\", want it to begin with \"%s\"", rows[i].name, buf, rows[i].first);
		if (end - buf < (ptrdiff_t)strlen(rows[i].last) + 1 ||
		    strncmp(end - 1 - strlen(rows[i].last), rows[i].last, strlen(rows[i].last)) != 0)
			fail_msg("%s: got \"%s\", want it to end with \"%s\"", rows[i].name, buf, rows[i].last);
		if (rows[i].hasnt != NULL && strstr(buf, rows[i].hasnt) != NULL)
			fail_msg("%s: got \"%s\", with \"%s\" in it", rows[i].name, buf, rows[i].hasnt);
	}
	close(fd);
}

/* Page after page is the whole list, once each, whatever the size of a page; also when many came in the same second, and when
 * the others are of two hours. */
static void
pages_make_the_list(void **state)
{
	static const unsigned sizes[] = { 1, 7, 100, 999, 1000 };
	static char buf[400000], line[200];
	int fd;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		(void)snprintf(line, sizeof line, "198.51.%u.%u", i / 200, i % 200);
		f.now += i >= 1200 && i % 10 == 0 ? 40 : 0;
		fake_event(&f, EVENT_RBL, line, NULL, "zen.example");
	}
	fd = dial(&f);
	for (size_t k = 0; k < ROWS(sizes); k++) {
		unsigned seen[3000] = { 0 }, n = 0;
		unsigned most = sizes[k] == 1 ? 100 : 3000;
		long last = LONG_MAX;

		for (unsigned at = 0; at < most; at += sizes[k]) {
			(void)snprintf(line, sizeof line, "{\"verb\":\"cache list\",\"limit\":%u,\"offset\":%u}", sizes[k], at);
			ask(fd, line);
			assert_int_equal(answer(fd, buf, sizeof buf), 0);
			for (char *p = buf; (p = strstr(p, "\"client\":\"198.51.")) != NULL; p++) {
				unsigned a, b;
				long since;

				assert_int_equal(sscanf(p, "\"client\":\"198.51.%u.%u\"", &a, &b), 2);
				since = atol(strstr(p, "\"since\":") + 8);
				assert_true(since <= last);
				last = since;
				seen[a * 200 + b]++;
				n++;
			}
		}
		row_eq("rows", n, most);
		for (unsigned i = 0; i < 3000 && most == 3000; i++)
			row_eq("once", seen[i], 1);
	}
	close(fd);
}

/* What the hours say is what happened. */
static void
tells_the_hours(void **state)
{
	static char buf[65536];
	int fd;

	(void)state;
	f.pipeline.history = history_new();
	fake_event(&f, EVENT_RBL, "198.51.100.1", NULL, "zen.example");
	f.now += 3600;
	fake_event(&f, EVENT_RBL, "198.51.100.2", NULL, "zen.example");
	fake_event(&f, EVENT_LOGIN, "192.0.2.1", "alice", NULL);
	fd = dial(&f);
	ask(fd, "{\"verb\":\"block add\",\"address\":\"192.0.2.66\"}");
	assert_int_equal(answer(fd, buf, sizeof buf), 0);
	ask(fd, "{\"verb\":\"history\"}");
	assert_int_equal(answer(fd, buf, sizeof buf), 0);
	assert_non_null(strstr(buf, "{\"hour\":1749999600,\"events\":{\"rbl\":1},\"blocks\":{},\"refused\":{},\"mercy\":{},\"cached\":1}\n"
	    "{\"hour\":1750003200,\"events\":{\"login\":1,\"rbl\":1},\"blocks\":{\"hand\":1},\"refused\":{},\"mercy\":{},\"cached\":1}\n"));
	ask(fd, "{\"verb\":\"history\",\"since\":60}");
	assert_int_equal(answer(fd, buf, sizeof buf), 0);
	assert_null(strstr(buf, "1749999600"));
	close(fd);
}

/* Bad requests get a clear message, change nothing, and the connection goes on. */
static void
refuses(void **state)
{
	static const struct {
		const char *name, *ask, *want;
	} rows[] = {
		{ "empty", "", "not JSON" },
		{ "not JSON", "status", "not JSON" },
		{ "not an object", "[]", "not a JSON object" },
		{ "no verb", "{}", "no such verb" },
		{ "no such verb", "{\"verb\":\"relay\"}", "no such verb: relay" },
		{ "verb not a text", "{\"verb\":1}", "no such verb" },
		{ "hostile verb", "{\"verb\":\"a\\n\\u001b[2Jb\"}", "no such verb: a\\\\x0a\\\\x1b[2Jb" },
		{ "address missing", "{\"verb\":\"relay add\"}", "relay add needs \\\"address\\\"" },
		{ "no address", "{\"verb\":\"relay add\",\"address\":\"example.com\"}", "not an address: example.com" },
		{ "octal", "{\"verb\":\"block add\",\"address\":\"010.0.0.1\"}", "not an address: 010.0.0.1" },
		{ "a network", "{\"verb\":\"block add\",\"address\":\"10.0.0.0/8\"}", "not one client but a network" },
		{ "another prefix", "{\"verb\":\"block add\",\"address\":\"2001:db8::/48\"}", "not one client but a network" },
		{ "host bits", "{\"verb\":\"block add\",\"address\":\"2001:db8::1/64\"}", "not one client but a network" },
		{ "junk behind", "{\"verb\":\"block add\",\"address\":\"10.0.0.1/32x\"}", "not one client but a network" },
		{ "address not a text", "{\"verb\":\"block add\",\"address\":1}", "not an address" },
		{ "a term of nothing", "{\"verb\":\"block add\",\"address\":\"10.0.0.1\",\"for\":\"0\"}", "not a term" },
		{ "a negative term", "{\"verb\":\"block add\",\"address\":\"10.0.0.1\",\"for\":-5}", "not a term" },
		{ "a term of words", "{\"verb\":\"block add\",\"address\":\"10.0.0.1\",\"for\":\"long\"}", "not a term" },
		{ "a term too long", "{\"verb\":\"block add\",\"address\":\"10.0.0.1\",\"for\":999999999999}", "not a term" },
		{ "a list for a term", "{\"verb\":\"block add\",\"address\":\"10.0.0.1\",\"for\":[1]}", "not a term" },
		{ "not its argument", "{\"verb\":\"block add\",\"address\":\"10.0.0.1\",\"user\":\"x\"}",
		  "block add takes no \\\"user\\\"" },
		{ "an unknown argument", "{\"verb\":\"status\",\"colour\":\"red\"}", "status takes no \\\"colour\\\"" },
		{ "control character", "{\"verb\":\"relay add\",\"address\":\"10.0.0.1\",\"user\":\"a\\nb\"}", "control character" },
		{ "empty user", "{\"verb\":\"relay add\",\"address\":\"10.0.0.1\",\"user\":\"\"}", "1 to 255 bytes" },
		{ "a page of nothing", "{\"verb\":\"relay list\",\"limit\":0}", "limit: must be a number from 1 to 1000" },
		{ "a page too long", "{\"verb\":\"relay list\",\"limit\":1001}", "limit: must be a number" },
		{ "a page too far", "{\"verb\":\"relay list\",\"limit\":1,\"offset\":100001}", "offset: must be a number" },
		{ "a page of words", "{\"verb\":\"relay list\",\"limit\":\"many\"}", "limit: must be a number" },
		{ "offset alone", "{\"verb\":\"relay list\",\"offset\":5}", "offset needs limit" },
		{ "nothing to match", "{\"verb\":\"relay list\",\"match\":\"\"}", "match: must be a text of 1 to 255 bytes" },
		{ "a page of a flush", "{\"verb\":\"relay flush\",\"limit\":5}", "relay flush takes no \\\"limit\\\"" },
		{ "since when", "{\"verb\":\"history\",\"since\":\"monday\"}", "not a term" },
		{ "a reference with a wrong digit", "{\"verb\":\"explain\",\"address\":\"R0004-1V89V-GR0NZ\"}",
		  "neither an address nor the reference of a refusal, or mistyped: R0004-1V89V-GR0NZ" },
		{ "half an address", "{\"verb\":\"explain\",\"address\":\"192.0.2\"}", "not an address: 192.0.2" },
		{ "a reference to be blocked", "{\"verb\":\"block add\",\"address\":\"R0004-1V89V-GR0NY\"}",
		  "not an address: R0004-1V89V-GR0NY" },
		{ "loopback", "{\"verb\":\"block add\",\"address\":\"127.0.0.1\"}", "not added: this address is loopback" },
		{ "loopback, relay", "{\"verb\":\"relay add\",\"address\":\"::1\"}", "not added: this address is loopback" },
	};
	static char buf[8192];
	int fd = dial(&f);

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		ask(fd, rows[i].ask);
		row_eq(rows[i].name, answer(fd, buf, sizeof buf), 2);
		if (strstr(buf, rows[i].want) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\" in it", rows[i].name, buf, rows[i].want);
	}
	assert_int_equal(ledger_size(f.ledger), 0);
	close(fd);
}

static void
refuses_an_endless_line(void **state)
{
	static char line[20000];
	char buf[200];
	int fd = dial(&f);

	(void)state;
	memset(line, ' ', sizeof line);
	say(fd, line, sizeof line);
	assert_int_equal(answer(fd, buf, sizeof buf), 2);
	assert_non_null(strstr(buf, "at most 8191 bytes"));
	assert_int_equal(hear(fd, buf, 1), 0);
	close(fd);
}

/* A change is answered when it is on disk, and meanwhile others are served. */
static void
waits_for_the_disk(void **state)
{
	char buf[1000];
	int fd = dial(&f), other = dial(&f);
	struct pollfd quiet = { .fd = fd, .events = POLLIN };

	(void)state;
	disk.manual = true;
	ask(fd, "{\"verb\":\"relay add\",\"address\":\"192.0.2.1\"}");
	hear_line(fd, buf, sizeof buf); /* the entry; done, but not yet durable */
	ask(fd, "{\"verb\":\"stats\"}");
	ask(other, "{\"verb\":\"relay list\"}");
	assert_int_equal(answer(other, buf, sizeof buf), 0);
	assert_non_null(strstr(buf, "192.0.2.1"));
	control_wake(ctl);
	ask(other, "{\"verb\":\"cache list\"}");
	assert_int_equal(answer(other, buf, sizeof buf), 0);
	assert_int_equal(poll(&quiet, 1, 0), 0);
	disk.committed = disk.asked;
	control_wake(ctl);
	hear_line(fd, buf, sizeof buf);
	assert_string_equal(buf, "{\"end\":0}");
	hear_line(fd, buf, 8); /* the request that waited behind it */
	assert_string_equal(buf, "{\"lines");
	close(fd);
	close(other);
}

static void
says_what_failed(void **state)
{
	char buf[1000];
	int fd = dial(&f);

	(void)state;
	disk.broken = true;
	ask(fd, "{\"verb\":\"relay add\",\"address\":\"192.0.2.1\"}");
	assert_int_equal(answer(fd, buf, sizeof buf), 1);
	assert_non_null(strstr(buf, "done, but it would not outlive the daemon: the disk is full"));
	ask(fd, "{\"verb\":\"reload\"}");
	assert_int_equal(answer(fd, buf, sizeof buf), 1);
	assert_non_null(strstr(buf, "all is as before: conf:3: no such option"));
	close(fd);
}

static void
watches(void **state)
{
	static char buf[4096];
	int fd = dial(&f), other = dial(&f);

	(void)state;
	ask(fd, "{\"verb\":\"watch\"}");
	hear_line(fd, buf, sizeof buf);
	assert_string_equal(buf, "{\"watching\":true}");
	fake_event(&f, EVENT_RBL, "192.0.2.7", NULL, "zen.example");
	hear_line(fd, buf, sizeof buf);
	assert_string_equal(buf, "{\"time\":1750000000,\"event\":\"rbl\",\"client\":\"192.0.2.7\",\"source\":\"log\","
	    "\"zone\":\"zen.example\",\"rule\":\"test-rule\",\"changes\":[\"counted\",\"cached\"],\"text\":\"a line\"}");
	ask(other, "{\"verb\":\"cache del\",\"address\":\"192.0.2.7\"}");
	assert_int_equal(answer(other, buf, sizeof buf), 0);
	hear_line(fd, buf, sizeof buf);
	assert_non_null(strstr(buf, "\"event\":\"hand\",\"client\":\"192.0.2.7\",\"source\":\"control\","
	    "\"changes\":[\"uncached\"]"));
	ask(other, "{\"verb\":\"status\"}");
	assert_int_equal(answer(other, buf, sizeof buf), 0);
	assert_non_null(strstr(buf, "\"watchers\":1"));
	close(fd);
	do {
		ask(other, "{\"verb\":\"status\"}");
		assert_int_equal(answer(other, buf, sizeof buf), 0);
	} while (strstr(buf, "\"watchers\":0") == NULL); /* the hangup may come second */
	close(other);
}

/* As somebody else, in a process of its own: the code of one answer; 99 when it did not come to that. */
static int
ask_as(uid_t uid, gid_t gid, gid_t extra, const char *line)
{
	int rc;
	pid_t pid = fork();

	if (pid == 0) {
		char buf[4096];
		int fd;

		if (setgroups(1, &extra) == -1 || setgid(gid) == -1 || setuid(uid) == -1)
			_exit(98);
		fd = unixsock_connect(f.path, NULL);
		if (fd == -1 || send(fd, line, strlen(line), 0) == -1 || send(fd, "\n", 1, 0) == -1)
			_exit(99);
		for (size_t n = 0, k; n < sizeof buf - 1; n += k) {
			const char *end;

			k = (size_t)recv(fd, buf + n, sizeof buf - 1 - n, 0);
			if (k == 0 || k == (size_t)-1)
				_exit(99);
			buf[n + k] = '\0';
			end = strstr(buf, "{\"end\":");
			if (end != NULL && strchr(end, '\n') != NULL)
				_exit(atoi(end + 7));
		}
		_exit(97);
	}
	assert_int_equal(waitpid(pid, &rc, 0), pid);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : 96;
}

/* With the socket open to all: anybody may look; to change takes root or the socket's group. */
static void
guards_changes(void **state)
{
	static const struct {
		const char *name;
		uid_t uid;
		gid_t gid, extra;
		int look, change;
	} rows[] = {
		{ "root", 0, 0, 0, 0, 0 },
		{ "a stranger", 65534, 65534, 65534, 0, 1 },
		{ "of the group", 65534, GROUP, 65534, 0, 0 },
		{ "of the group besides", 65534, 65534, GROUP, 0, 0 },
		{ "of another group", 65534, 65534, GROUP + 1, 0, 1 },
	};

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root can become somebody else\n");
		skip();
	}
	for (size_t i = 0; i < ROWS(rows); i++) {
		row_eq(rows[i].name, ask_as(rows[i].uid, rows[i].gid, rows[i].extra, "{\"verb\":\"relay list\"}"),
		    rows[i].look);
		row_eq(rows[i].name, ask_as(rows[i].uid, rows[i].gid, rows[i].extra,
		    "{\"verb\":\"relay add\",\"address\":\"192.0.2.1\"}"), rows[i].change);
	}
}

/* The table is whole: every verb has help, and every change needs the right to make it. */
static void
the_table_is_whole(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VERBS; i++) {
		const struct verb *v = &verbs[i];

		assert_int_equal(v->id, i);
		assert_ptr_equal(verb_of(str_of(v->name)), v);
		if (*v->help == '\0')
			fail_msg("%s: no help", v->name);
		row_eq(v->name, (v->args & ARG_ADDRESS) != 0, strstr(v->usage, "ADDRESS") != NULL);
		row_eq(v->name, (v->args & ARG_FOR) != 0, strstr(v->usage, "--for") != NULL);
		row_eq(v->name, (v->args & ARG_USER) != 0, strstr(v->usage, "--user") != NULL);
		row_eq(v->name, (v->args & ARG_REASON) != 0, strstr(v->usage, "--reason") != NULL);
		row_eq(v->name, v->access == ACCESS_WRITE,
		    strstr(v->name, " add") || strstr(v->name, " del") || strstr(v->name, " flush") || strstr(v->name, " reset") ||
			strcmp(v->name, "reload") == 0);
	}
	assert_null(verb_of(STR("relay")));
	assert_null(verb_of(STR_NONE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, start, control_down),
		cmocka_unit_test_setup_teardown(lists_pages, start, control_down),
		cmocka_unit_test_setup_teardown(pages_make_the_list, start, control_down),
		cmocka_unit_test_setup_teardown(tells_the_hours, start, control_down),
		cmocka_unit_test_setup_teardown(refuses, start, control_down),
		cmocka_unit_test_setup_teardown(refuses_an_endless_line, start, control_down),
		cmocka_unit_test_setup_teardown(waits_for_the_disk, start, control_down),
		cmocka_unit_test_setup_teardown(says_what_failed, start, control_down),
		cmocka_unit_test_setup_teardown(watches, start, control_down),
		cmocka_unit_test_setup_teardown(guards_changes, start_open, control_down),
		cmocka_unit_test(the_table_is_whole),
	};

	logmsg_open("test_control", false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
