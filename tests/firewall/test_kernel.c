/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_kernel.c - the firewall helper against a real kernel: its protocol, its sets, its privileges */
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <poll.h>
#include <signal.h>

#include "kernel.h"
#include "logmsg.h"

/* ---- speaking the protocol ourselves ---- */

static void
next_reply(int fd, struct fw_reply *r)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, PATIENCE) != 1)
		fail_msg("the helper does not answer");
	assert_int_equal(recv(fd, r, sizeof(*r), 0), sizeof(*r));
}

/* Passes over what else comes, but not over trouble. */
static void
await(int fd, enum fw_reply_op op, struct fw_reply *r)
{
	do {
		next_reply(fd, r);
		if (r->op == FW_TROUBLE && op != FW_TROUBLE)
			fail_msg("trouble: %s", r->text);
	} while (r->op != op);
}

static void
send_raw(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
}

static struct fw_request
request(enum fw_op op, const char *addr, uint32_t timeout)
{
	struct fw_request q = { .op = (uint8_t)op, .timeout = timeout };

	if (addr != NULL) {
		assert_int_equal(addr_parse(&q.addr, str_of(addr)), 0);
		q.family = addr_is4(&q.addr) ? 4 : 6;
	}
	return q;
}

static void
say(int fd, enum fw_op op, const char *addr, uint32_t timeout)
{
	struct fw_request q = request(op, addr, timeout);

	send_raw(fd, &q, sizeof(q));
}

/* All that was said before is done; the statuses of both sets. */
static void
settle(int fd, struct fw_reply st[FW_SETS])
{
	static uint32_t seq = 100;
	struct fw_request q = { .op = FW_QUERY, .seq = ++seq };

	send_raw(fd, &q, sizeof(q));
	do
		await(fd, FW_STATUS, &st[FW_SET4]);
	while (st[FW_SET4].seq != seq);
	await(fd, FW_STATUS, &st[FW_SET6]);
}

static void
stop(struct firewall_helper h)
{
	struct fw_reply r;
	int status;

	shutdown(h.fd, SHUT_WR);
	while (recv(h.fd, &r, sizeof(r), 0) > 0)
		;
	assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(h.fd);
}

static struct firewall_helper
start_and_greet(void)
{
	struct firewall_conf c = conf();
	struct firewall_helper h = start(&c);
	struct fw_reply r;

	await(h.fd, FW_HELLO, &r);
	assert_int_equal(r.a, 1);
	return h;
}

static void
sync_with(int fd, const struct fw_request *entries, size_t n, struct fw_reply *r)
{
	struct fw_request end = { .op = FW_SYNC_END, .seq = 7 };

	say(fd, FW_SYNC_BEGIN, NULL, 0);
	if (n != 0)
		send_raw(fd, entries, n * sizeof(*entries));
	send_raw(fd, &end, sizeof(end));
	await(fd, FW_SYNCED, r);
	assert_int_equal(r->seq, 7);
}

/* ---- the tests ---- */

static void
test_add_and_delete(void **state)
{
	struct firewall_helper h = start_and_greet();
	struct fw_reply st[FW_SETS];

	(void)state;
	say(h.fd, FW_ADD, "192.0.2.1", 600);
	say(h.fd, FW_ADD, "192.0.2.2", 600);
	say(h.fd, FW_ADD, "192.0.2.1", 200); /* a new term, not a second entry */
	say(h.fd, FW_ADD, "2001:db8:1:2::", 300);
	say(h.fd, FW_ADD, "192.0.2.3", 4000000); /* more than the kernel can hold */
	settle(h.fd, st);
	assert_int_equal(st[FW_SET4].a, 3);
	assert_int_equal(st[FW_SET6].a, 1);
	assert_term("popauth4", "192.0.2.1", 200);
	assert_term("popauth4", "192.0.2.2", 600);
	assert_term("popauth4", "192.0.2.3", FW_TIMEOUT_MAX);
	assert_term("popauth6", "2001:db8:1:2::", 300);
	assert_true(in_set("popauth6", "2001:db8:1:2:ffff::1"));
	assert_false(in_set("popauth6", "2001:db8:1:3::"));
	say(h.fd, FW_DEL, "192.0.2.1", 0);
	say(h.fd, FW_DEL, "192.0.2.77", 0); /* not there: no mistake */
	say(h.fd, FW_DEL, "2001:db8:1:2::", 0);
	settle(h.fd, st);
	assert_false(in_set("popauth4", "192.0.2.1"));
	assert_true(in_set("popauth4", "192.0.2.2"));
	assert_int_equal(st[FW_SET6].a, 0);
	stop(h);
	assert_true(in_set("popauth4", "192.0.2.2")); /* the sets outlive the helper */
}

