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

/* Know the rules of this set from now on, and no others.  NULL: none.  It looks at the files' dates. */
void rulebook_use(const struct rules *set);
/* For the host of the control server: false, there is no such rule.  Any thread. */
bool rulebook_find(void *arg, const char *rule, struct rule_origin *out);

#endif
