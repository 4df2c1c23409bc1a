/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logs of the past, of known contents: who was granted, cached and blocked, and when; and what is odd about them. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "simulate.h"
#include "pack.h"
#include "unit.h"

#define T0	((time_t)1767225600) /* 2026-01-01 00:00:00 UTC */
#define PRESENT (T0 + 300 * 86400)
#define DAY	86400

static char dir[] = "/tmp/popauth-simulate-XXXXXX";

/* --- a log in the making --- */

static FILE *out;

static const char *
path_of(const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, 128, "%s/%s", dir, name);
	return p;
}

static void
begin(const char *name)
{
	assert_non_null(out = fopen(path_of(name), "w"));
}

static void
end(void)
{
	assert_int_equal(fclose(out), 0);
}

enum form { WITH_YEAR, WITHOUT_YEAR };

static void
head(enum form form, time_t at)
{
	char stamp[40];
	struct tm tm;

	assert_true(strftime(stamp, sizeof stamp, form == WITH_YEAR ? "%FT%TZ" : "%b %e %T", gmtime_r(&at, &tm)) > 0);
	(void)fprintf(out, "%s mx ", stamp);
}

static enum form form = WITH_YEAR;

static void
login(time_t at, const char *client, const char *user)
{
	head(form, at);
	(void)fprintf(out, "dovecot: imap-login: Login: user=<%s>, method=PLAIN, rip=%s, lip=203.0.113.1, TLS\n", user,
	    client);
}

static void
listed(time_t at, const char *client)
{
	head(form, at);
	(void)fprintf(out, "postfix/smtpd[%d]: NOQUEUE: reject: RCPT from x.example.com[%s]: 554 5.7.1 Service unavailable; "
	    "Client host [%s] blocked using zen.example.org; from=<x@example.com> to=<a@example.org> proto=ESMTP helo=<x>\n",
	    (int)(at % 30000), client, client);
}

static void
failed(time_t at, const char *client, const char *user)
{
	head(form, at);
	(void)fprintf(out, "postfix/smtpd[811]: warning: x.example.com[%s]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, "
	    "sasl_username=%s\n", client, user);
}

static void
probe(time_t at, const char *client)
{
	head(form, at);
	(void)fprintf(out, "postfix/smtpd[811]: NOQUEUE: reject: RCPT from x.example.com[%s]: 554 5.7.1 <a@example.com>: "
	    "Relay access denied; from=<x@example.com> to=<a@example.com> proto=ESMTP helo=<x>\n", client);
}

static void
probes(time_t at, const char *client, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		probe(at + (time_t)i, client);
}

static void
mail(time_t at, const char *client, const char *qid)
{
	head(form, at);
	(void)fprintf(out, "postfix/smtpd[811]: %s: client=x.example.com[%s]\n", qid, client);
	head(form, at);
	(void)fprintf(out, "postfix/qmgr[9]: %s: from=<x@example.com>, size=900, nrcpt=1 (queue active)\n", qid);
}

/* --- a run --- */

static struct conf *
conf_with(const char *options)
{
	FILE *f = fopen(path_of("conf"), "w");
	struct conf *c;
	struct err e;

	assert_non_null(f);
	(void)fprintf(f, "own_names = {}\n%s\n", options);
	assert_int_equal(fclose(f), 0);
	c = conf_read(path_of("conf"), &e);
	if (c == NULL)
		fail_msg("%s", e.text);
	return c;
}

static struct conf *conf, *other;
static struct simulate *sim;
static struct simulate_side side;
static struct simulate_counts counts;

static struct rules *
shipped(void)
{
	const char *src = getenv("top_srcdir");
	struct rules *rules = NULL;
	char path[512];
	struct err e;

	(void)snprintf(path, sizeof path, "%s/rules", src == NULL ? "." : src);
	if (rules_load((const char *const[]){ path, NULL }, &rules, &e) == -1)
		fail_msg("%s", e.text);
	return rules;
}

/* NULL: it cannot be opened. */
static int
run(const char *const *names, struct err *e)
{
	char *logs[8] = { NULL }, paths[8][128];
	struct simulate_setup setup = { .conf = conf, .other = other, .logs = logs, .present = PRESENT };
	int rc;

	for (size_t i = 0; names[i] != NULL; i++) {
		(void)snprintf(paths[i], sizeof paths[i], "%s/%s", dir, names[i]);
		logs[i] = paths[i];
	}
	setup.rules = shipped();
	sim = simulate_open(&setup, e);
	if (sim == NULL)
		return -2;
	rc = simulate_run(sim);
	simulate_side(sim, 0, &side);
	simulate_counts(sim, &counts);
	return rc;
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL }, NULL)

