/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mask.c - passwords out of log lines
 *
 * Too much masked is a nuisance, too little a leak: a secret in quotes or brackets reaches to the last place in the
 * line where it could end, because the secret itself may hold quotes and brackets; one that a client sent as a command
 * reaches to the end of the line, because it may hold blanks; and one behind `password=' to where another `, key=' is.
 */
#include <string.h>

#include "mask.h"

#define AFTER_MAX 400

enum until {
	TO_LAST,  /* the last occurrence of `end`; else to the end of the line */
	TO_KEY,	  /* the next comma or semicolon with `key=' behind it; else to the end of the line */
	TO_END
};

struct secret {
	size_t at; /* where it begins, counted from where it was announced; 0: none */
	enum until until;
	struct str end;
};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool
is_letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool
starts_with(struct str s, struct str what)
{
	return s.n >= what.n && str_caseeq((struct str){ s.p, what.n }, what);
}

static size_t
skip_blanks(struct str s, size_t i)
{
	while (i < s.n && s.p[i] == ' ')
		i++;
	return i;
}

static bool
is_quote(struct str s, size_t i)
{
	return i < s.n && (s.p[i] == '"' || s.p[i] == '\'');
}

/* "AUTH PLAIN x", in any case, with any number of blanks. */
static struct secret
authenticating(struct str s)
{
	static const struct str mechs[] = { { "plain ", 6 }, { "login ", 6 }, { "cram-md5 ", 9 }, { "digest-md5 ", 11 },
		{ "xoauth2 ", 8 }, { "oauthbearer ", 12 }, { "xoauth ", 7 }, { "ntlm ", 5 }, { "external ", 9 },
		{ "gssapi ", 7 }, { "gss-spnego ", 11 }, { "scram-", 6 }, { "otp ", 4 }, { "apop ", 5 } };
	size_t i = 4;

	if (!starts_with(s, STR("auth ")))
		return (struct secret){ 0 };
	i = skip_blanks(s, i);
	for (size_t k = 0; k < sizeof(mechs) / sizeof(mechs[0]); k++)
		if (starts_with((struct str){ s.p + i, s.n - i }, mechs[k])) {
			while (i < s.n && s.p[i] != ' ')
				i++;
			return (struct secret){ skip_blanks(s, i), TO_END, { NULL, 0 } };
		}
	return (struct secret){ 0 };
}

/* "improper command pipelining after AUTH from x[192.0.2.9]: y": what came too early, or too much.  No host has a longer
 * name than 255 bytes. */
static struct secret
after_auth(struct str s)
{
	const char *p;

	if (!starts_with(s, STR("after auth")) || s.n < 11 || (s.p[10] != ' ' && s.p[10] != ':'))
		return (struct secret){ 0 };
	p = memmem(s.p + 10, s.n - 10 < AFTER_MAX ? s.n - 10 : AFTER_MAX, ": ", 2);
	return p == NULL ? (struct secret){ 0 } : (struct secret){ (size_t)(p - s.p) + 2, TO_END, { NULL, 0 } };
}

/* What programs write before a password, or before a client's AUTH command. */
static struct secret
announced(struct str s)
{
	static const struct {
		struct str start;
		enum until until;
		struct str end;
	} texts[] = {
		{ { "(pass: '", 8 }, TO_LAST, { "')", 2 } },	     /* vpopmail: vchkpw */
		{ { "given password: ", 16 }, TO_LAST, { ")", 1 } }, /* Dovecot: auth_verbose_passwords */
		{ { "authorization:", 14 }, TO_END, { NULL, 0 } },   /* of HTTP */
	};
	struct secret secret = authenticating(s);

	if (secret.at == 0)
		secret = after_auth(s);
	if (secret.at != 0)
		return secret;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (starts_with(s, texts[i].start))
			return (struct secret){ texts[i].start.n, texts[i].until, texts[i].end };
	return (struct secret){ 0 };
}

