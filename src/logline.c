/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logline.c - one log line, its head taken apart
 *
 * What may be forged: everything behind the tag, and with Dovecot's own log what follows "auth(".  Hence a host is
 * believed only when it has nothing but a host's bytes and a blank behind it; a name that ends at any other byte is a
 * tag, and the rest of the line is text.
 */
#include <string.h>

#include "logline.h"

struct cursor {
	const char *p, *end;
};

enum class {
	HOST = 1, /* letters, digits and . _ - : / @ % ~ + */
	TAG = 2,  /* the same without the colon */
	WORD = 4, /* of <mail.notice>, pids, message ids: printable ASCII but the brackets and the blank */
};

#define ALL (HOST | TAG | WORD)

static const unsigned char classes[256] = {
	['a' ... 'z'] = ALL, ['A' ... 'Z'] = ALL, ['0' ... '9'] = ALL,
	['-'] = ALL, ['.'] = ALL, ['/'] = ALL, ['_'] = ALL, ['@'] = ALL, ['%'] = ALL, ['~'] = ALL, ['+'] = ALL,
	[':'] = HOST | WORD,
	['!'] = WORD, ['"'] = WORD, ['#'] = WORD, ['$'] = WORD, ['&'] = WORD, ['\''] = WORD, ['*'] = WORD,
	[','] = WORD, [';'] = WORD, ['='] = WORD, ['?'] = WORD, ['\\'] = WORD, ['^'] = WORD, ['`'] = WORD,
	['{'] = WORD, ['|'] = WORD, ['}'] = WORD,
};

static struct str
take(struct cursor *c, enum class class)
{
	const char *p = c->p;
	struct str s = { p, 0 };

	while (p < c->end && (classes[(unsigned char)*p] & class) != 0)
		p++;
	c->p = p;
	s.n = (size_t)(p - s.p);
	return s;
}

static bool
at(const struct cursor *c, char ch)
{
	return c->p < c->end && *c->p == ch;
}

static bool
skip(struct cursor *c, char ch)
{
	if (!at(c, ch))
		return false;
	c->p++;
	return true;
}

static void
skip_blanks(struct cursor *c)
{
	while (c->p < c->end && *c->p == ' ')
		c->p++;
}

static bool
skip_literal(struct cursor *c, struct str lit)
{
	if ((size_t)(c->end - c->p) < lit.n || memcmp(c->p, lit.p, lit.n) != 0)
		return false;
	c->p += lit.n;
	return true;
}

/* Something like <22>, <mail.notice> or [ID 702911 mail.notice], and the blanks behind it.  Nothing is skipped unless
 * all of it is there. */
static bool
skip_bracketed(struct cursor *c, struct str open, char close)
{
	struct cursor ahead = *c;

	if (!skip_literal(&ahead, open))
		return false;
	do
		take(&ahead, WORD);
	while (open.n > 1 && skip(&ahead, ' '));
	if (!skip(&ahead, close))
		return false;
	skip_blanks(&ahead);
	*c = ahead;
	return true;
}

static void
read_stamp(struct cursor *c, struct stamp *s, time_t now, time_t *out)
{
	struct str text = { c->p, (size_t)(c->end - c->p) };
	size_t n = 0;

	if (text.n < 14)
		return;
	if (*c->p >= 'A' && *c->p <= 'Z')
		n = stamp_bsd(s, text, now, out);
	else if (*c->p >= '0' && *c->p <= '9')
		n = stamp_iso(s, text, out);
	else if (*c->p == '@')
		n = stamp_tai64n(text, out);
	if (n == 0 || (n < text.n && text.p[n] != ' ' && text.p[n] != ':'))
		return;
	c->p += n;
	skip(c, ':');
	skip_blanks(c);
}

/* What stands between the tag and the text: "[pid]: ", "(pid): ", ": ".  A tag that anything else follows is believed,
 * but what follows is text. */
static void
read_pid(struct logline *out, struct cursor *c)
{
	struct cursor ahead = *c;
	char close = at(c, '[') ? ']' : ')';

	if (skip(&ahead, '[') || skip(&ahead, '(')) {
		struct str pid = take(&ahead, TAG);

		if (!skip(&ahead, close))
			return;
		if (!at(&ahead, ':') && close == ')')
			return;
		out->pid = pid;
		*c = ahead;
	}
	skip(c, ':');
	skip_blanks(c);
}

/* "[tag] text" */
static bool
read_metalog(struct logline *out, struct cursor *c)
{
	struct cursor ahead = *c;

	if (out->time == -1 || !skip(&ahead, '['))
		return false;
	out->tag = take(&ahead, TAG);
	if (out->tag.n == 0 || !skip(&ahead, ']') || !skip(&ahead, ' '))
		return false;
	skip_blanks(&ahead);
	*c = ahead;
	return true;
}

