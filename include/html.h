/* SPDX-License-Identifier: GPL-2.0-or-later */
/* html.h - HTML being written, and the one place where foreign text is made harmless for it
 *
 *	html_put(h, "<td title=\"%s\">%s</td>", user, user);
 *
 * The format is ours and is copied as it is.  Whatever comes through %s is foreign and is escaped: it may stand in text
 * and in a value in double quotes, nowhere else; never in a script, a style, or the name of a tag.  So it takes no care to
 * be safe, and there is no way to put a string unescaped but html_raw(), which takes only what was written by html_put().
 */
#ifndef HTML_H
#define HTML_H

#include <stddef.h>

#include "str.h"

struct html {
	char *p; /* NUL-terminated once anything was put */
	size_t n, cap;
};

void html_init(struct html *h);
void html_clear(struct html *h); /* frees; as after html_init() */

/* Like printf, for %s, %d, %u, %lld, %llu, %zu, %.Nf and %%; %s is escaped, NULL is "". */
void html_put(struct html *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void html_text(struct html *h, struct str s);
/* What html_put() wrote elsewhere. */
void html_raw(struct html *h, const struct html *other);

/* Foreign text as part of a query, percent-encoded: letters, digits, -._~ and %XX.  For %s in `href="?q=%s"`.
 * Cut to fit.  Returns dst. */
char *html_query(char *dst, size_t size, struct str s);

#endif
