/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate_mail.c - whose mail was accepted: see simulate_mail.h */
#include "simulate_mail.h"

#include <stdlib.h>
#include <string.h>

#include "addrhash.h"
#include "err.h"

#define PLACES	16384 /* a power of two */
#define QID_MIN 6
#define QID_MAX 24    /* Postfix's long ones have 10 to 17 characters, sendmail's 14 */

/* A key is believed to be one message's alone: it is only a count that would be wrong. */
struct place {
	uint64_t key; /* 0: free */
	struct addr client;
};

struct mails {
	struct place places[PLACES];
};

static const bool is_id[256] = { ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true };

enum said { SAID_NOTHING, SAID_CLIENT, SAID_ACCEPTED };

struct mails *
mails_new(void)
{
	return xcalloc(1, sizeof(struct mails));
}

void
mails_free(struct mails *m)
{
	free(m);
}

/* Up to 8 bytes from the end, where ids and names differ most. */
static uint64_t
last_word(const char *p, size_t n)
{
	uint64_t word = 0;

	if (n == 0)
		return 0;
	memcpy(&word, n < sizeof word ? p : p + n - sizeof word, n < sizeof word ? n : sizeof word);
	return word;
}

static uint64_t
key_of(struct str host, struct str qid)
{
	uint64_t h = last_word(qid.p, qid.n) * 0x9e3779b97f4a7c15u ^ last_word(host.p, host.n);

	if (qid.n > sizeof h)
		h = h * 0x9e3779b97f4a7c15u ^ last_word(qid.p, qid.n - sizeof h);
	h = addrhash_mix(h);
	return h == 0 ? 1 : h;
}

/* "QID: "; *rest is what follows it. */
static bool
take_qid(struct str text, struct str *qid, struct str *rest)
{
	size_t n = 0;

	while (n < text.n && n <= QID_MAX && is_id[(unsigned char)text.p[n]])
		n++;
	if (n < QID_MIN || n > QID_MAX || text.n < n + 2 || text.p[n] != ':' || text.p[n + 1] != ' ')
		return false;
	*qid = (struct str){ text.p, n };
	*rest = (struct str){ text.p + n + 2, text.n - n - 2 };
	return true;
}

static bool
begins(struct str s, struct str with)
{
	return s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

static bool
ends(struct str s, struct str with)
{
	return s.n >= with.n && memcmp(s.p + s.n - with.n, with.p, with.n) == 0;
}

/* The address in the first brackets: what is before them is the client's name, which has none. */
static bool
take_address(struct str s, struct addr *out)
{
	const char *open = memchr(s.p, '[', s.n), *close;

	if (open == NULL)
		return false;
	close = memchr(open, ']', s.n - (size_t)(open - s.p));
	return close != NULL && addr_parse(out, (struct str){ open + 1, (size_t)(close - open) - 1 }) == 0;
}

/* The last ", relay=": a sender's address may hold another. */
static bool
take_relay(struct str s, struct addr *out)
{
	static const struct str relay = STR(", relay=");

	for (size_t n = s.n; n >= relay.n; n--)
		if (memcmp(s.p + n - relay.n, relay.p, relay.n) == 0)
			return take_address((struct str){ s.p + n, s.n - n }, out);
	return false;
}

static enum said
smtpd_said(struct str rest, struct addr *client)
{
	static const struct str is = STR("client=");

	if (!begins(rest, is) || !take_address((struct str){ rest.p + is.n, rest.n - is.n }, client))
		return SAID_NOTHING;
	return SAID_CLIENT;
}

static enum said
sendmail_said(struct str rest, struct addr *client)
{
	if (begins(rest, STR("from=")))
		return take_relay(rest, client) ? SAID_CLIENT : SAID_NOTHING;
	if (begins(rest, STR("to=")) && memmem(rest.p, rest.n, ", stat=Sent", 11) != NULL)
		return SAID_ACCEPTED;
	return SAID_NOTHING;
}

/* Every line is asked, so what is cheap and true of few comes first: an id begins with a digit or a capital. */
static enum said
said(const struct logline *line, struct str *qid, struct addr *client)
{
	struct str tag = line->tag, text = line->text, rest;

	if (text.n < QID_MIN || text.p[0] < '0' || text.p[0] > 'Z')
		return SAID_NOTHING;
	switch (tag.p[tag.n - 1]) {
	case 'd':
		if (!ends(tag, STR("/smtpd")))
			return SAID_NOTHING;
		return take_qid(text, qid, &rest) ? smtpd_said(rest, client) : SAID_NOTHING;
	case 'r':
		if (text.p[text.n - 1] != ')' || !ends(tag, STR("/qmgr")) || !take_qid(text, qid, &rest))
			return SAID_NOTHING;
		return begins(rest, STR("from=<")) ? SAID_ACCEPTED : SAID_NOTHING;
	default:
		if (!begins(tag, STR("sm-")) && !begins(tag, STR("sendmail")))
			return SAID_NOTHING;
		return take_qid(text, qid, &rest) ? sendmail_said(rest, client) : SAID_NOTHING;
	}
}

bool
mails_line(struct mails *m, const struct logline *line, struct addr *client)
{
	struct addr from;
	struct place *p;
	struct str qid;
	enum said what = said(line, &qid, &from);
	uint64_t key;

	if (what == SAID_NOTHING)
		return false;
	key = key_of(line->host, qid);
	p = &m->places[key & (PLACES - 1)];
	if (what == SAID_CLIENT) {
		*p = (struct place){ .key = key, .client = from };
		return false;
	}
	if (p->key != key)
		return false;
	p->key = 0;
	*client = p->client;
	return true;
}
