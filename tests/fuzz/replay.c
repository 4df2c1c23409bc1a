/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay.c - a main for fuzz targets without libFuzzer: run one over its seeds
 *
 *	tests/fuzz/NAME [FILE|DIRECTORY]...		default: $top_srcdir/tests/fuzz/corpus/NAME
 *
 * Each seed is tried whole, and in all its beginnings as long as there are not too many of those.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"

#define SEED_MAX (1 << 20)
#define PREFIXES 40 /* of a seed, evenly spaced */

static unsigned seeds;

/* In a block of its own, so that a sanitizer sees a step beyond its end. */
static void
try_bytes(const char *p, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);

	if (copy == NULL)
		fuzz_fail("malloc", strerror(errno));
	memcpy(copy, p, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void
try_file(const char *path)
{
	static char buf[SEED_MAX];
	FILE *fp = fopen(path, "r");
	size_t n, step;

	if (fp == NULL)
		fuzz_fail(path, strerror(errno));
	n = fread(buf, 1, sizeof buf, fp);
	if (ferror(fp) || !feof(fp))
		fuzz_fail(path, "cannot be read, or is too long");
	(void)fclose(fp);
	fprintf(stderr, "%s\n", path); /* the last one said is the one that failed */
	step = n / PREFIXES + 1;
	for (size_t i = 0; i < n; i += step)
		try_bytes(buf, i);
	try_bytes(buf, n);
	seeds++;
}

static void
try_path(const char *path)
{
	struct dirent **names;
	char each[4096];
	struct stat st;
	int n;

	if (stat(path, &st) == -1)
		fuzz_fail(path, strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		try_file(path);
		return;
	}
	if ((n = scandir(path, &names, NULL, alphasort)) == -1)
		fuzz_fail(path, strerror(errno));
	for (int i = 0; i < n; i++) {
		(void)snprintf(each, sizeof each, "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			try_file(each);
		free(names[i]);
	}
	free(names);
}

int
main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir"), *name = strrchr(argv[0], '/');
	char corpus[4096];

	(void)snprintf(corpus, sizeof corpus, "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
	    name != NULL ? name + 1 : argv[0]);
	(void)LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		try_path(argv[i]);
	if (argc == 1)
		try_path(corpus);
	printf("%u seeds\n", seeds);
	return seeds > 0 ? 0 : 1;
}
