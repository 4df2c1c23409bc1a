/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cut.c - a consistent set of changes on its way to the store
 *
 * One growing buffer of items: table, deleted, key length, value length, key, value.
 */
#include "cut.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

struct head {
	uint8_t table, deleted;
	uint16_t klen;
	uint32_t vlen;
};

void
cut_init(struct cut *c)
{
	*c = (struct cut){ .part = CUT_PART };
}

void
cut_clear(struct cut *c)
{
	free(c->buf);
	cut_init(c);
}

void
cut_go_on(struct cut *c)
{
	c->len = 0;
	c->items = 0;
}

static void
reserve(struct cut *c, size_t more)
{
	if (c->cap - c->len >= more)
		return;
	while (c->cap - c->len < more)
		c->cap = c->cap == 0 ? 4096 : c->cap * 2;
	c->buf = xrealloc(c->buf, c->cap);
}

static void
append(struct cut *c, struct head h, const void *key)
{
	reserve(c, sizeof h + h.klen + h.vlen);
	memcpy(c->buf + c->len, &h, sizeof h);
	memcpy(c->buf + c->len + sizeof h, key, h.klen);
	c->len += sizeof h + h.klen;
	c->items++;
}

static struct head
head_of(enum cut_table t, bool deleted, size_t klen, size_t vlen)
{
	if (klen > UINT16_MAX || vlen > UINT32_MAX)
		panic("cut: an item of %zu + %zu bytes", klen, vlen);
	return (struct head){ (uint8_t)t, deleted, (uint16_t)klen, (uint32_t)vlen };
}

void
cut_put(struct cut *c, enum cut_table t, const void *key, size_t klen, const void *val, size_t vlen)
{
	append(c, head_of(t, false, klen, vlen), key);
	memcpy(c->buf + c->len, val, vlen);
	c->len += vlen;
}

void
cut_del(struct cut *c, enum cut_table t, const void *key, size_t klen)
{
	append(c, head_of(t, true, klen, 0), key);
}

bool
cut_next(const struct cut *c, size_t *at, struct cut_item *item)
{
	struct head h;

	if (*at == c->len)
		return false;
	memcpy(&h, c->buf + *at, sizeof h);
	item->table = (enum cut_table)h.table;
	item->deleted = h.deleted != 0;
	item->klen = h.klen;
	item->vlen = h.vlen;
	item->key = c->buf + *at + sizeof h;
	item->val = item->key + h.klen;
	*at += sizeof h + h.klen + h.vlen;
	return true;
}
