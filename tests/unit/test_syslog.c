/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_syslog.c - syslog by a unix socket and by UDP, and what senders and other sockets may do to it */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "netlist.h"
#include "source_rig.h"

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
open_udp_at(const char *address, const struct netlist *senders)
{
	const struct source_setup setup = { .group = (gid_t)-1, .senders = senders };
	uint16_t port = free_port();

	(void)snprintf(name, sizeof name, "syslog:udp:%s:%u", address, port);
	source = source_new(name, &setup, NULL, 0, NULL);
	assert_non_null(source);
	gives("");
	udp_to = connected(port);
}

static void
open_udp(const struct netlist *senders)
{
	open_udp_at("127.0.0.1", senders);
}

/* As gives(); but what is sent by UDP need not be there at once. */
static void
gives_in_time(const char *want)
{
	got[0] = '\0';
	while (strlen(got) < strlen(want) && wakes(60000))
		read_all();
	assert_string_equal(got, want);
}

static void
udp_takes_what_is_sent(void **state)
{
	(void)state;
	open_udp(NULL);
	say(udp_to, "<22>Oct 11 22:14:15 mail dovecot: 1");
	say(udp_to, "<22>Oct 11 22:14:15 mail dovecot: 2");
	gives_in_time("dovecot=1 dovecot=2 ");
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

/* An IPv4 address of this machine that is not loopback's, from which it can write to itself. */
static bool
own_address(struct in_addr *out)
{
	struct ifaddrs *all;
	bool found = false;

	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next)
		if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET && !(i->ifa_flags & IFF_LOOPBACK) &&
		    i->ifa_flags & IFF_UP) {
			*out = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
			found = true;
		}
	freeifaddrs(all);
	return found;
}

/* Without a list only this machine may, and only by loopback. */
static void
udp_trusts_loopback_alone(void **state)
{
	struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
	socklen_t len = sizeof to;
	int fd;

	(void)state;
	if (!own_address(&from.sin_addr))
		skip();
	open_udp_at("0.0.0.0", NULL);
	assert_int_equal(getpeername(udp_to, (struct sockaddr *)&to, &len), 0);
	to.sin_addr = from.sin_addr;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	say(fd, "a: 1");
	assert_true(wakes(10000));
	gives("");
	assert_int_equal(status().dropped, 1);
	say(udp_to, "a: 2");
	assert_true(wakes(10000));
	gives("a=2 ");
	(void)close(fd);
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
	assert_true(wakes(60000));
	read_all();
	assert_true(status().lines < sent);
	sent++;
	say(udp_to, "a: 2"); /* which tells of the loss */
	while (status().lines + status().dropped < sent && wakes(60000))
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_dir(unix_takes_what_syslog_sends),
		in_dir(unix_counts_what_is_too_long),
		in_dir(unix_socket_is_ours_alone),
		in_dir(unix_socket_that_is_taken_away),
		in_dir(unix_socket_of_a_dead_process),
		in_dir(udp_takes_what_is_sent),
		in_dir(udp_asks_who_sends),
		in_dir(udp_trusts_loopback_alone),
		in_dir(udp_counts_what_the_kernel_dropped),
		in_dir(udp_waits_for_its_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
