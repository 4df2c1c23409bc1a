/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_firewall.c - the pusher against a helper that is this test
 *
 * The kernel is played by an array: what the requests, in their order, would have made of it is compared with what the
 * ledger says.  The real helper and a real kernel are in tests/firewall/.
 */
#include <sys/socket.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "firewall_int.h"
#include "ledger.h"
#include "pending.h"
#include "stats.h"
#include "unit.h"

#define PATIENCE 60000 /* milliseconds */
#define HOSTS	 65536 /* 10.0.x.x */

struct rig {
	int fd; /* the helper's end */
	struct policy p;
	struct ledger *l;
	struct firewall *fw;
	uint32_t kernel[HOSTS]; /* timeout; 0 = not in the set */
	uint32_t wanted[HOSTS]; /* the same, during a sync */
	bool syncing, reborn;
	atomic_bool asking; /* another thread, for the status */
	unsigned begins, ends, adds, dels;
};

static int
rig_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	int sv[2];
	struct err e;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	policy_defaults(&r->p);
	r->l = ledger_new(200000);
	r->fd = sv[1];
	r->fw = firewall_start((struct firewall_helper){ sv[0], -1 }, r->l, r->p.ipv6_prefix, &e);
	assert_non_null(r->fw);
	*state = r;
	return 0;
}

static int
rig_down(void **state)
{
	struct rig *r = *state;

	firewall_stop(r->fw);
	ledger_free(r->l);
	if (r->fd != -1)
		close(r->fd);
	free(r);
	return 0;
}

static void
reply(struct rig *r, const struct fw_reply *reply)
{
	assert_int_equal(send(r->fd, reply, sizeof(*reply), MSG_NOSIGNAL), sizeof(*reply));
}

static void
hello(struct rig *r, uint32_t generation)
{
	struct fw_reply h = { .op = FW_HELLO, .a = generation };

	memset(r->kernel, 0, sizeof(r->kernel));
	r->syncing = false;
	r->reborn = generation > 1;
	reply(r, &h);
}

static void
status(struct rig *r, uint32_t seq)
{
	for (uint8_t set = 0; set < FW_SETS; set++) {
		struct fw_reply st = { .op = FW_STATUS, .set = set, .seq = seq, .b = set == FW_SET4 ? 1 : 0 };

		for (unsigned i = 0; set == FW_SET4 && i < HOSTS; i++)
			st.a += r->kernel[i] != 0;
		reply(r, &st);
	}
}

static unsigned
host(const struct fw_request *q)
{
	assert_int_equal(q->family, 4);
	return (unsigned)q->addr.b[14] << 8 | q->addr.b[15];
}

/* Meant for a worker that died: lies in the socket for its successor, and never otherwise. */
static bool
orphan(const struct rig *r)
{
	assert_true(r->syncing || r->reborn);
	return !r->syncing;
}

/* Do as the helper would; true: that was the end of a sync. */
static bool
obey(struct rig *r, const struct fw_request *q)
{
	struct fw_reply synced = { .op = FW_SYNCED, .seq = q->seq };

	switch ((enum fw_op)q->op) {
	case FW_ADD:
	case FW_DEL:
		r->kernel[host(q)] = r->wanted[host(q)] = q->timeout;
		r->adds += q->op == FW_ADD;
		r->dels += q->op == FW_DEL;
		break;
	case FW_SYNC_BEGIN:
		memset(r->wanted, 0, sizeof(r->wanted));
		r->syncing = true;
		r->begins++;
		break;
	case FW_SYNC_ENTRY:
		if (orphan(r))
			break;
		r->wanted[host(q)] = q->timeout;
		break;
	case FW_SYNC_END:
		if (orphan(r))
			break;
		memcpy(r->kernel, r->wanted, sizeof(r->kernel));
		r->syncing = false;
		r->ends++;
		reply(r, &synced);
		return true;
	case FW_QUERY:
		status(r, q->seq);
		break;
	default:
		fail_msg("unknown request %u", q->op);
	}
	return false;
}

