/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall.c - the kernel's sets as a cache of the ledger: what the daemon's other threads call */
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firewall_int.h"
#include "stats.h"

#define QUEUE_MAX   16384 /* addresses; beyond that a sync costs less than the list */
#define STATUS_WAIT 1     /* seconds that a status waits for the helper */
#define STOP_WAIT   2000  /* milliseconds that the helper has for ending by itself */

static void
init_told(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

static void
destroy(struct firewall *fw)
{
	if (fw->fd != -1)
		close(fw->fd);
	if (fw->wake != -1)
		close(fw->wake);
	pthread_cond_destroy(&fw->told);
	pthread_mutex_destroy(&fw->lock);
	pending_free(fw->in);
	pending_free(fw->out);
	free(fw->shard);
	free(fw);
}

struct firewall *
firewall_start(struct firewall_helper h, struct ledger *l, unsigned ipv6_prefix, struct err *e)
{
	struct firewall *fw = xcalloc(1, sizeof(*fw));

	fw->ledger = l;
	fw->fold.ipv6_prefix = ipv6_prefix;
	fw->fd = h.fd;
	fw->pid = h.pid;
	fw->wake = -1;
	fw->look_shard = LEDGER_SHARDS;
	pthread_mutex_init(&fw->lock, NULL);
	init_told(&fw->told);
	fw->in = pending_new(QUEUE_MAX);
	fw->out = pending_new(QUEUE_MAX);
	fw->st.state = h.fd == -1 ? FIREWALL_DEAD : FIREWALL_STARTING;
	if (h.fd == -1)
		return fw;
	fw->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fw->wake == -1) {
		err_sys(e, "cannot make an eventfd for the firewall");
		goto fail;
	}
	errno = pthread_create(&fw->thread, NULL, firewall_push, fw);
	if (errno != 0) {
		err_sys(e, "cannot start the firewall's thread");
		goto fail;
	}
	fw->threaded = true;
	return fw;
fail:
	destroy(fw);
	return NULL;
}

void
firewall_on_loss(struct firewall *fw, unsigned worked, void (*lost)(void *arg), void *arg)
{
	if (fw == NULL)
		return;
	pthread_mutex_lock(&fw->lock);
	fw->lost = lost;
	fw->lost_arg = arg;
	fw->lost_after = worked * UINT64_C(1000);
	pthread_mutex_unlock(&fw->lock);
}

/* With the lock held: must the pusher be rung for, once it has been let go? */
static bool
to_ring(struct firewall *fw)
{
	bool ring = !fw->woken && fw->wake != -1;

	fw->woken = true;
	return ring;
}

/* Never with the lock held: the pusher runs at once where it can, in our place on a busy machine, and would go to sleep
 * again for the lock; a block then waits until we have had our turn and it has had another. */
static void
ring(const struct firewall *fw)
{
	eventfd_write(fw->wake, 1);
}

/* It ends when it sees our side closed; one that hangs is ended. */
static void
reap(struct firewall *fw)
{
	struct pollfd p = { .fd = fw->fd, .events = POLLIN };
	struct fw_reply r;

	if (fw->pid <= 0)
		return;
	shutdown(fw->fd, SHUT_WR);
	while (poll(&p, 1, STOP_WAIT) > 0)
		if (recv(fw->fd, &r, sizeof(r), 0) <= 0)
			break;
	if (p.revents == 0)
		kill(fw->pid, SIGKILL);
	waitpid(fw->pid, NULL, 0);
}

void
firewall_stop(struct firewall *fw)
{
	if (fw == NULL)
		return;
	pthread_mutex_lock(&fw->lock);
	fw->stop = true;
	pthread_mutex_unlock(&fw->lock);
	if (fw->threaded) {
		ring(fw);
		pthread_join(fw->thread, NULL);
	}
	reap(fw);
	destroy(fw);
}

void
firewall_block_changed(void *arg, const struct addr *client)
{
	struct firewall *fw = arg;
	bool dead, call = false;

	if (fw == NULL)
		return;
	pthread_mutex_lock(&fw->lock);
	dead = fw->st.state == FIREWALL_DEAD;
	if (!dead) {
		if (!pending_add(fw->in, client))
			fw->sync_wanted = fw->gap_wanted = true;
		call = to_ring(fw);
	}
	pthread_mutex_unlock(&fw->lock);
	if (call)
		ring(fw);
	if (dead)
		stat_add(STAT_FIREWALL_FAILED, 1);
}

void
firewall_sync(struct firewall *fw)
{
	bool call;

	if (fw == NULL)
		return;
	pthread_mutex_lock(&fw->lock);
	fw->sync_wanted = true;
	call = to_ring(fw);
	pthread_mutex_unlock(&fw->lock);
	if (call)
		ring(fw);
}

struct tally_arg {
	uint32_t now, *blocked;
};

static void
count_blocked(void *arg, const struct addr *client, const struct record *r)
{
	struct tally_arg *t = arg;

	if (record_blocked(r, t->now))
		t->blocked[addr_is4(client) ? FW_SET4 : FW_SET6]++;
}

void
firewall_count(const struct firewall *fw, unsigned shard, uint32_t blocked[FW_SETS])
{
	struct tally_arg t = { .now = (uint32_t)time(NULL), .blocked = blocked };

	ledger_walk_shard(fw->ledger, shard, count_blocked, &t);
}

/* With the lock held, but not all the time. */
static bool
ask(struct firewall *fw)
{
	struct timespec until;
	uint32_t mine = ++fw->asked;
	bool call = to_ring(fw);

	pthread_mutex_unlock(&fw->lock);
	if (call)
		ring(fw);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STATUS_WAIT;
	pthread_mutex_lock(&fw->lock);
	while (fw->st.state == FIREWALL_UP && fw->answered < mine)
		if (pthread_cond_timedwait(&fw->told, &fw->lock, &until) != 0)
			return false;
	return fw->st.state == FIREWALL_UP;
}

void
firewall_status(struct firewall *fw, struct firewall_status *out)
{
	uint32_t blocked[FW_SETS] = { 0 };
	bool fresh;

	memset(out, 0, sizeof(*out));
	if (fw == NULL)
		return;
	for (unsigned i = 0; i < LEDGER_SHARDS; i++)
		firewall_count(fw, i, blocked);
	pthread_mutex_lock(&fw->lock);
	fresh = fw->st.state == FIREWALL_UP && ask(fw);
	*out = fw->st;
	pthread_mutex_unlock(&fw->lock);
	out->fresh = fresh;
	for (enum fw_set set = 0; set < FW_SETS; set++)
		out->set[set].wanted = blocked[set];
}

const char *
firewall_state_name(enum firewall_state s)
{
	static const char *const name[] = { "off", "starting", "up", "dead" };

	return name[s];
}
