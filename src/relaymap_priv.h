/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relaymap_priv.h - between the files of relaymap: the list of grants, and the file */
#ifndef RELAYMAP_PRIV_H
#define RELAYMAP_PRIV_H

#include "conf.h"
#include "ledger.h"
#include "mapfile.h"
#include "mapstatic.h"
#include "relaymap.h"

/* Sorted by client. */
struct grants {
	struct granted {
		struct addr client;
		uint32_t until;
	} *v;
	size_t n, cap;
};

void grants_clear(struct grants *g); /* gives the memory back */
/* What the ledger says of this client; true: he was in and is out, or the other way round. */
bool grants_ask(struct grants *g, struct ledger *l, const struct policy *p, const struct addr *client, time_t now);
/* Take all of them from the ledger; true: they are others than before. */
bool grants_load(struct grants *g, struct ledger *l, time_t now);
/* Ask again for those whose term is over. */
bool grants_expire(struct grants *g, struct ledger *l, const struct policy *p, time_t now);

/* What the file holds, as it was left the last time; the caller's to keep.  All zero, and an error in the stamp: unknown. */
struct held {
	struct listfile_stamp stamp;
	struct grants grants;
	unsigned ipv6_prefix; /* 0: the grants are not known, or the administrator's entries are not those in it */
	struct mapfile_counts counts; /* of a file of our own, overruled alone */
	unsigned left_out;
	size_t changes; /* to a file of our own, since it was written as a whole */
};
/* Write the file. */
int relaymap_write(const struct mapfile_spec *sp, const struct mapstatic *fixed, const struct grants *g, unsigned ipv6_prefix,
    struct held *held, struct err *e);
void held_forget(struct held *h); /* and gives the memory back */

#endif
