/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listfile.h - a list in a file: one entry a line, # for comments, and whether the file has changed since */
#ifndef LISTFILE_H
#define LISTFILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "err.h"
#include "str.h"

/* Called for every line that is not empty, without comment and blanks around it.  -1 and *e: a mistake. */
typedef int listfile_fn(void *arg, struct str line, struct err *e);

/* Read the whole file; -1 and "PATH:LINE: what is wrong" at the first mistake.  A line has at most 1000 bytes. */
int listfile_read(const char *path, listfile_fn *fn, void *arg, struct err *e);

/* For the error *e of reading `path`, which `option` names.  A mistake in a line has its place and stays as it is; a file that
 * cannot be read gets the option's name, and what to do.  Returns -1. */
int listfile_blame(struct err *e, const char *option, const char *path);

/* Is it a FIFO with a name, as log writers have it?  To open it waits for a writer, who may never come, and it never ends if
 * he does.  The shell's <(command) is a pipe without a name, and is none. */
bool listfile_is_fifo(const char *path);

/* What a file's state is told by. */
struct listfile_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec written, changed;
	int error; /* errno, when there is no such file; the rest is zero then */
};

/* "" has a stamp of its own, which never changes. */
struct listfile_stamp listfile_stamp(const char *path);
struct listfile_stamp listfile_stamp_of(const struct stat *st); /* of a file that is open */
bool listfile_same(const struct listfile_stamp *a, const struct listfile_stamp *b);

#endif
