/* SPDX-License-Identifier: GPL-2.0-or-later */
/* common.c - what several fuzz targets need */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "rules.h"

void
fuzz_fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

struct rules *
fuzz_rules(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	const char *const paths[] = { path, NULL };
	struct rules *set;
	struct err e;

	(void)snprintf(path, sizeof path, "%s/rules", top != NULL ? top : ".");
	if (rules_load(paths, &set, &e) == -1)
		fuzz_fail("rules", e.text);
	return set;
}

const char *
fuzz_file(struct str bytes)
{
	static char path[64];
	static int fd = -1;

	if (fd == -1) {
		if ((fd = memfd_create("fuzz", MFD_CLOEXEC)) == -1)
			fuzz_fail("memfd_create", strerror(errno));
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) == -1 || (bytes.n > 0 && pwrite(fd, bytes.p, bytes.n, 0) != (ssize_t)bytes.n))
		fuzz_fail(path, strerror(errno));
	return path;
}
