/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_source.c - names of logs; a FIFO, and what writers, and what stands at its path, may do to it */
#include "logspec.h"
#include "source_rig.h"

/* --- names --- */

static const struct {
	const char *text;
	int kind; /* -1: none */
} names[] = {
	{ "/var/log/mail.log", LOGSPEC_FILE },
	{ "var/log/mail.log", -1 },
	{ "", -1 },
	{ "fifo:/run/f", LOGSPEC_FIFO },
	{ "fifo:run/f", -1 },
	{ "fifo:", -1 },
	{ "syslog:unix:/run/s", LOGSPEC_UNIX },
	{ "syslog:unix:", -1 },
	{ "syslog:unix:/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456",
	    -1 },
	{ "syslog:/run/s", -1 },
	{ "syslog:udp:127.0.0.1:514", LOGSPEC_UDP },
	{ "syslog:udp:[::1]:65535", LOGSPEC_UDP },
	{ "syslog:udp:::1:514", -1 },
	{ "syslog:udp:127.0.0.1", -1 },
	{ "syslog:udp:127.0.0.1:", -1 },
	{ "syslog:udp:127.0.0.1:0", -1 },
	{ "syslog:udp:127.0.0.1:65536", -1 },
	{ "syslog:udp:127.0.0.1:+14", -1 },
	{ "syslog:udp:localhost:514", -1 },
	{ "syslog:udp:[]:514", -1 },
	{ "syslog:udp:/run/s", -1 },
};

static void
takes_names_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(names); i++) {
		struct logspec spec;
		int rc = logspec_parse(&spec, names[i].text, NULL);

		row_eq(names[i].text, rc == 0 ? (int)spec.kind : -1, names[i].kind);
	}
}

/* --- FIFO --- */

static int
open_writer(void)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	assert_true(fd != -1);
	return fd;
}

static void
fifo_gives_what_is_written(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	open_source("fifo:");
	gives("");
	fd = open_writer();
	say(fd, "a: 1\na: 2\nb: ");
	assert_true(wakes(10000));
	gives("a=1 a=2 ");
	say(fd, "3\n");
	gives("b=3 ");
	say(fd, "no head\na: 4\n");
	gives("a=4 ");
	assert_int_equal(status().lines, 5);
	assert_int_equal(status().headless, 1);
	say(fd, "a: 5\n");
	assert_int_equal(status().lag, 5);
	(void)close(fd);
	gives("a=5 ");
}

static void
fifo_outlives_its_writers(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	open_source("fifo:");
	gives("");
	for (int i = 0; i < 3; i++) {
		fd = open_writer();
		say(fd, "a: 1\na: half");
		(void)close(fd);
		gives("a=1 ");
		assert_false(wakes(0)); /* nor is there an end to be told of all the time */
	}
	assert_int_equal(status().dropped, 3);
	fd = open_writer(); /* one that comes before the other one's end was seen */
	say(fd, "a: 2\n");
	(void)close(fd);
	fd = open_writer();
	say(fd, "a: 3\n");
	gives("a=2 a=3 ");
	(void)close(fd);
	gives("");
}

static void
fifo_passes_over_long_lines(void **state)
{
	char *block = malloc(SOURCE_LINE_MAX);
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	open_source("fifo:");
	gives("");
	fd = open_writer();
	memset(block, 'x', SOURCE_LINE_MAX);
	say(fd, "a: ");
	for (int i = 0; i < 10; i++) {
		assert_int_equal(write(fd, block, SOURCE_LINE_MAX / 2), SOURCE_LINE_MAX / 2);
		gives("");
	}
	say(fd, "\nb: 1\n");
	gives("b=1 ");
	assert_int_equal(status().dropped, 1);
	(void)close(fd);
	free(block);
}

static void
fifo_waits_for_a_fifo(void **state)
{
	int fd;

	(void)state;
	open_source("fifo:");
	gives("-");
	assert_non_null(strstr(status().why, path));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	say(fd, "a: file\n");
	(void)close(fd);
	gives("-");
	assert_non_null(strstr(status().why, "not a FIFO"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	gives("-");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	gives("");
	assert_true(status().present);
	fd = open_writer();
	say(fd, "a: 1\n");
	gives("a=1 ");
	(void)close(fd);
}

static void
fifo_that_is_taken_away(void **state)
{
	int old, new;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	open_source("fifo:");
	gives("");
	old = open_writer();
	assert_int_equal(unlink(path), 0);
	say(old, "a: 1\na: half");
	gives("a=1 -");
	(void)close(old);
	gives("-");
	assert_false(wakes(0));
	assert_int_equal(mkfifo(path, 0600), 0);
	gives("");
	new = open_writer();
	say(new, "a: 2\n");
	gives("a=2 ");
	assert_int_equal(unlink(path), 0); /* another one at once, the old one's writer still there */
	assert_int_equal(mkfifo(path, 0600), 0);
	gives("");
	old = new;
	new = open_writer();
	say(new, "a: 3\n");
	gives("a=3 ");
	(void)close(old);
	(void)close(new);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_names_apart),
		in_dir(fifo_gives_what_is_written),
		in_dir(fifo_outlives_its_writers),
		in_dir(fifo_passes_over_long_lines),
		in_dir(fifo_waits_for_a_fifo),
		in_dir(fifo_that_is_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
