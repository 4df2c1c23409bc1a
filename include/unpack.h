/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unpack.h - what a compressed file holds, from its start, a piece at a time: the only user of libarchive
 *
 * gzip, bzip2, xz, lzma, zstd, lz4 and compress are told by their bytes; what is none of these is handed out as it is.
 * Memory is what the format's own window takes, whatever the file's size.  A file that unpacks to more than 1024 times
 * its size, which no log does and deflate cannot, is given up as a bomb.  No program is ever run.
 */
#ifndef UNPACK_H
#define UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

struct unpack;

/* `fd` stays the caller's, and must stay open.  NULL: failed, e says why. */
struct unpack *unpack_open(int fd, struct err *e);
void unpack_close(struct unpack *u); /* NULL is fine */

/* It is not packed: whoever can reads the file itself. */
bool unpack_is_plain(const struct unpack *u);
/* The next bytes, at most n; 0: there are no more.  -1: damaged, cut off, or a bomb; and so is every call after that. */
ssize_t unpack_read(struct unpack *u, void *buf, size_t n, struct err *e);

#endif
