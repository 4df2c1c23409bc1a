/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mask.c - passwords out of log lines
 *
 * Too much masked is a nuisance, too little a leak: a secret in quotes or brackets reaches to the last place in the
 * line where it could end, because the secret itself may hold quotes and brackets.
 */
#include <string.h>

#include "mask.h"

enum until {
	TO_LAST,	/* the last occurrence of `end`; else to the end of the line */
	TO_BLANK,	/* the next blank, comma or semicolon */
	TO_END
};

static const struct secret {
	struct str start;
	enum until until;
	struct str end;
} secrets[] = {
	{ { "(pass: '", 8 }, TO_LAST, { "')", 2 } },	     /* vpopmail: vchkpw */
	{ { "given password: ", 16 }, TO_LAST, { ")", 1 } }, /* Dovecot: auth_verbose_passwords */
	{ { "auth plain ", 11 }, TO_END, { NULL, 0 } },	     /* a client's command, repeated */
	{ { "auth login ", 11 }, TO_END, { NULL, 0 } },
	{ { "password: ", 10 }, TO_BLANK, { NULL, 0 } },
	{ { "password=", 9 }, TO_BLANK, { NULL, 0 } },
	{ { "passwd=", 7 }, TO_BLANK, { NULL, 0 } },
	{ { "pass=", 5 }, TO_BLANK, { NULL, 0 } },
};

static bool
starts_with(struct str s, struct str what)
{
	return s.n >= what.n && str_caseeq((struct str){ s.p, what.n }, what);
}

/* How much of s, which begins behind `secret`, belongs to it. */
static size_t
length_of(const struct secret *secret, struct str s)
{
	size_t n;

	switch (secret->until) {
	case TO_LAST:
		for (n = s.n; n >= secret->end.n; n--)
			if (memcmp(s.p + n - secret->end.n, secret->end.p, secret->end.n) == 0)
				return n - secret->end.n;
		return s.n;
	case TO_BLANK:
		for (n = 0; n < s.n && s.p[n] != ' ' && s.p[n] != ',' && s.p[n] != ';'; n++)
			continue;
		return n;
	case TO_END:
		break;
	}
	return s.n;
}

static const struct secret *
secret_at(struct str s)
{
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (starts_with(s, secrets[i].start))
			return &secrets[i];
	return NULL;
}

/* Show `s` at dst, of which `*used` bytes are taken. */
static void
append(char *dst, size_t size, size_t *used, struct str s)
{
	if (size - *used < 4)
		return;
	str_show(dst + *used, size - *used, s);
	*used += strlen(dst + *used);
}

char *
mask_line(char *dst, size_t size, struct str line)
{
	size_t used = 0, i = 0, from = 0;

	dst[0] = '\0';
	while (i < line.n) {
		struct str here = { line.p + i, line.n - i };
		const struct secret *secret = secret_at(here);

		if (secret == NULL) {
			i++;
			continue;
		}
		i += secret->start.n;
		append(dst, size, &used, (struct str){ line.p + from, i - from });
		append(dst, size, &used, STR("***"));
		here = (struct str){ line.p + i, line.n - i };
		i += length_of(secret, here);
		from = i;
	}
	append(dst, size, &used, (struct str){ line.p + from, line.n - from });
	return dst;
}
