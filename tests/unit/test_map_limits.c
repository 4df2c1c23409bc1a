/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What badly behaved users of the socketmap can do: be answered or cut off within limits, be counted, and be logged once;
 * and keep nobody else waiting. */
#include <dirent.h>
#include <sys/resource.h>

#include "logmsg.h"
#include "map_rig.h"
#include "netstring.h"
#include "server.h"
#include "stats.h"

#define CONNS_MAX 2048 /* socketmap.c */
#define FEW	  9    /* lines that are not too many for a thousand of one kind */

static int log_read, saved_stderr;

/* The log of each test, which goes to standard error, comes out of a pipe. */
static void
log_begin(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	fflush(stderr);
	saved_stderr = dup(2);
	dup2(ends[1], 2);
	close(ends[1]);
	log_read = ends[0];
}

/* How many lines of it have `text` in them. */
static unsigned
log_end(const char *text)
{
	static char buf[65536];
	ssize_t n;
	unsigned lines = 0;

	fflush(stderr);
	dup2(saved_stderr, 2); /* the pipe's last writer */
	close(saved_stderr);
	n = read(log_read, buf, sizeof buf - 1);
	close(log_read);
	buf[n > 0 ? n : 0] = '\0';
	for (char *at = buf; (at = strstr(at, text)) != NULL; at++)
		lines++;
	return lines;
}

static void
looks_up(int fd)
{
	char buf[40];

	say(fd, "15:relay 192.0.2.9,", 19);
	hear_all(fd, buf, 12);
	assert_string_equal(buf, "9:NOTFOUND ,");
}

static void
is_cut_off(int fd)
{
	char buf[100];

	while (hear(fd, buf, sizeof buf) > 0)
		;
	close(fd);
}

static unsigned
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* A thousand times: answered and cut off, counted, one line in the log, and no descriptor stays behind. */
static void
garbage_is_logged_once(void **state)
{
	static const char *const kinds[] = { "GET / HTTP/1.0\r\n\r\n", "1025:", "99999999999999999999:", "15:relay 192.0.2.9;",
		"-1:,", "015:relay 192.0.2.9,", "\xff\xfe\x00\x01", " 5:relay,", ":," };
	uint64_t before = stat_get(STAT_MAP_REFUSED);
	int other = dial(&f);
	unsigned open;

	(void)state;
	looks_up(other);
	open = descriptors();
	log_begin();
	for (unsigned i = 0; i < 1000; i++) {
		int fd = dial(&f);

		say(fd, kinds[i % ROWS(kinds)], strlen(kinds[i % ROWS(kinds)]));
		is_cut_off(fd);
	}
	looks_up(other);
	assert_in_range(log_end("cut off"), 1, FEW);
	assert_int_equal(stat_get(STAT_MAP_REFUSED) - before, 1000);
	assert_true(descriptors() <= open);
	close(other);
}

/* The MTA is told each time, and goes on; it is logged a few times, and counted. */
static void
unknown_maps_are_logged_a_few_times(void **state)
{
	uint64_t before = stat_get(STAT_MAP_UNKNOWN);
	char buf[100];
	int fd = dial(&f);

	(void)state;
	log_begin();
	for (unsigned i = 0; i < 500; i++) {
		say(fd, "16:access 192.0.2.9,", 20);
		hear_all(fd, buf, 28);
		assert_string_equal(buf, "24:PERM no such map: access,");
	}
	looks_up(fd);
	assert_in_range(log_end("no such map: access"), 1, FEW);
	assert_int_equal(stat_get(STAT_MAP_UNKNOWN) - before, 500);
	close(fd);
}

static void
over_long_keys(void **state)
{
	static char ask[4096];
	char buf[100];

	(void)state;
	for (unsigned n = 1000; n < 1100; n++) {
		int fd = dial(&f), len = snprintf(ask, sizeof ask, "%u:relay %0*d,", n, (int)n - 6, 0);

		say(fd, ask, (size_t)len);
		if (n <= 1024) {
			hear_all(fd, buf, 12);
			row_str_eq("fits", buf, "9:NOTFOUND ,");
			close(fd);
		} else {
			hear_all(fd, buf, sizeof buf - 1);
			row_str_eq("too long", buf, "21:PERM request too long,");
			close(fd);
		}
	}
}

/* Far more than there is room for, all at once and nearly all silent: as many are kept as the limit says, the newest, and
 * whoever asks is answered. */
static void
idlers_are_bounded(void **state)
{
	enum { IDLERS = 3000 };
	static int idle[IDLERS];
	struct rlimit lim;
	unsigned open, gone = 0;
	int used;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
	lim.rlim_cur = lim.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &lim), 0);
	if (lim.rlim_cur < 2 * IDLERS + 100)
		skip();
	used = dial(&f);
	looks_up(used);
	open = descriptors();
	log_begin();
	for (unsigned i = 0; i < IDLERS; i++) {
		idle[i] = dial(&f);
		if (i % 100 == 0)
			looks_up(used);
	}
	looks_up(idle[IDLERS - 1]);
	assert_in_range(log_end("too many connections"), 0, FEW); /* others have been cut off before */
	assert_true(descriptors() - open <= IDLERS + CONNS_MAX); /* ours, and theirs */
	for (unsigned i = 0; i < IDLERS; i++) {
		struct pollfd p = { .fd = idle[i], .events = POLLIN };

		gone += poll(&p, 1, 0) == 1;
	}
	assert_int_equal(gone, IDLERS + 1 - CONNS_MAX);
	looks_up(used);
	for (unsigned i = 0; i < IDLERS; i++)
		close(idle[i]);
	close(used);
}

/* Some ask without end and take no answers, others send crumbs, and neither keeps a third waiting. */
static void
the_slow_starve_nobody(void **state)
{
	enum { SLOW = 50 };
	static char many[19 * 1000];
	int slow[SLOW], crumbs[SLOW], fd = dial(&f);

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		memcpy(many + 19 * i, "15:relay 192.0.2.9,", 19);
	for (unsigned i = 0; i < SLOW; i++) {
		slow[i] = dial(&f);
		crumbs[i] = dial(&f);
	}
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < SLOW; i++) {
			(void)!send(slow[i], many, sizeof many, MSG_DONTWAIT | MSG_NOSIGNAL);
			(void)!send(crumbs[i], many + round % 19, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		}
		looks_up(fd);
	}
	for (unsigned i = 0; i < SLOW; i++) {
		close(slow[i]);
		close(crumbs[i]);
	}
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_map(garbage_is_logged_once),
		with_map(unknown_maps_are_logged_a_few_times),
		with_map(over_long_keys),
		with_map(idlers_are_bounded),
		with_map(the_slow_starve_nobody),
	};

	logmsg_open("test_map_limits", true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
