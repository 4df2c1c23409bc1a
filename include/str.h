/* SPDX-License-Identifier: GPL-2.0-or-later */
/* str.h - slices of somebody else's text
 *
 * A str borrows: it is valid only as long as the buffer it points into, carries no NUL and may hold any byte.
 */
#ifndef STR_H
#define STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
#define STR_NONE     ((struct str){ NULL, 0 })

/* The slice that covers a C string; NULL gives STR_NONE. */
struct str str_of(const char *s);
bool str_eq(struct str a, struct str b);
/* ASCII letters compare without case. */
bool str_caseeq(struct str a, struct str b);
/* What stands between the words of a line and around it: blank, tab, CR, newline. */
bool str_blank(char c);
/* The same without blanks at either end. */
struct str str_trim(struct str s);
/* Copy into a C string of `size` bytes, cut to fit; `size` > 0.  Returns dst. */
char *str_copy(char *dst, size_t size, struct str s);

/* Copy foreign text so that it can be shown anywhere: printable ASCII and well-formed UTF-8 stay, every other byte
 * (controls, DEL, C1, NUL, broken UTF-8) becomes \xNN.  Cut at a whole character, with "..." at the end of what was
 * cut.  `size` >= 4.  Returns dst. */
char *str_show(char *dst, size_t size, struct str s);

/* A 32-bit hash without case (ASCII), the same on every machine and in every run: it is kept in the store. */
uint32_t str_hash(struct str s);

/* "90", "90s", "15m", "1h", "7d", "2w" in seconds; 0 to 10 years.  -1 on anything else. */
int64_t str_duration(struct str s);
/* The shortest exact form: 5400 is "90m".  dst holds at least 16 bytes.  Returns dst. */
char *str_term(char *dst, size_t size, int64_t seconds);

#endif
