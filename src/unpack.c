/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unpack.c - what a compressed file holds */
#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#define BLOCK	   65536
#define RATIO_MAX  1024
#define ALWAYS_OK  (64 << 20) /* bytes, however small the file is */

struct unpack {
	struct archive *archive;
	uint64_t given, size; /* size 0: not known beforehand */
	bool empty, bomb;
};

/* Not all that libarchive knows: for some it runs programs, as it does for any that it was built without, which it
 * tells by ARCHIVE_WARN. */
static int
support(struct archive *a)
{
	static int (*const filters[])(struct archive *) = {
		archive_read_support_filter_gzip,
		archive_read_support_filter_bzip2,
		archive_read_support_filter_xz,
		archive_read_support_filter_lzma,
		archive_read_support_filter_zstd,
		archive_read_support_filter_lz4,
		archive_read_support_filter_compress,
	};

	for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
		if (filters[i](a) != ARCHIVE_OK)
			return -1;
	return archive_read_support_format_raw(a) == ARCHIVE_OK && archive_read_support_format_empty(a) == ARCHIVE_OK
	    ? 0
	    : -1;
}

static int
failed(struct unpack *u, struct err *e)
{
	const char *why = archive_error_string(u->archive);

	return err_set(e, "cannot be unpacked: %s", why == NULL ? "libarchive does not say why" : why);
}

struct unpack *
unpack_open(int fd, struct err *e)
{
	struct unpack *u = xcalloc(1, sizeof *u);
	struct archive_entry *entry;
	struct stat st;
	int rc;

	u->archive = archive_read_new();
	if (u->archive == NULL)
		panic("unpack: no memory");
	u->size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	if (support(u->archive) == -1)
		(void)err_set(e, "cannot be unpacked: this libarchive lacks a method");
	else if (archive_read_open_fd(u->archive, fd, BLOCK) != ARCHIVE_OK)
		(void)failed(u, e);
	else if ((rc = archive_read_next_header(u->archive, &entry)) != ARCHIVE_OK && rc != ARCHIVE_EOF)
		(void)failed(u, e);
	else {
		u->empty = rc == ARCHIVE_EOF;
		return u;
	}
	unpack_close(u);
	return NULL;
}

void
unpack_close(struct unpack *u)
{
	if (u == NULL)
		return;
	(void)archive_read_free(u->archive);
	free(u);
}

bool
unpack_is_plain(const struct unpack *u)
{
	return archive_filter_code(u->archive, 0) == ARCHIVE_FILTER_NONE;
}

/* Of a pipe only what has come so far is known. */
static bool
is_bomb(const struct unpack *u)
{
	uint64_t size = u->size != 0 ? u->size : (uint64_t)archive_filter_bytes(u->archive, -1);

	return u->given > ALWAYS_OK && u->given - ALWAYS_OK > size * RATIO_MAX;
}

ssize_t
unpack_read(struct unpack *u, void *buf, size_t n, struct err *e)
{
	la_ssize_t got;

	if (u->bomb)
		return err_set(e, "unpacks to more than %d times its size: given up", RATIO_MAX);
	if (u->empty)
		return 0;
	got = archive_read_data(u->archive, buf, n);
	if (got < 0)
		return failed(u, e);
	u->given += (uint64_t)got;
	u->bomb = is_bomb(u);
	return (ssize_t)got;
}
