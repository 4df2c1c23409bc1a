/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program popauth-milterctl itself, against a control server in this process; and its manual. */
#include <sys/ioctl.h>

#include "control_rig.h"
#include "files.h"
#include "logmsg.h"
#include "program.h"
#include "verbs.h"

static bool mended; /* the configuration, after the first reload */

static int
reload(void *arg, struct json *restart, struct err *e)
{
	(void)arg;
	if (!mended) {
		mended = true;
		return err_set(e, "conf:3: no such option: \"rely_for\"");
	}
	json_add_text(restart, STR("state_dir"));
	json_add_text(restart, STR("set4"));
	return 0;
}

static void
put_map(struct json *maps, const char *name, int64_t asked, int64_t last)
{
	struct json *map = json_new();

	json_put_cstr(map, "name", name);
	json_put_int(map, "asked", asked);
	if (last != 0)
		json_put_int(map, "last", last);
	json_add(maps, map);
}

static void
put_socketmap(struct json *o)
{
	struct json *socketmap = json_new(), *maps = json_list();

	put_map(maps, "relay", 0, 0);
	put_map(maps, "verdict", 17, 1700000000);
	put_map(maps, "postscreen", 0, 0);
	json_put_cstr(socketmap, "path", "/run/map");
	json_put(socketmap, "maps", maps);
	json_put_int(socketmap, "unknown", 8);
	json_put(o, "socketmap", socketmap);
}

static void
put_set(struct json *sets, const char *name, bool referenced, const char *error)
{
	struct json *set = json_new();

	json_put_cstr(set, "name", name);
	json_put_bool(set, "referenced", referenced);
	if (error != NULL)
		json_put_cstr(set, "error", error);
	json_add(sets, set);
}

static void
put_firewall(struct json *o)
{
	struct json *fw = json_new(), *sets = json_list();

	json_put_cstr(fw, "state", "up");
	json_put_int(fw, "wanted", 5);
	json_put_int(fw, "enforced", 4);
	json_put_bool(fw, "referenced", false);
	json_put(fw, "sets", sets);
	put_set(sets, "popauth4", true, NULL);
	put_set(sets, "popauth6", false, NULL);
	put_set(sets, "popauth4b", false, "it is not there");
	json_put(o, "firewall", fw);
}

static void
more_status(void *arg, struct json *o)
{
	struct json *allow = json_new(), *nearby = json_list();
	struct json *store = json_new(), *logs = json_list(), *log = json_new();
	struct json *programs = json_list(), *program = json_new(), *journal = json_new();

	(void)arg;
	json_add_text(nearby, STR("192.0.2.1"));
	json_put_int(allow, "allow", 3);
	json_put_int(allow, "own", 1);
	json_put(allow, "nearby", nearby);
	json_put_cstr(allow, "error", "/etc/allow:7: what");
	json_put(o, "allowlist", allow);
	json_put_cstr(store, "state", "set aside");
	json_put_cstr(store, "path", "/var/lib/popauth-milter/corrupt-1");
	json_put(o, "store", store);
	json_put_cstr(log, "path", "/var/log/mail.log");
	json_put_cstr(log, "state", "reading");
	json_put_int(log, "lag", 17);
	json_put_int(log, "lines", 300);
	json_put_int(log, "recognised", 123);
	json_put_int(log, "headless", 4);
	json_put_int(log, "dropped", 5);
	json_put_cstr(program, "program", "dovecot");
	json_put_int(program, "lines", 200);
	json_put_int(program, "recognised", 50);
	json_put_int(program, "drifted", 1700000000);
	json_add(programs, program);
	json_put(log, "programs", programs);
	json_put_int(log, "programs_left_out", 6);
	json_put_int(log, "untold", 7);
	json_add(logs, log);
	json_put_cstr(journal, "path", "journal:");
	json_put_cstr(journal, "state", "missing");
	json_put_int(journal, "lag_seconds", 18);
	json_put_cstr(journal, "error", "who knows");
	json_add(logs, journal);
	json_put(o, "logs", logs);
	put_firewall(o);
	put_socketmap(o);
}

static int
start(void **state)
{
	struct control_setup s = control_begin();

	(void)state;
	pipeline_guard(&f.pipeline, guard_new(), NULL, NULL);
	f.pipeline.history = history_new();
	f.now = time(NULL);
	s.host.reload = reload;
	s.host.status = more_status;
	return control_up(&s);
}

