/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_pusher.c - from the ledger to a real kernel: the daemon's side of the firewall, with the helper behind it */
#include <signal.h>
#include <time.h>

#include "kernel.h"
#include "ledger.h"
#include "logmsg.h"
#include "stats.h"

struct rig {
	struct policy p;
	struct ledger *l;
	struct firewall *fw;
	pid_t keeper;
};

static void
rig_up_with(struct rig *r, size_t max_clients, unsigned long maxelem)
{
	struct firewall_conf c = conf();
	struct firewall_helper h;
	struct err e;

	c.maxelem = maxelem;
	policy_defaults(&r->p);
	r->l = ledger_new(max_clients);
	h = start(&c);
	r->keeper = h.pid;
	r->fw = firewall_start(h, r->l, r->p.ipv6_prefix, &e);
	assert_non_null(r->fw);
}

static void
rig_up(struct rig *r, unsigned long maxelem)
{
	rig_up_with(r, 1000000, maxelem);
}

static void
rig_down(struct rig *r)
{
	firewall_stop(r->fw);
	ledger_free(r->l);
}

static void
block(struct rig *r, const char *text, uint32_t term)
{
	struct addr a, c;

	assert_int_equal(addr_parse(&a, str_of(text)), 0);
	c = addr_client(&a, r->p.ipv6_prefix);
	if (term != 0)
		ledger_add(r->l, &r->p, SET_BLOCK, &a, time(NULL), term, STR("test"));
	else
		ledger_del(r->l, &r->p, SET_BLOCK, &a, time(NULL));
	firewall_block_changed(r->fw, &c);
}

static uint64_t
milliseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Each look at the status waits for the helper's answer, so this turns with events, not with time. */
static void
await_syncs(struct rig *r, uint64_t n)
{
	uint64_t end = milliseconds() + PATIENCE;
	struct firewall_status st;

	while (stat_get(STAT_FIREWALL_SYNCS) < n) {
		if (milliseconds() > end)
			fail_msg("no sync comes");
		firewall_status(r->fw, &st);
		sched_yield();
	}
}

/* What the helper says now, for which the daemon itself waits no longer than a second. */
static struct firewall_status
ask(struct rig *r)
{
	uint64_t end = milliseconds() + PATIENCE;
	struct firewall_status st;

	do
		firewall_status(r->fw, &st);
	while (!st.fresh && milliseconds() < end);
	assert_int_equal(st.state, FIREWALL_UP);
	assert_true(st.fresh);
	return st;
}

static void
await_entries(struct rig *r, enum fw_set set, uint32_t n)
{
	uint64_t end = milliseconds() + PATIENCE;
	uint32_t got;

	while ((got = ask(r).set[set].entries) != n)
		if (milliseconds() > end)
			fail_msg("got %u entries, want %u", got, n);
}

/* Until the kernel has it, or has it no longer. */
static void
await_in_set(const char *set, const char *addr, bool in)
{
	uint64_t end = milliseconds() + PATIENCE;

	while (in_set(set, addr) != in)
		if (milliseconds() > end)
			fail_msg("%s: %s is %sin it", set, addr, in ? "not " : "");
}

/* One sync is over that began after what the test did so far, whatever was under way before; another may still be. */
static void
calm_down(struct rig *r)
{
	for (int i = 0; i < 3; i++) {
		uint64_t before = stat_get(STAT_FIREWALL_SYNCS); /* it may be over before we look again */

		firewall_sync(r->fw);
		await_syncs(r, before + 1);
	}
}

static void
test_ledger_to_kernel(void **state)
{
	uint64_t syncs = stat_get(STAT_FIREWALL_SYNCS);
	struct firewall_status st;
	struct rig r;

	(void)state;
	assert_int_equal(sh("ipset create popauth4 hash:ip timeout 10 && ipset add popauth4 203.0.113.1"), 0);
	rig_up(&r, 0);
	block(&r, "192.0.2.1", 600);
	block(&r, "2001:db8:1:2:3:4:5:6", 90);
	block(&r, "192.0.2.9", 315360000); /* ten years */
	await_syncs(&r, syncs + 1);
	st = ask(&r);
	assert_int_equal(st.set[FW_SET4].entries, 2);
	assert_int_equal(st.set[FW_SET4].wanted, 2);
	assert_int_equal(st.set[FW_SET6].entries, 1);
	assert_int_equal(st.set[FW_SET4].references, 0);
	assert_false(in_set("popauth4", "203.0.113.1")); /* from before our time */
	assert_term("popauth4", "192.0.2.1", 600);
	assert_term("popauth4", "192.0.2.9", FW_TIMEOUT_MAX);
	block(&r, "192.0.2.1", 0);
	assert_int_equal(sh("iptables -A INPUT -m set --match-set popauth4 src -j DROP"), 0);
	st = ask(&r);
	assert_int_equal(st.set[FW_SET4].entries, 1);
	assert_int_equal(st.set[FW_SET4].references, 1);
	assert_false(in_set("popauth4", "192.0.2.1"));
	assert_int_equal(st.failures, 0);
	rig_down(&r);
	assert_true(in_set("popauth4", "192.0.2.9"));
}

