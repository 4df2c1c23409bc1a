/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top, watch with filters, and what popauth-milterctl shows at a terminal. */
#include <sys/ioctl.h>

#include <fcntl.h>
#include <signal.h>
#include <termios.h>

#include "control_rig.h"
#include "files.h"
#include "logmsg.h"
#include "program.h"

static int
start(void **state)
{
	struct control_setup s = control_begin();

	(void)state;
	pipeline_guard(&f.pipeline, guard_new(), NULL, NULL);
	return control_up(&s);
}

static void
times(unsigned n, enum event_kind kind, const char *client)
{
	static unsigned who;
	char user[32];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(user, sizeof user, "user%u", who++);
		fake_event(&f, kind, client, user, NULL);
	}
}

/* The clients that `top` names, in their order, each with its hits. */
static void
top_of(int fd, const char *args, char *dst, size_t size)
{
	static char buf[65536];
	char line[300];
	size_t n = 0;

	(void)snprintf(line, sizeof line, "{\"verb\":\"top\"%s}", args);
	ask(fd, line);
	row_eq(args, answer(fd, buf, sizeof buf), 0);
	dst[0] = '\0';
	for (const char *p = strstr(buf, "\"client\":\""); p != NULL; p = strstr(p + 1, "\"client\":\"")) {
		const char *hits = strstr(p, "\"hits\":");

		n += (size_t)snprintf(dst + n, size - n, "%.*s=%d ", (int)strcspn(p + 10, "\""), p + 10, atoi(hits + 7));
	}
}

static void
finds_the_worst(void **state)
{
	static const struct {
		const char *name, *args, *want;
	} rows[] = {
		{ "all", "", "192.0.2.3=9 192.0.2.1=7 2001:db8:1:2::/64=5 192.0.2.2=2 " },
		{ "a kind", ",\"kind\":\"protocol\"", "2001:db8:1:2::/64=5 192.0.2.1=3 " },
		{ "two kinds", ",\"kind\":\"protocol,auth-failure\"", "192.0.2.3=9 192.0.2.1=7 2001:db8:1:2::/64=5 192.0.2.2=2 " },
		{ "a client", ",\"client\":\"192.0.2.1\"", "192.0.2.1=7 " },
		{ "a network", ",\"client\":\"192.0.2.0/31\"", "192.0.2.1=7 " },
		{ "a host of a client", ",\"client\":\"2001:db8:1:2::77\"", "2001:db8:1:2::/64=5 " },
		{ "two networks", ",\"client\":\"2001:db8::/32,192.0.2.2\"", "2001:db8:1:2::/64=5 192.0.2.2=2 " },
		{ "both", ",\"client\":\"192.0.2.0/24\",\"kind\":\"protocol\"", "192.0.2.1=3 " },
		{ "lately", ",\"for\":\"1m\"", "192.0.2.2=2 " },
		{ "nobody", ",\"client\":\"198.51.100.1\"", "" },
	};
	char got[400];
	int fd = dial(&f);

	(void)state;
	times(9, EVENT_AUTH_FAILURE, "192.0.2.3");
	times(4, EVENT_AUTH_FAILURE, "192.0.2.1");
	times(3, EVENT_PROTOCOL, "192.0.2.1");
	times(5, EVENT_PROTOCOL, "2001:db8:1:2::5");
	fake_event(&f, EVENT_LOGIN, "192.0.2.4", "alice", NULL);
	f.now += 300;
	times(2, EVENT_AUTH_FAILURE, "192.0.2.2");
	for (size_t i = 0; i < ROWS(rows); i++) {
		top_of(fd, rows[i].args, got, sizeof got);
		row_str_eq(rows[i].name, got, rows[i].want);
	}
	f.now += 3600;
	top_of(fd, "", got, sizeof got);
	row_str_eq("an hour later", got, "");
	close(fd);
}

