/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapstatic.h - the administrator's own entries of a map file, from a text file like those of makemap(8) and postmap(1)
 *
 * One entry a line, the key and behind blanks its value; # begins a comment.  Keys are folded to small letters, as both
 * programs do.
 */
#ifndef MAPSTATIC_H
#define MAPSTATIC_H

#include "err.h"
#include "str.h"

#define MAPSTATIC_KEY 255

struct mapstatic;

/* NULL and "PATH:LINE: what" at the first mistake. */
struct mapstatic *mapstatic_read(const char *path, struct err *e);
void mapstatic_free(struct mapstatic *ms); /* NULL is fine */
unsigned mapstatic_size(const struct mapstatic *ms); /* NULL: 0 */
void mapstatic_at(const struct mapstatic *ms, unsigned i, struct str *key, struct str *value);

#endif
