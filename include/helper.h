/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper.h - the parts of popauth-firewall, the one program that may change the kernel's sets
 *
 *   helper.c        arguments; the keeper, which starts the worker and starts it again when it dies
 *   helper_priv.c   giving up every privilege but one, and every system call but a few
 *   helper_set.c    one kernel set: the only user of libipset
 *   helper_list.c   what a kernel set holds
 *   helper_want.c   what a set should hold: a table that lives from FW_SYNC_BEGIN to FW_SYNC_END
 *   helper_sync.c   a set made to hold that
 *   helper_work.c   the worker: requests in, changes to the sets, replies out
 *
 * Nothing here reads a file, runs a program or listens on anything: the helper hears only its parent.
 */
#ifndef HELPER_H
#define HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "fwproto.h"

#define KSET_NAME 32 /* the kernel's room for a name with its NUL; libipset always reads that much */

struct helper_conf {
	char name[FW_SETS][KSET_NAME];
	const char *user; /* NULL or "": stay */
	uint8_t ipv6_prefix;
	uint32_t maxelem;
	bool create_only;
};

/* ---- privileges ---- */

/* Become `user` (when root), keep CAP_NET_ADMIN alone, for good, and make sure of it. */
int priv_drop(const char *user, struct err *e);
/* Leave only the system calls that the keeper and a starting worker need; then, those a running worker needs. */
int priv_confine_keeper(struct err *e);
int priv_confine_worker(struct err *e);

/* ---- one kernel set ---- */

struct kset;

struct kset_change {
	struct addr addr;
	uint32_t timeout; /* seconds; 0 = take it out */
};

/* What the kernel refused of a list of changes. */
struct kset_refusal {
	uint32_t count;
	struct addr first;
	char text[FW_TEXT];
};

enum kset_shape {
	KSET_GOOD,
	KSET_MISSING,
	KSET_WRONG /* not ours: type, family, netmask, size, no timeouts; `why` says what */
};

struct kset_info {
	enum kset_shape shape;
	uint32_t entries, references;
	char why[FW_TEXT];
};

/* Once, before confinement: in some builds of libipset the set types are files of their own. */
void kset_load(void);
/* Opens the socket to the kernel: the last thing that needs one.  Never fails for lack of the set. */
struct kset *kset_open(const struct helper_conf *c, enum fw_set set, struct err *e);
void kset_close(struct kset *k); /* NULL is fine */
/* Nothing more can be done with it; only a new process helps. */
bool kset_lost(const struct kset *k);
int kset_look(struct kset *k, struct kset_info *out, struct err *e);
int kset_create(struct kset *k, struct err *e);
/* Make all changes, in as few messages as they fit in.  What the kernel refuses is skipped and told in *r. */
void kset_apply(struct kset *k, const struct kset_change *c, size_t n, struct kset_refusal *r);
/* Every entry: `timeout` is what is left of it, 0 = for ever.  Now and then, between two entries, `breathe` is called:
 * it may change the set and look at it, for a listing of many is long. */
typedef void kset_fn(void *arg, const struct addr *a, uint32_t timeout);
int kset_dump(struct kset *k, kset_fn *fn, void (*breathe)(void *arg), void *arg, struct err *e);
/* Put a new set with this content in the place of one of the wrong shape, in one step where the kernel can (it can
 * when only netmask, size or timeouts differ), else by destroying the old one, which works if no rule uses it. */
int kset_replace(struct kset *k, const struct kset_change *c, size_t n, struct kset_refusal *r, struct err *e);

/* ---- what a kernel set holds ---- */

struct klist;

/* Opens a socket, as kset_open() does, which has one of these for its listings. */
struct klist *klist_open(struct err *e);
void klist_close(struct klist *l); /* NULL is fine */
/* `family`: AF_INET or AF_INET6; a set that turns out to be of the other one is an error. */
int klist_dump(struct klist *l, const char *name, int family, kset_fn *fn, void (*breathe)(void *arg), void *arg,
    struct err *e);

/* The reading alone, for tests: what has come of the answer to question `seq`, datagram by datagram. */
struct klist_reading {
	uint32_t seq;
	int family;
	kset_fn *fn;
	void *arg;
	int error; /* 0: none */
	bool done;
};

void klist_read(struct klist_reading *to, const uint8_t *datagram, size_t n);

/* ---- what a set should hold ---- */

struct want;

enum want_found { WANT_OK, WANT_FOREIGN, WANT_OTHER_TERM, WANT_RENEW };

/* `expect`: how many there will probably be. */
struct want *want_new(uint32_t max, uint32_t expect);
void want_free(struct want *w);
/* Times are seconds of a clock that only goes forward.  false: more than `max` entries. */
bool want_put(struct want *w, const struct addr *a, uint32_t timeout, uint32_t now);
void want_del(struct want *w, const struct addr *a);
uint32_t want_size(const struct want *w);
/* For how long it should be there; 0: not at all. */
uint32_t want_term(const struct want *w, const struct addr *a, uint32_t now);
/* The kernel has this entry: is that right?  Marks it as seen. */
enum want_found want_check(struct want *w, const struct addr *a, uint32_t timeout, uint32_t now);
/* Entries wanted and not yet seen, one per call; *at is 0 first.  false: no more. */
bool want_missing(const struct want *w, size_t *at, uint32_t now, struct addr *out);

/* ---- the worker ---- */

/* Serve FW_FD until the daemon closes it; returns the exit status. */
int worker_run(const struct helper_conf *c, uint32_t generation);
/* One reply, blocking; errors are ignored: without a daemon there is nobody to tell. */
void reply_send(const struct fw_reply *r);
void reply_trouble(const char *text);

#endif
