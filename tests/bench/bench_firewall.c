/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_firewall.c - how fast the kernel learns of blocks
 *
 * In a network namespace of its own: a million addresses through the helper and through `ipset restore`, side by side;
 * a sync of a million into an empty set and over one that is right; and the time from a block in the ledger to the
 * first packet that is dropped.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "firewall.h"
#include "ledger.h"
#include "stats.h"

#define MANY	1000000
#define TRIALS	1000
#define PORT	2525

static struct addr
nth(unsigned i)
{
	return (struct addr){ { [10] = 255, 255, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
}

static void
await(int fd, enum fw_reply_op op)
{
	struct fw_reply r;

	do
		must(recv(fd, &r, sizeof(r), 0) == (ssize_t)sizeof(r), "the helper");
	while (r.op != op);
}

static void
send_many(int fd, enum fw_op op)
{
	static struct fw_request q[FW_BATCH];
	unsigned n = 0;

	for (unsigned i = 0; i < MANY; i++) {
		q[n++] = (struct fw_request){ .op = (uint8_t)op, .family = 4, .timeout = 86400, .addr = nth(i) };
		if (n == FW_BATCH || i == MANY - 1) {
			must(send(fd, q, n * sizeof(q[0]), 0) != -1, "send");
			n = 0;
		}
	}
}

static void
send_one(int fd, enum fw_op op)
{
	struct fw_request q = { .op = (uint8_t)op };

	must(send(fd, &q, sizeof(q), 0) != -1, "send");
}

static double
timed_adds(int fd)
{
	double t = seconds();

	send_many(fd, FW_ADD);
	send_one(fd, FW_QUERY);
	await(fd, FW_STATUS);
	return seconds() - t;
}

static double
timed_sync(int fd)
{
	double t = seconds();

	send_one(fd, FW_SYNC_BEGIN);
	send_many(fd, FW_SYNC_ENTRY);
	send_one(fd, FW_SYNC_END);
	await(fd, FW_SYNCED);
	return seconds() - t;
}

/* The file is made beforehand, so that only ipset's own work is timed.  `hashsize`: what the set is made with, as ours
 * is made for as many as it will hold; the default is 1024. */
static double
timed_restore(unsigned hashsize)
{
	char path[] = "/tmp/bench_firewall.XXXXXX", cmd[128];
	FILE *fp = fdopen(mkstemp(path), "w");
	double t;

	must(fp != NULL, "a file for ipset restore");
	fprintf(fp, "create peer hash:ip timeout 3600 maxelem 1048576 hashsize %u\n", hashsize);
	for (unsigned i = 0; i < MANY; i++)
		fprintf(fp, "add peer 10.%u.%u.%u timeout 86400\n", i >> 16, i >> 8 & 255, i & 255);
	must(fclose(fp) == 0, path);
	snprintf(cmd, sizeof(cmd), "ipset restore -! < %s", path);
	t = seconds();
	must(system(cmd) == 0, cmd);
	t = seconds() - t;
	unlink(path);
	must(system("ipset destroy peer") == 0, "ipset destroy");
	return t;
}

/* A helper with a set that it made itself. */
static struct firewall_helper
fresh_helper(const struct firewall_conf *c)
{
	struct firewall_helper h;
	struct err e;

	must(system("ipset destroy") == 0, "ipset destroy");
	must(firewall_spawn(c, &h, &e) == 0, "firewall_spawn");
	await(h.fd, FW_HELLO);
	return h;
}

static void
end_helper(struct firewall_helper h)
{
	close(h.fd);
	waitpid(h.pid, NULL, 0);
}

static double
less(double a, double b)
{
	return a < b ? a : b;
}

static void
bench_rate(const struct firewall_conf *c)
{
	double adds = 1e9, restore = 1e9, sized = 1e9, first, again;
	struct firewall_helper h;

	for (int i = 0; i < 3; i++) { /* in turns, the best of each: others use this machine too */
		h = fresh_helper(c);
		adds = less(adds, timed_adds(h.fd));
		end_helper(h);
		restore = less(restore, timed_restore(1024));
		sized = less(sized, timed_restore(262144));
	}
	printf("add 1 M one by one            %8.0f /s  %.2f s\n", MANY / adds, adds);
	printf("ipset restore                 %8.0f /s  %.2f s  ratio %.2f\n", MANY / restore, restore, restore / adds);
	printf("ipset restore, hashsize given %8.0f /s  %.2f s  ratio %.2f\n", MANY / sized, sized, sized / adds);
	h = fresh_helper(c);
	first = timed_sync(h.fd);
	again = timed_sync(h.fd);
	printf("sync 1 M, empty set           %8.0f /s  %.2f s\n", MANY / first, first);
	printf("sync 1 M, nothing to do       %8.0f /s  %.2f s\n", MANY / again, again);
	end_helper(h);
}

static int
udp(uint32_t addr, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr) };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	must(bind(s, (struct sockaddr *)&sin, sizeof(sin)) == 0, "bind");
	return s;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* From the ledger's change to the first packet that does not arrive; the sender keeps one core busy.  `before` clients
 * are blocked already; with some, one sync follows upon the other all the time. */
static void
bench_latency(const struct firewall_conf *c, unsigned before)
{
	uint64_t syncs = stat_get(STAT_FIREWALL_SYNCS);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(0x0afe0001) };
	static double took[TRIALS];
	struct firewall_helper h;
	struct firewall *fw;
	struct policy p;
	struct ledger *l = ledger_new(2 * MANY);
	struct err e;
	int at = udp(0x0afe0001, PORT);

	policy_defaults(&p);
	for (unsigned i = 0; i < before; i++) {
		struct addr a = nth(i);

		ledger_add(l, &p, SET_BLOCK, &a, time(NULL), 86400, STR("bench"));
	}
	must(firewall_spawn(c, &h, &e) == 0, "firewall_spawn");
	fw = firewall_start(h, l, p.ipv6_prefix, &e);
	must(fw != NULL, "firewall_start");
	while (stat_get(STAT_FIREWALL_SYNCS) == syncs)
		sched_yield();
	for (unsigned i = 0; i < TRIALS; i++) {
		struct addr a = nth(2 * MANY + i);
		int from = udp(0x0a000000 + 2 * MANY + i, 0);
		double t;
		char b;

		ledger_add(l, &p, SET_BLOCK, &a, time(NULL), 3600, STR("bench"));
		if (before != 0)
			firewall_sync(fw);
		t = seconds();
		firewall_block_changed(fw, &a);
		do
			sendto(from, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
		while (recv(at, &b, 1, MSG_DONTWAIT) == 1);
		took[i] = seconds() - t;
		close(from);
	}
	qsort(took, TRIALS, sizeof(took[0]), by_value);
	printf("block to first drop, %7u blocked before%s: p50 %.3f ms  p99 %.3f ms  max %.3f ms\n", before,
	    before != 0 ? ", always a sync" : "", took[TRIALS / 2] * 1e3,
	    took[TRIALS * 99 / 100] * 1e3, took[TRIALS - 1] * 1e3);
	firewall_stop(fw);
	ledger_free(l);
	close(at);
}

int
main(void)
{
	struct firewall_conf c = {
		.helper = "./popauth-firewall", .user = "nobody", .set4 = "popauth4", .set6 = "popauth6", .ipv6_prefix = 64
	};

	if (geteuid() != 0 || unshare(CLONE_NEWNET) == -1) {
		printf("SKIP: needs root, for a network namespace of its own\n");
		return 0;
	}
	if (system("ip link set lo up && ip route add local 10.0.0.0/8 dev lo") != 0 || system("ipset -v >/dev/null") != 0) {
		printf("SKIP: needs ip(8) and ipset(8)\n");
		return 0;
	}
	bench_rate(&c);
	must(system("ipset flush") == 0, "ipset flush");
	must(system("iptables -A INPUT -m set --match-set popauth4 src -j DROP") == 0, "iptables");
	bench_latency(&c, 0);
	bench_latency(&c, MANY - TRIALS);
	return 0;
}
