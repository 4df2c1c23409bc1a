/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traps.h - addresses that nobody has and no honest sender can know
 *
 * A list file: one a line, without case,
 *
 *	sales1999@example.org		this address
 *	@old.example.org		every address of this domain
 *	noreply-2004@			this name at any domain
 *	/^[a-z]{3}[0-9]{5}@/		what this pattern is found in (rules_search.h)
 *
 * Everybody may write to postmaster and abuse (RFC 5321, 4.5.1; RFC 2142): they are never traps, whatever a list says.
 * A pattern that an address made up at random fits is refused: it would be a trap for people.
 */
#ifndef TRAPS_H
#define TRAPS_H

#include "err.h"
#include "str.h"

struct traps;

struct traps *traps_new(void);
void traps_free(struct traps *t); /* NULL is fine */
/* Add a list file, before anybody else uses it. */
int traps_load(struct traps *t, const char *path, struct err *e);
unsigned traps_count(const struct traps *t);

/* `recipient` as the client wrote it: brackets, a source route (RFC 5321, appendix C), quotes around the name and a
 * dot at the end make no other address of it. */
bool traps_has(const struct traps *t, struct str recipient);

#endif
