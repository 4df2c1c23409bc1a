/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_trouble.c - popauth-web before a daemon that is not as it should be: what it says is told, and what to do; and what is
 * no event does not come into the stream */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../web/web.h"
#include "page.h"
#include "unixsock.h"

#define NO "{\"end\":2,\"message\":\"no such verb: <b>\"}\n"
#define STATUS "{\"started\":1,\"clients\":{\"known\":1,\"relay\":0,\"cache\":1,\"block\":0}}\n{\"end\":0}\n"

/* What is answered to which verb; the last line is for all others. */
struct script {
	const char *verb, *answer;
};
static const struct script refuses[] = { { NULL, NO } },
	is_old[] = { { "\"status\"", STATUS }, { NULL, NO } },
	has_no_summary[] = { { "\"status\"", STATUS }, { "\"history\"", "{\"end\":0}\n" }, { NULL, NO } },
	is_well[] = { { "\"status\"", STATUS }, { NULL, "{\"end\":0}\n" } },
	is_another[] = { { NULL, "* OK IMAP4 ready\r\n" } },
	breaks_lines[] = { { "\"watch\"", "{\"watching\":true}\n{\"time\":1,\r\"event\":\r\"rbl\"}\r\n"
		"{\"time\":2,\"notice\":\"a\\r\\ndata: forged\"}\n{\"missed\":7}\nno event\r\rdata: {}\n{\"time\":3}\n" },
		{ NULL, NO } },
	tells_nothing[] = { { NULL, "{\"end\":1,\"message\":\"there is nothing to watch\"}\n" } };

struct fake {
	int listener, bell[2];
	struct unixsock_file file;
	const char *path;
	pthread_t thread;
	_Atomic(const struct script *) script;
};

static struct rig r;
static char cookie[100], csrf[60];
static struct fake fake;

static void
serve_one(struct fake *f, int fd)
{
	const struct script *s = f->script;
	char line[8192];
	ssize_t n = recv(fd, line, sizeof line - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	while (s->verb != NULL && strstr(line, s->verb) == NULL)
		s++;
	if (n > 0)
		(void)!send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
	close(fd);
}

static void *
fake_main(void *arg)
{
	struct fake *f = arg;

	for (;;) {
		struct pollfd fds[] = { { .fd = f->listener, .events = POLLIN }, { .fd = f->bell[0], .events = POLLIN } };
		int fd;

		(void)poll(fds, 2, -1);
		if (fds[1].revents != 0)
			return NULL;
		fd = accept(f->listener, NULL, NULL);
		if (fd != -1)
			serve_one(f, fd);
	}
}

static void
fake_start(struct fake *f, const char *path)
{
	struct err e = { "" };

	f->path = path;
	f->listener = unixsock_listen(path, 0600, (uid_t)-1, (gid_t)-1, &f->file, &e);
	if (f->listener == -1)
		fail_msg("%s", e.text);
	assert_int_equal(pipe(f->bell), 0);
	f->script = refuses;
	assert_int_equal(pthread_create(&f->thread, NULL, fake_main, f), 0);
}

static void
fake_stop(struct fake *f)
{
	(void)!write(f->bell[1], "", 1);
	pthread_join(f->thread, NULL);
	close(f->listener);
	close(f->bell[0]);
	close(f->bell[1]);
	unixsock_remove(f->path, &f->file);
}

static int
start(void **state)
{
	(void)state;
	rig_start(&r, NULL);
	rig_stop_daemon(&r);
	fake_start(&fake, r.control);
	rig_login(&r, cookie, csrf);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	fake_stop(&fake);
	rig_stop(&r);
	return 0;
}

/* The page keeps the daemon's status for some seconds, and who leads for longer: nothing is asked for until it is known. */
static int
get_until(const char *path, const char *text)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	int status;

	for (unsigned i = 0; i < 600; i++) {
		status = rig_ask_page(&r, path, NULL, cookie, "", answer, sizeof answer);
		if (strstr(answer, text) != NULL)
			return status;
		nanosleep(&tenth, NULL);
	}
	fail_msg("%s: waited in vain for \"%s\", got %.3000s", path, text, answer);
	return 0;
}