static const struct seen_client *
of(const char *client)
{
	static const struct seen_client nobody;
	struct addr a = address(client);
	const struct seen_client *c = simulate_client(sim, 0, &a);

	return c == NULL ? &nobody : c;
}

static const struct seen_block *
block_of(const char *client)
{
	assert_true(of(client)->blocks > 0);
	return &side.blocks[of(client)->block];
}

static int
set_up(void **state)
{
	(void)state;
	form = WITH_YEAR;
	conf = conf_with("");
	other = NULL;
	sim = NULL;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	simulate_free(sim);
	conf_put(conf);
	conf_put(other);
	return 0;
}

/* --- the tests --- */

static void
tells_who_when_and_why(void **state)
{
	(void)state;
	begin("log");
	login(T0, "192.0.2.1", "anna");
	listed(T0 + 5, "192.0.2.9");
	login(T0 + 60, "192.0.2.1", "anna@example.org");
	probes(T0 + 100, "192.0.2.66", 12);
	probes(T0 + 200, "192.0.2.7", 9);
	listed(T0 + 3000, "192.0.2.9");
	listed(T0 + 100000, "192.0.2.9");
	login(T0 + 4 * DAY, "192.0.2.1", "anna@example.org");
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(counts.lines, 27);
	assert_int_equal(counts.matched, 27);
	assert_int_equal(counts.first, T0);
	assert_int_equal(counts.last, T0 + 4 * DAY);
	assert_int_equal(of("192.0.2.1")->grants, 3);
	assert_int_equal(of("192.0.2.1")->granted_first, T0);
	assert_int_equal(of("192.0.2.1")->granted_last, T0 + 4 * DAY);
	assert_int_equal(of("192.0.2.1")->user_len, strlen("anna@example.org"));
	assert_memory_equal(of("192.0.2.1")->user, "anna@example.org", of("192.0.2.1")->user_len);
	assert_int_equal(of("192.0.2.9")->cached_first, T0 + 5);
	assert_int_equal(of("192.0.2.9")->cached_last, T0 + 100000);
	assert_int_equal(of("192.0.2.9")->cached_hits, 3);
	assert_string_equal(of("192.0.2.9")->cached_zone, "zen.example.org");
	assert_int_equal(of("192.0.2.66")->blocks, 1);
	assert_int_equal(block_of("192.0.2.66")->at, T0 + 109);
	assert_int_equal(block_of("192.0.2.66")->term, 3600);
	assert_int_equal(block_of("192.0.2.66")->kind, EVENT_RELAY_DENIED);
	assert_int_equal(block_of("192.0.2.66")->by, BY_RATE);
	assert_int_equal(of("192.0.2.7")->blocks, 0);
	assert_int_equal(side.kinds[EVENT_RELAY_DENIED], 21);
}

static void
merges_by_time(void **state)
{
	(void)state;
	begin("one");
	for (unsigned i = 0; i < 10; i += 2)
		probe(T0 + (time_t)i, "192.0.2.66");
	probes(T0 + 20, "192.0.2.8", 5);
	probes(T0 + 40, "192.0.2.8", 5);
	probes(T0 + DAY, "192.0.2.7", 5);
	end();
	begin("two");
	for (unsigned i = 1; i < 10; i += 2)
		probe(T0 + (time_t)i, "192.0.2.66");
	login(T0 + 30, "192.0.2.8", "anna");
	probes(T0 + DAY, "192.0.2.7", 5);
	end();
	assert_int_equal(RUN("two", "one"), 0);
	assert_int_equal(block_of("192.0.2.66")->at, T0 + 9);
	assert_int_equal(block_of("192.0.2.7")->at, T0 + DAY + 4);
	assert_int_equal(of("192.0.2.8")->blocks, 0);
	assert_int_equal(counts.late, 0);
}

