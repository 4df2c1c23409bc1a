/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.h - the real filter on the real libmilter, in a thread, with a ledger and nothing else of the daemon
 *
 * libmilter is there once per process, so all tests of a program share one filter and one ledger and keep to clients
 * of their own.
 */
#ifndef RIG_H
#define RIG_H

#include "../unit/unit.h"
#include "mta.h"
#include "pipeline.h"
#include "ref.h"

extern char rig_socket[];

/* The last event that was learned. */
extern struct rig_heard {
	enum event_kind kind;
	bool bounce;
	char client[ADDR_TEXT], recipient[200], zone[64], evidence[600], rule[32];
} rig_heard;

/* Group setup and teardown; each test's setup, which restores the configuration and forgets the events. */
int rig_start(void **state);
int rig_finish(void **state);
int rig_plain(void **state);

/* Put the usual configuration and these lines in force. */
void rig_conf(const char *more);
/* A file of this name in the rig's directory, taken away at the end; its path, good until the next call. */
void rig_file(const char *name, const char *text);
const char *rig_path(const char *name);
/* A connection that has negotiated and told its macros, just before the client. */
void rig_open(struct mta *m);
/* After rig_open(): what the DNS says of the client. */
void rig_named(struct mta *m, const char *resolve, const char *name);
/* A session of a client with a name, so that others' lack of one is believed. */
void rig_names_known(void);
/* The text that a refusal came with, without its reference, which goes to `ref` if not NULL. */
char *rig_told(struct mta *m, char ref[REF_TEXT]);
/* How many events there were since the last call. */
unsigned rig_events(void);
/* By an administrator's hand; no events. */
void rig_put(enum set set, const char *ip, const char *text, uint32_t term);
/* As a line of the log would: the client is in the cache from now on; no events. */
void rig_listed(const char *ip, const char *zone);
/* Stands beside the events from now on; borrowed.  NULL: nobody does. */
void rig_guard(struct guard *g, pipeline_notice_fn *notice);

#endif
