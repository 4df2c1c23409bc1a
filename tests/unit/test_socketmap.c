/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "../../src/doctor_priv.h"
#include "logmsg.h"
#include "map_rig.h"
#include "netstring.h"
#include "stats.h"

/* Who is who in the tables below. */
static void
people(void)
{
	struct addr hand = address("192.0.2.66"), both = address("192.0.2.67");

	fake_event(&f, EVENT_LOGIN, "192.0.2.1", "alice", NULL);
	fake_event(&f, EVENT_LOGIN, "192.0.2.2", NULL, NULL);
	fake_event(&f, EVENT_LOGIN, "192.0.2.3", "b\n2:ob,\377", NULL);
	fake_event(&f, EVENT_LOGIN, "2001:db8:1:2::5", "carol", NULL);
	fake_event(&f, EVENT_RBL, "192.0.2.7", NULL, "zen.example");
	pipeline_add(&f.pipeline, &f.policy, SET_BLOCK, &hand, T0, 600, STR("enough"));
	pipeline_add(&f.pipeline, &f.policy, SET_RELAY, &both, T0, 600, STR("dave"));
	pipeline_add(&f.pipeline, &f.policy, SET_BLOCK, &both, T0, 600, STR("enough"));
}

static void
answers(void **state)
{
	static const struct {
		const char *name, *ask, *want;
	} rows[] = {
		{ "granted", "relay 192.0.2.1", "OK OK alice" },
		{ "granted, user not known", "relay 192.0.2.2", "OK OK" },
		{ "granted, user hostile", "relay 192.0.2.3", "OK OK b\\x0a2:ob,\\xff" },
		{ "another address of the client", "relay 2001:db8:1:2::9", "OK OK carol" },
		{ "as SMTP writes it", "relay IPv6:2001:db8:1:2::9", "OK OK carol" },
		{ "IPv4 in IPv6", "relay ::ffff:192.0.2.1", "OK OK alice" },
		{ "not granted", "relay 192.0.2.9", "NOTFOUND " },
		{ "blocked by hand though granted", "relay 192.0.2.67", "NOTFOUND " },
		{ "loopback", "relay 127.0.0.1", "NOTFOUND " },
		{ "sendmail", "popauth_relay 192.0.2.1", "OK RELAY" },
		{ "sendmail, not granted", "popauth_relay 192.0.2.9", "NOTFOUND " },
		{ "cached", "verdict 192.0.2.7", "OK REJECT 192.0.2.7 is refused: listed by zen.example" },
		{ "blocked", "verdict 192.0.2.66", "OK REJECT 192.0.2.66 is refused by the administrator" },
		{ "neither", "verdict 192.0.2.9", "NOTFOUND " },
		{ "granted is no verdict", "verdict 192.0.2.1", "NOTFOUND " },
		{ "postscreen granted", "postscreen 192.0.2.1", "OK permit" },
		{ "postscreen cached", "postscreen 192.0.2.7", "OK reject" },
		{ "postscreen unknown", "postscreen 192.0.2.9", "NOTFOUND " },
		{ "a host name", "relay mail.example.com", "NOTFOUND " },
		{ "a network", "relay 192.0.2", "NOTFOUND " },
		{ "a prefix", "relay 192.0.2.1/32", "NOTFOUND " },
		{ "octal", "relay 192.0.002.01", "NOTFOUND " },
		{ "a space behind", "relay 192.0.2.1 ", "NOTFOUND " },
		{ "empty key", "relay ", "NOTFOUND " },
		{ "doctor's", SOCKETMAP_PROBE, "NOTFOUND " },
		{ "no key", "relay", "PERM no such map: relay" },
		{ "unknown map", "access 192.0.2.1", "PERM no such map: access" },
		{ "case matters", "RELAY 192.0.2.1", "PERM no such map: RELAY" },
		{ "empty", "", "PERM no such map: " },
	};
	char buf[400], wire[400], want[400];
	int fd;

	(void)state;
	people();
	fd = dial(&f);
	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t n = netstring_write(wire, sizeof wire, str_of(rows[i].ask));

		say(fd, wire, n);
		n = netstring_write(want, sizeof want - 1, str_of(rows[i].want));
		want[n] = '\0';
		hear_all(fd, buf, n);
		row_str_eq(rows[i].name, buf, want);
	}
	close(fd);
}