static void
test_ledger_after_damage(void **state)
{
	uint64_t syncs = stat_get(STAT_FIREWALL_SYNCS);
	struct firewall_status st;
	char text[64];
	struct rig r;

	(void)state;
	rig_up(&r, 0);
	await_syncs(&r, syncs + 1);
	for (unsigned i = 0; i < 40000; i++) { /* more than the queue holds */
		snprintf(text, sizeof(text), "10.%u.%u.%u", 1 + i / 65536, i / 256 % 256, i % 256);
		block(&r, text, 600);
	}
	calm_down(&r);
	st = ask(&r);
	assert_int_equal(st.set[FW_SET4].entries, 40000);
	assert_int_equal(sh("ipset flush popauth4 && " SOON("ipset destroy popauth6")), 0);
	calm_down(&r);
	st = ask(&r);
	assert_int_equal(st.set[FW_SET4].entries, 40000);
	assert_int_not_equal(st.repaired, 0);
	assert_int_equal(sh(SOON("ipset destroy popauth4")), 0);
	block(&r, "192.0.2.1", 600); /* which is how the helper finds out */
	await_entries(&r, FW_SET4, 40001);
	rig_down(&r);
}

/* A set that somebody made without timeouts takes none of ours: it is replaced because of that, not in its time. */
static void
test_ledger_after_a_refusal(void **state)
{
	uint64_t syncs = stat_get(STAT_FIREWALL_SYNCS);
	struct firewall_status st;
	struct rig r;

	(void)state;
	rig_up(&r, 0);
	await_syncs(&r, syncs + 1);
	calm_down(&r);
	assert_int_equal(sh(SOON("ipset destroy popauth4") " && ipset create popauth4 hash:ip"), 0);
	block(&r, "192.0.2.1", 600);
	await_in_set("popauth4", "192.0.2.1", true); /* which is patient for less than a minute */
	assert_term("popauth4", "192.0.2.1", 600);
	st = ask(&r);
	assert_string_equal(st.trouble, "");
	assert_string_equal(st.set[FW_SET4].trouble, "");
	rig_down(&r);
}

/* The kernel says nothing to an add when the set has another netmask; whoever asks for the status finds it out. */
static void
test_ledger_after_another_netmask(void **state)
{
	struct firewall_status st;
	struct rig r;

	(void)state;
	rig_up(&r, 0);
	calm_down(&r);
	block(&r, "192.0.2.1", 600);
	calm_down(&r);
	assert_int_equal(sh(SOON("ipset destroy popauth4") " && ipset create popauth4 hash:ip timeout 0 netmask 24"), 0);
	block(&r, "192.0.2.129", 600);
	st = ask(&r);
	assert_int_equal(st.failures, 0);
	await_in_set("popauth4", "192.0.2.7", false); /* the neighbours; patient for less than a minute */
	assert_true(in_set("popauth4", "192.0.2.1"));
	assert_true(in_set("popauth4", "192.0.2.129"));
	rig_down(&r);
}

/* A ledger full of blocks forgets one for each new one; the kernel has room for both. */
static void
test_ledger_full_of_blocks(void **state)
{
	struct firewall_status st;
	char text[64];
	struct rig r;

	(void)state;
	rig_up_with(&r, 5000, firewall_room(5000));
	for (unsigned i = 0; i < 6000; i++) {
		snprintf(text, sizeof(text), "10.1.%u.%u", i / 256, i % 256);
		block(&r, text, 600);
		if (i == 5000)
			calm_down(&r);
	}
	calm_down(&r);
	st = ask(&r);
	assert_int_equal(st.failures, 0);
	assert_int_equal(st.set[FW_SET4].entries, 5000);
	rig_down(&r);
}

/* Whatever else a set's entries have beside an address and a term, they can be read. */
static void
test_ledger_to_a_set_with_comments(void **state)
{
	struct rig r;

	(void)state;
	assert_int_equal(sh("ipset create popauth4 hash:ip timeout 0 comment counters maxelem 2000000"), 0);
	rig_up(&r, 0);
	calm_down(&r);
	assert_int_equal(sh("ipset add popauth4 203.0.113.5 timeout 600 comment \"$(printf 'x %%.0s' $(seq 127))\""), 0);
	block(&r, "192.0.2.1", 600);
	calm_down(&r);
	assert_false(in_set("popauth4", "203.0.113.5"));
	assert_true(in_set("popauth4", "192.0.2.1"));
	rig_down(&r);
}

static void
test_ledger_after_a_worker_died(void **state)
{
	uint64_t syncs = stat_get(STAT_FIREWALL_SYNCS);
	struct firewall_status st;
	char text[64];
	pid_t worker;
	struct rig r;

	(void)state;
	rig_up(&r, 0);
	await_syncs(&r, syncs + 1);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "10.1.%u.%u", i / 256, i % 256);
		block(&r, text, 600);
		if (i % 1000 == 500 && (worker = worker_of(r.keeper)) > 1)
			kill(worker, SIGKILL); /* in the middle of it */
	}
	do
		firewall_status(r.fw, &st);
	while (!st.fresh || st.generation < 2 || st.set[FW_SET4].entries < 5000);
	assert_int_equal(st.set[FW_SET4].entries, 5000);
	kill(r.keeper, SIGKILL);
	do
		firewall_status(r.fw, &st);
	while (st.state != FIREWALL_DEAD);
	assert_string_not_equal(st.trouble, "");
	block(&r, "192.0.2.1", 600); /* counted, and nobody waits */
	rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_kernel(test_ledger_to_kernel),
		with_kernel(test_ledger_after_damage),
		with_kernel(test_ledger_after_a_refusal),
		with_kernel(test_ledger_after_another_netmask),
		with_kernel(test_ledger_full_of_blocks),
		with_kernel(test_ledger_to_a_set_with_comments),
		with_kernel(test_ledger_after_a_worker_died),
	};
	int rc = kernel_begin();

	if (rc != 0)
		return rc;
	logmsg_open("test_pusher", true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
