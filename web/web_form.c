/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_form.c - what browsers and others send, taken apart; nothing in here trusts any of it */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place, up to a & or the end; *at stands behind it.  -1: malformed. */
static int
decode(char *text, size_t n, size_t *at, char stop, char **out)
{
	size_t w = *at;

	*out = text + *at;
	for (; *at < n && text[*at] != '&' && text[*at] != stop; ++*at) {
		int c = (unsigned char)text[*at];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			if (n - *at < 3 || hex(text[*at + 1]) == -1 || hex(text[*at + 2]) == -1)
				return -1;
			c = hex(text[*at + 1]) << 4 | hex(text[*at + 2]);
			*at += 2;
		}
		if (c == '\0')
			return -1;
		text[w++] = (char)c;
	}
	return (int)(text + w - *out);
}

int
form_parse(struct form *f, char *text, size_t n)
{
	char *name, *value;
	size_t at = 0;

	memset(f, 0, sizeof *f);
	f->text = text;
	while (at < n) {
		int len = decode(text, n, &at, '=', &name), vlen = 0;
		bool has = at < n && text[at] == '=';

		if (len == -1)
			return -1;
		if (has) {
			at++;
			if ((vlen = decode(text, n, &at, '&', &value)) == -1)
				return -1;
		}
		at++; /* the & */
		name[len] = '\0';
		if (has)
			value[vlen] = '\0';
		if (len == 0 && !has)
			continue;
		if (f->n == FORM_FIELDS || form_get(f, name) != NULL)
			return -1;
		f->field[f->n].name = name;
		f->field[f->n++].value = has ? value : "";
	}
	return 0;
}

void
form_clear(struct form *f)
{
	free(f->text);
	memset(f, 0, sizeof *f);
}

const char *
form_get(const struct form *f, const char *name)
{
	for (unsigned i = 0; i < f->n; i++)
		if (strcmp(f->field[i].name, name) == 0)
			return f->field[i].value;
	return NULL;
}

bool
cookie_get(const char *header, const char *name, char *value, size_t size)
{
	size_t len = strlen(name);
	bool found = false;

	while (header != NULL && *header != '\0') {
		size_t n;

		header += strspn(header, " ;");
		n = strcspn(header, ";");
		if (n > len && strncmp(header, name, len) == 0 && header[len] == '=') {
			if (found || n - len - 1 >= size)
				return false;
			str_copy(value, size, (struct str){ header + len + 1, n - len - 1 });
			found = true;
		}
		header += n;
	}
	return found;
}

/* Without its port; false: malformed. */
static bool
bare_host(const char *host, char *out, size_t size)
{
	size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	const char *port = host + n;

	if (n == 0 || n > strlen(host) || n >= size)
		return false;
	if (*port == ':' && strspn(port + 1, "0123456789") != strlen(port + 1))
		return false;
	if (*port != ':' && *port != '\0')
		return false;
	str_copy(out, size, (struct str){ host, n });
	return true;
}

/* A name that somebody else's DNS points at us is not ours: DNS rebinding. */
bool
host_ours(const char *host, const char *const *names)
{
	char bare[256];
	unsigned char buf[16];
	size_t n;

	if (host == NULL || !bare_host(host, bare, sizeof bare))
		return false;
	for (; *names != NULL; names++)
		if (strcasecmp(bare, *names) == 0)
			return true;
	n = strlen(bare);
	if (bare[0] == '[' && bare[n - 1] == ']') {
		bare[n - 1] = '\0';
		return inet_pton(AF_INET6, bare + 1, buf) == 1;
	}
	return strcasecmp(bare, "localhost") == 0 || inet_pton(AF_INET, bare, buf) == 1;
}

bool
origin_same(const char *origin, const char *host)
{
	if (host == NULL)
		return false;
	if (strncmp(origin, "http://", 7) == 0)
		return strcasecmp(origin + 7, host) == 0;
	return strncmp(origin, "https://", 8) == 0 && strcasecmp(origin + 8, host) == 0;
}

bool
addr_is_here(const struct addr *a)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	return addr_is4(a) ? a->b[12] == 127 : memcmp(a->b, loopback6, sizeof loopback6) == 0;
}

void
forwarded_client(const char *header, char *out, size_t size)
{
	const char *comma = header == NULL ? NULL : strrchr(header, ',');
	struct addr a;

	out[0] = '\0';
	if (header == NULL)
		return;
	if (comma != NULL)
		header = comma + 1;
	header += strspn(header, " \t");
	if (size >= ADDR_TEXT && addr_parse(&a, str_of(header)) == 0)
		addr_format(out, &a);
}

const char *
path_back(const char *path, const char *otherwise)
{
	if (path == NULL || path[0] != '/' || path[1] == '/' || path[1] == '\\' || strlen(path) >= WEB_PATH)
		return otherwise;
	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '\\')
			return otherwise;
	return path;
}
