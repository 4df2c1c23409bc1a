/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ref.h - the reference in a refusal: which client, and when
 *
 * A person who was refused reads it over the telephone, or a postmaster copies it from a bounce.  It is the client's
 * address and the second of the refusal themselves, both of which the client knows; nothing has to be remembered to
 * understand it again, not even over a restart.
 *
 * The digits are Crockford's base 32: no I, L, O and U, so that what looks alike is alike.  Two check digits behind
 * them (the whole number modulo 1021, a prime) tell any one wrong digit, and any two that have changed places.
 *
 *	IPv4			7ZK4M-00Q2B-8XKPD		address, time, check: 15 digits
 *	IPv6, a /64 or larger	the first half, time, check	22 digits
 *	IPv6 otherwise						34 digits
 */
#ifndef REF_H
#define REF_H

#include <time.h>

#include "addr.h"

#define REF_TEXT 48 /* room for the longest, with its dashes and a NUL */

/* `at` is taken modulo 2^32 (it is well until 2106).  buf holds REF_TEXT bytes.  Returns buf. */
char *ref_format(char *buf, const struct addr *client, time_t at);
/* Small letters, O for 0, I and L for 1, and dashes and blanks anywhere are understood.  0, or -1 and nothing is
 * changed: it is no reference, or was mistyped. */
int ref_parse(struct str text, struct addr *client, time_t *at);

#endif
