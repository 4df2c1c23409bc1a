/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_socketmap.c - lookups per second through the socket, with a million clients known
 *
 * Client and server share one core.  Each connection asks one thing and waits, as an smtpd process does; or it sends
 * many requests ahead.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../fixed_policy.h"
#include "bench.h"
#include "netstring.h"
#include "pipeline.h"
#include "socketmap.h"
#include "unixsock.h"

#define CLIENTS 1000000u
#define ASKED	4096u /* different requests, every other one for a client that is granted */
#define BATCH	64u
#define CONNS	16u
#define SECONDS 3.0

static struct policy policy;
static char asks[ASKED][64];
static size_t lens[ASKED];

static void
fill(struct ledger *l)
{
	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct event ev = { .kind = EVENT_LOGIN, .time = time(NULL), .user = STR("somebody@example.com") };
		char text[32];

		(void)snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		(void)addr_parse(&ev.addr, str_of(text));
		(void)ledger_apply(l, &policy, &ev, ev.time);
	}
	for (unsigned i = 0; i < ASKED; i++) {
		uint32_t who = (uint32_t)rand() % CLIENTS;
		char body[48];

		(void)snprintf(body, sizeof body, "relay %s.%u.%u.%u", i & 1 ? "10" : "11", who >> 16, who >> 8 & 255,
		    who & 255);
		lens[i] = netstring_write(asks[i], sizeof asks[i], str_of(body));
	}
}

/* Read until `n` answers have come; a comma ends each and is in none. */
static void
take(int fd, unsigned n)
{
	char buf[16384];

	while (n > 0) {
		ssize_t got = recv(fd, buf, sizeof buf, 0);

		must(got > 0, "recv");
		for (ssize_t i = 0; i < got; i++)
			n -= buf[i] == ',';
	}
}

static void
ask(int fd, unsigned batch)
{
	static char out[BATCH * sizeof asks[0]];
	static unsigned at;
	size_t n = 0;

	for (unsigned i = 0; i < batch; i++, at = (at + 1) % ASKED) {
		memcpy(out + n, asks[at], lens[at]);
		n += lens[at];
	}
	must(send(fd, out, n, 0) == (ssize_t)n, "send");
}

static void
run(const char *path, unsigned conns, unsigned batch)
{
	struct err e;
	double begin, spent;
	uint64_t done = 0;
	int fd[CONNS];

	for (unsigned i = 0; i < conns; i++)
		must((fd[i] = unixsock_connect(path, &e)) != -1, "connect");
	begin = seconds();
	while ((spent = seconds() - begin) < SECONDS) {
		for (unsigned i = 0; i < conns; i++)
			ask(fd[i], batch);
		for (unsigned i = 0; i < conns; i++)
			take(fd[i], batch);
		done += conns * batch;
	}
	for (unsigned i = 0; i < conns; i++)
		close(fd[i]);
	printf("socketmap, %2u connections, %2u requests at a time: %7.0f lookups/s\n", conns, batch,
	    (double)done / spent);
}

int
main(void)
{
	char dir[] = "/tmp/popauth-bench.XXXXXX", path[64];
	struct socketmap_setup setup = { .path = path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.host = { .arg = &policy, .now = wall_clock, .policy_get = fixed_policy_get, .policy_put = fixed_policy_put } };
	struct socketmap *m;
	struct err e;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	(void)sched_setaffinity(0, sizeof one, &one);
	policy_defaults(&policy);
	policy.relay_for = 86400;
	setup.host.ledger = ledger_new(2 * CLIENTS);
	fill(setup.host.ledger);
	must(mkdtemp(dir) != NULL, dir);
	(void)snprintf(path, sizeof path, "%s/map", dir);
	m = socketmap_open(&setup, &e);
	must(m != NULL && socketmap_start(m, &e) == 0, path);
	run(path, 1, 1);
	run(path, CONNS, 1);
	run(path, 1, BATCH);
	socketmap_close(m);
	(void)rmdir(dir);
	ledger_free(setup.host.ledger);
	return 0;
}
