/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_rig.h - for the tests of the control socket: its server over the ledger of serving.h, and requests to it */
#ifndef CONTROL_RIG_H
#define CONTROL_RIG_H

#include "control.h"
#include "serving.h"

static struct fake f;
static struct control *ctl;

/* What every host has; a test adds what its requests need. */
static inline struct control_setup
control_setup(void)
{
	return (struct control_setup){ .path = f.path, .mode = 0660, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.host = { .arg = &f, .pipeline = &f.pipeline, .now = fake_now, .policy_get = fake_policy_get,
		    .policy_put = fake_policy_put } };
}

/* It answers from now on, until control_close(); -1: it does not, and has said why. */
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
