/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapstatic.h - the administrator's own entries of a map file, from a text file like those of makemap(8) and postmap(1)
 *
 * One entry a line, the key and behind blanks its value; # begins a comment.  Keys are folded to small letters, as both
 * programs do.
 *
 * Both MTAs take the longest key that matches an address, so that the grant of a single one would outweigh his refusal of
 * the network around it.  It is not to: whom he shuts out would get in with anybody's password.
 */
#ifndef MAPSTATIC_H
#define MAPSTATIC_H

#include <stdbool.h>

#include "err.h"
#include "str.h"

#define MAPSTATIC_KEY 255

struct mapstatic;

/* NULL and "PATH:LINE: what" at the first mistake. */
struct mapstatic *mapstatic_read(const char *path, struct err *e);
void mapstatic_free(struct mapstatic *ms); /* NULL is fine */
unsigned mapstatic_size(const struct mapstatic *ms); /* NULL: 0 */
void mapstatic_at(const struct mapstatic *ms, unsigned i, struct str *key, struct str *value);
/* Is it he who decides about this key of a client's: has he an entry for it, or is it refused?  NULL: no. */
bool mapstatic_decides(const struct mapstatic *ms, const char *key);

/* What he has for a key; false: nothing. */
typedef bool mapstatic_fn(void *arg, const char *key, struct str *value);
/* Does the smallest network around the key that he has an entry for (with sendmail's tag Connect: or without) refuse? */
bool mapstatic_refused(const char *key, mapstatic_fn *fn, void *arg);

#endif
