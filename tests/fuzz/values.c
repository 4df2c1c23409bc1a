/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values.c - fuzz target: any bytes as each of the small things that are read from elsewhere
 *
 * What is accepted, written out and read again, is the same.  Input: a byte that picks the thing, then its bytes.
 */
#include "addr.h"
#include "correlate.h"
#include "follow.h"
#include "fuzz.h"
#include "gate.h"
#include "netstring.h"
#include "record.h"

#define RECORD_ROOM (1 << 17)

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void
a_record(struct str in)
{
	static uint8_t first[RECORD_ROOM], second[RECORD_ROOM];
	struct record r;
	struct err e;
	size_t n;

	record_init(&r);
	if (record_decode(&r, (const uint8_t *)in.p, in.n, &e) == 0) {
		n = record_encode(&r, first, sizeof first);
		record_clear(&r);
		MUST(n <= sizeof first && record_decode(&r, first, n, &e) == 0);
		MUST(record_encode(&r, second, sizeof second) == n && memcmp(first, second, n) == 0);
	}
	record_clear(&r);
	MUST(r.tallies == NULL && r.grant == NULL);
}

static void
a_position(struct str in)
{
	uint8_t again[POSITION_SIZE];
	struct position p;
	struct err e;

	if (position_decode(&p, (const uint8_t *)in.p, in.n, &e) == -1)
		return;
	position_encode(&p, again);
	MUST(in.n == sizeof again && memcmp(in.p, again, sizeof again) == 0);
}

struct saved {
	uint8_t record[CORRELATE_RECORD];
	size_t n;
};

static void
save(void *arg, unsigned place, const uint8_t *record, size_t len)
{
	struct saved *to = arg;

	MUST(place == 0 && len <= sizeof to->record);
	memcpy(to->record, record, len);
	to->n = len;
}

/* Texts in it may get shorter the first time, at a NUL. */
static void
a_half(struct str in)
{
	struct correlate *c = correlate_new();
	struct saved first, second;
	struct err e;

	if (correlate_restore(c, 0, (const uint8_t *)in.p, in.n, &e) == 0) {
		correlate_save(c, true, save, &first);
		MUST(correlate_restore(c, 0, first.record, first.n, &e) == 0);
		correlate_save(c, true, save, &second);
		MUST(first.n == second.n && memcmp(first.record, second.record, first.n) == 0);
	}
	correlate_free(c);
}

static void
an_address(struct str in)
{
	struct addr a, b;
	char text[ADDR_TEXT];

	if (addr_parse(&a, in) == -1)
		return;
	MUST(addr_parse(&b, str_of(addr_format(text, &a))) == 0 && addr_eq(&a, &b));
	for (unsigned prefix = 1; prefix <= 128; prefix++) {
		b = addr_client(&a, prefix);
		(void)addr_format_client(text, &b, prefix);
		MUST(strlen(text) < sizeof text);
	}
	(void)addr_is_special(&a);
}

static void
a_netstring(struct str in)
{
	struct str body;
	size_t used, n;
	char *again;

	if (netstring_parse(in, 1000, &body, &used) != NETSTRING_WHOLE)
		return;
	MUST(used <= in.n && within(body, in));
	again = xmalloc(used);
	n = netstring_write(again, used, body);
	MUST(n == used && memcmp(again, in.p, n) == 0);
	free(again);
}

/* What is shown is printable and fits; shown again, it stays as it is. */
static void
a_text(struct str in)
{
	for (size_t size = 4; size < 40; size += 5) {
		char *once = xmalloc(size), *twice = xmalloc(size);

		str_show(once, size, in);
		MUST(strlen(once) < size);
		for (const char *p = once; *p != '\0'; p++)
			MUST((unsigned char)*p >= ' ' && *p != 0x7f);
		MUST(strcmp(str_show(twice, size, str_of(once)), once) == 0);
		free(once);
		free(twice);
	}
}

static void
a_duration(struct str in)
{
	int64_t n = str_duration(in);
	char term[16];

	MUST(n >= -1 && n <= INT64_C(3660) * 86400);
	if (n >= 0)
		MUST(str_duration(str_of(str_term(term, sizeof term, n))) == n);
}

static size_t
how_many(struct str s, const char *of)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] != '\0' && strchr(of, s.p[i]) != NULL;
	return n;
}

/* What is taken for ours names our domain at its end, and no other way. */
static void
a_recipient(struct str in)
{
	struct domains *d = domains_new();
	struct str tail = in;

	MUST(domains_add(d, STR("example.org"), NULL) == 0);
	domains_seal(d);
	if (gate_recipient(d, in) == GATE_OURS) {
		MUST(how_many(in, "@") <= 1 && how_many(in, "%!:\r\n") == 0);
		while (tail.n > 0 && strchr("<>.", tail.p[tail.n - 1]) != NULL)
			tail.n--;
		MUST(tail.n >= 10);
		if (how_many(in, "@") == 0)
			MUST(str_caseeq((struct str){ tail.p + tail.n - 10, 10 }, STR("postmaster")) && in.n <= 12);
		else
			MUST(tail.n > 12 && str_caseeq((struct str){ tail.p + tail.n - 12, 12 }, STR("@example.org")));
	}
	domains_free(d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const things[])(struct str) = { a_record, a_position, an_address, a_netstring, a_text, a_duration,
		a_half, a_recipient };

	if (size > 0)
		things[data[0] % (sizeof things / sizeof things[0])]((struct str){ (const char *)data + 1, size - 1 });
	return 0;
}
