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

struct tally_of_keys {
	unsigned left_out, overruled;
};
/* Write the file; *stamp as for mapfile_sync(). */
int relaymap_write(const struct mapfile_spec *sp, const struct mapstatic *fixed, const struct grants *g, unsigned ipv6_prefix,
    struct tally_of_keys *tally, struct listfile_stamp *stamp, struct err *e);

#endif