/* One packet; true: a sync ended in it. */
static bool
packet(struct rig *r)
{
	struct fw_request q[FW_BATCH + 1];
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	bool ended = false;
	ssize_t n;

	if (poll(&p, 1, PATIENCE) != 1)
		fail_msg("nothing comes");
	n = recv(r->fd, q, sizeof(q), 0);
	assert_true(n > 0 && (size_t)n % sizeof(q[0]) == 0 && (size_t)n <= FW_BATCH * sizeof(q[0]));
	for (size_t i = 0; i < (size_t)n / sizeof(q[0]); i++)
		ended |= obey(r, &q[i]);
	return ended;
}

static void
until_synced(struct rig *r)
{
	while (!packet(r))
		;
}

static bool
agree(struct rig *r)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		struct addr a = { { [10] = 255, 255, 10, 0, (uint8_t)(i >> 8), (uint8_t)i } };
		struct answer now;

		ledger_judge(r->l, &r->p, &a, time(NULL), &now);
		if ((now.verdict == VERDICT_BLOCKED) != (r->kernel[i] != 0))
			return false;
	}
	return true;
}

static void
until_agreed(struct rig *r)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };

	do
		packet(r);
	while (poll(&p, 1, 0) == 1 || !agree(r));
}

static struct addr
nth(unsigned i)
{
	return (struct addr){ { [10] = 255, 255, 10, 0, (uint8_t)(i >> 8), (uint8_t)i } };
}

static void
set_block(struct rig *r, unsigned i, uint32_t term)
{
	struct addr a = nth(i);

	if (term != 0)
		ledger_add(r->l, &r->p, SET_BLOCK, &a, time(NULL), term, STR("test"));
	else
		ledger_del(r->l, &r->p, SET_BLOCK, &a, time(NULL));
	firewall_block_changed(r->fw, &a);
}

static void
tells_all_at_hello(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < 3000; i++)
		set_block(r, i, 600);
	hello(r, 1);
	until_synced(r);
	assert_true(agree(r));
	assert_int_equal(r->begins, 1);
}

static void
tells_changes(void **state)
{
	struct rig *r = *state;

	hello(r, 1);
	until_synced(r);
	set_block(r, 1, 600);
	while (r->adds < 1)
		packet(r);
	assert_in_range(r->kernel[1], 540, 600);
	set_block(r, 2, POLICY_TERM_MAX);
	while (r->adds < 2)
		packet(r);
	assert_in_range(r->kernel[2], POLICY_TERM_MAX - 60, POLICY_TERM_MAX); /* the helper knows the kernel's limit */
	set_block(r, 1, 0);
	while (r->dels < 1)
		packet(r);
	assert_int_equal(r->kernel[1], 0);
	assert_true(agree(r));
}

/* How long the next sync may wait, and what of a set's head makes it come at once. */
static void
rests_and_looks(void **state)
{
	static const struct {
		const char *name;
		uint64_t took;
		long rest;
	} rests[] = {
		{ "nothing to do", 0, 60 },
		{ "few blocks", 599, 60 },
		{ "a million", 2500, 250 },
		{ "on a machine that can hardly bear it", 60000, 600 },
	};
	static const struct {
		const char *name;
		uint32_t kernel, ours;
		bool differ;
	} heads[] = {
		{ "the same", 5, 5, false },
		{ "some have just ended", 990, 1000, false },
		{ "flushed", 0, 1000, true },
		{ "filled by somebody", 1000, 5, true },
		{ "a few were removed by hand", 999900, 1000000, false },
		{ "many were removed by hand", 990000, 1000000, true },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rests); i++)
		row_eq(rests[i].name, firewall_rest(rests[i].took), rests[i].rest);
	for (size_t i = 0; i < ROWS(heads); i++)
		row_eq(heads[i].name, firewall_differ(heads[i].kernel, heads[i].ours), heads[i].differ);
}

/* Ask for the status while the test plays the helper. */
static void *
ask(void *arg)
{
	struct rig *r = arg;
	struct firewall_status *st = malloc(sizeof(*st));

	firewall_status(r->fw, st);
	r->asking = false;
	return st;
}

