/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gate.c - is a recipient ours? */
#include "gate.h"

#include <string.h>

#define PATH_MAX_IN (64 + 1 + 255) /* RFC 5321, 4.5.3.1: local part, @, domain */

/* Both brackets or none. */
static bool
without_brackets(struct str *s)
{
	if (s->n > 0 && s->p[0] == '<') {
		if (s->n < 2 || s->p[s->n - 1] != '>')
			return false;
		s->p++;
		s->n -= 2;
	}
	return s->n > 0 && s->n <= PATH_MAX_IN;
}

/* The marks of routing in the forms that Unicode has besides (NFKC makes them the ASCII ones): fullwidth U+FF01, U+FF05,
 * U+FF20 and small U+FE57, U+FE6A, U+FE6B. */
static bool
is_wide_mark(const char *p, size_t n)
{
	static const char *const marks[] = { "\xef\xbc\x81", "\xef\xbc\x85", "\xef\xbc\xa0", "\xef\xb9\x97",
		"\xef\xb9\xaa", "\xef\xb9\xab" };

	for (size_t i = 0; n >= 3 && i < sizeof marks / sizeof marks[0]; i++)
		if (memcmp(p, marks[i], 3) == 0)
			return true;
	return false;
}

static bool
routes(struct str local)
{
	for (size_t i = 0; i < local.n; i++)
		if (strchr("@%!:", local.p[i]) != NULL || is_wide_mark(local.p + i, local.n - i))
			return true;
	return false;
}

/* RFC 5321, 4.1.2, atext and the dot; RFC 6531, 3.3: and what is not ASCII. */
static bool
is_dot_string_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

/* How long the quoted string at the beginning of `s` is, quotes and all; 0: there is none that ends. */
static size_t
quoted(struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\')
			i++;
		if (i >= s.n || (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return 0;
	}
	return 0;
}

static size_t
dot_string(struct str s)
{
	size_t n = 0;

	while (n < s.n && is_dot_string_byte(s.p[n]))
		n++;
	return n;
}

/* One dot at the end says the same of a name (RFC 1034, 3.1). */
static enum gate
domain_of(const struct domains *ours, struct str domain)
{
	if (domain.n > 1 && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (!domains_is_name(domain) && (domain.n == 0 || domain.p[0] != '['))
		return GATE_MALFORMED;
	return domains_has(ours, domain) ? GATE_OURS : GATE_FOREIGN;
}

enum gate
gate_recipient(const struct domains *ours, struct str s)
{
	struct str local;
	size_t n;

	if (!without_brackets(&s))
		return GATE_MALFORMED;
	if (s.p[0] == '@')
		return GATE_ROUTED;
	n = s.p[0] == '"' ? quoted(s) : dot_string(s);
	if (n == 0)
		return GATE_MALFORMED;
	local = (struct str){ s.p, n };
	if (routes(local))
		return GATE_ROUTED;
	if (n == s.n)
		return str_caseeq(local, STR("postmaster")) ? GATE_OURS : GATE_MALFORMED;
	if (s.p[n] != '@')
		return GATE_MALFORMED;
	s = (struct str){ s.p + n + 1, s.n - n - 1 };
	return memchr(s.p, '@', s.n) != NULL ? GATE_ROUTED : domain_of(ours, s);
}