static void
test_a_large_packet_mixed(void **state)
{
	struct firewall_helper h = start_and_greet();
	struct fw_request q[FW_BATCH];
	struct fw_reply st[FW_SETS];
	char text[64];

	(void)state;
	for (unsigned i = 0; i < FW_BATCH; i++) {
		if (i % 4 == 3)
			snprintf(text, sizeof(text), "2001:db8:%x::", i);
		else
			snprintf(text, sizeof(text), "10.1.%u.%u", i / 256, i % 256);
		q[i] = request(FW_ADD, text, 500 + i);
	}
	send_raw(h.fd, q, sizeof(q));
	settle(h.fd, st);
	assert_int_equal(st[FW_SET4].a, FW_BATCH - FW_BATCH / 4);
	assert_int_equal(st[FW_SET6].a, FW_BATCH / 4);
	assert_term("popauth4", "10.1.1.10", 500 + 266);
	stop(h);
}

static void
test_nonsense_is_passed_over(void **state)
{
	struct firewall_helper h = start_and_greet();
	struct fw_request q[] = {
		request(FW_ADD, "192.0.2.1", 600),
		{ .op = 0 },
		{ .op = 99 },
		request(FW_ADD, "192.0.2.2", 0),     /* for ever */
		request(FW_ADD, "127.0.0.1", 600),   /* ourselves */
		request(FW_ADD, "fe80::1", 600),
		request(FW_ADD, "192.0.2.3", 600),   /* family spoilt below */
		request(FW_DEL, "192.0.2.4", 600),   /* with a term */
		request(FW_SYNC_ENTRY, "192.0.2.5", 600), /* without a beginning */
		{ .op = FW_SYNC_END },
		request(FW_ADD, "192.0.2.6", 600),   /* reserved bits */
		{ .op = FW_QUERY, .family = 4 },
		request(FW_ADD, "192.0.2.7", 600),
	};
	static uint8_t noise[FW_BATCH * sizeof(struct fw_request) + 1];
	struct fw_reply r, st[FW_SETS];

	(void)state;
	q[6].family = 6;
	q[10].zero = 1;
	send_raw(h.fd, q, sizeof(q));
	await(h.fd, FW_IGNORED, &r);
	assert_int_equal(r.a, 9);
	send_raw(h.fd, q, sizeof(q[0]) - 1);
	await(h.fd, FW_IGNORED, &r);
	memset(noise, 0xff, sizeof(noise));
	send_raw(h.fd, noise, sizeof(noise));
	await(h.fd, FW_IGNORED, &r);
	assert_int_equal(r.a, 1);
	send_raw(h.fd, noise, sizeof(noise) - 1);
	await(h.fd, FW_IGNORED, &r);
	assert_int_equal(r.a, FW_BATCH);
	settle(h.fd, st);
	assert_int_equal(st[FW_SET4].a, 2);
	assert_true(in_set("popauth4", "192.0.2.1"));
	assert_true(in_set("popauth4", "192.0.2.7"));
	stop(h);
}

/* What is as it should be is left alone.  Both syncs want the same term from then on: if the machine was held up between
 * them, the second one has something to correct, and they say nothing. */
static void
sync_twice(int fd, const struct fw_request *want, size_t n)
{
	struct fw_reply r;
	unsigned tries = 0;
	time_t began;

	do {
		assert_true(tries++ < 20);
		began = time(NULL);
		sync_with(fd, want, n, &r);
		sync_with(fd, want, n, &r);
	} while (time(NULL) - began > 1);
	assert_int_equal(r.a + r.b + r.c, 0);
}