/* Run it; what it prints on both outputs, and its exit status.  `words` is for the shell. */
static int
run(const char *words, char *buf, size_t size)
{
	char cmd[1000];

	(void)snprintf(cmd, sizeof cmd, "%s/popauth-milterctl %s 2>&1", built_in(), words);
	return shell(buf, size, cmd);
}

static void
shows(void **state)
{
	static const struct {
		const char *name, *words;
		int code;
		const char *has, *hasnt;
	} rows[] = {
		{ "list", "relay list", 0, "CLIENT             USER        SINCE", "192.0.2.7" },
		{ "hostile user", "relay list", 0, "2001:db8:1:2::/64  b\\x1b[2Job", "\033" },
		{ "JSON", "--json relay list", 0, "{\"client\":\"192.0.2.1\",\"user\":\"alice\",", "end" },
		{ "empty list", "block list", 0, "CLIENT  KIND  BY  SINCE  TIMES  LEFT  REASON\n", NULL },
		{ "add", "block add 192.0.2.66 --for 1h --reason 'he is a \"pest\"'", 0, "block: 192.0.2.66 until 20", NULL },
		{ "added", "block list", 0, "he is a \"pest\"\n", NULL },
		{ "del", "block del 192.0.2.66", 0, "192.0.2.66 taken out of block\n", NULL },
		{ "del again", "block del 192.0.2.66", 1, "popauth-milterctl: 192.0.2.66 is not in block\n", NULL },
		{ "options first", "--for 2h relay add 192.0.2.3", 0, "relay: 192.0.2.3 until 20", NULL },
		{ "explain", "explain 192.0.2.7", 0, "192.0.2.7  cached\n", NULL },
		{ "explain cache", "explain 192.0.2.7", 0, "cached    rbl: zen.example, since 20", NULL },
		{ "explain counters", "explain 192.0.2.7", 0,
		  "rate 1 of 10 sessions in 1m (blocks for 1h)  total 1 of 25 sessions in 1d (blocks for 1d)\n", NULL },
		{ "explain evidence", "explain 192.0.2.7", 0, "rbl by test-rule -> counted cached\n        a line\n", NULL },
		{ "explain what to type", "explain 192.0.2.7", 0, "\n    popauth-milterctl cache del 192.0.2.7\n", NULL },
		{ "explain for ever", "explain 192.0.2.7", 0, "\n    for ever: its address in allow\n", NULL },
		{ "explain a reference", "explain R0004-RV89T-X70HY", 1,
		  "192.0.2.99  continue\n  refused   20", NULL },
		{ "explain unknown", "explain 192.0.2.99", 1, "popauth-milterctl: nothing is known of 192.0.2.99\n", NULL },
		{ "explain loopback", "explain ::1", 0, "trusted   loopback", NULL },
		{ "status", "status", 0, "clients    known 5, relay 3, cache 1, block 0\n", NULL },
		{ "status of the allowlist", "status", 0, "allowlist  3 networks, 1 of our own and around us\n"
		    "           never blocked: 192.0.2.1\n           PROBLEM: /etc/allow:7: what\n", "BREAKER" },
		{ "status of the socketmap", "status", 0, "socketmap  /run/map\n           verdict: asked 17 times, last 2023-11-1",
		    "relay: asked" },
		{ "status of maps nobody asks", "status", 0, "           never asked: relay postscreen\n"
		    "           PROBLEM: asked 8 times for maps that are not there\n", NULL },
		{ "status of the store", "status", 0, "store      set aside /var/lib/popauth-milter/corrupt-1\n", NULL },
		{ "status of a log's lines", "status", 0, "lines 300, recognised 123, without a head 4, missed 5", NULL },
		{ "status of a program", "status", 0, "unrecognised: dovecot 75 % of 200\n", NULL },
		{ "status of programs not listed", "status", 0,
		  "           and 6 more programs\n           and 7 lines of more programs than are counted\n", NULL },
		{ "status of a drifted program", "status", 0, "the lines of dovecot are hardly recognised any more since 20", NULL },
		{ "status of a journal", "status", 0, "journal:: missing, 18 seconds behind\n           PROBLEM: who knows\n", NULL },
		{ "status of a log", "status", 0, "/var/log/mail.log: reading, 17 bytes behind", NULL },
		{ "status of the firewall", "status", 0, "firewall   up: enforced 4 of 5, referenced NO\n"
		    "           PROBLEM: set popauth6: no firewall rule names it, nobody in it is dropped\n"
		    "           PROBLEM: set popauth4b: it is not there\n", "set popauth4:" },
		{ "status of events", "status", 0, "events     login 2, rbl 1\n", "LOST" },
		{ "stats", "stats", 0, "events                          3  events learned\n", NULL },
		{ "prometheus", "stats --prometheus", 0, "popauth_events_by_kind_total{kind=\"rbl\"} 1\n", NULL },
		{ "a gauge", "stats --prometheus", 0, "# TYPE popauth_firewall_referenced gauge\npopauth_firewall_referenced 0\n", "relay_map" },
		{ "logs in gauges", "stats --prometheus", 0, "popauth_logs_missing 1\n", NULL },
		{ "behind", "stats --prometheus", 0, "popauth_log_behind_bytes 17\n", NULL },
		{ "behind in time", "stats --prometheus", 0, "popauth_log_behind_seconds 18\n", NULL },
		{ "troubles", "stats --prometheus", 0, "popauth_troubles 6\n", NULL },
		{ "clients", "stats --prometheus", 0, "popauth_clients 5\n", NULL },
		{ "gauges as text", "stats", 0, "firewall_enforced               4  now: entries that the kernel's sets have\n", NULL },
		{ "page", "relay list --limit 1", 0, "LOGINS  LEFT", NULL },
		{ "of how many", "relay list --limit 1", 0, "\n3 in all\n", NULL },
		{ "match", "relay list --match ali", 0, "192.0.2.1  alice", "192.0.2.3" },
		{ "bad page", "relay list --limit x", 2, "limit: must be a number", NULL },
		{ "page of what is none", "status --limit 1", 2, "does not take", NULL },
		{ "history", "history --since 2h", 0, " h  login 2, rbl 1; blocks: hand 1\n", NULL },
		{ "summary", "summary", 0, "zone     zen.example                              clients 1, events 1\n", "\033" },
		{ "report", "report", 0, "Rejections and failures 1, blocks 1, came into the cache 1, logins 2\n", "\033" },
		{ "report's clients", "report --since 7d", 0, "Clients: 3 may relay, 1 cached, 0 blocked\n", NULL },
		{ "report as HTML", "report --html -", 0, "listed by a DNSBL <b>1</b>", "\033" },
		{ "report as JSON", "--json report", 0, "\"zones\":[{\"zone\":\"zen.example\",\"clients\":1,\"events\":1}]", "\033" },
		{ "report since when", "report --since monday", 2, "not a span such as 12h, 7d: monday", NULL },
		{ "report of what", "report me", 2, "too many words: me", NULL },
		{ "reload", "reload", 1, "not reloaded, all is as before: conf:3: no such option: \"rely_for\"", NULL },
		{ "reload in part", "reload", 0, "changed, but as before until a restart: state_dir set4\nreloaded\n", NULL },
		{ "reload in part, in JSON", "--json reload", 0, "{\"restart\":[\"state_dir\",\"set4\"]}\n", "reloaded" },
		{ "flush", "relay flush", 0, "3 taken out of relay\n", NULL },
		{ "flush in JSON", "--json relay flush", 0, "", "taken" },
		{ "no such command", "frobnicate", 2, "no such command: frobnicate; try popauth-milterctl --help\n", NULL },
		{ "half a command", "relay", 2, "which of these: relay list, relay add, relay del, relay flush?\n", NULL },
		{ "hostile command", "\"$(printf 'a\\033b')\"", 2, "no such command: a\\x1bb;", "\033" },
		{ "no command", "", 2, "a command is missing", NULL },
		{ "no address", "relay add", 2, "an address is missing", NULL },
		{ "two addresses", "relay add 192.0.2.1 192.0.2.2", 2, "too many words: 192.0.2.2", NULL },
		{ "not its option", "relay del 192.0.2.1 --for 1h", 2, "does not take", NULL },
		{ "not an option", "--frobnicate status", 2, "try popauth-milterctl --help", NULL },
		{ "bad address", "block add 192.0.2", 2, "popauth-milterctl: not an address: 192.0.2\n", NULL },
		{ "mistyped reference", "explain R0004-RV89T-X70HX", 2, "or mistyped: R0004-RV89T-X70HX\n", NULL },
		{ "bad term", "block add 192.0.2.1 --for ever", 2, "not a term of 1 s to 10 years", NULL },
		{ "bad configuration", "-c /nonexistent/x rules list", 2, "/nonexistent/x", NULL },
	};
	char words[400], buf[20000];

	(void)state;
	fake_event(&f, EVENT_LOGIN, "192.0.2.1", "alice", NULL);
	fake_event(&f, EVENT_LOGIN, "2001:db8:1:2::5", "b\033[2Job", NULL);
	fake_event(&f, EVENT_RBL, "192.0.2.7", NULL, "zen.example");
	for (size_t i = 0; i < ROWS(rows); i++) {
		int code;

		(void)snprintf(words, sizeof words, "-s %s %s", f.path, rows[i].words);
		code = run(words, buf, sizeof buf);
		if (code != rows[i].code)
			fail_msg("%s: got exit %d, want %d: %s", rows[i].name, code, rows[i].code, buf);
		if (strstr(buf, rows[i].has) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\" in it", rows[i].name, buf, rows[i].has);
		if (rows[i].hasnt != NULL && strstr(buf, rows[i].hasnt) != NULL)
			fail_msg("%s: got \"%s\", with \"%s\" in it", rows[i].name, buf, rows[i].hasnt);
	}
}