/* What comes before the question, or was asked by who has gone, is obeyed as well. */
static struct firewall_status
asked_once(struct rig *r)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	struct firewall_status st, *got;
	pthread_t t;

	r->asking = true;
	assert_int_equal(pthread_create(&t, NULL, ask, r), 0);
	do
		if (poll(&p, 1, 10) == 1)
			packet(r);
	while (r->asking);
	assert_int_equal(pthread_join(t, (void **)&got), 0);
	st = *got;
	free(got);
	return st;
}

/* Who asks waits a second; on a busy machine we may need longer than that, but not always. */
static struct firewall_status
asked(struct rig *r)
{
	struct firewall_status st = asked_once(r);

	for (int i = 0; !st.fresh && i < PATIENCE / 1000; i++)
		st = asked_once(r);
	return st;
}

/* A look at the sets finds one flushed, and then gone: each time a sync follows that nobody asked for. */
static void
syncs_when_a_look_finds_wrong(void **state)
{
	struct rig *r = *state;
	struct fw_reply gone = { .op = FW_STATUS, .set = FW_SET6, .c = FW_SET_MISSING, .text = "it is not there" };

	for (unsigned i = 0; i < 1000; i++)
		set_block(r, i, 600);
	hello(r, 1);
	until_synced(r);
	status(r, FIREWALL_LOOK_SEQ); /* all is well: nothing follows */
	assert_true(asked(r).fresh);
	memset(r->kernel, 0, sizeof(r->kernel));
	status(r, FIREWALL_LOOK_SEQ);
	until_synced(r);
	assert_true(agree(r));
	reply(r, &gone);
	until_synced(r);
	assert_int_equal(r->begins, 3);
}

/* So does any answer that tells of a set that somebody made anew, whoever asked. */
static void
syncs_when_a_status_tells_of_a_wrong_set(void **state)
{
	struct rig *r = *state;
	struct fw_reply wrong = { .op = FW_STATUS, .set = FW_SET4, .seq = 77, .c = FW_SET_WRONG, .text = "its netmask is 24" };

	hello(r, 1);
	until_synced(r);
	reply(r, &wrong);
	until_synced(r);
	assert_int_equal(r->begins, 2);
}

static void
merges_while_the_helper_is_slow(void **state)
{
	struct rig *r = *state;

	hello(r, 1);
	until_synced(r);
	/* Far more than the socket holds, and nobody reads. */
	for (unsigned round = 0; round < 10; round++)
		for (unsigned i = 0; i < 5000; i++)
			set_block(r, i, (i + round) % 3 != 0 ? 600 : 0);
	until_agreed(r);
	/* Some went out before the socket was full; the rest was said once. */
	assert_true(r->adds + r->dels < 10 * 5000 / 2);
}

static void
syncs_when_the_queue_is_full(void **state)
{
	struct rig *r = *state;

	hello(r, 1);
	until_synced(r);
	for (unsigned i = 0; i < HOSTS; i++)
		set_block(r, i, 600);
	until_synced(r);
	if (!agree(r))
		until_agreed(r);
	assert_true(r->begins >= 2);
	assert_int_equal(asked(r).repaired, 0); /* we knew of the gap */
}

static void
changes_pass_a_sync(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < HOSTS; i++) { /* known from before: not in the queue */
		struct addr a = nth(i);

		ledger_add(r->l, &r->p, SET_BLOCK, &a, time(NULL), 600, STR("test"));
	}
	hello(r, 1);
	packet(r); /* the sync is under way, and the socket fills */
	for (unsigned i = 0; i < 15000; i++) /* not more than the queue holds: no second sync mends it */
		set_block(r, 4 * i, 0);
	until_agreed(r);
}

static void
begins_anew_with_a_new_worker(void **state)
{
	uint64_t restarts = stat_get(STAT_FIREWALL_RESTARTS);
	struct rig *r = *state;

	for (unsigned i = 0; i < 20000; i++)
		set_block(r, i, 600);
	hello(r, 1);
	packet(r); /* it dies in the middle; what lies in the socket goes to the next one */
	hello(r, 2);
	until_synced(r);
	assert_true(agree(r));
	assert_int_equal(stat_get(STAT_FIREWALL_RESTARTS), restarts + 1);
	assert_int_equal(asked(r).generation, 2);
}

