/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_move.c - import and export by the program itself, against a control server in this process */
#include <fcntl.h>
#include <signal.h>

#include "control_rig.h"
#include "files.h"
#include "program.h"

static char work[64];

static int
start(void **state)
{
	struct control_setup s = control_begin();

	(void)state;
	f.now = time(NULL);
	f.policy.relay_for = 3600;
	f.policy.cache_for = 7200;
	(void)strcpy(work, "/tmp/move.XXXXXX");
	return mkdtemp(work) == NULL ? -1 : control_up(&s);
}

static int
stop(void **state)
{
	(void)control_down(state);
	return remove_tree(work);
}

/* What it prints on both outputs, and its exit status; `words` is for the shell, W in them the working directory. */
static int
run(char *buf, size_t size, const char *words)
{
	char cmd[1000];

	(void)snprintf(cmd, sizeof cmd, "W=%s; %s/popauth-milterctl -s %s %s 2>&1", work, built_in(), f.path, words);
	return shell(buf, size, cmd);
}

static void
expect(const char *words, int code, const char *has)
{
	static char buf[100000];
	int rc = run(buf, sizeof buf, words);

	if (rc != code || strstr(buf, has) == NULL)
		fail_msg("%s: got %d \"%s\", want %d \"%s\"", words, rc, buf, code, has);
}

