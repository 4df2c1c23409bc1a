/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapfile_db.h - between the files of mapfile: one Berkeley DB hash file
 *
 * With `nul`, keys and values have a NUL behind them in the file, and none here.
 */
#ifndef MAPFILE_DB_H
#define MAPFILE_DB_H

#include "mapfile.h"

#define MAPFILE_MARK "popauth-milter:" /* no reader looks up a key that begins so */

#define HASH_KEY   511 /* bytes of a key that is written, and of a value */
#define HASH_VALUE 1023

struct hash;

enum hash_answer { HASH_DONE, HASH_NOT, HASH_FAILED }; /* HASH_NOT: not there, or there already */

/* A new file, which must not exist. */
struct hash *hash_create(const char *path, bool nul, unsigned n, struct err *e);
struct hash *hash_open(const char *path, bool nul, bool write, struct err *e);
/* To change `file`, which mistakes call `path`: it is a copy. */
struct hash *hash_open_as(const char *file, const char *path, struct err *e);
/* Everything is in the file and on the disk (DB->close: without DB_NOSYNC).  Frees h in any case. */
int hash_close(struct hash *h, struct err *e);
enum hash_answer hash_add(struct hash *h, struct str key, struct str value, struct err *e);
/* *value is good until the next call; NULL: not wanted. */
enum hash_answer hash_get(struct hash *h, struct str key, struct str *value, struct err *e);
enum hash_answer hash_del(struct hash *h, struct str key, struct err *e);
/* Every key that begins with `start`, without it. */
typedef void hash_fn(void *arg, struct str rest);
int hash_each(struct hash *h, struct str start, hash_fn *fn, void *arg, struct err *e);
/* Every record, in whichever form it is: with `nul` a NUL at the end of a key or value is left out.  Until fn fails. */
typedef int hash_record_fn(void *arg, struct str key, struct str value, struct err *e);
int hash_all(struct hash *h, hash_record_fn *fn, void *arg, struct err *e);

/* mapfile.c: neither the directory nor what stands at the path is such that others could play tricks with it. */
int mapfile_plain(const struct mapfile_spec *sp, bool mine, struct listfile_stamp *stamp, struct err *e);
/* The first `size` bytes of one file to the beginning of another. */
int mapfile_copy(int from, int to, off_t size);
/* A change that is noticed by who compares whole seconds of the time of change. */
int mapfile_later(int fd, time_t than);

#endif
