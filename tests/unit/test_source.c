/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_source.c - logs that are no files: what writers, and what stands at a path, may do to them
 *
 * A source is read until it has no more; what it gave is compared: "TAG=TEXT " for each line, "-" for a source that
 * cannot be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "logspec.h"
#include "source.h"
#include "unit.h"

static char dir[64], path[96], name[128], got[8192];
static struct source *source;

static int
make_dir(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/popauth-test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/log", dir);
	got[0] = '\0';
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	source_free(source);
	source = NULL;
	(void)remove(path);
	return rmdir(dir);
}

static void
collect(void *arg, const struct logline *line)
{
	(void)arg;
	(void)snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s=%.*s ", (int)line->tag.n, line->tag.p,
	    (int)line->text.n, line->text.p);
}

static void
open_source(const char *prefix)
{
	const struct source_setup setup = { .group = (gid_t)-1 };
	struct err e;

	(void)snprintf(name, sizeof name, "%s%s", prefix, path);
	source = source_new(name, &setup, NULL, 0, &e);
	assert_non_null(source);
}

static void
read_all(void)
{
	enum source_result is;

	do
		is = source_read(source, 1 << 20, 1800000000, collect, NULL, NULL);
	while (is == SOURCE_MORE);
	if (is == SOURCE_LOST)
		(void)strcat(got, "-");
}

/* Read, and compare with what came since the last time. */
static void
gives(const char *want)
{
	got[0] = '\0';
	read_all();
	assert_string_equal(got, want);
}

static bool
wakes(int milliseconds)
{
	struct pollfd p = { .fd = source_fd(source), .events = POLLIN };

	return poll(&p, 1, milliseconds) == 1;
}

static struct source_status
status(void)
{
	struct source_status st;

	source_status(source, &st);
	return st;
}

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
say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
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

/* --- syslog, unix --- */

static void
send_to_path(const char *text, size_t n)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)strcpy(sun.sun_path, path);
	if (sendto(fd, text, n, 0, (struct sockaddr *)&sun, sizeof sun) != (ssize_t)n)
		fail_msg("sendto: %s", strerror(errno));
	(void)close(fd);
}

static void
unix_takes_what_syslog_sends(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *want;
	} sent[] = {
#define ROW(text, want) { text, sizeof text - 1, want }
		ROW("<22>Oct 11 22:14:15 dovecot: login", "dovecot=login "),
		ROW("<22>Oct 11 22:14:15 postfix/smtpd[12]: one\n", "postfix/smtpd=one "),
		ROW("<22>Oct 11 22:14:15 mail dovecot[1]: with host", "dovecot=with host "),
		ROW("<22>1 2026-10-11T22:14:15.003Z mail dovecot 12 - - rfc5424", "dovecot=rfc5424 "),
		ROW("<22>1 2026-10-11T22:14:15Z mail dovecot 12 id [a@1 b=\"c\"] with data", "dovecot=with data "),
		ROW("<22>dovecot: no stamp\0", "dovecot=no stamp "),
		ROW("dovecot: no priority", "dovecot=no priority "),
		ROW("<22>a: one\n<22>Oct 11 22:14:15 b: not another", "a=one\n<22>Oct 11 22:14:15 b: not another "),
		ROW("<22>", ""),
		ROW("<", ""),
		ROW("\n", ""),
#undef ROW
	};

	(void)state;
	open_source("syslog:unix:");
	gives("");
	for (size_t i = 0; i < ROWS(sent); i++) {
		send_to_path(sent[i].text, sent[i].n);
		row_eq(sent[i].text, wakes(10000), true);
		got[0] = '\0';
		read_all();
		row_str_eq(sent[i].text, got, sent[i].want);
	}
	assert_int_equal(status().headless, 3);
	assert_false(wakes(0));
}

static void
unix_counts_what_is_too_long(void **state)
{
	char *block = malloc(SOURCE_LINE_MAX + 1);

	(void)state;
	memset(block, 'x', SOURCE_LINE_MAX + 1);
	memcpy(block, "a: ", 3);
	open_source("syslog:unix:");
	gives("");
	send_to_path(block, SOURCE_LINE_MAX + 1);
	send_to_path("b: 1", 4);
	gives("b=1 ");
	assert_int_equal(status().dropped, 1);
	send_to_path(block, SOURCE_LINE_MAX);
	read_all();
	assert_int_equal(status().lines, 2);
	assert_int_equal(status().dropped, 1);
	free(block);
}