/* Terms longer than the kernel has are not compared by the second. */
static void
test_sync_mends(void **state)
{
	struct fw_request want[] = {
		request(FW_SYNC_ENTRY, "192.0.2.1", 600),
		request(FW_SYNC_ENTRY, "192.0.2.2", 600),
		request(FW_SYNC_ENTRY, "192.0.2.3", 5000000),
		request(FW_SYNC_ENTRY, "2001:db8:1:2::", 5000000),
	};
	struct firewall_helper h = start_and_greet();
	struct fw_reply r;

	(void)state;
	sync_with(h.fd, want, 4, &r);
	assert_int_equal(r.a, 4);
	sync_twice(h.fd, want, 4);
	assert_int_equal(sh("ipset del popauth4 192.0.2.1 && ipset add popauth4 203.0.113.9 && "
	    "ipset add -exist popauth4 192.0.2.2 timeout 0 && ipset add popauth6 2001:db8:9::"), 0);
	sync_with(h.fd, want, 4, &r);
	assert_int_equal(r.a, 1);
	assert_int_equal(r.b, 2);
	assert_int_equal(r.c, 1);
	assert_int_equal(entries_of("popauth4"), 3);
	assert_int_equal(entries_of("popauth6"), 1);
	assert_term("popauth4", "192.0.2.1", 600);
	assert_term("popauth4", "192.0.2.2", 600);
	assert_int_equal(sh("ipset flush; " SOON("ipset destroy popauth6")), 0);
	sync_with(h.fd, want, 4, &r);
	assert_int_equal(r.a, 4);
	assert_term("popauth6", "2001:db8:1:2::", FW_TIMEOUT_MAX);
	sync_with(h.fd, NULL, 0, &r);
	assert_int_equal(r.b, 4);
	assert_int_equal(entries_of("popauth4"), 0);
	stop(h);
}

static void
test_changes_during_a_sync(void **state)
{
	struct firewall_helper h = start_and_greet();
	struct fw_request end = { .op = FW_SYNC_END, .seq = 1 };
	struct fw_reply r;

	(void)state;
	say(h.fd, FW_ADD, "192.0.2.1", 600);
	say(h.fd, FW_SYNC_BEGIN, NULL, 0);
	say(h.fd, FW_SYNC_ENTRY, "192.0.2.1", 600);
	say(h.fd, FW_SYNC_ENTRY, "192.0.2.2", 600);
	say(h.fd, FW_DEL, "192.0.2.2", 0);  /* unblocked after the walk met it */
	say(h.fd, FW_ADD, "192.0.2.3", 177); /* blocked after the walk passed it */
	send_raw(h.fd, &end, sizeof(end));
	await(h.fd, FW_SYNCED, &r);
	assert_true(in_set("popauth4", "192.0.2.1"));
	assert_false(in_set("popauth4", "192.0.2.2"));
	assert_term("popauth4", "192.0.2.3", 177);
	stop(h);
}

/* About every `step`th address of 10/8 from `first` up to `n`, in full packets. */
static void
say_many(int fd, enum fw_op op, unsigned first, unsigned n, unsigned step, uint32_t timeout)
{
	static struct fw_request q[FW_BATCH];
	size_t k = 0;

	for (unsigned i = first; i < n; i += step) {
		q[k++] = (struct fw_request){ .op = (uint8_t)op, .family = 4, .timeout = timeout,
			.addr = { { [10] = 255, 255, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } } };
		if (k == FW_BATCH || i + step >= n) {
			send_raw(fd, q, k * sizeof(q[0]));
			k = 0;
		}
	}
}

