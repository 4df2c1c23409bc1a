/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rulebook.h - which version of which file a rule was read from
 *
 * The set of rules belongs to the log thread; this is a small copy of what `explain` tells of it.  A rule file has no
 * version number: its version is when it was last written.
 */
#ifndef RULEBOOK_H
#define RULEBOOK_H

#include "control.h"
#include "rules.h"

struct rulebook;

struct rulebook *rulebook_new(const struct rules *set);
void rulebook_free(struct rulebook *b); /* NULL is fine */
/* false: no such rule. */
bool rulebook_find(const struct rulebook *b, const char *rule, struct rule_origin *out);

#endif
