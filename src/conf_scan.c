/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_scan.c - the characters of the configuration file
 *
 * libconfuse's scanner (3.3, lexer.l) is more forgiving than a daemon's configuration should be: characters that it
 * does not know vanish, ${NAME} is replaced from the environment, \0 ends a string early, a missing quote swallows
 * the lines up to the next one, a section may lack its end, and `//` begins a comment even inside a path.  All of that
 * is a mistake here, told with its line before libconfuse sees the text.  What remains is:
 *
 *	words		letters, digits, bytes of `_-.:/@[]%`
 *	strings		"..." or '...', on one line; only \\ and the quote itself may be escaped; no ${
 *	punctuation	{ } , = +=
 *	comments	from # or // to the end of the line, and between the signs of C
 *
 * Comments are overwritten with blanks, because libconfuse counts three lines for each.
 */
#include <string.h>

#include "conf_priv.h"

/* A list in a section is as deep as it goes; libconfuse complains of more. */
#define DEPTH 2

struct scan {
	char *p, *end;
	int line;
	unsigned depth;
	int opened[DEPTH]; /* lines of the braces that are open */
	struct mistakes *m;
};

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("_-.:/@[]%", c) != NULL);
}

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool
starts(const struct scan *s, const char *two)
{
	return s->end - s->p >= 2 && s->p[0] == two[0] && s->p[1] == two[1];
}

static void
blank_to_newline(struct scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		*s->p++ = ' ';
}

static void
blank_c_comment(struct scan *s)
{
	int began = s->line;

	for (; s->p < s->end && !starts(s, "*/"); s->p++)
		if (*s->p == '\n')
			s->line++;
		else
			*s->p = ' ';
	if (s->p == s->end) {
		mistake(s->m, began, "this comment is not closed");
		return;
	}
	*s->p++ = ' ';
	*s->p++ = ' ';
}

/* At the opening quote; leaves s->p behind the closing one, or at the end of the line. */
static void
scan_string(struct scan *s)
{
	char quote = *s->p++;

	for (; s->p < s->end && *s->p != quote; s->p++) {
		if (*s->p == '\n')
			break;
		if (is_control(*s->p)) {
			mistake(s->m, s->line, "a control character (\\x%02x) in a string", (unsigned char)*s->p);
			continue;
		}
		if (quote == '"' && starts(s, "${"))
			mistake(s->m, s->line, "${...}: the environment is not used here; write '...' for a plain ${");
		if (*s->p != '\\')
			continue;
		if (s->p + 1 < s->end && (s->p[1] == '\\' || s->p[1] == quote))
			s->p++;
		else
			mistake(s->m, s->line, "in a string \\ may stand before \\ and %c only", quote);
	}
	if (s->p == s->end || *s->p == '\n')
		mistake(s->m, s->line, "this string is not closed");
	else
		s->p++;
}

static void
scan_word(struct scan *s)
{
	for (; s->p < s->end && is_word(*s->p); s->p++)
		if (starts(s, "//") || starts(s, "/*")) {
			mistake(s->m, s->line, "%.2s inside a word begins a comment: put the word into quotes", s->p);
			s->p++;
		}
	/* libconfuse drops a lone one. */
	if (s->p[-1] == '/')
		mistake(s->m, s->line, "a word that ends in / must be put into quotes");
}

static void
scan_brace(struct scan *s)
{
	if (*s->p == '}') {
		if (s->depth > 0)
			s->depth--;
	} else {
		if (s->depth < DEPTH)
			s->opened[s->depth] = s->line;
		s->depth++;
	}
}

static void
scan_other(struct scan *s)
{
	char c = *s->p;

	if (c == '{' || c == '}')
		scan_brace(s);
	else if (c == '+' && !starts(s, "+="))
		mistake(s->m, s->line, "unexpected character '+': put the value into quotes");
	else if (is_control(c) || (unsigned char)c >= 0x80)
		mistake(s->m, s->line, "unexpected character \\x%02x", (unsigned char)c);
	else if (strchr("{},=+", c) == NULL)
		mistake(s->m, s->line, "unexpected character '%c': put the value into quotes", c);
	s->p++;
}

void
conf_scan(char *text, size_t len, struct mistakes *m)
{
	struct scan s = { .p = text, .end = text + len, .line = 1, .m = m };

	while (s.p < s.end)
		if (*s.p == '\n') {
			s.line++;
			s.p++;
		} else if (*s.p == ' ' || *s.p == '\t' || starts(&s, "\r\n"))
			s.p++;
		else if (*s.p == '#' || starts(&s, "//"))
			blank_to_newline(&s);
		else if (starts(&s, "/*"))
			blank_c_comment(&s);
		else if (*s.p == '"' || *s.p == '\'')
			scan_string(&s);
		else if (is_word(*s.p))
			scan_word(&s);
		else
			scan_other(&s);
	if (s.depth > 0)
		mistake(m, s.opened[s.depth < DEPTH ? s.depth - 1 : DEPTH - 1], "this { is not closed");
}
