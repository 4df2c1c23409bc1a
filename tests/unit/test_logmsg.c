/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own messages: nobody waits for them to be taken, what is lost is said in its place, floods are bounded. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "logmsg.h"
#include "stats.h"
#include "unit.h"

static void
floods_are_bounded(void **state)
{
	static const struct {
		const char *name;
		uint64_t at;
		unsigned messages, logged;
	} rows[] = { /* three at once, and three in a minute; one after the other */
		{ "all that are free", 1000, 3, 3 },
		{ "no more", 1000, 5, 0 },
		{ "not yet", 1019, 1, 0 },
		{ "one has come back", 1020, 2, 1 },
		{ "two have", 1060, 9, 2 },
		{ "the clock stands still", 1060, 9, 0 },
		{ "no more than three ever", 99999, 9, 3 },
		{ "nor after ten minutes", 100599, 99, 3 },
	};
	struct flood f = { .what = "things", .n = 3, .span = 60 };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t before = f.untold;
		unsigned logged = 0;

		for (unsigned k = 0; k < rows[i].messages; k++)
			logged += flood_take(&f, rows[i].at);
		row_eq(rows[i].name, logged, rows[i].logged);
		row_eq(rows[i].name, f.untold - before, rows[i].messages - logged);
	}
}

static void
floods_are_told(void **state)
{
	struct flood f = { .what = "things", .n = 1, .span = 60 };

	(void)state;
	assert_int_equal(flood_tell(&f, 1000, true), 0);
	for (unsigned i = 0; i < 10; i++)
		(void)flood_take(&f, 1000 + i);
	assert_int_equal(flood_tell(&f, 1060, false), 0); /* the first one left out came at 1001 */
	assert_int_equal(flood_tell(&f, 1061, false), 9);
	assert_int_equal(flood_tell(&f, 1061, true), 0);
	assert_true(flood_take(&f, 1062));
	assert_false(flood_take(&f, 1063));
	assert_int_equal(flood_tell(&f, 1100, false), 0);
	assert_int_equal(flood_tell(&f, 1100, true), 1);
}

/* ---- standard error is a pipe ---- */

static int saved, out[2];

static int
divert(void **state)
{
	(void)state;
	saved = dup(STDERR_FILENO);
	if (saved == -1 || pipe(out) == -1 || dup2(out[1], STDERR_FILENO) == -1)
		return -1;
	logmsg_open("test", true);
	return 0;
}

static int
restore(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(out[0]);
	close(out[1]);
	return 0;
}

/* Until there is no room in it. */
static void
fill(void)
{
	static const char nothing[4096];
	int flags = fcntl(out[1], F_GETFL);

	(void)fcntl(out[1], F_SETFL, flags | O_NONBLOCK);
	while (write(out[1], nothing, sizeof nothing) > 0)
		;
	while (write(out[1], nothing, 1) > 0)
		;
	(void)fcntl(out[1], F_SETFL, flags);
}

/* The next line, without what fill() put before it; "" at the end. */
static const char *
line(FILE *fp)
{
	static char buf[4096];
	size_t n = 0;
	int c;

	while ((c = getc(fp)) != EOF && c != '\n')
		if (c != '\0' && n + 1 < sizeof buf)
			buf[n++] = (char)c;
	buf[n] = '\0';
	return buf;
}

/* All that was written, until now; nobody writes any more. */
static FILE *
written(void)
{
	close(out[1]);
	dup2(saved, STDERR_FILENO);
	out[1] = dup(saved);
	return fdopen(dup(out[0]), "r");
}

static void
says_it_at_once(void **state)
{
	FILE *fp;

	(void)state;
	logmsg(LEVEL_NOTICE, "%d and %s", 7, "eight");
	fp = written();
	assert_string_equal(line(fp), "test: 7 and eight");
	assert_string_equal(line(fp), "");
	fclose(fp);
}

static void
keeps_the_order(void **state)
{
	char want[64];
	struct err e;
	FILE *fp;

	(void)state;
	logmsg(LEVEL_NOTICE, "message 0");
	assert_int_equal(logmsg_start(&e), 0);
	for (unsigned i = 1; i < 100; i++)
		logmsg(LEVEL_NOTICE, "message %u", i);
	logmsg_stop();
	logmsg(LEVEL_NOTICE, "message 100");
	fp = written();
	for (unsigned i = 0; i <= 100; i++) {
		(void)snprintf(want, sizeof want, "test: message %u", i);
		assert_string_equal(line(fp), want);
	}
	fclose(fp);
}

