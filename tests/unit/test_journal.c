/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_journal.c - the systemd journal as a log, on journal files made by systemd-journal-remote(8)
 *
 * Skipped where the program was built without libsystemd, or systemd-journal-remote is not installed.
 */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"
#include "source.h"
#include "unit.h"

#define START 1700000000

static const char *const remotes[] = { "/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote" };
static const char *remote;
static char dir[64], name[96], got[16384];
static struct source *source;
static unsigned said; /* entries written so far: one a second */

static int
make_dir(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/popauth-test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(name, sizeof name, "journal:%s/j", dir);
	said = 0;
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	source_free(source);
	source = NULL;
	return remove_tree(dir);
}

static char *
in_dir_of(const char *file)
{
	static char paths[2][128];
	static unsigned next;
	char *path = paths[next++ % 2];

	(void)snprintf(path, sizeof paths[0], "%s/%s", dir, file);
	return path;
}

/* Have journald's own code write what the export-format text says into a journal file. */
static void
import(const char *file)
{
	char output[160];
	char *argv[] = { (char *)remote, output, in_dir_of("export"), NULL };
	char *env[] = { (char *)"SYSTEMD_LOG_LEVEL=err", NULL };
	int status;
	pid_t pid;

	(void)mkdir(in_dir_of("j"), 0700);
	(void)snprintf(output, sizeof output, "--output=%s/j/%s", dir, file);
	assert_int_equal(posix_spawn(&pid, remote, NULL, NULL, argv, env), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
put_entry(FILE *f, const char *fields)
{
	said++;
	fprintf(f, "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n_BOOT_ID=0123456789abcdef0123456789abcdef\n%s\n\n",
	    (START + said) * 1000000ull, said * 1000000ull, fields);
}

/* Entries of one field set each, separated by "|". */
static void
write_journal(const char *file, const char *entries)
{
	char copy[1024], *at = copy, *entry;
	FILE *f = fopen(in_dir_of("export"), "w");

	assert_non_null(f);
	(void)snprintf(copy, sizeof copy, "%s", entries);
	while ((entry = strsep(&at, "|")) != NULL)
		put_entry(f, entry);
	(void)fclose(f);
	import(file);
}

/* "1 2": messages of dovecot. */
static void
say(const char *file, const char *messages)
{
	char copy[1024], *at = copy, *word, entries[1024] = "";

	(void)snprintf(copy, sizeof copy, "%s", messages);
	while ((word = strsep(&at, " ")) != NULL)
		(void)sprintf(entries + strlen(entries), "%sSYSLOG_IDENTIFIER=a\nMESSAGE=%s", *entries ? "|" : "", word);
	write_journal(file, entries);
}

static void
collect(void *arg, const struct logline *line)
{
	(void)arg;
	(void)snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s%s%.*s%s=%.*s ", (int)line->tag.n, line->tag.p,
	    line->pid.n > 0 ? "[" : "", (int)line->pid.n, line->pid.n > 0 ? line->pid.p : "", line->pid.n > 0 ? "]" : "",
	    (int)line->text.n, line->text.p);
}

static void
open_source(bool from_start, const char *const *matches, const char *position)
{
	const struct source_setup setup = { .from_start = from_start, .group = (gid_t)-1, .matches = (char *const *)matches };
	struct err e;

	source_free(source);
	source = source_new(name, &setup, (const uint8_t *)position, position == NULL ? 0 : strlen(position), &e);
	assert_non_null(source);
}

/* Read some, or all; "-" is a journal that cannot be read, "!" a gap. */
static void
gives_of(size_t budget, const char *want)
{
	enum source_result is;

	got[0] = '\0';
	do {
		is = source_read(source, budget, START, collect, NULL, NULL);
		if (is == SOURCE_GAP)
			(void)strcat(got, "!");
	} while ((is == SOURCE_MORE && budget > 1) || is == SOURCE_GAP);
	if (is == SOURCE_LOST)
		(void)strcat(got, "-");
	assert_string_equal(got, want);
}

static void
gives(const char *want)
{
	gives_of(1 << 20, want);
}

static char *
position(void)
{
	static char cursor[SOURCE_POSITION_MAX + 1];
	uint8_t buf[SOURCE_POSITION_MAX];
	size_t n = source_position(source, buf);

	memcpy(cursor, buf, n);
	cursor[n] = '\0';
	return cursor;
}

static struct source_status
status(void)
{
	struct source_status st;

	source_status(source, &st);
	return st;
}

static void
takes_entries_as_they_are(void **state)
{
	(void)state;
	write_journal("1.journal",
	    "SYSLOG_IDENTIFIER=postfix/smtpd\nSYSLOG_PID=12\n_PID=13\nMESSAGE=one|"
	    "SYSLOG_IDENTIFIER=dovecot\n_PID=14\nMESSAGE=two: three|"
	    "SYSLOG_IDENTIFIER=a\nMESSAGE=no pid|"
	    "_COMM=x\nMESSAGE=no identifier|"
	    "SYSLOG_IDENTIFIER=a\nPRIORITY=3|"
	    "SYSLOG_IDENTIFIER=a\nMESSAGE=last");
	open_source(true, NULL, NULL);
	gives("postfix/smtpd[12]=one dovecot[14]=two: three a=no pid a=last ");
	assert_int_equal(status().lines, 6);
	assert_int_equal(status().headless, 2);
	assert_int_equal(status().lag, 0);
	assert_true(status().present);
}

static void
is_read_from_where_it_was_left(void **state)
{
	char cursor[SOURCE_POSITION_MAX + 1];

	(void)state;
	say("1.journal", "1 2 3");
	open_source(true, NULL, NULL);
	assert_int_equal(strlen(position()), 0);
	gives_of(1, "a=1 ");
	gives_of(1, "a=2 ");
	assert_int_equal(status().lag, 1);
	(void)strcpy(cursor, position());
	open_source(true, NULL, cursor);
	assert_string_equal(position(), cursor);
	gives("a=3 ");
	open_source(false, NULL, position());
	gives("");
	say("1.journal", "4");
	gives("a=4 ");
	say("2.journal", "5 6"); /* rotated */
	gives("a=5 a=6 ");
	open_source(true, NULL, position());
	gives("");
	open_source(true, NULL, cursor);
	gives("a=3 a=4 a=5 a=6 ");
}

static void
wakes_its_reader(void **state)
{
	struct pollfd p = { .events = POLLIN };

	(void)state;
	say("1.journal", "1");
	open_source(true, NULL, NULL);
	gives("a=1 ");
	p.fd = source_fd(source);
	assert_true(p.fd != -1);
	say("1.journal", "2");
	assert_int_equal(poll(&p, 1, 10000), 1);
	gives("a=2 ");
	assert_int_equal(poll(&p, 1, 0), 0);
}

static void
begins_with_what_comes(void **state)
{
	(void)state;
	say("1.journal", "1 2");
	open_source(false, NULL, NULL);
	gives("");
	open_source(false, NULL, position()); /* killed before there was anything */
	say("1.journal", "3");
	gives("a=3 ");
	open_source(false, (const char *const[]){ "SYSLOG_IDENTIFIER=b", NULL }, NULL);
	gives("");
	write_journal("1.journal", "SYSLOG_IDENTIFIER=b\nMESSAGE=4");
	gives("b=4 ");
}

static void
picks_what_matches(void **state)
{
	static const char *const unit[] = { "_SYSTEMD_UNIT=x.service", NULL };
	static const char *const two[] = { "SYSLOG_IDENTIFIER=a", "SYSLOG_IDENTIFIER=b", "_SYSTEMD_UNIT=x.service", NULL };
	static const char *const either[] = { "SYSLOG_IDENTIFIER=a", "+", "_SYSTEMD_UNIT=y.service", NULL };
	struct source_setup setup = { .from_start = true, .group = (gid_t)-1, .matches = (char *const *)either };

	(void)state;
	write_journal("1.journal",
	    "SYSLOG_IDENTIFIER=a\n_SYSTEMD_UNIT=x.service\nMESSAGE=1|"
	    "SYSLOG_IDENTIFIER=b\n_SYSTEMD_UNIT=x.service\nMESSAGE=2|"
	    "SYSLOG_IDENTIFIER=b\n_SYSTEMD_UNIT=y.service\nMESSAGE=3|"
	    "SYSLOG_IDENTIFIER=c\n_SYSTEMD_UNIT=x.service\nMESSAGE=4");
	open_source(true, unit, NULL);
	gives("a=1 b=2 c=4 ");
	open_source(true, two, NULL);
	gives("a=1 b=2 ");
	open_source(true, unit, NULL);
	gives_of(1, "a=1 ");
	source_configure(source, &setup); /* other matches, the same place */
	gives("b=3 ");
}

static void
says_what_is_missed(void **state)
{
	char cursor[SOURCE_POSITION_MAX + 1];

	(void)state;
	say("1.journal", "1 2");
	say("2.journal", "3 4");
	open_source(true, NULL, NULL);
	gives_of(1, "a=1 ");
	(void)strcpy(cursor, position());
	assert_int_equal(unlink(in_dir_of("j/1.journal")), 0);
	open_source(true, NULL, cursor);
	gives("!a=3 a=4 ");
}

static void
waits_for_a_journal(void **state)
{
	(void)state;
	open_source(false, NULL, NULL);
	gives("-");
	assert_int_equal(source_fd(source), -1);
	assert_non_null(strstr(status().why, name));
	assert_int_equal(mkdir(in_dir_of("j"), 0700), 0);
	gives("-");
	say("1.journal", "1 2");
	gives("a=1 a=2 ");
	assert_true(status().present);
	assert_int_equal(unlink(in_dir_of("j/1.journal")), 0);
	assert_int_equal(rmdir(in_dir_of("j")), 0);
	gives("-");
	assert_false(status().present);
	gives("-");
	say("2.journal", "3");
	gives("!a=3 "); /* what came between cannot be known */
}

static void
notices_that_it_was_moved(void **state)
{
	(void)state;
	say("1.journal", "1");
	open_source(true, NULL, NULL);
	gives("a=1 ");
	assert_int_equal(rename(in_dir_of("j"), in_dir_of("k")), 0);
	gives("-");
	assert_int_equal(rename(in_dir_of("k"), in_dir_of("j")), 0);
	say("1.journal", "2");
	gives("a=2 ");
	assert_int_equal(rename(in_dir_of("j"), in_dir_of("k")), 0);
	say("1.journal", "3"); /* another one in its place, at once */
	gives("-");
	gives("!a=3 ");
}

static void
counts_what_is_too_long(void **state)
{
	uint64_t n = SOURCE_LINE_MAX + 1;
	FILE *f = fopen(in_dir_of("export"), "w");

	(void)state;
	assert_non_null(f);
	said = 1;
	fprintf(f, "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=1\n_BOOT_ID=0123456789abcdef0123456789abcdef\n"
	    "SYSLOG_IDENTIFIER=a\nMESSAGE\n", (START + 1) * 1000000ull);
	for (int i = 0; i < 8; i++)
		fputc((int)(n >> (8 * i) & 0xff), f);
	for (uint64_t i = 0; i < n; i++)
		fputc('x', f);
	fputs("\n\n", f);
	put_entry(f, "SYSLOG_IDENTIFIER=a\nMESSAGE=2");
	(void)fclose(f);
	import("1.journal");
	open_source(true, NULL, NULL);
	gives("a=2 ");
	assert_int_equal(status().dropped, 1);
}

static void
refuses_a_cursor_that_is_none(void **state)
{
	const struct source_setup setup = { .group = (gid_t)-1 };
	uint8_t bytes[SOURCE_POSITION_MAX];

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	assert_null(source_new(name, &setup, bytes, sizeof bytes, NULL));
	bytes[3] = '\0';
	assert_null(source_new(name, &setup, bytes, 10, NULL));
	say("1.journal", "1 2");
	open_source(true, NULL, "nonsense");
	gives("!a=1 a=2 ");
}

#define in_dir(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_dir(takes_entries_as_they_are),
		in_dir(is_read_from_where_it_was_left),
		in_dir(wakes_its_reader),
		in_dir(begins_with_what_comes),
		in_dir(picks_what_matches),
		in_dir(says_what_is_missed),
		in_dir(waits_for_a_journal),
		in_dir(notices_that_it_was_moved),
		in_dir(counts_what_is_too_long),
		in_dir(refuses_a_cursor_that_is_none),
	};

	for (size_t i = 0; i < ROWS(remotes); i++)
		if (access(remotes[i], X_OK) == 0)
			remote = remotes[i];
#ifndef HAVE_SYSTEMD
	remote = NULL;
#endif
	if (remote == NULL) {
		(void)puts("needs libsystemd and systemd-journal-remote");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