static int
run_on(const char *words, char *buf, size_t size)
{
	char with[400];

	(void)snprintf(with, sizeof with, "-s %s %s", f.path, words);
	return run(with, buf, size);
}

static void
wrong_recipient(const char *client, const char *recipient)
{
	struct event ev = { .kind = EVENT_UNKNOWN_USER, .addr = address(client), .time = fake_now(&f),
		.recipient = str_of(recipient), .rule = "test-rule" };

	(void)pipeline_event(&f.pipeline, &f.policy, &ev, ev.time);
}

/* A breaker that is open, and an account that forty clients log in to. */
static void
shows_what_is_wrong(void **state)
{
	static const struct {
		const char *words, *has;
	} rows[] = {
		{ "status", "BREAKER    protocol: 2 clients newly blocked within 1m; since 20" },
		{ "status", "INCIDENTS  3, see popauth-milterctl incidents\n" },
		{ "breaker list", "protocol: 2 clients newly blocked within 1m; since 20" },
		{ "--json breaker list", "\"cause\":\"blocks\",\"kind\":\"protocol\"" },
		{ "incidents", "40 clients log in to mal\\x1blory\n    since 20" },
		{ "incidents", "    among them 192.0.2." },
		{ "--json incidents", "{\"target\":\"login\",\"name\":\"mal\\\\x1blory\"," },
		{ "explain 203.0.113.5", "held      a breaker is open until 20" },
		{ "explain 203.0.113.5", " left): no blocks\n            because protocol: 2 clients newly blocked within 1m\n" },
		{ "breaker reset", "1 closed\n" },
		{ "breaker reset", "no breaker was open\n" },
		{ "breaker list", "no breaker is open\n" },
		{ "explain 203.0.113.6", "  rate 2 of 10 different accounts in 10m (blocks for 1h)  total 3 of 100 in 1d" },
		{ "explain 203.0.113.7", "  rate 2 of 10 different recipients in 1m (blocks for 1h)" },
		{ "explain 203.0.113.5", "  lowered   auth-failure: rate 2 of 4 in 10m, usually of 10\n            because 25 clients "
		    "fail to log in to da\\x1bve, until 20" },
		{ "explain 203.0.112.1", "\n  incident  30 accounts fail to log in from 203.0.112.1, where another login excuses it, until 20" },
		{ "incidents", "30 accounts fail to log in from 203.0.112.1, where another login excuses it\n    since 20" },
		{ "incidents", " 30 accounts now\n" },
		{ "--json incidents", "{\"target\":\"client\",\"name\":\"203.0.112.1\"," },
	};
	char buf[20000];

	(void)state;
	f.policy.breaker_blocks.n = 2;
	assert_int_equal(run_on("incidents", buf, sizeof buf), 0);
	assert_non_null(strstr(buf, "no distributed attack is going on\n"));
	for (unsigned i = 1; i <= 40; i++) {
		char client[32];

		(void)snprintf(client, sizeof client, "192.0.2.%u", i);
		fake_event(&f, EVENT_LOGIN, client, "mal\033lory", NULL);
		(void)snprintf(client, sizeof client, "198.51.100.%u", i);
		for (unsigned k = 0; k < 20 && i <= 2; k++)
			fake_event(&f, EVENT_PROTOCOL, client, NULL, NULL);
	}
	fake_event(&f, EVENT_PROTOCOL, "203.0.113.5", NULL, NULL);
	for (unsigned i = 1; i <= 25; i++) {
		char client[32];

		(void)snprintf(client, sizeof client, "10.1.1.%u", i);
		fake_event(&f, EVENT_AUTH_FAILURE, i == 25 ? "203.0.113.5" : client, "da\033ve", NULL);
	}
	fake_event(&f, EVENT_AUTH_FAILURE, "203.0.113.5", "da\033ve", NULL);
	fake_event(&f, EVENT_LOGIN, "203.0.112.1", "mallory", NULL);
	for (unsigned i = 1; i <= 30; i++) {
		char account[32];

		(void)snprintf(account, sizeof account, "u%u", i);
		fake_event(&f, EVENT_AUTH_FAILURE, "203.0.112.1", account, NULL);
	}
	/* Who has logged in, and then fails. */
	f.now--;
	fake_event(&f, EVENT_LOGIN, "203.0.113.6", "erin", NULL);
	f.now++;
	f.policy.login_credit = false;
	for (unsigned i = 0; i < 3; i++)
		fake_event(&f, EVENT_AUTH_FAILURE, "203.0.113.6", i == 0 ? "erin" : "frank", NULL);
	for (unsigned i = 0; i < 3; i++)
		wrong_recipient("203.0.113.7", i == 0 ? "x@example.org" : "y@example.org");
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (run_on(rows[i].words, buf, sizeof buf) != 0 || strstr(buf, rows[i].has) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\" in it", rows[i].words, buf, rows[i].has);
	}
}