static void
unix_socket_is_ours_alone(void **state)
{
	struct stat st;
	mode_t old = umask(0);
	int fd;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	open_source("syslog:unix:");
	gives("-");
	assert_false(wakes(0));
	assert_int_equal(rmdir(path), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* somebody's file stays */
	(void)close(fd);
	gives("-");
	assert_int_equal(unlink(path), 0);
	gives("");
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	umask(old);
	if (geteuid() == 0) {
		source_configure(source, &(struct source_setup){ .group = 1 });
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_gid, 1);
	}
	source_free(source);
	source = NULL;
	assert_int_equal(stat(path, &st), -1);
}

static void
unix_socket_that_is_taken_away(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int old = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	open_source("syslog:unix:");
	gives("");
	(void)strcpy(sun.sun_path, path);
	assert_int_equal(connect(old, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	say(old, "a: still");
	gives("a=still -");
	assert_int_equal(rmdir(path), 0);
	say(old, "a: last");
	gives("a=last ");
	send_to_path("a: new", 6);
	gives("a=new ");
	(void)close(old);
}

static void
unix_socket_of_a_dead_process(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	(void)strcpy(sun.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	open_source("syslog:unix:");
	gives("-"); /* it lives */
	(void)close(fd);
	gives("");
	send_to_path("a: 1", 4);
	gives("a=1 ");
}

/* --- syslog, UDP --- */

static int udp_to;

/* A port that is free, or was a moment ago. */
static uint16_t
free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	(void)close(fd);
	return ntohs(in.sin_port);
}

static int
connected(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	in.sin_port = htons(port);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
	return fd;
}

static void
open_udp(const struct netlist *senders)
{
	const struct source_setup setup = { .group = (gid_t)-1, .senders = senders };
	uint16_t port = free_port();

	(void)snprintf(name, sizeof name, "syslog:udp:127.0.0.1:%u", port);
	source = source_new(name, &setup, NULL, 0, NULL);
	assert_non_null(source);
	gives("");
	udp_to = connected(port);
}

static void
udp_takes_what_is_sent(void **state)
{
	(void)state;
	open_udp(NULL);
	say(udp_to, "<22>Oct 11 22:14:15 mail dovecot: 1");
	say(udp_to, "<22>Oct 11 22:14:15 mail dovecot: 2");
	assert_true(wakes(10000));
	gives("dovecot=1 dovecot=2 ");
	(void)close(udp_to);
}

static void
udp_asks_who_sends(void **state)
{
	struct netlist *list = netlist_new();
	struct source_setup setup = { .group = (gid_t)-1, .senders = list };

	(void)state;
	assert_int_equal(netlist_add(list, STR("192.0.2.0/24"), NULL), 0);
	open_udp(list);
	say(udp_to, "a: 1");
	assert_true(wakes(10000));
	gives("");
	assert_int_equal(status().dropped, 1);
	assert_int_equal(netlist_add(list, STR("127.0.0.1"), NULL), 0);
	say(udp_to, "a: 2");
	assert_true(wakes(10000));
	gives("a=2 ");
	setup.senders = NULL;
	source_configure(source, &setup);
	say(udp_to, "a: 3");
	assert_true(wakes(10000));
	gives("a=3 ");
	netlist_free(list);
	(void)close(udp_to);
}

static void
udp_counts_what_the_kernel_dropped(void **state)
{
	char text[1400] = "a: 1";
	unsigned sent = 0;
	int small = 4096;

	(void)state;
	memset(text + 4, 'x', sizeof text - 4);
	open_udp(NULL);
	assert_int_equal(setsockopt(source_fd(source), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	for (; sent < 50; sent++)
		assert_int_equal(write(udp_to, text, sizeof text), (ssize_t)sizeof text);
	read_all();
	assert_true(status().lines < sent);
	sent++;
	say(udp_to, "a: 2"); /* which tells of the loss */
	read_all();
	assert_int_equal(status().lines + status().dropped, sent);
	(void)close(udp_to);
}

static void
udp_waits_for_its_port(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct source_setup setup = { .group = (gid_t)-1 };

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	(void)snprintf(name, sizeof name, "syslog:udp:127.0.0.1:%u", ntohs(in.sin_port));
	source = source_new(name, &setup, NULL, 0, NULL);
	gives("-");
	(void)close(fd);
	gives("");
	assert_true(status().present);
}

#define in_dir(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

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
		in_dir(unix_takes_what_syslog_sends),
		in_dir(unix_counts_what_is_too_long),
		in_dir(unix_socket_is_ours_alone),
		in_dir(unix_socket_that_is_taken_away),
		in_dir(unix_socket_of_a_dead_process),
		in_dir(udp_takes_what_is_sent),
		in_dir(udp_asks_who_sends),
		in_dir(udp_counts_what_the_kernel_dropped),
		in_dir(udp_waits_for_its_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
