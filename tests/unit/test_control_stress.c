/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket with answers of any length and users of any kind: slow, gone, senseless, many at once. */
#include "control_rig.h"
#include "logmsg.h"
#include "stats.h"

static int
start(void **state)
{
	struct control_setup s = control_begin();

	(void)state;
	s.host.durable_request = durable_request;
	s.host.durable_check = durable_check;
	return control_up(&s);
}

/* Far more than the buffers hold, read slowly: complete, and others are served meanwhile. */
static void
streams_a_long_list(void **state)
{
	enum { CLIENTS = 60000 };
	static const char end[] = "{\"end\":0}\n";
	static char big[sizeof end + 65536]; /* behind the last bytes of what came before: the end may come in two pieces */
	unsigned lines = 0;
	char buf[4000];
	int fd, other;

	(void)state;
	for (unsigned i = 0; i < CLIENTS; i++) {
		(void)snprintf(buf, sizeof buf, "10.1.%u.%u", i >> 8, i & 255);
		fake_event(&f, EVENT_LOGIN, buf, "somebody with a long name", NULL);
	}
	fd = dial(&f);
	other = dial(&f);
	ask(fd, "{\"verb\":\"relay list\"}");
	hear_line(fd, buf, sizeof buf); /* it has begun and cannot go on */
	ask(other, "{\"verb\":\"explain\",\"address\":\"10.1.0.5\"}");
	assert_int_equal(answer(other, buf, sizeof buf), 0);
	close(other);
	while (lines < CLIENTS) { /* the one read before is missing, and the end is one more */
		size_t n = hear(fd, big + sizeof end, sizeof big - sizeof end);

		assert_true(n > 0);
		for (size_t i = 0; i < n; i++)
			lines += big[sizeof end + i] == '\n';
		memmove(big, big + n, sizeof end);
	}
	assert_int_equal(lines, CLIENTS);
	assert_memory_equal(big + 1, end, sizeof end - 1);
	close(fd);
}

static void
flushes_all(void **state)
{
	char buf[1000];
	int fd;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		(void)snprintf(buf, sizeof buf, "10.1.%u.%u", i >> 8, i & 255);
		fake_event(&f, EVENT_RBL, buf, NULL, "zen.example");
	}
	fd = dial(&f); /* not before: who has asked nothing for half a minute is cut off */
	ask(fd, "{\"verb\":\"cache flush\"}");
	assert_int_equal(answer(fd, buf, sizeof buf), 0);
	assert_non_null(strstr(buf, "20000 taken out of cache"));
	ask(fd, "{\"verb\":\"status\"}");
	assert_int_equal(answer(fd, buf, sizeof buf), 0);
	assert_non_null(strstr(buf, "\"cache\":0"));
	close(fd);
}

/* A watcher that does not read loses events and is told how many; those who bring them never wait. */
static void
a_slow_watcher_is_told(void **state)
{
	uint64_t dropped = stat_get(STAT_WATCH_DROPPED);
	unsigned heard = 0, missed = 0;
	char buf[1000];
	int fd = dial(&f);

	(void)state;
	ask(fd, "{\"verb\":\"watch\"}");
	hear_line(fd, buf, sizeof buf);
	for (unsigned i = 0; i < 20000; i++)
		fake_event(&f, EVENT_AUTH_FAILURE, "192.0.2.7", "x", NULL);
	while (heard + missed < 20000) {
		hear_line(fd, buf, sizeof buf);
		if (sscanf(buf, "{\"missed\":%u}", &missed) == 1) {
			heard += missed;
			missed = 0;
		} else {
			heard++;
		}
	}
	assert_int_equal(heard, 20000);
	assert_true(stat_get(STAT_WATCH_DROPPED) > dropped);
	close(fd);
}