/* The helper serves changes in the midst of a comparison; whatever it had in mind for an address, the change wins. */
static void
test_changes_during_a_comparison(void **state)
{
	struct firewall_helper h = start_and_greet();
	struct fw_request end = { .op = FW_SYNC_END, .seq = 7 };
	pid_t worker = worker_of(h.pid);
	struct fw_reply r, st[FW_SETS];

	(void)state;
	/* of every six: 0 and 1 right, 2 and 3 of another term, 4 foreign, 5 missing */
	for (unsigned i = 0; i < 5; i++)
		say_many(h.fd, FW_ADD, i, 60000, 6, i == 2 || i == 3 ? 5500 : 9500);
	say(h.fd, FW_SYNC_BEGIN, NULL, 0);
	for (unsigned i = 0; i < 6; i++)
		if (i != 4)
			say_many(h.fd, FW_SYNC_ENTRY, i, 60000, 6, 9500);
	send_raw(h.fd, &end, sizeof(end));
	say(h.fd, FW_SYNC_BEGIN, NULL, 0); /* another one in the midst of the first: nonsense, and no danger */
	say_many(h.fd, FW_DEL, 1, 60000, 6, 0);	   /* right: goes */
	say_many(h.fd, FW_DEL, 3, 60000, 6, 0);	   /* about to be corrected: goes */
	say_many(h.fd, FW_ADD, 4, 60000, 6, 8500); /* about to be removed: stays */
	say_many(h.fd, FW_DEL, 5, 60000, 6, 0);	   /* about to be added: does not come */
	await(h.fd, FW_SYNCED, &r);
	settle(h.fd, st);
	assert_int_equal(st[FW_SET4].a, 30000);
	assert_int_equal(worker_of(h.pid), worker);
	assert_string_equal(output("ipset save popauth4 | awk '/^add/ { split($3, b, \".\"); "
	    "i = (b[2] * 65536 + b[3] * 256 + b[4]) %% 6; n[i \" \" int($5 / 1000)]++ } "
	    "END { for (k in n) print k, n[k] }' | sort"), "0 9 10000\n2 9 10000\n4 8 10000\n");
	stop(h);
}

static void
test_a_destroyed_set_is_made_anew(void **state)
{
	struct firewall_helper h = start_and_greet();
	struct fw_reply r;

	(void)state;
	assert_int_equal(sh(SOON("ipset destroy popauth4")), 0);
	say(h.fd, FW_ADD, "192.0.2.1", 600);
	await(h.fd, FW_RESYNC, &r);
	assert_string_equal(r.text, "the set popauth4 was gone");
	assert_int_equal(entries_of("popauth4"), 0);
	stop(h);
}

/* Each row: how the set was made before us, and whether it can be replaced under a rule that uses it. */
static const struct {
	const char *create;
	bool under_rule;
} wrong[] = {
	{ "create popauth4 hash:ip", true },
	{ "create popauth4 hash:ip timeout 60 maxelem 100", true },
	{ "create popauth4 hash:ip timeout 60 netmask 24", true },
	{ "create popauth4 hash:net timeout 60", false },
	{ "create popauth4 hash:ip,port timeout 60", false },
	{ "create popauth4 hash:ip family inet6 timeout 60", false },
	{ "create popauth4 list:set", false },
};

static void
test_wrong_sets_are_replaced(void **state)
{
	struct fw_request want = request(FW_SYNC_ENTRY, "192.0.2.1", 600);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct firewall_helper h;
		struct fw_reply r;

		print_message("%s\n", wrong[i].create);
		clean(NULL);
		assert_int_equal(sh("ipset %s", wrong[i].create), 0);
		h = start_and_greet();
		sync_with(h.fd, &want, 1, &r);
		assert_term("popauth4", "192.0.2.1", 600);
		assert_non_null(strstr(output("ipset list -t popauth4"), "maxelem 1048576 timeout 3600"));
		assert_string_equal(output("ipset list -n | grep new"), "");
		stop(h);
	}
}

static void
test_wrong_sets_in_use(void **state)
{
	struct fw_request want = request(FW_SYNC_ENTRY, "192.0.2.1", 600);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct firewall_helper h;
		struct fw_reply r, st[FW_SETS];

		print_message("%s\n", wrong[i].create);
		clean(NULL);
		assert_int_equal(sh("ipset %s", wrong[i].create), 0);
		if (sh("%s -A INPUT -m set --match-set popauth4 src%s -j DROP", strstr(wrong[i].create, "inet6") ?
		    "ip6tables" : "iptables", strstr(wrong[i].create, "port") ? ",src" : "") != 0)
			continue; /* this kernel's rules cannot use such a set */
		h = start_and_greet();
		sync_with(h.fd, &want, 1, &r);
		settle(h.fd, st);
		assert_int_equal(st[FW_SET4].b, 1);
		if (wrong[i].under_rule) {
			assert_int_equal(st[FW_SET4].c, 0);
			assert_term("popauth4", "192.0.2.1", 600);
		} else {
			assert_int_equal(st[FW_SET4].c, FW_SET_WRONG);
			assert_string_not_equal(st[FW_SET4].text, "");
		}
		assert_string_equal(output("ipset list -n | grep new"), "");
		stop(h);
	}
}