/* pass=x, Password: x, "passwd" : "x". */
static struct secret
assigned(struct str s)
{
	static const struct str names[] = { { "password", 8 }, { "passphrase", 10 }, { "passwd", 6 }, { "pass", 4 },
		{ "pwd", 3 } };
	size_t i = 0;

	for (size_t k = 0; i == 0 && k < sizeof(names) / sizeof(names[0]); k++)
		if (starts_with(s, names[k]))
			i = names[k].n;
	if (i == 0)
		return (struct secret){ 0 };
	i = skip_blanks(s, i + is_quote(s, i));
	if (i == s.n || (s.p[i] != '=' && s.p[i] != ':'))
		return (struct secret){ 0 };
	i = skip_blanks(s, i + 1);
	if (is_quote(s, i))
		return (struct secret){ i + 1, TO_LAST, { s.p + i, 1 } };
	return (struct secret){ i, TO_KEY, { NULL, 0 } };
}

/* Could a client's command begin at byte i: at the start, behind a quote or a bracket, behind ": "? */
static bool
is_command_place(struct str line, size_t i)
{
	size_t k = i;

	while (k > 0 && line.p[k - 1] == ' ')
		k--;
	return k == 0 || line.p[k - 1] == ':' || (k == i && memchr("\"'<", line.p[k - 1], 3) != NULL);
}

/* "PASS x" of POP3; in small letters only where a command would stand, for many a word is a pass.  postscreen(8) says
 * PASS NEW and PASS OLD of a client. */
static struct secret
commanded(struct str line, size_t i)
{
	struct str s = { line.p + i, line.n - i };

	if (!starts_with(s, STR("pass ")) || (i > 0 && is_letter(line.p[i - 1])) || starts_with(s, STR("pass old [")) ||
	    starts_with(s, STR("pass new [")))
		return (struct secret){ 0 };
	if (memcmp(s.p, "PASS", 4) != 0 && !is_command_place(line, i))
		return (struct secret){ 0 };
	return (struct secret){ 5, TO_END, { NULL, 0 } };
}

/* Is a secret announced at byte i?  Nearly all bytes are done with at the first look. */
static struct secret
secret_at(struct str line, size_t i)
{
	struct str s = { line.p + i, line.n - i };
	struct secret secret = { 0 };
	char c = lower(s.p[0]);

	if ((c != 'p' && c != 'a' && c != 'g' && c != '(') || s.n < 4)
		return secret;
	if (c != 'p')
		return announced(s);
	if (lower(s.p[1]) != 'a' && lower(s.p[1]) != 'w')
		return secret;
	secret = assigned(s);
	return secret.at != 0 ? secret : commanded(line, i);
}

/* Do a comma or semicolon, perhaps blanks, and `key=' stand at byte i? */
static bool
is_next_key(struct str s, size_t i)
{
	size_t from;

	if (s.p[i] != ',' && s.p[i] != ';')
		return false;
	from = i = skip_blanks(s, i + 1);
	while (i < s.n && (is_letter(s.p[i]) || s.p[i] == '_' || s.p[i] == '-'))
		i++;
	return i > from && i < s.n && s.p[i] == '=';
}

/* How much of s, which begins where the secret does, belongs to it. */
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
	case TO_KEY:
		for (n = 0; n < s.n && !is_next_key(s, n); n++)
			continue;
		return n;
	case TO_END:
		break;
	}
	return s.n;
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
		struct secret secret = secret_at(line, i);

		if (secret.at == 0) {
			i++;
			continue;
		}
		i += secret.at;
		append(dst, size, &used, (struct str){ line.p + from, i - from });
		append(dst, size, &used, STR("***"));
		i += length_of(&secret, (struct str){ line.p + i, line.n - i });
		from = i;
	}
	append(dst, size, &used, (struct str){ line.p + from, line.n - from });
	return dst;
}
