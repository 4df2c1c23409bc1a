/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netstring.h - LENGTH:BYTES, as in D. J. Bernstein's definition: no leading zeros, no spaces */
#ifndef NETSTRING_H
#define NETSTRING_H

#include "str.h"

enum netstring {
	NETSTRING_WHOLE,
	NETSTRING_PART, /* so far so good */
	NETSTRING_BAD,	/* it will never be one */
	NETSTRING_LONG	/* it may be one, longer than allowed */
};

#define NETSTRING_EXTRA 22 /* bytes that the form adds to any body */

/* Look for one netstring of at most `max` bytes at the start of `in`.  WHOLE: *body borrows from `in`, *used is how
 * much of `in` it takes. */
enum netstring netstring_parse(struct str in, size_t max, struct str *body, size_t *used);
/* Returns the length, or 0 when it does not fit. */
size_t netstring_write(char *dst, size_t size, struct str body);

#endif
