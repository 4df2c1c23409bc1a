/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mtaconf_priv.h - between mtaconf*.c */
#ifndef MTACONF_PRIV_H
#define MTACONF_PRIV_H

#include "mtaconf.h"
#include "str.h"

/* Called for every logical line: one physical line and those behind it that begin with a blank; without comments and
 * empty lines.  -1 ends it. */
typedef int mtaconf_fn(void *arg, struct str line, unsigned lineno, struct err *e);
int mtaconf_lines(const char *path, mtaconf_fn *fn, void *arg, struct err *e);

/* The next word of *s, up to any byte of `until` that is not in braces, without blanks around it; *s goes behind it. */
struct str mtaconf_word(struct str *s, const char *until);
bool mtaconf_begins(struct str s, struct str with);

int postfix_closed(const char *dir, const char *milter, struct err *e);
int sendmail_closed(const char *path, const char *milter, struct err *e);

#endif
