/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ask.c - a program's side of the control socket, with somebody else at the other end than it thinks */
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "unit.h"
#include "unixsock.h"

/* Who answers: `says` once, then `drips` again and again until the other side has had enough. */
struct liar {
	int listener;
	pthread_t thread;
	const char *says, *drips; /* drips NULL: it closes; "": it says nothing more, and waits */
	unsigned times; /* that `says` is said */
};

static char dir[64], path[100];

static bool
tell(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static void *
lie(void *arg)
{
	struct liar *l = arg;
	const struct timespec tick = { .tv_nsec = 50000000 };
	char buf[4096];
	struct pollfd in = { .fd = l->listener, .events = POLLIN };
	int fd;

	(void)poll(&in, 1, -1);
	fd = accept(l->listener, NULL, NULL);
	(void)!recv(fd, buf, sizeof buf, 0);
	for (unsigned i = 0; i < l->times; i++)
		if (!tell(fd, l->says))
			break;
	if (l->drips != NULL && *l->drips == '\0')
		(void)!recv(fd, buf, sizeof buf, 0);
	while (l->drips != NULL && *l->drips != '\0' && tell(fd, l->drips))
		nanosleep(&tick, NULL);
	close(fd);
	return NULL;
}

static void
liar_start(struct liar *l)
{
	struct unixsock_file file;
	struct err e = { "" };

	l->listener = unixsock_listen(path, 0600, (uid_t)-1, (gid_t)-1, &file, &e);
	if (l->listener == -1)
		fail_msg("%s", e.text);
	assert_int_equal(pthread_create(&l->thread, NULL, lie, l), 0);
}

static void
liar_stop(struct liar *l)
{
	pthread_join(l->thread, NULL);
	close(l->listener);
	unlink(path);
}

static bool
count(void *arg, const struct json *line)
{
	(void)line;
	++*(unsigned *)arg;
	return true;
}

static enum ask_answer
ask_here(unsigned seconds, unsigned *lines, struct ask_ending *end)
{
	struct json *request = json_new();
	enum ask_answer is;

	json_put_cstr(request, "verb", "status");
	*lines = 0;
	is = ask(path, request, seconds, count, lines, end);
	json_free(request);
	return is;
}

/* A minute is never used up, one second always is; on a machine that is held up for as long, perhaps before anything came:
 * then once more. */
static void
ends_whatever_it_hears(void **state)
{
	static const struct {
		const char *name, *says;
		unsigned times;
		const char *drips;
		unsigned seconds;
		enum ask_answer is;
		unsigned lines;
		const char *message;
	} rows[] = {
		{ "an answer", "{\"a\":1}\n{\"end\":0,\"message\":\"well\"}\n", 1, NULL, 60, ASK_DONE, 1, "well" },
		{ "in pieces", "{\"a\":1}\n{\"a\"", 1, ":2}\n{\"end\":2}\n", 60, ASK_DONE, 2, "" },
		{ "a thousand lines", "{\"a\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}\n", 1000,
		  "{\"end\":0}\n", 60, ASK_DONE, 1000, "" },
		{ "cut off", "{\"a\":1}\n{\"end\":0", 1, NULL, 60, ASK_BROKEN, 1, "the answer is not complete" },
		{ "nothing", "", 1, NULL, 60, ASK_BROKEN, 0, "the answer is not complete" },
		{ "another language", "* OK IMAP4 ready\r\n", 1, "", 60, ASK_BROKEN, 0, "the answer is not understood" },
		{ "a line without an end", "0123456789012345", 65536 / 16, "", 60, ASK_BROKEN, 0, "a line of the answer is too long" },
		{ "silence", "{\"a\":1}\n", 1, "", 1, ASK_BROKEN, 1, "no answer for too long" },
		{ "bytes, dripping", "", 1, " ", 1, ASK_BROKEN, 0, "no answer for too long" },
		{ "lines, dripping", "{\"a\":1}\n", 1, "{\"error\":1}\n", 1, ASK_BROKEN, UINT_MAX, "no answer for too long" },
	};
	unsigned retries = 20;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct liar l = { .says = rows[i].says, .times = rows[i].times, .drips = rows[i].drips };
		struct ask_ending end;
		unsigned lines;

		do {
			liar_start(&l);
			row_eq(rows[i].name, ask_here(rows[i].seconds, &lines, &end), rows[i].is);
			liar_stop(&l);
		} while (rows[i].seconds == 1 && lines == 0 && rows[i].lines == 1 && retries-- > 0);
		if (rows[i].lines != UINT_MAX)
			row_eq(rows[i].name, lines, rows[i].lines);
		if (strstr(end.message, rows[i].message) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\" in it", rows[i].name, end.message, rows[i].message);
	}
}

/* Nobody takes the connection: the queue of a daemon that is stopped is full. */
static void
does_not_wait_for_a_place(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	struct ask_ending end;
	unsigned lines;
	struct err e;

	(void)state;
	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	assert_int_equal(bind(listener, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(listen(listener, 0), 0);
	fd = unixsock_connect(path, &e);
	assert_true(fd != -1);
	row_eq("full", ask_here(1, &lines, &end), ASK_UNREACHABLE);
	close(fd);
	close(listener);
	unlink(path);
	row_eq("gone", ask_here(1, &lines, &end), ASK_UNREACHABLE);
}

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/popauth-test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/sock", dir);
	(void)alarm(120); /* who waits for ever fails */
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_whatever_it_hears),
		cmocka_unit_test(does_not_wait_for_a_place),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
