/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_pages.c - what the beginnings of a database file's pages tell
 *
 * A pass over a million clients takes some 20 ms when the file is in memory, and loading them reads it anyway.
 */
#include "store_pages.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (256 * STORE_PAGE)

/* The beginning of every page (db_page.h in Berkeley DB 5.3), in the machine's own byte order. */
struct page {
	uint32_t file, offset; /* of the log record */
	uint32_t number;
	uint32_t rest[3];
	uint8_t level, type;
	uint8_t metaflags; /* of metadata */
	uint8_t unused[5];
	uint32_t last; /* on page 0: the number of the last page */
};

#define METAFLAG_CHKSUM 0x01 /* DBMETA_CHKSUM */

static bool
is_hole(const struct page *p)
{
	return p->file == 0 && p->offset == 0 && p->number == 0 && p->type == 0;
}

/* Not one of ours, or not with that number. */
static bool
is_misplaced(const struct page *p, uint32_t number)
{
	if (p->number != number)
		return true;
	switch (p->type) {
	case 8:	 /* P_HASHMETA */
	case 9:	 /* P_BTREEMETA */
	case 10: /* P_QAMMETA */
	case 14: /* P_HEAPMETA */
		return (p->metaflags & METAFLAG_CHKSUM) == 0;
	default:
		return false;
	}
}

typedef bool page_fn(const struct page *p, uint32_t number, struct page *limit);

static bool
after(const struct page *p, uint32_t number, struct page *limit)
{
	(void)number;
	return p->file > limit->file || (p->file == limit->file && p->offset > limit->offset);
}

static bool
lost(const struct page *p, uint32_t number, struct page *limit)
{
	if (number == 0)
		*limit = *p;
	return number <= limit->last && is_misplaced(p, number);
}

static int
look(int fd, page_fn *fn, struct page *limit, const char *verdict, struct err *e)
{
	char *buf = xmalloc(READ_BYTES);
	uint32_t number = 0;
	bool found = false;
	off_t from = 0;
	ssize_t n;

	for (; !found && (n = pread(fd, buf, READ_BYTES, from)) > 0; from += n)
		for (ssize_t at = 0; at + STORE_PAGE <= n && !found; at += STORE_PAGE, number++) {
			struct page p;

			memcpy(&p, buf + at, sizeof p);
			found = fn(&p, number, limit);
		}
	free(buf);
	return found ? err_set(e, "page %u of the database %s", number - 1, verdict) : 0;
}

int
pages_after(int fd, uint32_t file, uint32_t offset, struct err *e)
{
	struct page limit = { .file = file, .offset = offset };

	return look(fd, after, &limit, "is newer than the end of the log", e);
}

int
pages_lost(int fd, struct err *e)
{
	struct page limit = { 0 };

	return look(fd, lost, &limit, "is lost", e);
}

bool
page_strange(const void *page, uint32_t number, bool holes)
{
	struct page p;

	memcpy(&p, page, sizeof p);
	if (is_hole(&p))
		return !holes;
	return is_misplaced(&p, number);
}