static int
udp_socket(const char *addr, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, addr, &sin.sin_addr), 1);
	assert_int_equal(bind(s, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return s;
}

/* Does a packet from 192.0.2.1 get through?  One from elsewhere is sent behind it, and must. */
static bool
gets_through(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(2525) };
	int from = udp_socket("192.0.2.1", 0), other = udp_socket("192.0.2.100", 0), at = udp_socket("192.0.2.100", 2525);
	struct pollfd p = { .fd = at, .events = POLLIN };
	char c;

	to.sin_addr.s_addr = htonl(0xc0000264);
	sendto(from, "1", 1, 0, (struct sockaddr *)&to, sizeof(to));
	assert_int_equal(sendto(other, "2", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	assert_int_equal(poll(&p, 1, PATIENCE), 1);
	assert_int_equal(recv(at, &c, 1, 0), 1);
	close(from);
	close(other);
	close(at);
	return c == '1';
}

/* The rule is made once, before the set has any entry, and never again. */
static void
test_a_static_rule_drops(void **state)
{
	struct fw_request want = request(FW_SYNC_ENTRY, "192.0.2.1", 600);
	struct firewall_helper h;
	struct fw_reply r, st[FW_SETS];

	(void)state;
	assert_int_equal(sh("ipset create popauth4 hash:ip timeout 60 maxelem 100"), 0);
	assert_int_equal(sh("iptables -A INPUT -m set --match-set popauth4 src -j DROP"), 0);
	h = start_and_greet();
	assert_true(gets_through());
	say(h.fd, FW_ADD, "192.0.2.1", 600);
	settle(h.fd, st);
	assert_int_equal(st[FW_SET4].b, 1);
	assert_false(gets_through());
	sync_with(h.fd, &want, 1, &r); /* replaces the set: it holds too few */
	assert_non_null(strstr(output("ipset list -t popauth4"), "maxelem 1048576"));
	assert_false(gets_through());
	assert_int_equal(strtol(output("iptables -nvxL INPUT | grep DROP"), NULL, 10), 2);
	say(h.fd, FW_DEL, "192.0.2.1", 0);
	settle(h.fd, st);
	assert_true(gets_through());
	stop(h);
}

static void
test_a_full_set_says_so(void **state)
{
	struct firewall_conf c = conf();
	struct fw_reply r, st[FW_SETS];
	struct fw_request q[200];
	struct firewall_helper h;
	char text[64];

	(void)state;
	c.maxelem = 64;
	h = start(&c);
	await(h.fd, FW_HELLO, &r);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "10.2.0.%u", i);
		q[i] = request(FW_ADD, text, 600);
	}
	send_raw(h.fd, q, sizeof(q));
	await(h.fd, FW_FAILED, &r);
	print_message("%u refused: %s\n", r.a, r.text);
	settle(h.fd, st);
	assert_int_equal(r.a, 200 - st[FW_SET4].a); /* every one accounted for */
	assert_true(st[FW_SET4].a >= 64);
	assert_non_null(strstr(r.text, "full"));
	stop(h);
}

static void
test_a_killed_worker_comes_back(void **state)
{
	struct firewall_helper h = start_and_greet();
	struct fw_reply r;
	pid_t first = worker_of(h.pid);

	(void)state;
	assert_true(first > 1);
	assert_int_equal(kill(first, SIGKILL), 0);
	await(h.fd, FW_HELLO, &r);
	assert_int_equal(r.a, 2);
	assert_int_not_equal(worker_of(h.pid), first);
	/* without its keeper a worker ends, and the daemon sees it */
	assert_int_equal(kill(h.pid, SIGKILL), 0);
	assert_int_equal(recv(h.fd, &r, sizeof(r), 0), 0);
	waitpid(h.pid, NULL, 0);
	close(h.fd);
}

/* A line of /proc/PID/status. */
static void
assert_status(pid_t pid, const char *key, const char *want)
{
	char buf[256], *got;

	snprintf(buf, sizeof(buf), "%s", output("grep '^%s:' /proc/%d/status", key, (int)pid));
	got = strchr(buf, '\t');
	assert_non_null(got);
	buf[strcspn(buf, "\n")] = '\0';
	if (strcmp(got + 1, want) != 0)
		fail_msg("%s: got \"%s\", want \"%s\"", key, got + 1, want);
}

