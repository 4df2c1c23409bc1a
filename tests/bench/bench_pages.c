/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_pages.c - what a page in the browser, or a scrape, asks of the daemon, with a million clients known
 *
 * Through the real control socket.  The median says what is usual on this machine as it is; the least, and the
 * processor's time, what the work takes.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../fixed_policy.h"
#include "ask.h"
#include "bench.h"
#include "control.h"

#define CLIENTS 1000000u
#define TIMES	21

static struct policy policy;

/* All are cached, in the last hours; 3,900 networks. */
static void
fill(struct ledger *l)
{
	static const char *const zones[] = { "zen.example", "bl.example", "cbl.example", "psbl.example" };
	time_t present = time(NULL);

	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct event ev = { .kind = EVENT_RBL, .time = present - (time_t)(i * 2654435761u % 36000), .zone = str_of(zones[i % 4]),
			.rule = "bench" };
		char text[32];

		(void)snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		(void)addr_parse(&ev.addr, str_of(text));
		(void)ledger_apply(l, &policy, &ev, present);
	}
}

static double
cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
run(const char *path, const char *what, const char *request)
{
	struct ask_ending end;
	double took[TIMES], spent;
	struct err e;
	struct json *j = json_parse(str_of(request), &e);

	must(j != NULL, request);
	spent = cpu_seconds();
	for (unsigned i = 0; i < TIMES; i++) {
		double begin = seconds();

		must(ask(path, j, 60, NULL, NULL, &end) == ASK_DONE && end.code == 0, request);
		took[i] = (seconds() - begin) * 1e3;
	}
	spent = (cpu_seconds() - spent) / TIMES * 1e3;
	json_free(j);
	qsort(took, TIMES, sizeof took[0], by_size);
	printf("%-44s least %6.1f ms, median %6.1f ms, processor %6.1f ms\n", what, took[0], took[TIMES / 2],
	    spent);
}

int
main(void)
{
	static struct pipeline pipeline;
	char dir[] = "/tmp/popauth-bench.XXXXXX", path[64];
	struct control_setup setup = { .path = path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.host = { .arg = &policy, .pipeline = &pipeline, .now = wall_clock, .policy_get = fixed_policy_get,
		    .policy_put = fixed_policy_put } };
	struct ledger *l = ledger_new(2 * CLIENTS);
	struct control *ctl;
	struct err e;

	policy_defaults(&policy);
	fill(l);
	pipeline_init(&pipeline, l, NULL);
	must(mkdtemp(dir) != NULL, dir);
	(void)snprintf(path, sizeof path, "%s/control", dir);
	ctl = control_open(&setup, &e);
	must(ctl != NULL && control_start(ctl, &e) == 0, path);
	run(path, "scrape: stats", "{\"verb\":\"stats\"}");
	run(path, "dashboard: status", "{\"verb\":\"status\"}");
	run(path, "first page of 50", "{\"verb\":\"cache list\",\"limit\":50}");
	run(path, "page 200", "{\"verb\":\"cache list\",\"limit\":50,\"offset\":10000}");
	run(path, "page 2000", "{\"verb\":\"cache list\",\"limit\":50,\"offset\":100000}");
	run(path, "search for a zone", "{\"verb\":\"cache list\",\"limit\":50,\"match\":\"psbl\"}");
	run(path, "search for a network", "{\"verb\":\"cache list\",\"limit\":50,\"match\":\"10.7.0.0/16\"}");
	run(path, "an empty list", "{\"verb\":\"block list\",\"limit\":50}");
	run(path, "explain", "{\"verb\":\"explain\",\"address\":\"10.7.0.1\"}");
	run(path, "report: who leads (asked beside the page)", "{\"verb\":\"summary\"}");
	control_close(ctl);
	(void)rmdir(dir);
	ledger_free(l);
	return 0;
}
