/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow_position.c - the position in a log as portable bytes
 *
 *	version 1, dev 8, ino 8, offset 8, mark 8, mark_len 2, flags 1 (bit 0: midline), written 8; little-endian
 */
#include "follow_parts.h"

#define VERSION	     1
#define FLAG_MIDLINE 1

static uint8_t *
put(uint8_t *p, uint64_t v, unsigned bytes)
{
	while (bytes-- > 0) {
		*p++ = (uint8_t)v;
		v >>= 8;
	}
	return p;
}

static uint64_t
get(const uint8_t **p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)*(*p)++ << (8 * i);
	return v;
}

void
position_encode(const struct position *p, uint8_t buf[POSITION_SIZE])
{
	buf = put(buf, VERSION, 1);
	buf = put(buf, p->dev, 8);
	buf = put(buf, p->ino, 8);
	buf = put(buf, p->offset, 8);
	buf = put(buf, p->mark, 8);
	buf = put(buf, p->mark_len, 2);
	buf = put(buf, p->midline ? FLAG_MIDLINE : 0, 1);
	(void)put(buf, (uint64_t)p->written, 8);
}

int
position_decode(struct position *p, const uint8_t *buf, size_t len, struct err *e)
{
	struct position q;
	uint64_t flags;

	if (len < 1 || buf[0] != VERSION)
		return err_set(e, "a log position of an unknown version");
	if (len != POSITION_SIZE)
		return err_set(e, "a log position of %zu bytes", len);
	buf++;
	q.dev = get(&buf, 8);
	q.ino = get(&buf, 8);
	q.offset = get(&buf, 8);
	q.mark = get(&buf, 8);
	q.mark_len = (uint32_t)get(&buf, 2);
	flags = get(&buf, 1);
	q.midline = (flags & FLAG_MIDLINE) != 0;
	q.written = (int64_t)get(&buf, 8);
	if (q.offset > INT64_MAX || q.mark_len != (q.offset < FOLLOW_MARK ? q.offset : FOLLOW_MARK) ||
	    (flags & ~(uint64_t)FLAG_MIDLINE) != 0)
		return err_set(e, "a log position that cannot be");
	*p = q;
	return 0;
}

/* FNV-1a, 64 bits, with a last mix: against accident, not against malice. */
uint64_t
mark_hash(const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)p[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ (h >> 32);
}