#define MANY 1000

static void *
drain(void *arg)
{
	(void)arg;
	logmsg_stop();
	close(STDERR_FILENO);
	close(out[1]);
	return NULL;
}

/* Nobody reads: nobody waits, what there is no room for is counted, and the place where it is missing is shown. */
static void
waits_for_nobody(void **state)
{
	uint64_t before = stat_get(STAT_MESSAGES_LOST), lost = 0, told = 0, errors = 0, seen = 0;
	unsigned long long n;
	pthread_t stopper;
	unsigned last = 0, i;
	const char *text;
	struct err e;
	FILE *fp;

	(void)state;
	fill();
	assert_int_equal(logmsg_start(&e), 0);
	for (i = 1; i <= MANY; i++)
		logmsg(LEVEL_INFO, "message %u", i);
	for (; i <= MANY + 10; i++) /* there is room for what is graver than what a client brings about */
		logmsg(LEVEL_ERROR, "message %u", i);
	lost = stat_get(STAT_MESSAGES_LOST) - before;
	assert_true(lost > 0);
	assert_int_equal(pthread_create(&stopper, NULL, drain, NULL), 0);
	fp = fdopen(dup(out[0]), "r");
	for (text = line(fp); *text != '\0'; text = line(fp)) {
		if (sscanf(text, "test: message %u", &i) == 1) {
			assert_true(i == last + 1 + told);
			last = i;
			told = 0;
			seen++;
			errors += i > MANY;
		} else if (sscanf(text, "test: %llu messages are missing here", &n) == 1) {
			told = n;
			lost -= n;
		} else {
			fail_msg("what is \"%s\"?", text);
		}
	}
	fclose(fp);
	pthread_join(stopper, NULL);
	dup2(saved, STDERR_FILENO);
	out[1] = dup(saved);
	assert_int_equal(lost, 0);
	assert_int_equal(errors, 10);
	assert_int_equal(seen, MANY + 10 - (stat_get(STAT_MESSAGES_LOST) - before));
}

static void
leaves_out_what_there_is_too_much_of(void **state)
{
	static struct flood f = { .what = "things", .n = 2, .span = 3600 };
	uint64_t before = stat_get(STAT_MESSAGES_LEFT_OUT);
	struct err e;
	FILE *fp;

	(void)state;
	assert_int_equal(logmsg_start(&e), 0);
	for (unsigned i = 1; i <= 5; i++)
		logmsg_flood(&f, LEVEL_INFO, "thing %u", i);
	logmsg(LEVEL_INFO, "another thing");
	logmsg_stop();
	assert_int_equal(stat_get(STAT_MESSAGES_LEFT_OUT) - before, 3);
	fp = written();
	assert_string_equal(line(fp), "test: thing 1");
	assert_string_equal(line(fp), "test: thing 2");
	assert_string_equal(line(fp), "test: another thing");
	assert_string_equal(line(fp), "test: 3 more things were not logged: there were more than 2 in 1h");
	assert_string_equal(line(fp), "");
	fclose(fp);
}

/* A panic comes behind all that was said before it, and is said even where nobody waits. */
static void
panics_aloud(void **state)
{
	char want[64];
	int status;
	struct err e;
	FILE *fp;
	pid_t pid = fork();

	(void)state;
	assert_true(pid != -1);
	if (pid == 0) {
		for (int sig = 1; sig < 32; sig++)
			(void)signal(sig, SIG_DFL); /* cmocka's */
		if (logmsg_start(&e) == -1)
			_exit(99);
		for (unsigned i = 0; i < 50; i++)
			logmsg(LEVEL_NOTICE, "message %u", i);
		panic("no %s", "good");
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	fp = written();
	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(want, sizeof want, "test: message %u", i);
		assert_string_equal(line(fp), want);
	}
	assert_string_equal(line(fp), "test: panic: no good");
	fclose(fp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(floods_are_bounded),
		cmocka_unit_test(floods_are_told),
		cmocka_unit_test_setup_teardown(says_it_at_once, divert, restore),
		cmocka_unit_test_setup_teardown(keeps_the_order, divert, restore),
		cmocka_unit_test_setup_teardown(waits_for_nobody, divert, restore),
		cmocka_unit_test_setup_teardown(leaves_out_what_there_is_too_much_of, divert, restore),
		cmocka_unit_test_setup_teardown(panics_aloud, divert, restore),
	};

	(void)alarm(120); /* who waits for ever */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
