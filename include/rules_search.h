/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_search.h - regular expressions of the administrator's own, for lists of patterns
 *
 * Perl's language as PCRE2 has it, without case, found anywhere in the text unless anchored.  What log rules promise is
 * not promised here: a pattern may be slow.  So matching gives up after a bounded number of steps, and a text on which
 * it gave up does not match.
 */
#ifndef RULES_SEARCH_H
#define RULES_SEARCH_H

#include <stdbool.h>

#include "err.h"
#include "str.h"

struct search;

/* NULL, and *e says where in the pattern. */
struct search *search_new(struct str pattern, struct err *e);
void search_free(struct search *s); /* NULL is fine */
/* Any number of threads. */
bool search_has(const struct search *s, struct str text);

#endif
