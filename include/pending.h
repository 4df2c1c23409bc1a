/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pending.h - addresses that wait, each once
 *
 * Plain data: whoever owns it guards it.
 */
#ifndef PENDING_H
#define PENDING_H

#include <stdbool.h>

#include "addr.h"

struct pending;

struct pending *pending_new(unsigned max); /* a power of two */
void pending_free(struct pending *p);	   /* NULL is fine */
/* false: full, and the address is not in it. */
bool pending_add(struct pending *p, const struct addr *a);
bool pending_empty(const struct pending *p);
/* In the order of arrival; false: there is none.  Nothing may be added between the first and the last of them. */
bool pending_next(struct pending *p, struct addr *out);

#endif
