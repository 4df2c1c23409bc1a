/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server loop by itself, with limits small enough to be reached: an echo of lines. */
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "server.h"
#include "serving.h"
#include "stats.h"

#define IN	64
#define OUT	256
#define TRIES	20 /* of a machine that is held up again and again; a server that is wrong needs no more */
#define FRESH_S 3 /* to wait for; a machine may be held up for longer, so who was closed for that comes again */

static struct fake f;
static struct server *server;
static _Atomic unsigned ends[END_OURS + 1];
static sem_t ticked;

static enum conn_next
on_input(void *arg, struct conn *c, struct str in, size_t *used)
{
	const char *nl;

	(void)arg;
	while ((nl = memchr(in.p + *used, '\n', in.n - *used)) != NULL) {
		size_t n = (size_t)(nl - in.p) + 1 - *used;

		if (in.p[*used] == '!')
			return CONN_DROP;
		if (in.p[*used] == '.') {
			assert_true(conn_put(c, "bye\n", 4));
			return CONN_FLUSH;
		}
		if (!conn_put(c, in.p + *used, n))
			return CONN_KEEP;
		conn_proved(c);
		*used += n;
	}
	return in.n == IN && *used == 0 ? CONN_DROP : CONN_KEEP;
}

static void
on_tick(void *arg, struct server *s)
{
	(void)arg;
	(void)s;
	sem_post(&ticked);
}

static void
on_closed(void *arg, struct conn *c, enum conn_end why, size_t unread)
{
	(void)arg;
	(void)c;
	(void)unread;
	ends[why]++;
}

static void
start(unsigned conns_max, unsigned fresh_s, unsigned idle_s)
{
	static const struct server_ops ops = { .input = on_input, .tick = on_tick, .closed = on_closed };
	struct server_setup s = { .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1, .conns_max = conns_max,
		.in_size = IN, .out_size = OUT, .fresh_s = fresh_s, .idle_s = idle_s, .ops = &ops };
	struct err e = { "" };

	fake_init(&f, NULL);
	s.path = f.path;
	for (unsigned i = 0; i <= END_OURS; i++)
		ends[i] = 0;
	server = server_open(&s, &e);
	if (server == NULL || server_start(server, "test", &e) == -1)
		fail_msg("%s", e.text);
}

static void
stop(void)
{
	server_close(server);
	fake_done(&f);
}

static void
echoes(int fd, const char *line)
{
	char buf[IN];

	say(fd, line, strlen(line));
	hear_all(fd, buf, strlen(line));
	assert_string_equal(buf, line);
}

static void
closed(int fd)
{
	char c;

	assert_int_equal(hear(fd, &c, 1), 0);
	close(fd);
}

/* A connection that has made its request in time. */
static int
dial_and_ask(void)
{
	for (unsigned i = 0; i < TRIES; i++) {
		char buf[3];
		int fd = dial(&f);

		say(fd, "x\n", 2);
		if (hear_all(fd, buf, 2) == 2)
			return fd;
		close(fd);
	}
	fail_msg("who asks at once is closed, each time");
	return -1;
}

/* With four places, a fifth and sixth connection push out those that never asked, oldest first; then those that did. */
static void
makes_room(void **state)
{
	uint64_t full = stat_get(STAT_CONNECTIONS_FULL);
	int fd[7];

	(void)state;
	start(4, 600, 600);
	for (unsigned i = 0; i < 4; i++)
		fd[i] = dial(&f);
	echoes(fd[3], "proved\n"); /* now all four are known to be accepted */
	echoes(fd[0], "proved\n");
	fd[4] = dial(&f);
	echoes(fd[4], "x\n");
	closed(fd[1]);
	fd[5] = dial(&f);
	echoes(fd[5], "x\n");
	closed(fd[2]);
	echoes(fd[3], "still here\n");
	fd[6] = dial(&f);
	echoes(fd[6], "x\n");
	closed(fd[0]); /* the quietest of those that had asked */
	echoes(fd[3], "and here\n");
	assert_int_equal(ends[END_FULL], 3);
	assert_int_equal(stat_get(STAT_CONNECTIONS_FULL) - full, 3);
	for (unsigned i = 3; i < 7; i++)
		close(fd[i]);
	stop();
}

/* Half a request, drawn out until the other side has had enough. */
static int
crumble(int fd)
{
	struct pollfd crumbs = { .fd = fd, .events = POLLIN };

	for (unsigned i = 0; poll(&crumbs, 1, 500) == 0; i++) {
		assert_true(i < IN - 1); /* what does not fit would be dropped, not idle */
		say(fd, "a", 1);
	}
	return fd;
}

/* Who never makes a request is closed, also when it sends one in crumbs; who made one stays. */
static void
closes_the_silent(void **state)
{
	int silent, good;
	unsigned before;

	(void)state;
	start(10, FRESH_S, 600);
	good = dial_and_ask();
	before = ends[END_IDLE];
	silent = dial(&f);
	closed(silent);
	closed(crumble(dial(&f)));
	assert_int_equal(ends[END_IDLE] - before, 2);
	echoes(good, "x\n");
	close(good);
	stop();
}

/* Who has made proper requests may be quiet for long, but a request once begun must be ended, and crumbs are no end. */
static void
closes_the_halves(void **state)
{
	int good, half;
	unsigned before;

	(void)state;
	start(10, FRESH_S, 600);
	good = dial_and_ask();
	half = dial_and_ask();
	before = ends[END_IDLE];
	closed(crumble(half));
	assert_int_equal(ends[END_IDLE] - before, 1);
	echoes(good, "x\n");
	close(good);
	stop();
}