static void
a_grant_ends(void **state)
{
	char buf[40];
	int fd = dial(&f);

	(void)state;
	fake_event(&f, EVENT_LOGIN, "192.0.2.1", "alice", NULL);
	f.now = T0 + f.policy.relay_for - 1;
	say(fd, "15:relay 192.0.2.1,", 19);
	hear_all(fd, buf, 14);
	assert_string_equal(buf, "11:OK OK alice");
	hear(fd, buf, 1);
	f.now = T0 + f.policy.relay_for;
	say(fd, "15:relay 192.0.2.1,", 19);
	hear_all(fd, buf, 12);
	assert_string_equal(buf, "9:NOTFOUND ,");
	close(fd);
}

/* What breaks the protocol is answered and cut off, and nobody else notices. */
static void
cuts_off(void **state)
{
	static const char big[] = "1025:";
	static const struct {
		const char *name, *say, *want;
	} rows[] = {
		{ "garbage", "GET / HTTP/1.0\r\n\r\n", "20:PERM not a netstring," },
		{ "too long", big, "21:PERM request too long," },
		{ "endless digits", "9999999999999999999999999999", "21:PERM request too long," },
		{ "no comma", "15:relay 192.0.2.9;", "20:PERM not a netstring," },
		{ "a good one first", "15:relay 192.0.2.9,garbage", "9:NOTFOUND ,20:PERM not a netstring," },
		{ "a newline between", "15:relay 192.0.2.9,\n15:relay 192.0.2.9,",
		    "9:NOTFOUND ,20:PERM not a netstring," },
	};
	char buf[200];
	int other = dial(&f);

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t before = stat_get(STAT_MAP_REFUSED);
		int fd = dial(&f);

		say(fd, rows[i].say, strlen(rows[i].say));
		hear_all(fd, buf, sizeof buf - 1);
		row_str_eq(rows[i].name, buf, rows[i].want);
		row_eq(rows[i].name, stat_get(STAT_MAP_REFUSED) - before, 1);
		close(fd);
	}
	say(other, "15:relay 192.0.2.9,", 19);
	hear_all(other, buf, 12);
	assert_string_equal(buf, "9:NOTFOUND ,");
	close(other);
}

/* A key as long as a request may be is only NOTFOUND. */
static void
takes_a_long_key(void **state)
{
	char ask[1100], buf[40];
	int fd = dial(&f), n = snprintf(ask, sizeof ask, "1024:relay %01018d,", 0);

	(void)state;
	say(fd, ask, (size_t)n);
	hear_all(fd, buf, 12);
	assert_string_equal(buf, "9:NOTFOUND ,");
	close(fd);
}

/* Requests in one piece, byte by byte, and with the writing side closed behind them. */
static void
takes_any_pieces(void **state)
{
	static const char ask[] = "15:relay 192.0.2.1,15:relay 192.0.2.9,";
	static const char want[] = "11:OK OK alice,9:NOTFOUND ,";
	char buf[100];

	(void)state;
	people();
	for (size_t piece = 1; piece < sizeof ask; piece++) {
		int fd = dial(&f);

		for (size_t at = 0; at < sizeof ask - 1; at += piece)
			say(fd, ask + at, at + piece < sizeof ask - 1 ? piece : sizeof ask - 1 - at);
		shutdown(fd, SHUT_WR);
		hear_all(fd, buf, sizeof buf - 1);
		row_str_eq("pieces", buf, want);
		close(fd);
	}
}

/* Requests until the server stops taking them, because nobody takes its answers: then each is answered, once.  It has not
 * stopped when it is only slow: as many as lie in the socket alone are too few. */
