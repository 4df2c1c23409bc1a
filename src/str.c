/* SPDX-License-Identifier: GPL-2.0-or-later */
/* str.c - slices, and how foreign text is made fit to be shown */
#include "str.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct str
str_of(const char *s)
{
	return s == NULL ? STR_NONE : (struct str){ s, strlen(s) };
}

bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool
str_caseeq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool
str_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str
str_trim(struct str s)
{
	while (s.n > 0 && str_blank(s.p[s.n - 1]))
		s.n--;
	while (s.n > 0 && str_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	return s;
}

char *
str_copy(char *dst, size_t size, struct str s)
{
	size_t n = s.n < size ? s.n : size - 1;

	if (n > 0)
		memcpy(dst, s.p, n);
	dst[n] = '\0';
	return dst;
}

/* Characters that are not seen, and those that change where the ones behind them are seen: with U+202E a client could
 * have its name read as a piece of ours (Unicode 15, chapter 23.2 and UAX #9).  `u` is one well-formed character. */
static bool
is_invisible(const unsigned char *u)
{
	if (u[0] == 0xd8)
		return u[1] == 0x9c; /* U+061C */
	if (u[0] == 0xe2 && u[1] == 0x80)
		return (u[2] >= 0x8b && u[2] <= 0x8f) || (u[2] >= 0xa8 && u[2] <= 0xae); /* U+200B..F, U+2028..E */
	if (u[0] == 0xe2 && u[1] == 0x81)
		return u[2] >= 0xa0 && u[2] <= 0xaf; /* U+2060..F */
	if (u[0] == 0xef)
		return (u[1] == 0xbb && u[2] == 0xbf) || (u[1] == 0xbf && u[2] >= 0xb9 && u[2] <= 0xbb);
	return u[0] == 0xf3 && u[1] == 0xa0; /* tags: U+E0000..E0FFF */
}

/* Length of the well-formed UTF-8 character at the start of s that may be shown, or 0 (Unicode 15, table 3-7).
 * C1 controls (U+0080..U+009F) and what is_invisible() are not for showing. */
static size_t
showable(struct str s)
{
	const unsigned char *u = (const unsigned char *)s.p;
	size_t n = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;

	if (n == 1)
		return u[0] >= 0x20 && u[0] != 0x7f;
	if (n == 0 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	if ((u[0] == 0xc2 && u[1] < 0xa0) || (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	    (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return is_invisible(u) ? 0 : n;
}

/* Nearly all text is plain: how many bytes at the start are printable ASCII, at most `max`? */
static size_t
plain(struct str s, size_t max)
{
	size_t n = 0;

	if (max > s.n)
		max = s.n;
	while (n < max && s.p[n] >= ' ' && s.p[n] <= '~')
		n++;
	return n;
}

char *
str_show(char *dst, size_t size, struct str s)
{
	size_t out = plain(s, size - 4), fit = out; /* fit: how much may stay if "..." must follow */

	if (out > 0) {
		memcpy(dst, s.p, out);
		s.p += out;
		s.n -= out;
	}
	while (s.n > 0) {
		char esc[5];
		const char *p = s.p;
		size_t used = showable(s), n = used;

		if (used == 0) {
			(void)snprintf(esc, sizeof esc, "\\x%02x", (unsigned char)*s.p);
			p = esc;
			n = 4;
			used = 1;
		}
		if (out + n >= size) {
			memcpy(dst + fit, "...", 3);
			out = fit + 3;
			break;
		}
		memcpy(dst + out, p, n);
		out += n;
		if (out + 3 < size)
			fit = out;
		s.p += used;
		s.n -= used;
	}
	dst[out] = '\0';
	return dst;
}

/* FNV-1a, 32 bits (Fowler, Noll, Vo): short keys, no adversary (see window.h: a collision makes two recipients one). */
uint32_t
str_hash(struct str s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ lower(s.p[i])) * 16777619u;
	return h;
}

static const struct {
	char unit;
	int64_t seconds;
} units[] = { { 'w', 604800 }, { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

#define UNITS	     (sizeof units / sizeof units[0])
#define DURATION_MAX (INT64_C(10) * 365 * 86400)

int64_t
str_duration(struct str s)
{
	int64_t n = 0, scale = 1;
	size_t i = 0;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') {
		n = n * 10 + (s.p[i++] - '0');
		if (n > DURATION_MAX)
			return -1;
	}
	if (i == 0 || s.n - i > 1)
		return -1;
	if (i < s.n) {
		size_t u = 0;

		while (u < UNITS && units[u].unit != s.p[i])
			u++;
		if (u == UNITS)
			return -1;
		scale = units[u].seconds;
	}
	return n * scale <= DURATION_MAX ? n * scale : -1;
}

char *
str_term(char *dst, size_t size, int64_t seconds)
{
	size_t u = 0;

	while (u < UNITS - 1 && (seconds == 0 || seconds % units[u].seconds != 0))
		u++;
	(void)snprintf(dst, size, "%lld%c", (long long)(seconds / units[u].seconds), units[u].unit);
	return dst;
}