/* Ask until it takes no more; false: it was closed before, for having been quiet. */
static bool
ask_without_end(int fd)
{
	size_t sent = 0;
	ssize_t n;

	while ((n = send(fd, "0123456789abcde\n", 16, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		sent += (size_t)n;
	return errno == EAGAIN && sent > OUT;
}

/* Who does not take its answers is not read from, and in the end closed; nobody else waits. */
static void
closes_the_stuck(void **state)
{
	int stuck, other;
	unsigned early = 0;

	(void)state;
	start(10, 600, FRESH_S);
	for (stuck = dial(&f); !ask_without_end(stuck); stuck = dial(&f)) {
		assert_true(++early < TRIES);
		close(stuck);
	}
	other = dial(&f);
	echoes(other, "x\n");
	assert_int_equal(poll(&(struct pollfd){ .fd = stuck }, 1, HANG_MS), 1); /* hung up on */
	assert_true(ends[END_IDLE] > early);
	close(stuck);
	close(other);
	stop();
}

static void
obeys_the_handler(void **state)
{
	char buf[100];
	int fd;

	(void)state;
	start(10, 600, 600);
	fd = dial(&f);
	say(fd, "a\nb\n.\nc\n", 8);
	hear_all(fd, buf, sizeof buf - 1);
	assert_string_equal(buf, "a\nb\nbye\n"); /* all before the end is delivered, nothing behind it is read */
	close(fd);
	fd = dial(&f);
	say(fd, "a\n!\n", 4);
	hear_all(fd, buf, sizeof buf - 1);
	close(fd);
	fd = dial(&f);
	say(fd, "a line that is longer than the buffer, which nobody will ever take", 65);
	closed(fd);
	assert_int_equal(ends[END_OURS], 3);
	stop();
}

/* No connection is open, so that nothing but the waking ticks. */
static void
wakes(void **state)
{
	struct timespec end;

	(void)state;
	start(10, 600, 600);
	while (sem_trywait(&ticked) == 0)
		;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += HANG_MS / 1000;
	for (unsigned i = 0; i < 100; i++) {
		server_wake(server);
		assert_int_equal(sem_clockwait(&ticked, CLOCK_MONOTONIC, &end), 0);
	}
	stop();
}

static unsigned
use_up_descriptors(int *fds, unsigned max)
{
	unsigned n = 0;

	while (n < max && (fds[n] = dup(0)) != -1)
		n++;
	assert_true(n < max);
	return n;
}

/* Out of descriptors: the newcomer gets the place of the quietest, and nothing hangs. */
static void
lives_without_descriptors(void **state)
{
	enum { MANY = 20 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct rlimit old, low;
	int fd[MANY], spare[64], used, late;
	unsigned n;

	(void)state;
	start(1000, 600, 600);
	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", f.path);
	used = dial(&f);
	echoes(used, "x\n");
	for (n = 0; n < MANY; n++)
		fd[n] = dial(&f);
	echoes(fd[MANY - 1], "x\n"); /* all are accepted */
	late = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)late + 10;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	n = use_up_descriptors(spare, ROWS(spare));
	assert_int_equal(connect(late, (struct sockaddr *)&sun, sizeof sun), 0);
	echoes(used, "still served\n");
	echoes(late, "the newcomer too\n");
	closed(fd[0]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (unsigned i = 0; i < n; i++)
		close(spare[i]);
	for (unsigned i = 1; i < MANY; i++)
		close(fd[i]);
	close(late);
	close(used);
	stop();
}

/* Another process that holds our descriptors, as between fork and exec: connections end all the same. */
static void
ends_what_others_hold(void **state)
{
	int hold[2], fd, other, rc;
	char c;
	pid_t pid;

	(void)state;
	start(10, 600, 600);
	fd = dial(&f);
	echoes(fd, "x\n");
	assert_int_equal(pipe(hold), 0);
	pid = fork();
	if (pid == 0) {
		close(hold[1]);
		_exit(read(hold[0], &c, 1) == 0 ? 0 : 1);
	}
	say(fd, "!\n", 2);
	closed(fd);
	other = dial(&f);
	echoes(other, "x\n");
	echoes(other, "y\n");
	close(other);
	close(hold[1]);
	close(hold[0]);
	assert_int_equal(waitpid(pid, &rc, 0), pid);
	stop();
}

/* Closed while connections are open and busy. */
static void
stops_at_any_moment(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		int fd[5];

		start(10, 600, 600);
		for (unsigned i = 0; i < 5; i++) {
			fd[i] = dial(&f);
			say(fd[i], "a\nb\nc", 5);
		}
		stop();
		for (unsigned i = 0; i < 5; i++)
			close(fd[i]);
	}
	server_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_room),
		cmocka_unit_test(closes_the_silent),
		cmocka_unit_test(closes_the_halves),
		cmocka_unit_test(closes_the_stuck),
		cmocka_unit_test(obeys_the_handler),
		cmocka_unit_test(wakes),
		cmocka_unit_test(lives_without_descriptors),
		cmocka_unit_test(ends_what_others_hold),
		cmocka_unit_test(stops_at_any_moment),
	};

	sem_init(&ticked, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