/* A year of packed logs, named in any order, their years told by nothing but the time of change of the newest. */
static void
reads_rotated_logs(void **state)
{
	static const char *const methods[] = { "gz", "xz", "zst", "bz2" };
	struct timespec written[2] = { { .tv_sec = T0 + 17 * DAY }, { .tv_sec = T0 + 17 * DAY } };
	char name[32];

	(void)state;
	form = WITHOUT_YEAR;
	for (unsigned i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof name, "mail.log.%u", 4 - i);
		begin(name);
		for (unsigned k = 0; k < 3; k++)
			listed(T0 + (-20 + (time_t)i * 10) * DAY + (time_t)k * 3 * DAY, i == 3 ? "192.0.2.8" : "192.0.2.9");
		end();
		assert_int_equal(utimensat(AT_FDCWD, path_of(name), written, 0), 0);
		if (i < 3)
			assert_int_equal(pack(path_of(name), methods[i], false), 0);
	}
	assert_int_equal(RUN("mail.log.1", "mail.log.2.zst", "mail.log.4.gz", "mail.log.3.xz"), 0);
	assert_int_equal(counts.lines, 12);
	assert_int_equal(of("192.0.2.9")->cached_first, T0 - 20 * DAY);
	assert_int_equal(of("192.0.2.9")->cached_last, T0 + 6 * DAY);
	assert_int_equal(of("192.0.2.8")->cached_last, T0 + 16 * DAY);
	assert_int_equal(counts.late + counts.set_back + counts.future + counts.gaps, 0);
}

/* A log of last year, just copied, that goes past today's date. */
static void
finds_the_year(void **state)
{
	time_t first = PRESENT - 370 * DAY;

	(void)state;
	form = WITHOUT_YEAR;
	begin("log");
	for (unsigned i = 0; i < 20; i++)
		listed(first + (time_t)i * DAY, "192.0.2.9");
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(of("192.0.2.9")->cached_first, first);
	assert_int_equal(of("192.0.2.9")->cached_last, first + 19 * DAY);
	assert_int_equal(counts.late + counts.set_back + counts.future, 0);
}

/* Of two logs of last year, just copied, the older one alone could be of this year. */
static void
finds_the_year_of_rotated_logs(void **state)
{
	time_t there = PRESENT - 365 * DAY;

	(void)state;
	form = WITHOUT_YEAR;
	begin("mail.log.2");
	listed(there - 18 * DAY, "192.0.2.9");
	listed(there - 8 * DAY, "192.0.2.9");
	end();
	assert_int_equal(pack(path_of("mail.log.2"), "gz", false), 0);
	begin("mail.log.1");
	listed(there - 3 * DAY, "192.0.2.9");
	listed(there + 5 * DAY, "192.0.2.9");
	end();
	assert_int_equal(RUN("mail.log.1", "mail.log.2.gz"), 0);
	assert_int_equal(of("192.0.2.9")->cached_first, there - 18 * DAY);
	assert_int_equal(of("192.0.2.9")->cached_last, there + 5 * DAY);
	assert_int_equal(counts.late + counts.set_back + counts.future + counts.gaps, 0);
}

/* Each line leaps, and looking at those behind it moves some of them. */
static void
looks_ahead_anywhere(void **state)
{
	char client[40], user[40];

	(void)state;
	begin("log");
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(client, sizeof client, "198.18.%u.%u", i / 250, i % 250);
		(void)snprintf(user, sizeof user, "u%u", i);
		login(T0 + (time_t)i * 4000, client, user);
	}
	end();
	assert_int_equal(RUN("log"), 0);
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(client, sizeof client, "198.18.%u.%u", i / 250, i % 250);
		(void)snprintf(user, sizeof user, "u%u", i);
		row_eq(client, of(client)->granted_first, T0 + (time_t)i * 4000);
		row_eq(client, of(client)->user_len, strlen(user));
		assert_memory_equal(of(client)->user, user, strlen(user));
	}
	assert_int_equal(side.nclients, 5000);
}