static void
answers_a_flood(void **state)
{
	static const char ask[] = "15:relay 192.0.2.1,";
	static char buf[65536];
	struct pollfd full = { .fd = dial(&f), .events = POLLOUT };
	size_t sent = 0, got = 0, n;

	(void)state;
	people();
	while (poll(&full, 1, sent > 10000 ? 300 : HANG_MS) == 1) {
		size_t at = sent % (sizeof ask - 1);
		ssize_t k = send(full.fd, ask + at, sizeof ask - 1 - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		assert_true(k > 0 || errno == EAGAIN);
		sent += k > 0 ? (size_t)k : 0;
	}
	shutdown(full.fd, SHUT_WR);
	while ((n = hear(full.fd, buf, sizeof buf)) > 0)
		got += n;
	assert_true(sent > 10000);
	assert_int_equal(got, sent / (sizeof ask - 1) * strlen("11:OK OK alice,"));
	close(full.fd);
}

/* More silent connections than there is room for: the quietest go, and a newcomer is served at once. */
static void
serves_beside_idlers(void **state)
{
	enum { IDLERS = 900 };
	static int idle[IDLERS];
	struct rlimit lim;
	char buf[40];
	int fd, used;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
	lim.rlim_cur = lim.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &lim), 0);
	if (lim.rlim_cur < 2 * IDLERS + 100)
		skip(); /* both ends are in this process */
	used = dial(&f);
	say(used, "15:relay 192.0.2.9,", 19);
	hear_all(used, buf, 12);
	for (unsigned i = 0; i < IDLERS; i++) {
		idle[i] = dial(&f);
		say(idle[i], "15:relay 192.", i % 13); /* some with half a request */
	}
	fd = dial(&f);
	say(fd, "15:relay 192.0.2.9,", 19);
	hear_all(fd, buf, 12);
	assert_string_equal(buf, "9:NOTFOUND ,");
	say(used, "15:relay 192.0.2.9,", 19);
	hear_all(used, buf, 12);
	assert_string_equal(buf, "9:NOTFOUND ,");
	for (unsigned i = 0; i < IDLERS; i++)
		close(idle[i]);
	close(used);
	close(fd);
}

/* Random bytes, half of them out of what requests are made of, on many connections: the server lives. */
static void
survives_noise(void **state)
{
	static const char *const words[] = { "15:relay 192.0.2.1,", "relay ", "192.0.2.1", ":", ",", "5", "0:,", "99" };
	char buf[4096];

	(void)state;
	srand(2);
	for (unsigned round = 0; round < 300; round++) {
		int fd = dial(&f);

		for (unsigned i = 0; i < 20; i++) {
			const char *w = words[(unsigned)rand() % ROWS(words)];
			char byte = (char)rand();

			if (rand() & 1)
				say(fd, w, strlen(w));
			else
				say(fd, &byte, 1);
		}
		shutdown(fd, SHUT_WR);
		hear_all(fd, buf, sizeof buf - 1);
		close(fd);
	}
	answers(state);
}

static void *
keep_asking(void *arg)
{
	unsigned *rounds = arg;
	char buf[64];
	int fd = dial(&f);

	for (unsigned i = 0; i < *rounds; i++) {
		say(fd, "18:verdict 10.9.8.255,", 22);
		assert_true(hear(fd, buf, sizeof buf) > 0);
	}
	close(fd);
	return NULL;
}

/* For ThreadSanitizer: lookups while the same clients are granted, cached and taken out again. */
static void
reads_while_others_write(void **state)
{
	unsigned rounds = 3000;
	pthread_t threads[3];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ROWS(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_asking, &rounds), 0);
	for (unsigned i = 0; i < 3000; i++) {
		fake_event(&f, i & 1 ? EVENT_RBL : EVENT_LOGIN, "10.9.8.255", "eve", "zen.example");
		a = address("10.9.8.255");
		if (i % 7 == 0)
			pipeline_del(&f.pipeline, &f.policy, SET_RELAY, &a, T0);
	}
	for (size_t i = 0; i < ROWS(threads); i++)
		pthread_join(threads[i], NULL);
}

