/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domains.h - a set of mail domains, read-only once sealed
 *
 *	example.org		this domain, and no other
 *	.example.org		all domains below it, but not itself
 *	[192.0.2.25]		this address literal (RFC 5321, 4.1.3), however it is written
 *
 * ASCII letters compare without case, and nothing else is folded: a name that is not ASCII is known in the form, U-label
 * or A-label (RFC 5890), in which it is listed.
 */
#ifndef DOMAINS_H
#define DOMAINS_H

#include "err.h"
#include "str.h"

struct domains;

struct domains *domains_new(void);
void domains_free(struct domains *d); /* NULL is fine */
/* -1 and why it can be no entry. */
int domains_check(struct str entry, struct err *e);
int domains_add(struct domains *d, struct str entry, struct err *e);
/* Add a list file. */
int domains_load(struct domains *d, const char *path, struct err *e);
void domains_seal(struct domains *d);
unsigned domains_count(const struct domains *d);

/* Labels of letters, digits, _- and bytes beyond ASCII, none of them empty. */
bool domains_is_name(struct str name);
/* `domain` is a name without a dot at its end, or a literal with its brackets.  Sealed only. */
bool domains_has(const struct domains *d, struct str domain);

#endif