/* Who goes on beyond its budget stands among them. */
static void
finds_who_sends_too_much(void **state)
{
	struct addr a;
	char got[400];
	int fd = dial(&f);

	(void)state;
	f.policy.relay_budget = 5;
	assert_int_equal(addr_parse(&a, STR("192.0.2.4")), 0);
	fake_event(&f, EVENT_LOGIN, "192.0.2.4", "alice", NULL);
	for (unsigned i = 0; i < 12; i++)
		(void)ledger_spend(f.ledger, &f.policy, &a, f.now);
	times(3, EVENT_AUTH_FAILURE, "192.0.2.1");
	top_of(fd, "", got, sizeof got);
	assert_string_equal(got, "192.0.2.4=7 192.0.2.1=3 ");
	top_of(fd, ",\"kind\":\"auth-failure\"", got, sizeof got);
	assert_string_equal(got, "192.0.2.1=3 ");
	close(fd);
}

/* Of many the worst ones, in their order. */
static void
leaves_the_rest_out(void **state)
{
	char got[2000], want[2000], client[32];
	int fd = dial(&f);
	size_t n = 0;

	(void)state;
	f.policy.kind[EVENT_PROTOCOL].total = (struct threshold){ 100, 86400, 60 };	/* so many are remembered */
	for (unsigned i = 0; i < 60; i++) {
		(void)snprintf(client, sizeof client, "10.0.0.%u", i);
		times(1 + i * 7 % 60, EVENT_PROTOCOL, client);	/* each a number of its own: 7 and 60 share no factor */
	}
	for (unsigned hits = 60; hits > 40; hits--)
		for (unsigned i = 0; i < 60; i++)
			if (1 + i * 7 % 60 == hits)
				n += (size_t)snprintf(want + n, sizeof want - n, "10.0.0.%u=%u ", i, hits);
	top_of(fd, "", got, sizeof got);
	assert_string_equal(got, want);
	close(fd);
}

static void
refuses_bad_filters(void **state)
{
	static const struct {
		const char *args, *want;
	} rows[] = {
		{ ",\"kind\":\"rbl,no\\u001bne\"", "no such kind of event: no\\\\x1bne" },
		{ ",\"kind\":\"\"", "a kind is missing" },
		{ ",\"kind\":7", "a kind is missing" },
		{ ",\"kind\":\",\"", "no such kind of event" },
		{ ",\"client\":\"example.org\"", "is not an address or a network" },
		{ ",\"client\":\"192.0.2.1/24\"", "bits are set behind the prefix" },
		{ ",\"client\":[]", "an address or network is missing" },
		{ ",\"reason\":\"x\"", "takes no" },
	};
	static const char *const verbs[] = { "top", "watch" };
	char line[300], buf[2000];
	int fd = dial(&f);

	(void)state;
	for (size_t i = 0; i < 2 * ROWS(rows); i++) {
		(void)snprintf(line, sizeof line, "{\"verb\":\"%s\"%s}", verbs[i % 2], rows[i / 2].args);
		ask(fd, line);
		row_eq(line, answer(fd, buf, sizeof buf), 2);
		if (strstr(buf, rows[i / 2].want) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\" in it", line, buf, rows[i / 2].want);
	}
	ask(fd, "{\"verb\":\"relay list\",\"kind\":\"rbl\"}");
	row_eq("not its argument", answer(fd, buf, sizeof buf), 2);
	close(fd);
}

static void
watches_some(void **state)
{
	char buf[2000];
	int fd = dial(&f);

	(void)state;
	ask(fd, "{\"verb\":\"watch\",\"kind\":\"rbl,hand\",\"client\":\"192.0.2.0/24,2001:db8::/48\"}");
	hear_line(fd, buf, sizeof buf);
	fake_event(&f, EVENT_PROTOCOL, "192.0.2.1", NULL, NULL);
	fake_event(&f, EVENT_RBL, "198.51.100.1", NULL, "zen.example");
	watch_notice(watch, f.now, "heed this");
	fake_event(&f, EVENT_RBL, "192.0.2.2", NULL, "zen.example");
	fake_event(&f, EVENT_RBL, "2001:db8:0:7::1", NULL, "zen.example");
	hear_line(fd, buf, sizeof buf);
	assert_non_null(strstr(buf, "\"notice\":\"heed this\""));
	hear_line(fd, buf, sizeof buf);
	assert_non_null(strstr(buf, "\"client\":\"192.0.2.2\""));
	hear_line(fd, buf, sizeof buf);
	assert_non_null(strstr(buf, "\"client\":\"2001:db8:0:7::/64\""));
	close(fd);
}