static void
resync_is_obeyed(void **state)
{
	struct fw_reply gone = { .op = FW_RESYNC, .text = "the set popauth4 was gone" };
	struct rig *r = *state;

	hello(r, 1);
	until_synced(r);
	set_block(r, 1, 600);
	while (r->adds == 0)
		packet(r);
	memset(r->kernel, 0, sizeof(r->kernel));
	reply(r, &gone);
	until_synced(r);
	assert_true(agree(r));
	assert_int_not_equal(asked(r).repaired, 0);
}

static void
status_tells(void **state)
{
	struct fw_reply failed = { .op = FW_FAILED, .a = 3, .addr = address("192.0.2.1"), .text = "Hash\nis full" };
	uint64_t refused = stat_get(STAT_FIREWALL_FAILED);
	struct rig *r = *state;
	struct firewall_status st;

	firewall_status(r->fw, &st);
	assert_int_equal(st.state, FIREWALL_STARTING);
	assert_false(st.fresh);
	hello(r, 1);
	assert_int_equal(poll(&(struct pollfd){ .fd = r->fd, .events = POLLIN }, 1, PATIENCE), 1);
	reply(r, &failed); /* in the midst of the sync: that of another one, which would make it good, there is no need */
	until_synced(r);
	set_block(r, 1, 600);
	while (r->adds == 0)
		packet(r);
	st = asked(r);
	assert_int_equal(st.state, FIREWALL_UP);
	assert_true(st.fresh);
	assert_int_equal(st.set[FW_SET4].entries, 1);
	assert_int_equal(st.set[FW_SET4].wanted, 1);
	assert_int_equal(st.set[FW_SET4].references, 1);
	assert_int_equal(st.set[FW_SET6].references, 0);
	assert_int_not_equal(st.synced, 0);
	assert_int_equal(st.failures, 3);
	assert_string_equal(st.trouble, "Hash\\x0ais full");
	assert_int_equal(stat_get(STAT_FIREWALL_FAILED), refused + 3);
	firewall_status(NULL, &st);
	assert_int_equal(st.state, FIREWALL_OFF);
}

static void
a_silent_helper_is_not_waited_for(void **state)
{
	struct rig *r = *state;
	struct firewall_status st;

	hello(r, 1);
	until_synced(r);
	firewall_status(r->fw, &st);
	assert_false(st.fresh);
	assert_int_equal(st.state, FIREWALL_UP);
	packet(r); /* answered too late, which does no harm */
	assert_true(asked(r).fresh);
}

static void
nonsense_is_survived(void **state)
{
	struct fw_reply bad[] = {
		{ .op = 0 },
		{ .op = 200 },
		{ .op = FW_STATUS, .set = FW_SETS },
		{ .op = FW_SYNCED, .seq = 12345 },
		{ .op = FW_IGNORED, .a = 1 },
	};
	struct rig *r = *state;

	hello(r, 1);
	until_synced(r);
	for (size_t i = 0; i < ROWS(bad); i++)
		reply(r, &bad[i]);
	assert_int_equal(send(r->fd, bad, 1, 0), 1);
	assert_int_equal(send(r->fd, bad, sizeof(bad), 0), sizeof(bad));
	memset(&bad[0], 'x', sizeof(bad[0])); /* a text without its NUL */
	bad[0].op = FW_FAILED;
	reply(r, &bad[0]);
	assert_int_equal(strlen(asked(r).trouble), FW_TEXT - 1);
	set_block(r, 1, 600);
	while (r->adds == 0)
		packet(r);
	assert_true(agree(r));
}

