/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall.h - the kernel's sets as a cache of the ledger: the daemon's side
 *
 * firewall_spawn() starts the helper that alone may change the kernel's sets, while the daemon is still single-threaded
 * and root; firewall_start() later starts the one thread that talks to it, the pusher.
 *
 * The queue carries addresses, not commands: two threads may queue the same address in either order, and the pusher
 * asks the ledger what the kernel should hold.  Whatever cannot be told one by one (queue full, helper new, a change
 * that the kernel refused, sets found to be wrong, a minute gone by, or some more where there are very many blocks) is
 * told as a whole: a sync, after which the kernel's sets are the ledger's blocks, with no address that stays blocked
 * missing from them for a moment.
 *
 * A helper that cannot work is said once in the log and shown in the status; mail goes on without it.
 */
#ifndef FIREWALL_H
#define FIREWALL_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "err.h"
#include "fwproto.h"

struct ledger;
struct firewall;

struct firewall_conf {
	const char *helper;   /* path of popauth-firewall */
	const char *user;     /* whom the helper becomes when started by root; "" = stays */
	const char *set4, *set6;
	unsigned ipv6_prefix; /* the policy's; cannot change without a restart */
	unsigned long maxelem; /* most entries of one set; 0 = the helper's default, 1048576 */
};

/* The helper as started: the daemon's end of the socket and the child.  fd -1: there is none. */
struct firewall_helper {
	int fd;
	pid_t pid;
};

/* The maxelem for a ledger of so many: a ledger that is full forgets one for each that is new, of which the kernel hears
 * at the next sync.  For the default max_clients it is less than the helper's default. */
static inline unsigned long
firewall_room(unsigned long max_clients)
{
	return max_clients + max_clients / 32 + 1024;
}

/* Start the helper.  To be called before the first thread and before the privileges are dropped. */
int firewall_spawn(const struct firewall_conf *c, struct firewall_helper *h, struct err *e);

/* Take over the helper (also when fd is -1: then all is counted and nothing enforced) and start the pusher.  The
 * ledger is borrowed and must outlive it; restore it first, or the first sync empties the sets. */
struct firewall *firewall_start(struct firewall_helper h, struct ledger *l, unsigned ipv6_prefix, struct err *e);
/* Have `lost` called, once and by the pusher, when the helper is gone for good after it has worked for `worked` seconds or
 * more: one that never could, or ends again and again, is no better after a restart of the daemon.  fw NULL is fine. */
void firewall_on_loss(struct firewall *fw, unsigned worked, void (*lost)(void *arg), void *arg);
/* Stop the pusher and the helper; the sets stay as they are.  NULL is fine. */
void firewall_stop(struct firewall *fw);

/* effects.block_changed: any thread, never blocks; arg is the struct firewall, NULL is fine. */
void firewall_block_changed(void *arg, const struct addr *client);
/* Make the kernel agree with the ledger now rather than within the minute. */
void firewall_sync(struct firewall *fw);

enum firewall_state {
	FIREWALL_OFF,	   /* not configured */
	FIREWALL_STARTING, /* the helper has not said hello yet, or cannot work at present: `trouble` says why */
	FIREWALL_UP,
	FIREWALL_DEAD	   /* there is no helper any more: nothing new is enforced until the daemon is restarted.  See firewall_on_loss() */
};

struct firewall_set_status {
	uint32_t entries;	/* in the kernel */
	uint32_t wanted;	/* blocked according to the ledger */
	uint32_t references;	/* rules that name the set */
	bool unnamed;		/* there is none, and nothing is dropped for that; false where the kernel has no IPv6 to drop */
	char trouble[FW_TEXT];	/* "" = none */
};

struct firewall_status {
	enum firewall_state state;
	bool fresh;		/* the kernel was asked just now; false: the helper did not answer within a second */
	struct firewall_set_status set[FW_SETS];
	unsigned generation;	/* of the helper's worker: 1, and one more for each time it died */
	time_t synced;		/* the last sync; 0 = never */
	time_t repaired;	/* when the sets were last found to be not as we left them; 0 = never */
	uint64_t failures;	/* changes that the kernel refused */
	char trouble[FW_TEXT];	/* what was refused since the last sync, or why the helper is dead; "" = none */
};

/* Asks the helper and waits for it, at most a second: not for a milter callback.  fw NULL: FIREWALL_OFF. */
void firewall_status(struct firewall *fw, struct firewall_status *out);
const char *firewall_state_name(enum firewall_state s);

#endif