/* Gone in the middle of everything. */
static void
survives_hangups(void **state)
{
	static const char *const asks[] = { "{\"verb\":\"relay list\"}", "{\"verb\":\"watch\"}",
		"{\"verb\":\"relay add\",\"address\":\"192.0.2.1\"}", "{\"verb\":\"status\"}", "{\"verb\":" };
	char buf[1000];
	int fd;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(buf, sizeof buf, "10.1.%u.%u", i >> 8, i & 255);
		fake_event(&f, EVENT_LOGIN, buf, "u", NULL);
	}
	disk.manual = true;
	for (unsigned i = 0; i < 200; i++) {
		fd = dial(&f);
		ask(fd, asks[i % ROWS(asks)]);
		if (i & 1)
			hear(fd, buf, 10);
		close(fd);
		fake_event(&f, EVENT_LOGIN, "192.0.2.9", "u", NULL);
	}
	fd = dial(&f);
	ask(fd, "{\"verb\":\"cache list\"}");
	assert_int_equal(answer(fd, buf, sizeof buf), 0);
	close(fd);
}

/* Broken JSON made of JSON's pieces, and random bytes. */
static void
survives_noise(void **state)
{
	static const char *const words[] = { "{", "}", "\"verb\"", ":", "\"relay list\"", ",", "\"address\"",
		"\"192.0.2.1\"", "\n", "[", "\"relay add\"", "1e999", "\\", "\"" };
	static char buf[262144];

	(void)state;
	srand(3);
	for (unsigned round = 0; round < 300; round++) {
		int fd = dial(&f);

		for (unsigned i = 0; i < 60; i++) {
			const char *w = words[(unsigned)rand() % ROWS(words)];
			char byte = (char)rand();

			if (rand() % 8 == 0)
				say(fd, &byte, 1);
			say(fd, w, strlen(w));
		}
		shutdown(fd, SHUT_WR);
		hear_all(fd, buf, sizeof buf - 1);
		close(fd);
	}
}

static void *
keep_asking(void *arg)
{
	static const char *const asks[] = { "{\"verb\":\"status\"}", "{\"verb\":\"relay list\"}",
		"{\"verb\":\"explain\",\"address\":\"10.9.8.7\"}", "{\"verb\":\"cache flush\"}",
		"{\"verb\":\"relay add\",\"address\":\"10.9.8.7\",\"user\":\"eve\"}", "{\"verb\":\"stats\"}" };
	char *buf = malloc(65536);
	int fd = dial(&f);

	(void)arg;
	for (unsigned i = 0; i < 300; i++) {
		ask(fd, asks[i % ROWS(asks)]);
		assert_int_equal(answer(fd, buf, 65536), 0);
	}
	close(fd);
	free(buf);
	return NULL;
}

/* For ThreadSanitizer: all verbs while the ledger is written. */
static void
reads_while_others_write(void **state)
{
	pthread_t threads[3];
	char watched[100];
	int fd = dial(&f);

	(void)state;
	ask(fd, "{\"verb\":\"watch\"}");
	hear(fd, watched, 10);
	fake_event(&f, EVENT_LOGIN, "10.9.8.7", "eve", NULL);
	for (size_t i = 0; i < ROWS(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_asking, NULL), 0);
	for (unsigned i = 0; i < 3000; i++)
		fake_event(&f, i & 1 ? EVENT_RBL : EVENT_LOGIN, i & 2 ? "10.9.8.7" : "10.9.8.6", "eve", "zen.example");
	for (size_t i = 0; i < ROWS(threads); i++)
		pthread_join(threads[i], NULL);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(streams_a_long_list, start, control_down),
		cmocka_unit_test_setup_teardown(flushes_all, start, control_down),
		cmocka_unit_test_setup_teardown(a_slow_watcher_is_told, start, control_down),
		cmocka_unit_test_setup_teardown(survives_hangups, start, control_down),
		cmocka_unit_test_setup_teardown(survives_noise, start, control_down),
		cmocka_unit_test_setup_teardown(reads_while_others_write, start, control_down),
	};

	logmsg_open("test_control_stress", false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
