/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper_work.h - the inside of the helper's worker, for helper_work.c and helper_sync.c only */
#ifndef HELPER_WORK_H
#define HELPER_WORK_H

#include "helper.h"

/* A list of changes that grows. */
struct changes {
	struct kset_change *v;
	size_t n, cap;
};

enum sync_stage {
	SYNC_NONE,
	SYNC_FILLS,	/* the set was empty: entries go straight into it */
	SYNC_COLLECTS,	/* into the table */
	SYNC_COMPARES
};

struct worker {
	const struct helper_conf *conf;
	struct kset *set[FW_SETS];
	enum sync_stage sync[FW_SETS];
	struct want *want[FW_SETS];    /* SYNC_COLLECTS, SYNC_COMPARES; else NULL */
	uint32_t filled, wanted[FW_SETS]; /* in this sync by SYNC_FILLS; in the last by SYNC_COLLECTS */
	struct changes batch[FW_SETS]; /* of this packet */
	struct err trouble[FW_SETS];   /* why the last sync failed; "" = it did not */
	struct kset_refusal refused;   /* in this packet, or in this sync */
	bool ending;		       /* this packet ends the sync */
	uint32_t end_seq;
	bool synced; /* before the first sync a set of the wrong shape is no news: it is about to be replaced */
};

void changes_add(struct changes *c, const struct addr *a, uint32_t timeout);
/* Remember the first refusal of a packet or a sync, and count them all; tell the daemon and forget them. */
void refusals_note(struct worker *w, const struct kset_refusal *r);
void refusals_tell(struct worker *w);
void status_tell(struct worker *w, enum fw_set set, uint32_t seq);
uint32_t now_seconds(void);
/* Every packet that has come; for use within a long piece of work. */
void serve_waiting(struct worker *w);

void sync_begin(struct worker *w);
void sync_entry(struct worker *w, enum fw_set set, const struct fw_request *q);
/* A change that comes during a sync. */
void sync_note(struct worker *w, enum fw_set set, const struct fw_request *q);
void sync_end(struct worker *w, uint32_t seq);
void sync_drop(struct worker *w);
bool sync_running(const struct worker *w);
bool sync_comparing(const struct worker *w);

#endif