static void
says_that_nobody_is_there(void **state)
{
	char buf[2000];

	(void)state;
	assert_int_equal(run("-s /nonexistent/sock status", buf, sizeof buf), 3);
	assert_non_null(strstr(buf, "/nonexistent/sock: No such file or directory"));
	assert_non_null(strstr(buf, "is popauth-milter running?"));
}

/* A mistake in the configuration is in nobody's way who names the socket. */
static void
can_do_without_a_configuration(void **state)
{
	char path[] = "/tmp/popauth-test.XXXXXX", words[200], buf[2000];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd != -1);
	close(fd);
	write_text(path, "frobnicate = yes\n");
	(void)snprintf(words, sizeof words, "-c %s status", path);
	assert_int_equal(run(words, buf, sizeof buf), 2);
	assert_non_null(strstr(buf, ":1: no such option"));
	assert_non_null(strstr(buf, "the daemon can be asked without this file: -s SOCKET\n"));
	(void)snprintf(words, sizeof words, "-c %s -s %s status", path, f.path);
	assert_int_equal(run(words, buf, sizeof buf), 0);
	(void)snprintf(words, sizeof words, "-c %s rules list", path);
	assert_int_equal(run(words, buf, sizeof buf), 2);
	assert_null(strstr(buf, "-s SOCKET"));
	unlink(path);
}

