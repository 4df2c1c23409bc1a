/* SPDX-License-Identifier: GPL-2.0-or-later */
/* html.c - see html.h */
#include "html.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

void
html_init(struct html *h)
{
	memset(h, 0, sizeof *h);
}

void
html_clear(struct html *h)
{
	free(h->p);
	html_init(h);
}

static void
append(struct html *h, const char *p, size_t n)
{
	if (h->cap - h->n <= n) {
		while (h->cap - h->n <= n)
			h->cap = h->cap == 0 ? 4096 : 2 * h->cap;
		h->p = xrealloc(h->p, h->cap);
	}
	if (n > 0)
		memcpy(h->p + h->n, p, n);
	h->n += n;
	h->p[h->n] = '\0';
}

/* One character of UTF-8 from the front; returns its length, 0: not well-formed (RFC 3629). */
static size_t
utf8(const unsigned char *p, size_t n, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 :
	    p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;

	if (len == 0 || len > n)
		return 0;
	*out = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*out = *out << 6 | (p[i] & 0x3fu);
	}
	return *out < least[len] || (*out >= 0xd800 && *out < 0xe000) || *out > 0x10ffff ? 0 : len;
}

/* Controls, and what turns the direction of writing (UAX #9), with which a name can look like another. */
static bool
misleads(uint32_t c)
{
	return c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c & 0xfffe) == 0xfffe;
}

static const char *
entity(uint32_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return misleads(c) && c != '\t' && c != '\n' ? "\xef\xbf\xbd" : NULL;
	}
}

void
html_text(struct html *h, struct str s)
{
	size_t n;

	for (size_t i = 0; i < s.n; i += n) {
		uint32_t c = 0;
		const char *instead;

		n = utf8((const unsigned char *)s.p + i, s.n - i, &c);
		instead = n == 0 ? "\xef\xbf\xbd" : entity(c);
		if (n == 0)
			n = 1;
		if (instead != NULL)
			append(h, instead, strlen(instead));
		else
			append(h, s.p + i, n);
	}
}

void
html_raw(struct html *h, const struct html *other)
{
	append(h, other->p, other->n);
}

/* `spec` is one conversion, from its % to its letter. */
static void
number(struct html *h, const char *spec, size_t n, va_list *ap)
{
	char buf[64];
	int len = -1;

	if (n == 2 && spec[1] == 'd')
		len = snprintf(buf, sizeof buf, "%d", va_arg(*ap, int));
	else if (n == 2 && spec[1] == 'u')
		len = snprintf(buf, sizeof buf, "%u", va_arg(*ap, unsigned));
	else if (n == 4 && memcmp(spec, "%lld", 4) == 0)
		len = snprintf(buf, sizeof buf, "%lld", va_arg(*ap, long long));
	else if (n == 4 && memcmp(spec, "%llu", 4) == 0)
		len = snprintf(buf, sizeof buf, "%llu", va_arg(*ap, unsigned long long));
	else if (n == 3 && memcmp(spec, "%zu", 3) == 0)
		len = snprintf(buf, sizeof buf, "%zu", va_arg(*ap, size_t));
	else if (n == 4 && spec[1] == '.' && spec[3] == 'f')
		len = snprintf(buf, sizeof buf, "%.*f", spec[2] - '0', va_arg(*ap, double));
	if (len < 0)
		panic("html: %.*s is not for here", (int)n, spec);
	append(h, buf, (size_t)len);
}

void
html_put(struct html *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	while (*fmt != '\0') {
		size_t plain = strcspn(fmt, "%"), n;

		append(h, fmt, plain);
		fmt += plain;
		if (*fmt == '\0')
			break;
		n = 1 + strspn(fmt + 1, "0123456789.lz") + 1;
		if (fmt[1] == '%')
			append(h, "%", 1);
		else if (fmt[1] == 's')
			html_text(h, str_of(va_arg(ap, const char *)));
		else
			number(h, fmt, n, &ap);
		fmt += n;
	}
	va_end(ap);
}

char *
html_query(char *dst, size_t size, struct str s)
{
	static const char hex[] = "0123456789ABCDEF", safe[] = "-._~";
	size_t k = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
		    (c != '\0' && strchr(safe, c) != NULL);

		if (k + (plain ? 1 : 3) >= size)
			break;
		if (plain) {
			dst[k++] = (char)c;
			continue;
		}
		dst[k++] = '%';
		dst[k++] = hex[c >> 4];
		dst[k++] = hex[c & 15];
	}
	dst[k] = '\0';
	return dst;
}