static void
errors_are_shown(void **state)
{
	static const struct {
		const char *name;
		const struct script *script;
		const char *path;
		int status;
		const char *has, *next;
	} rows[] = {
		{ "dashboard", refuses, "/", 502, "no such verb: &lt;b&gt;", "systemctl restart popauth-milter popauth-web" },
		{ "report", refuses, "/report", 502, "no such verb: &lt;b&gt;", "<a class=\"button\" href=\"/report\">Try again" },
		{ "list", refuses, "/cache?page=2", 502, "no such verb: &lt;b&gt;", "href=\"/cache?page=2\">Try again" },
		{ "search", refuses, "/cache?q=x", 400, "no such verb: &lt;b&gt;", "This cannot be searched for" },
		{ "history on the dashboard", is_old, "/", 502, "no such verb: &lt;b&gt;", "systemctl restart" },
		{ "history in the report", is_old, "/report?since=7d", 502, "no such verb", "href=\"/report?since=7d\">Try again" },
		{ "summary", has_no_summary, "/report", 502, "no such verb: &lt;b&gt;", "systemctl restart" },
		{ "another program", is_another, "/", 503, "the answer is not understood", "systemctl status popauth-milter" },
		{ "again", is_well, "/", 200, "data-count=\"cache\">1<", "Is all well" },
		{ "all of it", is_well, "/report", 200, "<h1>Report</h1>", "</html>" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		fake.script = rows[i].script;
		row_eq(rows[i].name, get_until(rows[i].path, rows[i].has), rows[i].status);
		has(rows[i].name, rows[i].next);
	}
}

/* What `status` calls a PROBLEM is one on the dashboard. */
static void
all_that_is_wrong_is_on_the_dashboard(void **state)
{
	static const char status[] =
	    "{\"started\":1,\"clients\":{\"known\":1,\"beyond\":2},\"store\":{\"state\":\"opened\",\"error\":\"disk full\"},"
	    "\"logs\":[{\"path\":\"/l\",\"state\":\"reading\",\"programs\":[{\"program\":\"dovecot\",\"drifted\":1700000000}]}],"
	    "\"firewall\":{\"state\":\"dead\",\"sets\":[{\"name\":\"popauth4\",\"error\":\"is full\"},"
	    "{\"name\":\"popauth6\",\"referenced\":false}]},"
	    "\"allowlist\":{\"error\":\"a:3: <what>\"},\"relay_map\":{\"error\":\"/m: is a directory\"},"
	    "\"gate\":{\"error\":\"not safe\"},\"socketmap\":{\"path\":\"/s\",\"unknown\":7}}\n{\"end\":0}\n";
	static const struct script wrong[] = { { "\"status\"", status }, { NULL, "{\"end\":0}\n" } };
	static const char *const rows[] = { "disk full", "the lines of dovecot are hardly recognised", "there is no helper", "set popauth4: is full",
		"set popauth6: no firewall rule names it",
		"a:3: &lt;what&gt;", "/m: is a directory", "not safe", "asked 7 times for maps that are not there",
		"2 clients have named more recipients" };

	(void)state;
	fake.script = wrong;
	(void)get_until("/", "disk full");
	for (size_t i = 0; i < ROWS(rows); i++)
		has(rows[i], rows[i]);
	if (strstr(answer, "<li class=\"good\"><span class=\"dot\" aria-hidden=\"true\"></span><span><b>Running") == NULL ||
	    strstr(strstr(answer, "<b>Running") + 1, "<li class=\"good\">") != NULL)
		fail_msg("something is shown as well: %.3000s", strstr(answer, "Is all well"));
}

/* The page explains no less than `popauth-milterctl explain`. */
static void
all_that_is_explained_is_on_the_page(void **state)
{
	static const char explain[] =
	    "{\"client\":\"192.0.2.7\",\"verdict\":\"continue\",\"known\":true,\"seen\":1700000000,\"blocks\":3,"
	    "\"ref\":{\"text\":\"R0004-1V89V-GR0NY\",\"time\":1700000000},"
	    "\"relay\":{\"user\":\"anna\",\"since\":1,\"last\":2,\"until\":3,\"logins\":17,\"sent\":5,\"budget\":100,\"beyond\":4},"
	    "\"cache\":{\"kind\":\"rbl\",\"zone\":\"zen.example\",\"since\":1,\"until\":2,\"hits\":23},"
	    "\"counters\":[{\"kind\":\"unknown-user\",\"rate\":{\"have\":2,\"of\":10,\"counts\":\"recipients\",\"span\":60,"
	    "\"term\":3600},\"last\":1700000000}],"
	    "\"lowered\":[{\"kind\":\"auth-failure\",\"have\":2,\"of\":3,\"usually\":11,\"span\":600,\"until\":1700000000,"
	    "\"text\":\"25 clients fail on <bob>\"}],\"lowered_left_out\":2,"
	    "\"held\":[{\"kind\":\"rbl\",\"until\":1700000000,\"holds\":\"blocks\",\"text\":\"a list lists all\"}],\"held_left_out\":6,"
	    "\"incident\":{\"target\":\"client\",\"until\":1700000000,\"accounts\":31,\"text\":\"31 accounts fail from <it>\"},"
	    "\"evidence\":[{\"time\":1,\"event\":\"rbl\",\"rule\":\"x\",\"text\":\"line\",\"file\":\"f\",\"line\":3,\"written\":1700000000}]}\n"
	    "{\"end\":0}\n";
	static const struct script one[] = { { "\"explain\"", explain }, { NULL, NO } };
	static const char *const rows[] = { "(ref R0004-1V89V-GR0NY)", "blocked 3 times", "<dt>Logins</dt><dd>17", "5 of 100, 4 refused",
		"<dt>Hits</dt><dd>23", "2 of 10 different recipients in 1m", "2 of 3 in 10m, usually of 11", "25 clients fail on &lt;bob&gt;",
		"and 2 more", "no blocks", "a list lists all", "and 6 more", "An incident: 31 accounts fail from &lt;it&gt;, until <time", "f:3, written <time" };

	(void)state;
	fake.script = one;
	assert_int_equal(rig_ask_page(&r, "/explain?q=192.0.2.7", NULL, cookie, "", answer, sizeof answer), 200);
	for (size_t i = 0; i < ROWS(rows); i++)
		has(rows[i], rows[i]);
}

/* As in `relay list`. */
static void
what_a_grant_was_used_for_is_listed(void **state)
{
	static const struct script list[] = { { "\"relay list\"", "{\"client\":\"192.0.2.7\",\"user\":\"anna\",\"since\":1,\"until\":2,"
		"\"logins\":3,\"sent\":5,\"budget\":100,\"beyond\":4}\n{\"total\":1}\n{\"end\":0}\n" }, { NULL, NO } };

	(void)state;
	fake.script = list;
	assert_int_equal(rig_ask_page(&r, "/relay", NULL, cookie, "", answer, sizeof answer), 200);
	has("head", "<th scope=\"col\" class=\"num\">Sent</th>");
	has("cell", "data-label=\"Sent\">5 of 100, 4 refused</td>");
}

/* ---- the stream ---- */

struct told {
	unsigned n;
	char text[10][200];
};

static void
note(void *arg, uint64_t number, const char *line)
{
	struct told *t = arg;

	(void)number;
	if (t->n < 10)
		str_copy(t->text[t->n++], sizeof t->text[0], str_of(line));
}

static void
await_state(struct live *l, const char *want)
{
	char text[256] = "";

	for (unsigned i = 0; i < 600; i++) {
		const struct timespec tenth = { .tv_nsec = 100000000 };

		live_state(l, text, sizeof text);
		if (strcmp(text, want) == 0)
			return;
		nanosleep(&tenth, NULL);
	}
	fail_msg("got \"%s\", want \"%s\"", text, want);
}

static void
one_event_is_one_line(void **state)
{
	struct told t = { 0 };
	struct live *l;

	(void)state;
	fake.script = breaks_lines;
	l = live_new(r.control);
	live_want(l);
	await_state(l, "the daemon says something that is not understood");
	fake.script = tells_nothing;
	await_state(l, "there is nothing to watch"); /* it may have connected again before */
	live_recent(l, 9, note, &t);
	assert_int_equal(t.n % 3, 0);
	assert_true(t.n > 0);
	assert_string_equal(t.text[0], "{\"time\":1,\"event\":\"rbl\"}");
	assert_string_equal(t.text[1], "{\"time\":2,\"notice\":\"a\\r\\ndata: forged\"}");
	assert_non_null(strstr(t.text[2], "\"notice\":\"7 events were not shown\"}"));
	assert_int_equal(live_head(l) % 3, 0);
	live_stop(l);
	live_free(l);
}

/* The page does not say that it listens while the daemon tells it nothing. */
static void
why_nothing_comes_is_told(void **state)
{
	static const struct script mute[] = { { "\"status\"", STATUS },
		{ "\"watch\"", "{\"end\":1,\"message\":\"too many are watching\"}\n" }, { NULL, "{\"end\":0}\n" } };
	int fd;

	(void)state;
	fake.script = mute;
	(void)get_until("/", "data-count=\"cache\">1<");
	/* Not in those that come while it asks once more. */
	fd = rig_stream(&r, -1, cookie, "\"error\":\"too many are watching\"", 1, answer, sizeof answer);
	assert_true(fd != -1);
	close(fd);
	has("counts", "event: counts\n");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_shown),
		cmocka_unit_test(all_that_is_wrong_is_on_the_dashboard),
		cmocka_unit_test(all_that_is_explained_is_on_the_page),
		cmocka_unit_test(what_a_grant_was_used_for_is_listed),
		cmocka_unit_test(one_event_is_one_line),
		cmocka_unit_test(why_nothing_comes_is_told),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