/* Where the rules should be is said, and what to do. */
static void
says_that_rules_are_missing(void **state)
{
	char path[] = "/tmp/popauth-test.XXXXXX", words[200], buf[2000];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd != -1);
	close(fd);
	write_text(path, "rules_dir = /nonexistent/r\n");
	(void)snprintf(words, sizeof words, "-c %s rules try", path);
	assert_int_equal(run(words, buf, sizeof buf), 2);
	assert_string_equal(buf, "popauth-milterctl: /nonexistent/r: No such file or directory; the rules that come with the "
	    "program should be here: install them, or say in rules_dir where they are\n");
	unlink(path);
}

/* Another program than ours, that listens where ours should. */
struct stranger {
	int listener;
	unsigned lines;	 /* that it says first */
	unsigned length; /* of one more */
	const char *last;
};

static bool
tell(int fd, const char *text, size_t n)
{
	return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void *
speak(void *arg)
{
	static const char line[] = "{\"name\":\"192.0.2.1\",\"text\":\"t\"}\n";
	const struct stranger *s = arg;
	int fd = accept(s->listener, NULL, NULL);
	char *more = xmalloc(s->length + 1), c;
	bool heard;

	memset(more, ' ', s->length + 1);
	assert_int_equal(recv(fd, &c, 1, 0), 1);
	heard = true;
	for (unsigned i = 0; i < s->lines && heard; i++)
		heard = tell(fd, line, sizeof line - 1);
	if (heard && tell(fd, more, s->length))
		(void)tell(fd, s->last, strlen(s->last));
	shutdown(fd, SHUT_WR);
	while (recv(fd, &c, 1, 0) > 0)
		;
	close(fd);
	free(more);
	return NULL;
}

/* What it prints, of what this stranger says. */
static int
ask_stranger(struct stranger *s, const char *command, char *buf, size_t size)
{
	char words[200], dir[] = "/tmp/popauth-test.XXXXXX", path[80];
	struct unixsock_file file;
	struct err e = { "" };
	pthread_t thread;
	int rc, flags = 0;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/sock", dir);
	s->listener = unixsock_listen(path, 0600, (uid_t)-1, (gid_t)-1, &file, &e);
	assert_true(s->listener != -1);
	assert_int_equal(ioctl(s->listener, FIONBIO, &flags), 0);
	assert_int_equal(pthread_create(&thread, NULL, speak, s), 0);
	(void)snprintf(words, sizeof words, "-s %s --json %s", path, command);
	rc = run(words, buf, size);
	pthread_join(thread, NULL);
	close(s->listener);
	unlink(path);
	rmdir(dir);
	return rc;
}

static void
hears_strangers(void **state)
{
	static struct {
		const char *name, *command;
		struct stranger stranger;
		int code;
		const char *want;
	} rows[] = {
		{ "cut", "relay list", { .lines = 1, .last = "{\"cl" }, 3, "the answer is not complete" },
		{ "no last line", "relay list", { .lines = 1, .last = "" }, 3, "the answer is not complete" },
		{ "another language", "relay list", { .last = "* OK IMAP4 ready\r\n" }, 3, "the answer is not understood" },
		{ "exported, too long a line", "export relay-list", { .length = 70000, .last = "{\"end\":0}\n" }, 3, "not understood" },
		{ "many lines", "relay list", { .lines = 10000, .last = "{\"end\":1,\"message\":\"that was all\"}\n" }, 1, "that was all" },
		{ "a long line", "relay list", { .lines = 1, .length = 30000, .last = "{\"end\":0}\n" }, 0, "192.0.2.1" },
		{ "too long a line", "relay list", { .length = 70000, .last = "{\"end\":0}\n" }, 3, "a line of the answer is too long" },
	};
	static char buf[1 << 20];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		row_eq(rows[i].name, ask_stranger(&rows[i].stranger, rows[i].command, buf, sizeof buf), rows[i].code);
		if (strstr(buf, rows[i].want) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].name, buf, rows[i].want);
	}
}

