/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_rig.h - for the tests of the control socket: its server in this process, and requests to it
 *
 *	struct control_setup s = control_begin();	a ledger, a watch stream and evidence; a test adds what it needs
 *	control_up(&s);					from now on it answers
 *	control_down(NULL);				the end, also of a guard and a history if the pipeline has them
 */
#ifndef CONTROL_RIG_H
#define CONTROL_RIG_H

#include "control.h"
#include "serving.h"

static struct fake f;
static struct control *ctl;
static struct watch *watch;
static struct evidence *evidence;

/* In place of a store: commits are made as soon as they are asked for, or, `manual`, by the test. */
static struct {
	_Atomic uint64_t asked, committed;
	_Atomic bool broken, manual;
} disk;

static inline uint64_t
durable_request(void *arg)
{
	uint64_t ticket = atomic_fetch_add(&disk.asked, 1) + 1;

	(void)arg;
	if (!disk.manual) {
		disk.committed = ticket;
		control_wake(ctl);
	}
	return ticket;
}

static inline enum durable
durable_check(void *arg, uint64_t ticket, struct err *e)
{
	(void)arg;
	if (disk.broken) {
		err_set(e, "the disk is full");
		return DURABLE_FAILED;
	}
	return disk.committed >= ticket ? DURABLE_DONE : DURABLE_WAIT;
}

static inline void
told(void *arg, const struct event *ev, const struct addr *client, unsigned changes)
{
	(void)arg;
	watch_told(watch, ev, client, changes);
	evidence_told(evidence, ev, client, changes);
}

static inline struct control_setup
control_begin(void)
{
	const struct effects fx = { .told = told };

	fake_init(&f, &fx);
	watch = watch_new();
	evidence = evidence_new(1024);
	disk.broken = disk.manual = false;
	return (struct control_setup){ .path = f.path, .mode = 0660, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.host = { .arg = &f, .pipeline = &f.pipeline, .watch = watch, .evidence = evidence, .now = fake_now,
		    .policy_get = fake_policy_get, .policy_put = fake_policy_put } };
}

/* -1: it cannot, and has said why. */
static inline int
control_up(const struct control_setup *s)
{
	struct err e = { "" };

	ctl = control_open(s, &e);
	if (ctl != NULL && control_start(ctl, &e) == 0)
		return 0;
	print_error("%s\n", e.text);
	return -1;
}

static inline int
control_down(void **state)
{
	(void)state;
	control_close(ctl);
	watch_free(watch);
	evidence_free(evidence);
	guard_free(f.pipeline.guard);
	history_free(f.pipeline.history);
	fake_done(&f);
	return 0;
}

static inline void
ask(int fd, const char *line)
{
	say(fd, line, strlen(line));
	say(fd, "\n", 1);
}

/* The whole answer of one request: its lines with a newline each, and the last line's code. */
static inline int
answer(int fd, char *buf, size_t size)
{
	size_t n = 0;

	for (;;) {
		hear_line(fd, buf + n, size - n);
		if (buf[n] == '\0')
			fail_msg("the connection was closed after \"%s\"", buf);
		if (strncmp(buf + n, "{\"end\":", 7) == 0)
			return atoi(buf + n + 7);
		n += strlen(buf + n);
		assert_true(n + 100 < size);
		buf[n++] = '\n';
	}
}

#endif