/* What a clock may do. */
static void
keeps_its_clock(void **state)
{
	static const struct {
		const char *name;
		time_t odd[3]; /* times of the odd lines in the middle, since T0; 0 ends */
		time_t rest;   /* when the lines behind them are */
		uint64_t late, future, outliers, set_back, gaps;
		time_t at;     /* when an odd line is judged */
	} rows[] = {
		{ "a line from the future", { 5000 * DAY }, 20, 0, 1, 1, 0, 0, 14 },
		{ "two of them", { 5000 * DAY, 5001 * DAY }, 20, 0, 2, 2, 0, 0, 14 },
		{ "a line far ahead, before the present", { 90 * DAY }, 20, 0, 0, 1, 0, 0, 14 },
		{ "a line of the past", { -90 * DAY }, 20, 1, 0, 0, 0, 0, -T0 }, /* over long ago: nothing was granted */
		{ "a line of a while ago", { -300 }, 20, 1, 0, 0, 0, 0, -300 },
		{ "a second late", { 13 }, 20, 1, 0, 0, 0, 0, 13 },
		{ "a gap of months", { 200 * DAY }, 200 * DAY + 1, 0, 0, 0, 0, 1, 200 * DAY },
		{ "a gap of hours", { 20000 }, 20001, 0, 0, 0, 0, 0, 20000 },
		{ "set back for good", { -9000 }, -8999, 0, 0, 0, 1, 0, -9000 },
		{ "the clock goes wrong for good", { 5000 * DAY }, 5000 * DAY + 1, 0, 16, 16, 0, 0, 14 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		begin("log");
		probes(T0, "192.0.2.1", 15);
		for (unsigned k = 0; k < 3 && rows[i].odd[k] != 0; k++)
			login(T0 + rows[i].odd[k], "192.0.2.2", "anna");
		probes(T0 + rows[i].rest, "192.0.2.3", 15);
		end();
		assert_int_equal(RUN("log"), 0);
		row_eq(rows[i].name, counts.late, rows[i].late);
		row_eq(rows[i].name, counts.future, rows[i].future);
		row_eq(rows[i].name, counts.outliers, rows[i].outliers);
		row_eq(rows[i].name, counts.set_back, rows[i].set_back);
		row_eq(rows[i].name, counts.gaps, rows[i].gaps);
		row_eq(rows[i].name, of("192.0.2.2")->granted_first, T0 + rows[i].at);
		row_eq(rows[i].name, block_of("192.0.2.1")->at, T0 + 9);
		row_eq(rows[i].name, block_of("192.0.2.3")->at, T0 + (rows[i].rest > 5000 * DAY ? 14 : rows[i].rest + 9));
		simulate_free(sim);
		sim = NULL;
	}
}

/* However many agree: nobody wrote to a log after the present, neither at its beginning nor in its middle. */
static void
does_not_believe_in_the_future(void **state)
{
	(void)state;
	begin("log");
	for (unsigned i = 0; i < 20; i++)
		login(T0 + 5000 * DAY + (time_t)i, "192.0.2.2", "anna");
	login(T0, "192.0.2.1", "anna");
	for (unsigned i = 0; i < 20; i++)
		login(T0 + 5000 * DAY + (time_t)i, "192.0.2.2", "anna");
	probes(T0 + 10, "192.0.2.66", 10);
	login(T0 + 60, "192.0.2.3", "bob");
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(counts.future, 40);
	assert_int_equal(counts.first, T0);
	assert_int_equal(counts.last, T0 + 60);
	assert_int_equal(counts.late + counts.set_back + counts.gaps, 0);
	assert_int_equal(of("192.0.2.2")->granted_first, T0);
	assert_int_equal(of("192.0.2.2")->granted_last, T0);
	assert_int_equal(block_of("192.0.2.66")->at, T0 + 19);
	assert_int_equal(of("192.0.2.3")->granted_first, T0 + 60);
}

/* Nothing else tells the time. */
static void
has_a_future_only(void **state)
{
	(void)state;
	begin("log");
	for (unsigned i = 0; i < 20; i++)
		login(T0 + 5000 * DAY + (time_t)i, "192.0.2.2", "anna");
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(counts.future, 20);
	assert_int_equal(counts.last, -1);
	assert_int_equal(of("192.0.2.2")->granted_first, PRESENT);
	assert_int_equal(of("192.0.2.2")->granted_last, PRESENT);
}

/* Half of the clients of six windows are listed, until LEARNED seconds later: that is usual. */
#define LEARNED 5700
static void
usual(time_t from)
{
	char client[40];

	for (unsigned i = 0; i < 180; i++) {
		time_t at = from + i / 30 * 900 + i % 30 * 10;

		(void)snprintf(client, sizeof client, "203.0.113.%u", i);
		listed(at, client);
		(void)snprintf(client, sizeof client, "100.200.1.%u", i);
		probes(at, client, 1);
	}
}

/* What has no time of its own is from when the lines around it are, not from before the clock was set back. */
static void
follows_a_clock_that_is_set_back(void **state)
{
	(void)state;
	begin("log");
	probes(T0 + 50 * DAY, "192.0.2.1", 15);
	probes(T0, "192.0.2.7", 1);
	probes(T0 + 3600, "192.0.2.7", 15);
	usual(T0 + 4000);
	for (unsigned i = 0; i < 110; i++) { /* a breaker, at the time that the clock now has */
		char client[40];

		(void)snprintf(client, sizeof client, "198.51.100.%u", i);
		listed(T0 + 4000 + LEARNED + (time_t)i, client);
	}
	login(T0 + 20000, "192.0.2.3", "bob");
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(counts.set_back, 1);
	assert_true(side.nnotices >= 2); /* opened and closed again */
	assert_in_range(side.notices[side.nnotices - 1].time, T0 + 4000 + LEARNED + 3600, T0 + 20000);
}

static void
counts_what_it_cannot_use(void **state)
{
	(void)state;
	begin("log");
	probes(T0, "192.0.2.66", 9);
	(void)fputs("\n\1\2\3\n<22>garbage\n", out);
	for (unsigned i = 0; i < 300000; i++)
		(void)fputc('x', out);
	(void)fputs("\ndovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.1, lip=203.0.113.1, TLS\n", out);
	probe(T0 + 9, "192.0.2.66");
	(void)fputs("mx dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.2, lip=203.0.113.1", out);
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(counts.lines, 16);
	assert_int_equal(counts.headless, 3);
	assert_int_equal(counts.too_long, 1);
	assert_int_equal(counts.undated, 2);
	assert_int_equal(block_of("192.0.2.66")->at, T0 + 9);
	assert_int_equal(of("192.0.2.1")->granted_first, T0 + 8);
	assert_int_equal(of("192.0.2.2")->granted_first, T0 + 9);
}

/* The first line with a time is far behind the first. */
static void
learns_the_time_late(void **state)
{
	(void)state;
	begin("log");
	for (unsigned i = 0; i < 10000; i++)
		(void)fprintf(out, "other: %u blanks and more of them, until the buffer is full\n", i);
	(void)fputs("dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.1, lip=203.0.113.1, TLS\n", out);
	probes(T0 + 5000 * DAY, "192.0.2.7", 1);
	probes(T0, "192.0.2.66", 10);
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(counts.undated, 10001);
	assert_int_equal(counts.outliers, 1);
	assert_int_equal(counts.first, T0);
	assert_int_equal(counts.last, T0 + 9);
	assert_int_equal(of("192.0.2.1")->granted_first, PRESENT);
	assert_int_equal(block_of("192.0.2.66")->at, T0 + 9);
}

/* Cut off in the middle: what is before counts, half a line does not. */
static void
reads_what_it_can(void **state)
{
	struct simulate_log log;
	struct stat st;

	(void)state;
	begin("log");
	srand(7);
	probes(T0, "192.0.2.66", 10);
	for (unsigned i = 0; i < 20000; i++) {
		head(form, T0 + 20);
		(void)fprintf(out, "%d.other:\n", rand());
	}
	login(T0 + 21, "192.0.2.1", "anna");
	end();
	assert_int_equal(pack(path_of("log"), "gz", false), 0);
	assert_int_equal(stat(path_of("log.gz"), &st), 0);
	assert_int_equal(truncate(path_of("log.gz"), st.st_size / 2), 0);
	begin("good");
	login(T0, "192.0.2.2", "bob");
	end();
	assert_int_equal(RUN("log.gz", "good"), -1);
	assert_int_equal(of("192.0.2.66")->blocks, 1);
	assert_int_equal(of("192.0.2.1")->grants, 0);
	assert_int_equal(of("192.0.2.2")->grants, 1);
	assert_int_equal(simulate_log(sim, 0, &log), 2);
	assert_non_null(log.error);
	assert_in_range(log.lines, 5000, 15000);
	assert_int_equal(counts.headless, 0);
	(void)simulate_log(sim, 1, &log);
	assert_null(log.error);
	assert_int_equal(truncate(path_of("log.gz"), 12), 0);
	simulate_free(sim);
	assert_int_equal(RUN("log.gz", "good"), -1);
	assert_int_equal(counts.lines, 1);
}

static void
refuses_what_it_cannot_read(void **state)
{
	struct err e;

	(void)state;
	begin("log");
	login(T0, "192.0.2.1", "anna");
	end();
	assert_int_equal(run((const char *const[]){ "log", "none", NULL }, &e), -2);
	assert_non_null(strstr(e.text, "/none: No such file"));
	assert_int_equal(run((const char *const[]){ "log", "../", NULL }, &e), -2);
	assert_non_null(strstr(e.text, "is a directory"));
	assert_int_equal(symlink("log", path_of("again")), 0);
	assert_int_equal(run((const char *const[]){ "log", "again", NULL }, &e), -2);
	assert_non_null(strstr(e.text, "/again: is given twice"));
	assert_int_equal(run((const char *const[]){ NULL }, &e), -2);
}

/* A log in which nobody writes would be waited for; the end of one that somebody writes would never come. */
static void
refuses_a_fifo(void **state)
{
	char piped[40];
	struct err e;
	int ends[2], rc;
	pid_t writer;

	(void)state;
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	writer = fork();
	if (writer == 0) { /* the end comes at once to whoever opens it nevertheless */
		(void)close(open(path_of("fifo"), O_WRONLY));
		_exit(0);
	}
	rc = run((const char *const[]){ "fifo", NULL }, &e);
	(void)kill(writer, SIGKILL);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	assert_int_equal(rc, -2);
	assert_non_null(strstr(e.text, "/fifo: is a FIFO"));
	assert_int_equal(pipe(ends), 0); /* as the shell's <(command) */
	assert_int_equal(write(ends[1], "\n", 1), 1);
	assert_int_equal(close(ends[1]), 0);
	(void)snprintf(piped, sizeof piped, "../..//proc/self/fd/%d", ends[0]);
	assert_int_equal(RUN(piped), 0);
	assert_int_equal(close(ends[0]), 0);
}

/* While logrotate packs a log, its packed copy is there, too, or the beginning of it. */
static void
refuses_copies(void **state)
{
	struct err e;

	(void)state;
	begin("mail.log.1");
	probes(T0, "192.0.2.66", 10);
	end();
	assert_int_equal(pack(path_of("mail.log.1"), "gz", true), 0);
	assert_int_equal(run((const char *const[]){ "mail.log.1", "mail.log.1.gz", NULL }, &e), -2);
	assert_non_null(strstr(e.text, "/mail.log.1.gz: is given twice: "));
	assert_non_null(strstr(e.text, "/mail.log.1 begins with the same lines"));
	begin("mail.log.1");
	probes(T0, "192.0.2.66", 200);
	end();
	begin("longer");
	probes(T0, "192.0.2.66", 300);
	end();
	assert_int_equal(run((const char *const[]){ "mail.log.1", "longer", NULL }, &e), -2);
	assert_non_null(strstr(e.text, "/longer: is given twice"));
	begin("empty");
	end();
	begin("empty too");
	end();
	assert_int_equal(RUN("empty", "empty too", "mail.log.1.gz", "mail.log.1"), 0); /* which has changed */
}

static void
tells_whom_it_would_harm(void **state)
{
	(void)state;
	begin("log");
	mail(T0, "192.0.2.66", "4F0A21C0A7F");
	mail(T0 + 1, "192.0.2.66", "4bXyZk1Pz1z9nY");
	head(form, T0 + 2);
	(void)fprintf(out, "postfix/smtpd[811]: 4F0A21C0A80: client=x.example.com[192.0.2.66]\n"); /* and no more */
	head(form, T0 + 3);
	(void)fprintf(out, "sm-mta[9]: 402348aB000811: from=<x, relay=[192.0.2.1]>, size=9, nrcpts=1, relay=h [192.0.2.67]\n");
	head(form, T0 + 4);
	(void)fprintf(out, "sm-mta[9]: 402348aB000811: to=<a@example.org>, delay=00:00:01, mailer=local, stat=Sent\n");
	head(form, T0 + 4);
	(void)fprintf(out, "sm-mta[9]: 402348aB000811: to=<b@example.org>, delay=00:00:01, mailer=local, stat=Sent\n");
	(void)fprintf(out, "postfix/smtpd[811]: 4F0A21C0A81: client=x.example.com[192.0.2.68]\n"); /* no host */
	(void)fprintf(out, "postfix/qmgr[9]: 4F0A21C0A81: from=<>, size=900, nrcpt=1 (queue active)\n");
	probes(T0 + 10, "192.0.2.66", 10);
	login(T0 + 100, "192.0.2.66", "anna");
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(of("192.0.2.68")->mails, 1);
	assert_int_equal(of("192.0.2.66")->mails, 2);
	assert_int_equal(of("192.0.2.66")->logins, 1);
	assert_int_equal(block_of("192.0.2.66")->lifted, T0 + 100);
	assert_int_equal(of("192.0.2.67")->mails, 1);
	assert_int_equal(of("192.0.2.1")->mails, 0);
}

static void
compares(void **state)
{
	struct addr a = address("192.0.2.66");

	(void)state;
	other = conf_with("kind relay-denied { rate = \"20/1m for 1h\" }");
	begin("log");
	probes(T0, "192.0.2.66", 12);
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(of("192.0.2.66")->blocks, 1);
	assert_non_null(simulate_client(sim, 1, &a));
	assert_int_equal(simulate_client(sim, 1, &a)->blocks, 0);
	assert_int_equal(simulate_client(sim, 1, &a)->offences, 12);
}

/* A list that lists everybody: what came of it is marked, and what a breaker would have said is kept. */
static void
rehearses_the_breaker(void **state)
{
	unsigned withdrawn = 0;
	char client[40];

	(void)state;
	begin("log");
	usual(T0);
	for (unsigned i = 0; i < 150; i++) {
		(void)snprintf(client, sizeof client, "198.51.100.%u", i);
		listed(T0 + 5700 + (time_t)i, client);
	}
	end();
	assert_int_equal(RUN("log"), 0);
	for (size_t i = 0; i < side.nclients; i++)
		withdrawn += side.clients[i].cached_hits > 0 && side.clients[i].uncached;
	assert_in_range(withdrawn, 90, 149);
	assert_int_equal(of("198.51.100.149")->cached_hits, 0);
	assert_true(side.nnotices > 0);
	assert_non_null(strstr(side.notices[0].text, "zen.example.org"));
}

/* An IPv6 client is its network; allowlisted ones, our own and loopback are nobody. */
static void
knows_who_is_a_client(void **state)
{
	(void)state;
	conf_put(conf);
	conf = conf_with("allow = { \"192.0.2.64/26\" }\nown_networks = { \"198.51.100.0/24\" }");
	begin("log");
	for (unsigned i = 0; i < 10; i++) {
		char text[40];

		(void)snprintf(text, sizeof text, "2001:db8:1:2::%x", i);
		probe(T0 + (time_t)i, text);
	}
	probes(T0 + 20, "192.0.2.66", 20);
	login(T0 + 50, "198.51.100.1", "anna");
	login(T0 + 51, "127.0.0.1", "anna");
	login(T0 + 52, "192.0.2.66", "anna");
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(block_of("2001:db8:1:2::")->at, T0 + 9);
	assert_int_equal(of("192.0.2.66")->blocks, 0);
	assert_int_equal(of("192.0.2.66")->grants, 1);
	assert_int_equal(side.nclients, 2);
	assert_int_equal(side.trusted, 22);
}

/* A list that lists everybody, and an account that all of them want; `stray`: with old lines in their midst. */
static void
alarms(bool stray)
{
	char client[40];

	begin("log");
	usual(T0 - LEARNED);
	for (unsigned i = 0; i < 150; i++) {
		(void)snprintf(client, sizeof client, "198.51.100.%u", i);
		listed(T0 + (time_t)i, client);
		if (i < 60) /* so many are counted exactly */
			failed(T0 + (time_t)i, client, "anna");
		if (stray && i % 50 == 40) {
			listed(T0 - DAY, "192.0.2.8");
			failed(T0 - DAY, "192.0.2.8", "anna");
			mail(T0 - DAY, "192.0.2.8", "4F0A21C0A7F");
			listed(T0 - 1000, "192.0.2.7");
			failed(T0 - 3700, "192.0.2.7", "anna");
		}
	}
	failed(T0 + 1000, "198.51.100.1", "anna");
	if (stray)
		failed(T0 - DAY, "192.0.2.8", "anna");
	failed(T0 + 9000, "198.51.100.1", "anna");
	if (stray)
		failed(T0 - DAY, "192.0.2.8", "anna");
	for (unsigned i = 0; i < 8; i++)
		failed(T0 + 9001 + (time_t)i, "198.51.100.1", "bob");
	end();
	assert_int_equal(RUN("log"), 0);
}

/* One line of the past neither ends what goes on nor dates it back. */
static void
late_lines_change_no_alarm(void **state)
{
	struct notice plain[8];
	size_t n;

	(void)state;
	alarms(false);
	n = side.nnotices;
	assert_in_range(n, 5, ROWS(plain)); /* each begins and ends, one is taken back */
	memcpy(plain, side.notices, n * sizeof *plain);
	simulate_free(sim);
	alarms(true);
	assert_int_equal(counts.late, 3 * 6 + 2);
	assert_int_equal(side.nnotices, n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(side.notices[i].text, plain[i].text);
		assert_int_equal(side.notices[i].time, plain[i].time);
	}
}

/* Events are applied by the batch: as if they were not, also when there are more than one holds, and when the texts of two,
 * or of one, are more than it has room for. */
static void
keeps_the_order(void **state)
{
	static char names[3][5001] = { "anna" };

	(void)state;
	memset(names[1], 'b', 600);
	memset(names[2], 'c', 5000);
	begin("log");
	for (unsigned i = 0; i < 40; i++) {
		login(T0, "192.0.2.1", names[i % 2]);
		if (i % 4 == 0)
			probe(T0, "192.0.2.66");
	}
	mail(T0, "192.0.2.1", "4FAB12345");
	failed(T0, "192.0.2.66", names[2]);
	login(T0, "192.0.2.66", "anna");
	login(T0, "192.0.2.1", "last");
	for (unsigned i = 0; i < 9; i++)
		probe(T0, "192.0.2.66");
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(of("192.0.2.1")->logins, 41);
	assert_int_equal(of("192.0.2.1")->mails, 1);
	assert_int_equal(of("192.0.2.1")->user_len, 4);
	assert_memory_equal(of("192.0.2.1")->user, "last", 4);
	assert_int_equal(of("192.0.2.66")->blocks, 1);
	assert_int_equal(block_of("192.0.2.66")->lifted, T0);
	assert_int_equal(of("192.0.2.66")->offences, 20);
	assert_int_equal(side.forgiven, 9);
}

static void
unknown(time_t at, const char *client, const char *sender, unsigned n)
{
	head(form, at);
	(void)fprintf(out, "postfix/smtpd[811]: NOQUEUE: reject: RCPT from x.example.com[%s]: 550 5.1.1 <c%u@example.org>: "
	    "Recipient address rejected: User unknown in local recipient table; from=<%s> to=<c%u@example.org> "
	    "proto=ESMTP helo=<x>\n", client, n, sender, n);
}

/* Mail from nobody is what an administrator may say does not count; in turns with mail from somebody, which does. */
static void
knows_bounces(void **state)
{
	(void)state;
	conf_put(conf);
	conf = conf_with("bounces_count = no");
	begin("log");
	for (unsigned i = 0; i < 40; i++) {
		unknown(T0 + (time_t)i, "192.0.2.68", "", i);
		unknown(T0 + (time_t)i, "192.0.2.69", "x@example.net", i);
	}
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(side.forgiven, 40);
	assert_int_equal(of("192.0.2.68")->blocks, 0);
	assert_int_equal(of("192.0.2.69")->blocks, 1);
}

/* Whoever no longer matters makes room, however many they are. */
static void
forgets(void **state)
{
	char client[40];

	(void)state;
	begin("log");
	for (unsigned i = 0; i < 3000; i++) {
		(void)snprintf(client, sizeof client, "198.18.%u.%u", i / 250, i % 250);
		probe(T0 + (time_t)i, client);
	}
	login(T0 + 20 * DAY, "192.0.2.1", "anna");
	end();
	assert_int_equal(RUN("log"), 0);
	assert_int_equal(side.nclients, 3001);
	assert_int_equal(side.nkept, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(tells_who_when_and_why),
		TEST(merges_by_time),
		TEST(reads_rotated_logs),
		TEST(finds_the_year),
		TEST(finds_the_year_of_rotated_logs),
		TEST(looks_ahead_anywhere),
		TEST(keeps_its_clock),
		TEST(does_not_believe_in_the_future),
		TEST(has_a_future_only),
		TEST(follows_a_clock_that_is_set_back),
		TEST(counts_what_it_cannot_use),
		TEST(learns_the_time_late),
		TEST(reads_what_it_can),
		TEST(refuses_what_it_cannot_read),
		TEST(refuses_a_fifo),
		TEST(refuses_copies),
		TEST(tells_whom_it_would_harm),
		TEST(compares),
		TEST(rehearses_the_breaker),
		TEST(knows_who_is_a_client),
		TEST(late_lines_change_no_alarm),
		TEST(keeps_the_order),
		TEST(knows_bounces),
		TEST(forgets),
	};
	char command[64];
	int rc;

	(void)setenv("TZ", "UTC", 1);
	assert_non_null(mkdtemp(dir));
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	(void)!system(command);
	return rc;
}
