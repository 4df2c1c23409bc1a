/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack.h - a file packed as gzip(1) and its like do it, for tests */
#ifndef PACK_H
#define PACK_H

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* NAME becomes NAME.METHOD: written beside it, given its time of last change, and only then NAME is removed (unless it
 * is to be kept).  -1: failed. */
static inline int
pack(const char *name, const char *method, bool keep)
{
	static const struct {
		const char *name;
		int (*add)(struct archive *);
	} methods[] = {
		{ "gz", archive_write_add_filter_gzip },
		{ "bz2", archive_write_add_filter_bzip2 },
		{ "xz", archive_write_add_filter_xz },
		{ "zst", archive_write_add_filter_zstd },
		{ "lz4", archive_write_add_filter_lz4 },
		{ "Z", archive_write_add_filter_compress },
	};
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	int in = open(name, O_RDONLY | O_CLOEXEC), rc = -1;
	char to[160], block[4096];
	struct stat st;
	ssize_t n;

	(void)snprintf(to, sizeof to, "%s.%s", name, method);
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (strcmp(methods[i].name, method) == 0)
			rc = methods[i].add(a);
	archive_entry_set_filetype(entry, AE_IFREG);
	if (rc != ARCHIVE_OK || in == -1 || fstat(in, &st) == -1 || archive_write_set_format_raw(a) != ARCHIVE_OK ||
	    archive_write_open_filename(a, to) != ARCHIVE_OK || archive_write_header(a, entry) != ARCHIVE_OK)
		rc = -1;
	while (rc == 0 && (n = read(in, block, sizeof block)) > 0)
		if (archive_write_data(a, block, (size_t)n) != n)
			rc = -1;
	if (rc == 0)
		rc = archive_write_close(a);
	archive_entry_free(entry);
	archive_write_free(a);
	(void)close(in);
	if (rc == 0)
		rc = utimensat(AT_FDCWD, to, (const struct timespec[]){ st.st_mtim, st.st_mtim }, 0);
	return rc == 0 && !keep ? unlink(name) : rc;
}

#endif
