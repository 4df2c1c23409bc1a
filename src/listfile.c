/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listfile.c - a list in a file */
#include "listfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_IN 1000

/* A # is a comment at the beginning of a line and behind a blank: it may stand in an address. */
static struct str
bare_line(const char *line, size_t n)
{
	struct str s = { line, n };

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '#' && (i == 0 || str_blank(s.p[i - 1])))
			s.n = i;
	return str_trim(s);
}

/* O_NONBLOCK: a FIFO in its place must not hold us up. */
static FILE *
open_list(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	FILE *in;

	if (fd == -1 || fstat(fd, &st) == -1) {
		err_sys(e, "%s: cannot be opened", path);
	} else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
		err_set(e, "%s: is not a file", path);
	} else if ((in = fdopen(fd, "r")) != NULL) {
		return in;
	} else
		err_sys(e, "%s", path);
	if (fd != -1)
		close(fd);
	return NULL;
}

int
listfile_read(const char *path, listfile_fn *fn, void *arg, struct err *e)
{
	FILE *in = open_list(path, e);
	unsigned lineno = 0;
	char *line = NULL;
	size_t cap = 0;
	struct err why;
	ssize_t n;
	int rc = 0;

	if (in == NULL)
		return -1;
	while (rc == 0 && (n = getline(&line, &cap, in)) > 0) {
		struct str s = bare_line(line, (size_t)n);

		lineno++;
		if (s.n > LINE_MAX_IN)
			rc = err_set(e, "%s:%u: longer than %d bytes", path, lineno, LINE_MAX_IN);
		else if (s.n > 0 && fn(arg, s, &why) == -1)
			rc = err_set(e, "%s:%u: %.400s", path, lineno, why.text);
	}
	if (rc == 0 && ferror(in))
		rc = err_sys(e, "%s: cannot be read", path);
	free(line);
	fclose(in);
	return rc;
}

int
listfile_blame(struct err *e, const char *option, const char *path)
{
	struct err why = *e;
	size_t n = strlen(path);

	if (strncmp(why.text, path, n) != 0 || strncmp(why.text + n, ": ", 2) != 0)
		return -1;
	if (listfile_stamp(path).error == ENOENT)
		return err_set(e, "%s: %.400s; make the file, or say %s = \"\"", option, why.text, option);
	return err_set(e, "%s: %.400s; it must be a file that uid %ld can read", option, why.text, (long)geteuid());
}

/* What /dev/fd/63 stands for has no name when it is a pipe: there is no such path. */
bool
listfile_is_fifo(const char *path)
{
	struct stat st;
	char *name = stat(path, &st) == 0 && S_ISFIFO(st.st_mode) ? realpath(path, NULL) : NULL;
	bool named = name != NULL;

	free(name);
	return named;
}

struct listfile_stamp
listfile_stamp_of(const struct stat *st)
{
	return (struct listfile_stamp){
		.dev = st->st_dev, .ino = st->st_ino, .size = st->st_size, .written = st->st_mtim, .changed = st->st_ctim,
	};
}

struct listfile_stamp
listfile_stamp(const char *path)
{
	struct stat st;

	if (*path == '\0')
		return (struct listfile_stamp){ .error = 0 };
	if (stat(path, &st) == -1)
		return (struct listfile_stamp){ .error = errno };
	return listfile_stamp_of(&st);
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
listfile_same(const struct listfile_stamp *a, const struct listfile_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->error == b->error &&
	    same_time(&a->written, &b->written) && same_time(&a->changed, &b->changed);
}
