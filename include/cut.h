/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cut.h - a consistent set of changes on its way to the store
 *
 * The log thread makes a cut between two lines, so that the changed records and the log positions in it belong
 * together; the writer thread commits it as one transaction.  One owner at a time, no lock.
 *
 * A cut of more clients than fit into CUT_PART bytes is made, and handed to the store, in parts, lest ten million of them
 * be in memory twice.  Between two parts the log thread goes on reading: only the last part has log positions, and with
 * them whatever changed of the clients in the parts before it.
 */
#ifndef CUT_H
#define CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CUT_PART (64u << 20)

enum cut_table { CUT_CLIENTS, CUT_SOURCES, CUT_META, CUT_TABLES };

struct cut {
	uint8_t *buf;
	size_t len, cap;
	unsigned items;
	bool whole; /* of clients and meta it has all there is: whatever else the store has of these is to go */
	size_t part;	/* it is full with so many bytes: CUT_PART */
	unsigned shard; /* of the ledger, that the next part begins with */
	bool more;	/* a part comes after this one */
};

struct cut_item {
	enum cut_table table;
	bool deleted; /* no value */
	const uint8_t *key, *val;
	size_t klen, vlen;
};

void cut_init(struct cut *c);
void cut_clear(struct cut *c); /* frees; as after cut_init() */
void cut_go_on(struct cut *c); /* empties it for the next part */
void cut_put(struct cut *c, enum cut_table t, const void *key, size_t klen, const void *val, size_t vlen);
void cut_del(struct cut *c, enum cut_table t, const void *key, size_t klen);
/* Walk: *at is 0 first.  false at the end. */
bool cut_next(const struct cut *c, size_t *at, struct cut_item *item);

#endif
