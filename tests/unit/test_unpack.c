/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_unpack.c - compressed files, whole, damaged and malicious */
#include <stdlib.h>

#include "pack.h"
#include "unit.h"
#include "unpack.h"

static char dir[64], path[96], packed[112];

static int
make_dir(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/popauth-test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/f", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(packed);
	return rmdir(dir);
}

/* A file of `lines` lines, packed. */
static int
make(const char *method, unsigned lines)
{
	FILE *f = fopen(path, "w");
	int fd;

	assert_non_null(f);
	for (unsigned i = 0; i < lines; i++)
		fprintf(f, "%08u %08x\n", i, i * 2654435761u);
	(void)fclose(f);
	(void)snprintf(packed, sizeof packed, "%s.%s", path, method);
	assert_int_equal(pack(path, method, false), 0);
	fd = open(packed, O_RDONLY | O_CLOEXEC);
	assert_true(fd != -1);
	return fd;
}

/* How many of the lines come out; -1 when there is an error at the end of them. */
static long
count(struct unpack *u, size_t piece, long *lines)
{
	char *buf = malloc(piece), want[32];
	size_t at = 0;
	ssize_t n;

	for (*lines = 0; (n = unpack_read(u, buf, piece, NULL)) > 0;)
		for (ssize_t i = 0; i < n; i++) {
			(void)snprintf(want, sizeof want, "%08lu %08x\n", (unsigned long)*lines,
			    (unsigned)*lines * 2654435761u);
			assert_int_equal(buf[i], want[at]);
			at++;
			if (buf[i] == '\n') {
				at = 0;
				(*lines)++;
			}
		}
	free(buf);
	return n;
}

static void
gives_what_was_packed(void **state)
{
	static const char *const methods[] = { "gz", "bz2", "xz", "zst", "lz4", "Z" };
	static const size_t pieces[] = { 1, 1000, 1 << 20 };
	long lines;

	(void)state;
	for (size_t i = 0; i < ROWS(methods); i++)
		for (size_t k = 0; k < ROWS(pieces); k++) {
			int fd = make(methods[i], 20000);
			struct unpack *u = unpack_open(fd, NULL);

			assert_non_null(u);
			row_eq(methods[i], count(u, pieces[k], &lines), 0);
			row_eq(methods[i], lines, 20000);
			row_eq(methods[i], unpack_read(u, &lines, sizeof lines, NULL), 0);
			unpack_close(u);
			(void)close(fd);
			(void)unlink(packed);
		}
}

static void
takes_what_is_not_packed_as_it_is(void **state)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct unpack *u = unpack_open(fd, NULL);
	char buf[16];

	(void)state;
	assert_non_null(u); /* empty */
	assert_int_equal(unpack_read(u, buf, sizeof buf, NULL), 0);
	unpack_close(u);
	assert_int_equal(write(fd, "a line\n", 7), 7);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	u = unpack_open(fd, NULL);
	assert_non_null(u);
	assert_int_equal(unpack_read(u, buf, sizeof buf, NULL), 7);
	assert_memory_equal(buf, "a line\n", 7);
	unpack_close(u);
	(void)close(fd);
}

static void
says_what_is_cut_off(void **state)
{
	int fd = make("gz", 20000);
	struct unpack *u;
	struct err e;
	struct stat st;
	char c;
	long lines;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(truncate(packed, st.st_size / 2), 0);
	u = unpack_open(fd, NULL);
	assert_non_null(u);
	assert_int_equal(count(u, 1000, &lines), -1);
	assert_true(lines > 1000 && lines < 19000);
	assert_int_equal(unpack_read(u, &c, 1, &e), -1);
	assert_non_null(strstr(e.text, "unpacked"));
	unpack_close(u);
	(void)close(fd);
}

static void
gives_up_on_a_bomb(void **state)
{
	char *zeros = calloc(1, 1 << 20);
	uint64_t given = 0;
	struct unpack *u;
	struct err e = { "" };
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n;

	(void)state;
	assert_int_equal(ftruncate(fd, 300 << 20), 0);
	(void)close(fd);
	(void)snprintf(packed, sizeof packed, "%s.zst", path);
	assert_int_equal(pack(path, "zst", false), 0);
	fd = open(packed, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	u = unpack_open(fd, &e);
	assert_non_null(u);
	while ((n = unpack_read(u, zeros, 1 << 20, &e)) > 0)
		given += (uint64_t)n;
	assert_int_equal(n, -1);
	assert_non_null(strstr(e.text, "given up"));
	assert_true(given <= ((uint64_t)st.st_size << 10) + (66 << 20));
	unpack_close(u);
	(void)close(fd);
	free(zeros);
}

#define in_dir(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_dir(gives_what_was_packed),
		in_dir(takes_what_is_not_packed_as_it_is),
		in_dir(says_what_is_cut_off),
		in_dir(gives_up_on_a_bomb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
