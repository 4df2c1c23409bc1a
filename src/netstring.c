/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netstring.c - see netstring.h */
#include "netstring.h"

#include <stdio.h>
#include <string.h>

enum netstring
netstring_parse(struct str in, size_t max, struct str *body, size_t *used)
{
	size_t i = 0, len = 0;

	for (; i < in.n && in.p[i] >= '0' && in.p[i] <= '9'; i++) {
		if (i > 0 && len == 0)
			return NETSTRING_BAD;
		len = len * 10 + (size_t)(in.p[i] - '0');
		if (len > max)
			return NETSTRING_LONG;
	}
	if (i == in.n)
		return NETSTRING_PART;
	if (i == 0 || in.p[i] != ':')
		return NETSTRING_BAD;
	i++;
	if (in.n - i <= len)
		return NETSTRING_PART;
	if (in.p[i + len] != ',')
		return NETSTRING_BAD;
	*body = (struct str){ in.p + i, len };
	*used = i + len + 1;
	return NETSTRING_WHOLE;
}

size_t
netstring_write(char *dst, size_t size, struct str body)
{
	char head[NETSTRING_EXTRA];
	size_t n = (size_t)snprintf(head, sizeof(head), "%zu:", body.n);

	if (n + body.n + 1 > size)
		return 0;
	memcpy(dst, head, n);
	if (body.n > 0)
		memcpy(dst + n, body.p, body.n);
	dst[n + body.n] = ',';
	return n + body.n + 1;
}