/* "host tag[pid]: text" or "tag[pid]: text". */
static bool
read_names(struct logline *out, struct cursor *c)
{
	struct cursor start = *c;
	struct str name = take(c, HOST);

	if (name.n == 0)
		return read_metalog(out, c);
	if (at(c, ' ') && name.p[name.n - 1] != ':') {
		out->host = name;
		skip_blanks(c);
	} else {
		*c = start;
	}
	name = take(c, TAG);
	if (name.n == 0 || (!at(c, ':') && !at(c, '[') && !at(c, '(') && !at(c, '<')))
		return false;
	out->tag = name;
	read_pid(out, c);
	return true;
}

static struct str
none_if_dash(struct str s)
{
	return s.n == 1 && s.p[0] == '-' ? STR_NONE : s;
}

/* [id name="value" ...], where \ saves the next byte (RFC 5424, 6.3); several may follow each other. */
static bool
skip_structured_data(struct cursor *c)
{
	bool quoted = false;

	if (skip(c, '-'))
		return true;
	if (!at(c, '['))
		return false;
	while (skip(c, '[')) {
		for (; c->p < c->end && (quoted || *c->p != ']'); c->p++) {
			if (*c->p == '"')
				quoted = !quoted;
			else if (*c->p == '\\' && c->p + 1 < c->end)
				c->p++;
		}
		if (!skip(c, ']'))
			return false;
	}
	return true;
}

/* Behind "<pri>1 ": TIME HOST APP PROCID MSGID SD TEXT, each "-" when not known. */
static bool
read_rfc5424(struct logline *out, struct cursor *c, struct stamp *s)
{
	struct cursor start = *c;

	if (!skip(c, '-') || !skip(c, ' ')) {
		*c = start;
		read_stamp(c, s, 0, &out->time);
		if (c->p == start.p)
			return false;
	}
	out->host = none_if_dash(take(c, HOST));
	if (!skip(c, ' '))
		return false;
	out->tag = none_if_dash(take(c, HOST));
	if (!skip(c, ' ') || out->tag.n == 0)
		return false;
	out->pid = none_if_dash(take(c, WORD));
	if (!skip(c, ' '))
		return false;
	take(c, WORD);
	if (!skip(c, ' ') || !skip_structured_data(c))
		return false;
	skip_blanks(c);
	skip_literal(c, STR("\xef\xbb\xbf"));
	return true;
}

/* "message repeated 3 times: [ text]": rsyslog's words for a line that came several times. */
static void
unwrap_repeated(struct logline *out)
{
	struct cursor c = { out->text.p, out->text.p + out->text.n };
	unsigned n = 0;

	if (!skip_literal(&c, STR("message repeated ")))
		return;
	for (; c.p < c.end && *c.p >= '0' && *c.p <= '9' && n < 100000000; c.p++)
		n = n * 10 + (unsigned)(*c.p - '0');
	if (n == 0 || !skip_literal(&c, STR(" times: [")) || c.p == c.end || c.end[-1] != ']')
		return;
	skip_blanks(&c);
	if (c.p == c.end)
		return;
	out->repeat = n;
	out->text = (struct str){ c.p, (size_t)(c.end - c.p) - 1 };
}

static bool
read_head(struct logline *out, struct cursor *c, struct stamp *s, time_t now)
{
	if (at(c, '<') && skip_bracketed(c, STR("<"), '>') && skip_literal(c, STR("1 ")))
		return read_rfc5424(out, c, s);
	read_stamp(c, s, now, &out->time);
	if (at(c, '<'))
		skip_bracketed(c, STR("<"), '>');
	if (!read_names(out, c))
		return false;
	if (out->time == -1) /* old Dovecot: the time stands behind the name */
		read_stamp(c, s, now, &out->time);
	if (at(c, '['))
		skip_bracketed(c, STR("[ID "), ']');
	return true;
}

enum logline_result
logline_parse(struct logline *out, struct stamp *s, struct str line, time_t now)
{
	struct cursor c;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	out->line = line; /* field by field: what a compiler makes of clearing it all at once takes longer than the stamp */
	out->host = out->tag = out->pid = out->text = STR_NONE;
	out->time = -1;
	out->repeat = 1;
	c = (struct cursor){ line.p, line.p + line.n };
	if (!read_head(out, &c, s, now))
		return LOGLINE_HEADLESS;
	out->text = (struct str){ c.p, (size_t)(c.end - c.p) };
	if (out->text.n > 0 && out->text.p[0] == 'm')
		unwrap_repeated(out);
	return LOGLINE_OK;
}