static void
put(const char *name, const char *text, time_t changed)
{
	struct timespec times[2] = { { .tv_sec = changed }, { .tv_sec = changed } };
	char path[200];
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", work, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	if (changed != 0)
		assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void
make_dir(const char *name)
{
	char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", work, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

/* Nobody writes in it: it would be waited for. */
static void
refuses_a_fifo(void **state)
{
	char path[200];
	pid_t writer;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/fifo", work);
	assert_int_equal(mkfifo(path, 0600), 0);
	writer = fork();
	if (writer == 0) { /* the end comes at once to whoever opens it nevertheless */
		(void)close(open(path, O_WRONLY));
		_exit(0);
	}
	expect("import relay-list $W/fifo", 2, "/fifo: is a FIFO, which does not end; give a file, or - ");
	(void)kill(writer, SIGKILL);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
}

struct found {
	bool there;
	uint32_t last, until;
	char user[64];
	uint32_t cached_at, cached_until;
	char zone[100];
};

static void
copy(void *arg, const struct addr *client, const struct record *r)
{
	struct found *fd = arg;

	(void)client;
	fd->there = true;
	if (r->grant != NULL) {
		fd->last = r->grant->last;
		fd->until = r->grant->until;
		str_copy(fd->user, sizeof fd->user, str_of(r->grant->user));
	}
	fd->cached_at = r->cached_at;
	fd->cached_until = r->cached_until;
	str_copy(fd->zone, sizeof fd->zone, str_of(r->cached_zone != NULL ? r->cached_zone : ""));
}

static struct found
known(const char *addr)
{
	struct found fd = { 0 };
	struct addr a = address(addr);

	(void)ledger_view(f.ledger, &f.policy, &a, copy, &fd);
	return fd;
}

/* The term goes on where it was: an hour from the login, or what --for says, and not from now. */
static void
what_is_left(void **state)
{
	long now = (long)f.now;
	char text[1000];

	(void)state;
	(void)snprintf(text, sizeof text,
	    "2025-06-15 alice 192.0.2.1 %ld\n"
	    "2025-06-15 bob 192.0.2.2 %ld\n"
	    "nonsense\n"
	    "\n"
	    "2025-06-15 carol 127.0.0.1 %ld\n"
	    "2025-06-15 dave 192.0.2.4 %ld\n",
	    now - 600, now - 4000, now - 5, now + 500);
	put("access.info", text, 0);
	expect("import access.info $W/access.info", 2, "access.info:3: no address\n");
	assert_int_equal(known("192.0.2.1").until, now - 600 + 3600);
	assert_int_equal(known("192.0.2.1").last, now - 600);
	assert_string_equal(known("192.0.2.1").user, "alice");
	assert_false(known("192.0.2.2").there);
	expect("import access.info $W/access.info", 2,
	    "added 0, known already 1, expired 1, trusted and left out 1, not understood 2\n");
	expect("import access.info $W/access.info", 2, "access.info:6: last (seconds since 1970, not in the future)");
	expect("import access.info $W/access.info --for 30d", 2, "added 2, known already 0, expired 0");
	assert_int_equal(known("192.0.2.2").until, now - 4000 + 30 * 86400);
	expect("relay list", 0, "alice");
}

static void
directories(void **state)
{
	long now = (long)f.now;

	(void)state;
	make_dir("popips");
	put("popips/192.0.2.1", "", now - 60);
	put("popips/192.0.2.2", "bob\n", now - 120);
	put("popips/notes.txt", "x\n", now);
	put("popips/.hidden", "x\n", now);
	make_dir("popips/192.0.2.9");
	expect("import popips $W/popips", 2, "popips/notes.txt: its name is no address\n");
	expect("import popips $W/popips", 2, "popips/192.0.2.9: is not a file\n");
	assert_int_equal(known("192.0.2.1").last, now - 60);
	assert_string_equal(known("192.0.2.2").user, "bob");
	make_dir("rbl_cache");
	put("rbl_cache/192.0.2.7", "zen.example\n", now - 30);
	expect("import rbl_cache $W/rbl_cache", 0, "added 1, known already 0");
	assert_string_equal(known("192.0.2.7").zone, "zen.example");
	assert_int_equal(known("192.0.2.7").cached_until, now - 30 + 7200);
	expect("import relay-list $W/popips", 2, "is a directory, and relay-list is lines");
	expect("import popips $W/nothing", 2, "nothing: No such file");
}

/* A hundred mistakes are named, of which the first tells most; the others are counted. */
static void
names_no_end_of_mistakes(void **state)
{
	static const struct {
		unsigned lines;
		const char *more;
	} rows[] = { { 100, NULL }, { 101, "not named: 1\n" }, { 350, "not named: 250\n" } };
	static char text[350 * 4 + 1], buf[100000];
	char counted[40];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned named = 0;

		for (unsigned k = 0; k < rows[i].lines; k++)
			(void)strcpy(text + k * 4UL, "bad\n");
		put("wrong", text, 0);
		assert_int_equal(run(buf, sizeof buf, "import relay-list $W/wrong"), 2);
		for (const char *at = buf; (at = strstr(at, "/wrong:")) != NULL; at++)
			named++;
		row_eq("named", named, 100);
		if ((strstr(buf, "not named") != NULL) != (rows[i].more != NULL) ||
		    (rows[i].more != NULL && strstr(buf, rows[i].more) == NULL))
			fail_msg("%u lines: got %s", rows[i].lines, buf + (strlen(buf) > 300 ? strlen(buf) - 300 : 0));
		(void)snprintf(counted, sizeof counted, "not understood %u\n", rows[i].lines);
		assert_non_null(strstr(buf, counted));
	}
}

/* Everything, out and in again: the same, entry by entry. */
static void
there_and_back(void **state)
{
	static char before[100000], after[100000];
	long now = (long)f.now;
	char text[2000];

	(void)state;
	(void)snprintf(text, sizeof text,
	    "{\"set\":\"relay\",\"client\":\"192.0.2.1\",\"user\":\"alice\",\"since\":%ld,\"last\":%ld,\"until\":%ld,\"logins\":7}\n"
	    "{\"set\":\"relay\",\"client\":\"2001:db8:1:2::/64\",\"since\":%ld,\"last\":%ld,\"until\":%ld,\"logins\":1}\n"
	    "{\"set\":\"cache\",\"client\":\"192.0.2.7\",\"kind\":\"rbl\",\"zone\":\"zen.example\",\"since\":%ld,\"until\":%ld,\"hits\":3}\n"
	    "{\"set\":\"cache\",\"client\":\"192.0.2.8\",\"kind\":\"hand\",\"reason\":\"a pest\",\"since\":%ld,\"until\":%ld,\"hits\":0}\n"
	    "{\"set\":\"block\",\"client\":\"192.0.2.9\",\"kind\":\"auth-failure\",\"by\":\"rate\",\"since\":%ld,\"until\":%ld,\"blocks\":2}\n"
	    "{\"set\":\"block\",\"client\":\"192.0.2.10\",\"kind\":\"hand\",\"by\":\"hand\",\"reason\":\"x\",\"since\":%ld,\"until\":%ld,\"blocks\":0}\n",
	    now - 900, now - 60, now + 500, now - 9, now - 9, now + 86400, now - 50, now + 700, now - 51, now + 701, now - 52,
	    now + 702, now - 53, now + 703);
	put("all", text, 0);
	expect("import json $W/all", 0, "added 6, known already 0, expired 0, trusted and left out 0, not understood 0\n");
	expect("export json $W/out", 0, "");
	assert_int_equal(run(before, sizeof before, "export json | sort"), 0);
	assert_non_null(strstr(before, "{\"set\":\"relay\",\"client\":\"192.0.2.1\",\"user\":\"alice\","));
	expect("relay flush", 0, "2 taken");
	expect("cache flush", 0, "2 taken");
	expect("block flush", 0, "2 taken");
	expect("import json $W/out", 0, "added 6");
	assert_int_equal(run(after, sizeof after, "export json | sort"), 0);
	assert_string_equal(before, after);
	expect("import json $W/out", 0, "added 0, known already 6");
}

static void
old_forms_and_back(void **state)
{
	static const char *const kinds[] = { "access.info", "relay-list", "popips", "authenticated" };
	static char before[20000], after[20000];
	char words[200];

	(void)state;
	expect("cache flush", 0, "taken");
	for (size_t i = 0; i < ROWS(kinds); i++) {
		fake_event(&f, EVENT_LOGIN, "192.0.2.1", "alice", NULL);
		fake_event(&f, EVENT_LOGIN, "192.0.2.2", NULL, NULL);
		fake_event(&f, EVENT_LOGIN, "2001:db8:1:2::9", "b ob", NULL);
		(void)snprintf(words, sizeof words, "--json relay list | sed 's/.user.:[^,]*,//;s/.logins.:[0-9]*//' | sort");
		assert_int_equal(run(before, sizeof before, words), 0);
		if (i >= 2) {
			make_dir(kinds[i]);
		}
		(void)snprintf(words, sizeof words, "export %s $W/%s", kinds[i], kinds[i]);
		expect(words, 0, "");
		expect("relay flush", 0, "3 taken");
		(void)snprintf(words, sizeof words, "import %s $W/%s", kinds[i], kinds[i]);
		expect(words, 0, "added 3");
		(void)snprintf(words, sizeof words, "--json relay list | sed 's/.user.:[^,]*,//;s/.logins.:[0-9]*//' | sort");
		assert_int_equal(run(after, sizeof after, words), 0);
		row_str_eq(kinds[i], after, before);
		assert_string_equal(known("192.0.2.1").user, "alice");
		expect("relay flush", 0, "3 taken");
	}
}

static void
more_than_a_batch(void **state)
{
	char path[200];
	FILE *out;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/many", work);
	out = fopen(path, "w");
	assert_non_null(out);
	for (unsigned i = 0; i < 5000; i++)
		(void)fprintf(out, "10.1.%u.%u\n", i / 256, i % 256);
	assert_int_equal(fclose(out), 0);
	expect("import relay-list $W/many", 0, "added 5000, known already 0");
	expect("import relay-list - < $W/many", 0, "known already 5000");
	expect("relay flush", 0, "5000 taken");
}

static void
hostile(void **state)
{
	char path[200];
	FILE *out;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/hostile", work);
	out = fopen(path, "w");
	assert_non_null(out);
	(void)fputs("192.0.2.1 - \033[2J\n", out);
	(void)fputs("192.0.2.0/24\n", out);
	for (unsigned i = 0; i < 100000; i++)
		(void)fputs("xxxxxxxxxx", out);
	(void)fputs("\n192.0.2.5 - alice", out);
	assert_int_equal(fclose(out), 0);
	expect("import relay-list $W/hostile", 2, "added 2, known already 0");
	assert_string_equal(known("192.0.2.1").user, "\\x1b[2J");
	expect("import relay-list $W/hostile", 2, "hostile:2: not one client but a network");
	expect("import relay-list $W/hostile", 2, "hostile:3: far too long a line");
	expect("import relay-list $W/hostile", 2, "added 0, known already 2");
	expect("import json $W/hostile", 2, "hostile:1: ");
	put("bad.json", "{\"set\":\"relay\",\"client\":[1]}\n{\"set\":\"x\"}\n"
	    "{\"set\":\"cache\",\"client\":\"192.0.2.3\",\"kind\":\"login\",\"until\":99999999999999}\n", 0);
	expect("import json $W/bad.json", 2, "bad.json:1: ");
	expect("import json $W/bad.json", 2, "bad.json:2: \"set\" is not");
	expect("import json $W/bad.json", 2, "bad.json:3: kind: no offence");
}

static void
usage(void **state)
{
	(void)state;
	expect("import", 2, "takes a kind and a file");
	expect("import frobnicate x", 2, "not access.info, popips");
	expect("import json a b", 2, "too many words: b");
	expect("export", 2, "export takes a kind");
	expect("export json /nonexistent/x", 1, "/nonexistent/x.");
	expect("export json $W", 2, "is a directory, and json is lines");
	expect("export json --for 1h", 2, "does not take");
	expect("-s /nonexistent export json", 3, "cannot be reached");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_left, start, stop),
		cmocka_unit_test_setup_teardown(refuses_a_fifo, start, stop),
		cmocka_unit_test_setup_teardown(directories, start, stop),
		cmocka_unit_test_setup_teardown(names_no_end_of_mistakes, start, stop),
		cmocka_unit_test_setup_teardown(there_and_back, start, stop),
		cmocka_unit_test_setup_teardown(old_forms_and_back, start, stop),
		cmocka_unit_test_setup_teardown(more_than_a_batch, start, stop),
		cmocka_unit_test_setup_teardown(hostile, start, stop),
		cmocka_unit_test_setup_teardown(usage, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