/* "ADDRESS [--for TERM]" as the manual writes it. */
static void
as_mdoc(char *dst, size_t size, const char *name, const char *usage)
{
	char copy[200], *save = NULL;
	size_t n = (size_t)snprintf(dst, size, "\n.It Ic %s", name);

	(void)snprintf(copy, sizeof copy, "%s", usage);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		bool open = *w == '[', shut = w[strlen(w) - 1] == ']', alone = open && shut;

		if (shut)
			w[strlen(w) - 1] = '\0';
		w += open;
		n += (size_t)snprintf(dst + n, size - n, "%s%s %s%s", alone ? " Op" : open ? " Oo" : "",
		    *w == '-' ? " Fl" : *w == '|' ? "" : " Ar", *w == '-' ? w + 1 : w, shut && !alone ? " Oc" : "");
	}
	(void)snprintf(dst + n, size - n, "\n");
}

/* Every command stands in the manual with the arguments that it takes, and in the help. */
static void
is_in_the_manual(void **state)
{
	static char manual[65536], help[16384];
	const char *top = getenv("top_srcdir");
	char path[500], want[400];
	FILE *fp;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/doc/popauth-milterctl.8", top != NULL ? top : ".");
	fp = fopen(path, "r");
	if (fp == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	assert_true(fread(manual, 1, sizeof manual - 1, fp) > 0);
	fclose(fp);
	assert_int_equal(run("--help", help, sizeof help), 0);
	for (unsigned i = 0; i < VERBS; i++) {
		as_mdoc(want, sizeof want, verbs[i].name, verbs[i].usage);
		if (strstr(manual, want) == NULL)
			fail_msg("the manual lacks \"%s\"", want);
		if (strstr(help, verbs[i].name) == NULL)
			fail_msg("the help lacks \"%s\"", verbs[i].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shows, start, control_down),
		cmocka_unit_test_setup_teardown(shows_what_is_wrong, start, control_down),
		cmocka_unit_test(says_that_nobody_is_there),
		cmocka_unit_test_setup_teardown(can_do_without_a_configuration, start, control_down),
		cmocka_unit_test(says_that_rules_are_missing),
		cmocka_unit_test(hears_strangers),
		cmocka_unit_test(is_in_the_manual),
	};

	logmsg_open("test_ctl", false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