static void
test_privileges_are_gone(void **state)
{
	struct firewall_helper h = start_and_greet();
	pid_t pid[2] = { h.pid, worker_of(h.pid) };
	struct fw_reply st[FW_SETS];

	(void)state;
	settle(h.fd, st);
	for (int i = 0; i < 2; i++) {
		char uids[64];

		assert_status(pid[i], "CapEff", "0000000000001000"); /* bit 12: CAP_NET_ADMIN */
		assert_status(pid[i], "CapPrm", "0000000000001000");
		assert_status(pid[i], "CapInh", "0000000000000000");
		assert_status(pid[i], "CapBnd", "0000000000000000");
		assert_status(pid[i], "CapAmb", "0000000000000000");
		assert_status(pid[i], "NoNewPrivs", "1");
		assert_status(pid[i], "Seccomp", "2");
		snprintf(uids, sizeof(uids), "%s", output("id -u nobody"));
		uids[strcspn(uids, "\n")] = '\0';
		assert_int_equal(sh("grep -q '^Uid:\t%s\t%s\t%s\t%s$' /proc/%d/status", uids, uids, uids, uids,
		    (int)pid[i]), 0);
		assert_string_equal(output("grep '^Groups:' /proc/%d/status | tr -d '\\n\\t '", (int)pid[i]),
		    "Groups:");
	}
	stop(h);
}

static void
test_no_privilege_no_work(void **state)
{
	struct firewall_conf c = conf();
	struct firewall_helper h;
	struct fw_reply r;
	int status;

	(void)state;
	c.user = "no-such-user-here";
	h = start(&c);
	await(h.fd, FW_TROUBLE, &r);
	assert_non_null(strstr(r.text, "no-such-user-here"));
	assert_int_equal(recv(h.fd, &r, sizeof(r), 0), 0);
	waitpid(h.pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 77);
	close(h.fd);
	assert_int_equal(sh("setpriv --reuid=65534 --clear-groups --inh-caps=-all --bounding-set=-all "
			    "%s --create-only 2>&1 | grep -q 'setcap cap_net_admin=ep'", helper_path), 0);
	assert_int_not_equal(sh("ipset -q list -n popauth4"), 0);
}

static void
test_create_only(void **state)
{
	(void)state;
	assert_int_equal(sh("%s --create-only --set4 a4 --set6 a6 --ipv6-prefix 56 --user nobody", helper_path), 0);
	assert_non_null(strstr(output("ipset list -t a4"), "family inet hashsize"));
	assert_non_null(strstr(output("ipset list -t a6"), "family inet6"));
	assert_non_null(strstr(output("ipset list -t a6"), "netmask 56"));
	assert_int_equal(sh("ipset add a4 192.0.2.1"), 0);
	assert_int_equal(sh("%s --create-only --set4 a4 --set6 a6 --ipv6-prefix 56", helper_path), 0);
	assert_true(in_set("a4", "192.0.2.1")); /* what was there is left alone */
	assert_int_equal(sh("%s --create-only --set4 a4 --set6 a4 2>/dev/null", helper_path), 64);
	assert_int_equal(sh("%s --create-only --set4 'a b' 2>/dev/null", helper_path), 64);
	assert_int_equal(sh("%s --create-only --ipv6-prefix 0 2>/dev/null", helper_path), 64);
	assert_int_equal(sh("%s --create-only --maxelem 12x 2>/dev/null", helper_path), 64);
	assert_int_equal(sh("%s 3<&- 2>/dev/null", helper_path), 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_kernel(test_add_and_delete),
		with_kernel(test_a_large_packet_mixed),
		with_kernel(test_nonsense_is_passed_over),
		with_kernel(test_sync_mends),
		with_kernel(test_changes_during_a_sync),
		with_kernel(test_changes_during_a_comparison),
		with_kernel(test_a_destroyed_set_is_made_anew),
		with_kernel(test_wrong_sets_are_replaced),
		with_kernel(test_wrong_sets_in_use),
		with_kernel(test_a_static_rule_drops),
		with_kernel(test_a_full_set_says_so),
		with_kernel(test_a_killed_worker_comes_back),
		with_kernel(test_privileges_are_gone),
		with_kernel(test_no_privilege_no_work),
		with_kernel(test_create_only),
	};
	int rc = kernel_begin();

	if (rc != 0)
		return rc;
	logmsg_open("test_kernel", true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