static void
death_is_told(void **state)
{
	struct rig *r = *state;
	struct firewall_status st;
	uint64_t refused;

	hello(r, 1);
	until_synced(r);
	close(r->fd);
	r->fd = -1;
	do
		firewall_status(r->fw, &st);
	while (st.state != FIREWALL_DEAD);
	assert_string_not_equal(st.trouble, "");
	refused = stat_get(STAT_FIREWALL_FAILED);
	set_block(r, 1, 600);
	assert_int_equal(stat_get(STAT_FIREWALL_FAILED), refused + 1);
}

static void
count_call(void *arg)
{
	++*(atomic_uint *)arg;
}

/* The pusher's last act: who has seen it end has seen all calls. */
static unsigned
calls_for_a_loss(void **state, unsigned worked, bool greeted)
{
	struct rig *r = *state;
	atomic_uint calls = 0;

	firewall_on_loss(r->fw, worked, count_call, &calls);
	if (greeted) {
		hello(r, 1);
		until_synced(r);
	}
	close(r->fd);
	r->fd = -1;
	pthread_join(r->fw->thread, NULL);
	r->fw->threaded = false;
	return calls;
}

static void
a_loss_is_reported(void **state)
{
	assert_int_equal(calls_for_a_loss(state, 0, true), 1);
}

static void
an_early_loss_is_not(void **state)
{
	assert_int_equal(calls_for_a_loss(state, 3600, true), 0);
}

static void
a_helper_that_never_was_is_no_loss(void **state)
{
	assert_int_equal(calls_for_a_loss(state, 0, false), 0);
}

static void
no_helper_at_all(void **state)
{
	struct firewall_conf c = { .helper = "/nonexistent/popauth-firewall", .user = "", .set4 = "a", .set6 = "b" };
	struct ledger *l = ledger_new(10);
	struct firewall_helper h;
	struct firewall_status st;
	struct firewall *fw;
	struct err e;

	(void)state;
	assert_int_equal(firewall_spawn(&c, &h, &e), -1);
	assert_non_null(strstr(e.text, "/nonexistent/popauth-firewall"));
	assert_int_equal(h.fd, -1);
	fw = firewall_start(h, l, 64, &e);
	assert_non_null(fw);
	firewall_block_changed(fw, &(struct addr){ { 0 } });
	firewall_sync(fw);
	firewall_status(fw, &st);
	assert_int_equal(st.state, FIREWALL_DEAD);
	firewall_stop(fw);
	firewall_stop(NULL);
	firewall_block_changed(NULL, NULL);
	ledger_free(l);
}

static void
pending_keeps_each_once(void **state)
{
	struct pending *p = pending_new(64);
	struct addr a, got;

	(void)state;
	for (unsigned round = 0; round < 1000; round++) {
		unsigned n = round % 64 + 1;

		for (unsigned i = 0; i < 3 * n; i++) {
			a = (struct addr){ { [0] = (uint8_t)round, [15] = (uint8_t)(i % n) } };
			assert_true(pending_add(p, &a));
		}
		if (n == 64) {
			a.b[1] = 1;
			assert_false(pending_add(p, &a));
		}
		for (unsigned i = 0; i < n; i++) {
			assert_false(pending_empty(p));
			assert_true(pending_next(p, &got));
			assert_int_equal(got.b[15], i);
		}
		assert_true(pending_empty(p));
		assert_false(pending_next(p, &got));
	}
	pending_free(p);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)
	const struct CMUnitTest tests[] = {
		T(tells_all_at_hello),
		T(tells_changes),
		cmocka_unit_test(rests_and_looks),
		T(syncs_when_a_look_finds_wrong),
		T(syncs_when_a_status_tells_of_a_wrong_set),
		T(merges_while_the_helper_is_slow),
		T(syncs_when_the_queue_is_full),
		T(changes_pass_a_sync),
		T(begins_anew_with_a_new_worker),
		T(resync_is_obeyed),
		T(status_tells),
		T(a_silent_helper_is_not_waited_for),
		T(nonsense_is_survived),
		T(death_is_told),
		T(a_loss_is_reported),
		T(an_early_loss_is_not),
		T(a_helper_that_never_was_is_no_loss),
		cmocka_unit_test(no_helper_at_all),
		cmocka_unit_test(pending_keeps_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