/* ---- at a terminal ---- */

_Noreturn static void
be_ctl(int terminal, const char *const *words)
{
	const char *argv[12] = { "popauth-milterctl", "-s", f.path };
	char path[500];

	for (unsigned i = 0; words[i] != NULL && i < 8; i++)
		argv[3 + i] = words[i];
	(void)snprintf(path, sizeof path, "%s/popauth-milterctl", built_in());
	setsid();
	dup2(terminal, 0);
	dup2(terminal, 1);
	dup2(terminal, 2);
	execv(path, (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Run it at a terminal of that width until it ends, or has printed `until`.  What it has printed, without CRs. */
static void
at_terminal(unsigned short width, const char *const *words, const char *until, char *buf, size_t size)
{
	struct winsize ws = { .ws_row = 24, .ws_col = width };
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	size_t n = 0;
	ssize_t k;
	pid_t pid;

	assert_true(master != -1 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave != -1 && ioctl(slave, TIOCSWINSZ, &ws) == 0);
	pid = fork();
	if (pid == 0)
		be_ctl(slave, words);
	close(slave);
	while ((k = read(master, buf + n, 1)) == 1 && n + 1 < size) {
		n += buf[n] != '\r';
		buf[n] = '\0';
		if (until != NULL && strstr(buf, until) != NULL)
			break;
	}
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(master);
}

static void
fits_the_terminal(void **state)
{
	static const char *const list[] = { "block", "list", NULL };
	char narrow[8000], wide[8000], line[400];
	struct str text;
	unsigned lines = 0;

	(void)state;
	fake_event(&f, EVENT_LOGIN, "192.0.2.9", NULL, NULL);
	(void)pipeline_add(&f.pipeline, &f.policy, SET_BLOCK, &(struct addr){ { [10] = 0xff, 0xff, 192, 0, 2, 66 } }, f.now, 1000000000,
	    STR("\xc3\xa4 reason that is so long that hardly any terminal of this world has room for it, or for half of it"));
	at_terminal(60, list, NULL, narrow, sizeof narrow);
	at_terminal(300, list, NULL, wide, sizeof wide);
	assert_non_null(strstr(narrow, "\033[1mCLIENT"));
	assert_non_null(strstr(narrow, "\xe2\x80\xa6\n"));
	assert_non_null(strstr(wide, "or for half of it\n"));
	for (text = str_of(narrow); text.n > 0; lines++) {
		const char *nl = memchr(text.p, '\n', text.n);
		size_t shown = 0, n = nl != NULL ? (size_t)(nl - text.p) : text.n;

		str_copy(line, sizeof line, (struct str){ text.p, n });
		for (const char *p = line; *p != '\0'; p++) {
			if (*p == '\033')
				p += strcspn(p, "m");
			else
				shown += ((unsigned char)*p & 0xc0) != 0x80;
		}
		if (shown > 60)
			fail_msg("a line of %zu characters at a terminal of 60: %s", shown, line);
		text = (struct str){ text.p + n + (nl != NULL), text.n - n - (nl != NULL) };
	}
	assert_int_equal(lines, 2);
	setenv("NO_COLOR", "1", 1);
	at_terminal(60, list, NULL, narrow, sizeof narrow);
	assert_null(strchr(narrow, '\033'));
	unsetenv("NO_COLOR");
}

/* It comes again, from the upper left corner. */
static void
top_lives(void **state)
{
	static const char *const top[] = { "top", "--kind", "rbl,protocol", NULL };
	char buf[8000];

	(void)state;
	f.now = time(NULL);
	times(3, EVENT_PROTOCOL, "192.0.2.1");
	times(5, EVENT_AUTH_FAILURE, "192.0.2.2");
	at_terminal(80, top, "\033[2J", buf, sizeof buf);
	assert_non_null(strstr(buf, "192.0.2.1  3     protocol  3        20"));
	assert_null(strstr(buf, "192.0.2.2"));
}

/* As soon as somebody looks. */
static void *
misbehave(void *arg)
{
	(void)arg;
	while (watch_watchers(watch) == 0)
		sched_yield();
	times(20, EVENT_PROTOCOL, "192.0.2.1");
	return NULL;
}

static void
watch_is_coloured(void **state)
{
	static const char *const words[] = { "watch", NULL };
	char buf[8000];
	pthread_t thread;

	(void)state;
	f.now = time(NULL);
	assert_int_equal(pthread_create(&thread, NULL, misbehave, NULL), 0);
	at_terminal(80, words, "blocked", buf, sizeof buf);
	pthread_join(thread, NULL);
	if (strstr(buf, "\033[31mprotocol         \033[0m 192.0.2.1") == NULL)
		fail_msg("got %s", buf);
}

/* ---- JSON of what the program does itself ---- */

/* The last line of its output, and its exit status. */
static int
last_line(const char *command, char *line, size_t size)
{
	char buf[8192], *last;
	int code = shell(buf, sizeof buf, command);
	size_t n = strlen(buf);

	if (n > 0 && buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	last = strrchr(buf, '\n');
	(void)snprintf(line, size, "%s", last != NULL ? last + 1 : buf);
	return code;
}

static void
rules_in_json(void **state)
{
	static const struct {
		const char *words;
		int code;
		const char *want;
	} rows[] = {
		{ "rules list", 0, "{\"rule\":\"only\",\"file\":\"/tmp/popauth-" },
		{ "rules test", 1, "{\"wrong\":1}" },
		{ "rules check", 0, "{\"wrong\":0}" },
	};
	static const char rules[] = "program x\n\nrule only policy\nmatch {client} came\nsample Jan  2 03:04:05 mx x: 192.0.2.1 came\n"
				    "expect policy 192.0.2.2\n";
	char dir[] = "/tmp/popauth-test.XXXXXX", command[600], line[600], path[100];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/x.rules", dir);
	write_text(path, rules);
	(void)snprintf(path, sizeof path, "%s/conf", dir);
	(void)snprintf(line, sizeof line, "rules_dir = \"%s\"\nrules_local = \"\"\n", dir);
	write_text(path, line);
	for (size_t i = 0; i < ROWS(rows); i++) {
		(void)snprintf(command, sizeof command, "%s/popauth-milterctl -c %s --json %s 2>&1", built_in(), path, rows[i].words);
		row_eq(rows[i].words, last_line(command, line, sizeof line), rows[i].code);
		if (strncmp(line, rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].words, line, rows[i].want);
	}
	assert_int_equal(remove_tree(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_the_worst, start, control_down),
		cmocka_unit_test_setup_teardown(finds_who_sends_too_much, start, control_down),
		cmocka_unit_test_setup_teardown(leaves_the_rest_out, start, control_down),
		cmocka_unit_test_setup_teardown(refuses_bad_filters, start, control_down),
		cmocka_unit_test_setup_teardown(watches_some, start, control_down),
		cmocka_unit_test_setup_teardown(fits_the_terminal, start, control_down),
		cmocka_unit_test_setup_teardown(top_lives, start, control_down),
		cmocka_unit_test_setup_teardown(watch_is_coloured, start, control_down),
		cmocka_unit_test(rules_in_json),
	};

	(void)unsetenv("NO_COLOR");
	(void)setenv("TERM", "xterm", 1);
	(void)alarm(300); /* who prints nothing more, and does not end */
	logmsg_open("test_live", false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