/* Which of the maps does the MTA ask? */
static void
tells_who_was_asked(void **state)
{
	static const char *const asks[] = { "relay 192.0.2.1", "verdict 192.0.2.1", "relay mail.example.org", "nosuch 192.0.2.1",
		"relay" };
	struct socketmap_status st;
	char wire[64];
	int fd = dial(&f);

	(void)state;
	socketmap_status(map, &st);
	assert_string_equal(st.path, f.path);
	for (size_t i = 0; i < SOCKETMAP_MAPS; i++)
		assert_true(st.map[i].asked == 0 && st.map[i].last == 0);
	for (size_t i = 0; i < ROWS(asks); i++) {
		say(fd, wire, netstring_write(wire, sizeof wire, str_of(asks[i])));
		do
			hear_all(fd, wire, 1);
		while (*wire != ',');
		f.now++;
	}
	socketmap_status(map, &st);
	assert_string_equal(st.map[0].name, "relay");
	assert_int_equal(st.map[0].asked, 2);
	assert_int_equal(st.map[0].last, T0 + 2);
	assert_string_equal(st.map[1].name, "popauth_relay");
	assert_true(st.map[1].asked == 0 && st.map[1].last == 0);
	assert_string_equal(st.map[2].name, "verdict");
	assert_true(st.map[2].asked == 1 && st.map[2].last == T0 + 1);
	assert_int_equal(st.unknown, 2);
	close(fd);
}

/* Nor has anybody asked only because doctor did. */
static void
does_not_take_doctor_for_the_mta(void **state)
{
	struct socketmap_status st;
	struct knock k = { .tried = false };
	uint64_t before = stat_get(STAT_MAP_LOOKUPS);

	(void)state;
	knock_map(&k, f.path);
	assert_string_equal(k.why, "");
	assert_true(k.tried && k.answered);
	assert_int_equal(stat_get(STAT_MAP_LOOKUPS) - before, 1);
	socketmap_status(map, &st);
	for (size_t i = 0; i < SOCKETMAP_MAPS; i++)
		assert_true(st.map[i].asked == 0 && st.map[i].last == 0);
	assert_int_equal(st.unknown, 0);
}

static atomic_int rings; /* also told to another thread */

static void
ring(int sig)
{
	(void)sig;
	rings++;
}

/* It answers when who asks has been waiting, and was disturbed in it. */
static void *
answer_late(void *arg)
{
	struct pollfd listener = { .fd = *(int *)arg, .events = POLLIN };
	int fd = poll(&listener, 1, HANG_MS) == 1 ? accept(listener.fd, NULL, NULL) : -1;
	struct pollfd asker = { .fd = fd, .events = POLLIN };
	char request[100];
	int before;

	if (recv(fd, request, sizeof request, 0) > 0) {
		before = rings;
		while (rings - before < 3 && poll(&asker, 1, 1) == 0) /* 1: it has given up */
			;
		(void)send(fd, "9:NOTFOUND ,", 12, MSG_NOSIGNAL);
	}
	close(fd);
	return NULL;
}

/* As when it is stopped and goes on. */
static void
doctor_waits_on_after_a_signal(void **state)
{
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction act = { .sa_handler = ring }, old;
	struct knock k = { .tried = false };
	struct unixsock_file file;
	char path[sizeof f.path + 8];
	sigset_t alarms, before;
	pthread_t server;
	struct err e;
	int listener;

	(void)state;
	(void)snprintf(path, sizeof path, "%s-late", f.path);
	listener = unixsock_listen(path, 0600, (uid_t)-1, (gid_t)-1, &file, &e);
	assert_int_not_equal(listener, -1);
	(void)sigemptyset(&alarms);
	(void)sigaddset(&alarms, SIGALRM);
	(void)pthread_sigmask(SIG_BLOCK, &alarms, &before);
	assert_int_equal(pthread_create(&server, NULL, answer_late, &listener), 0);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)sigaction(SIGALRM, &act, &old);
	(void)setitimer(ITIMER_REAL, &often, NULL);
	knock_map(&k, path);
	(void)setitimer(ITIMER_REAL, &never, NULL);
	(void)sigaction(SIGALRM, &old, NULL);
	assert_int_equal(pthread_join(server, NULL), 0);
	close(listener);
	unixsock_remove(path, &file);
	assert_string_equal(k.why, "");
	assert_true(k.answered);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_map(answers),
		with_map(a_grant_ends),
		with_map(cuts_off),
		with_map(takes_a_long_key),
		with_map(takes_any_pieces),
		with_map(answers_a_flood),
		with_map(serves_beside_idlers),
		with_map(survives_noise),
		with_map(reads_while_others_write),
		with_map(tells_who_was_asked),
		with_map(does_not_take_doctor_for_the_mta),
		with_map(doctor_waits_on_after_a_signal),
	};

	logmsg_open("test_socketmap", false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
