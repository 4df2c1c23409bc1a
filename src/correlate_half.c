/* SPDX-License-Identifier: GPL-2.0-or-later */
/* correlate_half.c - half an event as portable bytes
 *
 *	version 1 byte, kind 1, told 8, time 8, key and a length before it, then
 *	of a client: address 16
 *	of an event: kind 1, times 4, rule, user and recipient, a length before each
 *	of something told: times 4
 *
 * Numbers are little-endian, lengths one byte.
 */
#include <string.h>

#include "correlate_half.h"

#define VERSION 2

_Static_assert(CORRELATE_RECORD >= 1 + 1 + 8 + 8 + 1 + HALF_KEY + 1 + 4 + 3 + sizeof(struct half_words),
    "a record may be too small");

struct bytes_in {
	const uint8_t *p, *end;
	bool bad; /* something was missing */
};

static uint8_t *
put(uint8_t *p, uint64_t v, unsigned bytes)
{
	while (bytes-- > 0) {
		*p++ = (uint8_t)v;
		v >>= 8;
	}
	return p;
}

static uint8_t *
put_text(uint8_t *p, const void *text, size_t n)
{
	*p++ = (uint8_t)n;
	memcpy(p, text, n);
	return p + n;
}

static uint64_t
get(struct bytes_in *in, unsigned bytes)
{
	uint64_t v = 0;

	if ((size_t)(in->end - in->p) < bytes) {
		in->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)*in->p++ << (8 * i);
	return v;
}

/* Returns the length; what does not fit is bad. */
static size_t
get_text(struct bytes_in *in, char *dst, size_t size)
{
	size_t n = get(in, 1);

	if (n > size || (size_t)(in->end - in->p) < n) {
		in->bad = true;
		return 0;
	}
	memcpy(dst, in->p, n);
	in->p += n;
	return n;
}

static void
get_word(struct bytes_in *in, char *dst, size_t size)
{
	dst[get_text(in, dst, size - 1)] = '\0';
}

size_t
half_encode(const struct half *h, uint8_t *record)
{
	uint8_t *p = put(record, VERSION, 1);

	p = put(p, h->kind, 1);
	p = put(p, h->told, 8);
	p = put(p, (uint64_t)h->time, 8);
	p = put_text(p, h->key.text, h->key.n);
	if (h->kind == HALF_CLIENT || h->kind == HALF_SUSPECT) {
		memcpy(p, h->addr.b, sizeof(h->addr.b));
		return (size_t)(p + sizeof(h->addr.b) - record);
	}
	if (h->kind == HALF_TOLD)
		return (size_t)(put(p, h->times, 4) - record);
	p = put(p, h->event, 1);
	p = put(p, h->times, 4);
	p = put_text(p, h->words.rule, strlen(h->words.rule));
	p = put_text(p, h->words.user, strlen(h->words.user));
	p = put_text(p, h->words.recipient, strlen(h->words.recipient));
	return (size_t)(p - record);
}

static void
get_event(struct half *h, struct bytes_in *in)
{
	uint64_t kind = get(in, 1);

	in->bad = in->bad || kind >= EVENT_KINDS;
	h->event = (enum event_kind)kind;
	h->times = (unsigned)get(in, 4);
	get_word(in, h->words.rule, sizeof(h->words.rule));
	get_word(in, h->words.user, sizeof(h->words.user));
	get_word(in, h->words.recipient, sizeof(h->words.recipient));
}

int
half_decode(struct half *h, const uint8_t *record, size_t len, struct err *e)
{
	struct bytes_in in = { record, record + len, false };
	struct half got = *h;
	uint64_t kind;

	if (get(&in, 1) != VERSION)
		return err_set(e, "half an event, of an unknown version");
	kind = get(&in, 1);
	got.kind = (enum half_kind)kind;
	got.told = get(&in, 8);
	got.time = (time_t)get(&in, 8);
	got.key.n = (uint8_t)get_text(&in, got.key.text, sizeof(got.key.text));
	if ((kind == HALF_CLIENT || kind == HALF_SUSPECT) && in.end - in.p >= (ptrdiff_t)sizeof(got.addr.b)) {
		memcpy(got.addr.b, in.p, sizeof(got.addr.b));
		in.p += sizeof(got.addr.b);
	} else if (kind == HALF_EVENT) {
		get_event(&got, &in);
	} else if (kind == HALF_TOLD) {
		got.times = (unsigned)get(&in, 4);
	} else {
		in.bad = true;
	}
	if (in.bad || in.p != in.end)
		return err_set(e, "half an event, of %zu bytes that make no sense", len);
	*h = got;
	return 0;
}
