/* SPDX-License-Identifier: GPL-2.0-or-later */
/* files.h - files for tests and benchmarks: written at once, and removed with all that is beside them
 *
 * What fails ends the program: nothing after it would be worth reading.
 */
#ifndef FILES_H
#define FILES_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The file is made, or has this text instead of its own. */
static inline void
write_text(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	if (out == NULL || fputs(text, out) == EOF || fclose(out) == EOF) {
		perror(path);
		abort();
	}
}

static inline int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* The directory and all that is in it.  -1: something is left. */
static inline int
remove_tree(const char *dir)
{
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
