/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_where.h - where each rule stands, for those who explain what it did */
#ifndef RULES_WHERE_H
#define RULES_WHERE_H

#include "rules.h"

/* `file` is the path it was read from; both texts live as long as the set. */
typedef void rules_where_fn(void *arg, const char *name, const char *file, unsigned line);
void rules_where(const struct rules *set, rules_where_fn *fn, void *arg);

#endif
