/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_rig.h - for the tests of the kinds of source: one source at a path in a directory of its own
 *
 * A source is read until it has no more; what it gave is compared: "TAG=TEXT " for each line, "-" for a source that
 * cannot be read.
 */
#ifndef SOURCE_RIG_H
#define SOURCE_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"
#include "unit.h"

static char dir[64], path[96], name[128], got[8192];
static struct source *source;

static inline int
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

static inline int
remove_dir(void **state)
{
	(void)state;
	source_free(source);
	source = NULL;
	(void)remove(path);
	return rmdir(dir);
}

static inline void
collect(void *arg, const struct logline *line)
{
	(void)arg;
	(void)snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s=%.*s ", (int)line->tag.n, line->tag.p,
	    (int)line->text.n, line->text.p);
}

static inline void
open_source(const char *prefix)
{
	const struct source_setup setup = { .group = (gid_t)-1 };
	struct err e;

	(void)snprintf(name, sizeof name, "%s%s", prefix, path);
	source = source_new(name, &setup, NULL, 0, &e);
	assert_non_null(source);
}

static inline void
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
static inline void
gives(const char *want)
{
	got[0] = '\0';
	read_all();
	assert_string_equal(got, want);
}

static inline bool
wakes(int milliseconds)
{
	struct pollfd p = { .fd = source_fd(source), .events = POLLIN };

	return poll(&p, 1, milliseconds) == 1;
}

static inline struct source_status
status(void)
{
	struct source_status st;

	source_status(source, &st);
	return st;
}

static inline void
say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

#define in_dir(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

#endif
