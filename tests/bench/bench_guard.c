/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_guard.c - what the guard costs an event, and what a long allowlist costs a question
 *
 * Prints nanoseconds per event through the pipeline, without and with the guard, in peace and while an account is under
 * attack; and per question of lists of up to a million networks, sealed, and plain as far as one cares to wait.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipeline.h"

#define EVENTS 2000000u
#define ASKED  2000000u
#define T0     1700000000

static struct policy policy;

static struct addr
nth(uint32_t n)
{
	struct addr a = { .b = { [10] = 0xff, [11] = 0xff } };

	n = (n + 1) * 2654435761u;
	for (unsigned i = 0; i < 4; i++)
		a.b[12 + i] = (uint8_t)(n >> (24 - 8 * i));
	return a;
}

/* Of our own processor time: the machine may have other things to do. */
static double
ns_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The mix of a mail log, 100 events a second. */
static struct event
mixed(uint32_t i, bool attack)
{
	static const enum event_kind kinds[] = { EVENT_RBL, EVENT_RBL, EVENT_RBL, EVENT_LOGIN, EVENT_AUTH_FAILURE,
		EVENT_AUTH_FAILURE, EVENT_UNKNOWN_USER, EVENT_POLICY };
	static char user[16], recipient[32];
	uint32_t who = i * 2246822519u >> 12;

	(void)snprintf(user, sizeof user, "u%u", attack && i % 4 == 0 ? 0 : who % 5000);
	(void)snprintf(recipient, sizeof recipient, "u%u@example.org", who % 5000);
	return (struct event){ .kind = kinds[i % (sizeof kinds / sizeof kinds[0])], .addr = nth(who % 200000),
		.time = T0 + i / 100, .zone = STR("zen.example.net"), .user = str_of(user), .recipient = str_of(recipient) };
}

static void
bench_events(const char *name, bool guarded, bool attack)
{
	struct ledger *l = ledger_new(1000000);
	struct guard *g = guarded ? guard_new() : NULL;
	struct pipeline pl;
	double t, made;

	pipeline_init(&pl, l, NULL);
	pipeline_guard(&pl, g, NULL, NULL);
	t = ns_now();
	for (uint32_t i = 0; i < EVENTS; i++) {
		struct event ev = mixed(i, attack);

		__asm__ volatile("" : : "r"(&ev) : "memory");
	}
	made = ns_now() - t;
	t = ns_now();
	for (uint32_t i = 0; i < EVENTS; i++) {
		struct event ev = mixed(i, attack);

		pipeline_event(&pl, &policy, &ev, T0 + i / 100);
	}
	(void)printf("%-28s %6.0f ns/event  (%u incidents)\n", name, (ns_now() - t - made) / EVENTS, guard_live(g));
	guard_free(g);
	ledger_free(l);
}

static void
bench_list(unsigned nets, bool sealed)
{
	struct netlist *l = netlist_new();
	unsigned asked = sealed ? ASKED : 2000, found = 0;
	double t;

	for (unsigned i = 0; i < nets; i++) {
		struct addr a = nth(i);
		char text[ADDR_TEXT];

		a.b[15] &= 0xf0;
		addr_format(text, &a);
		(void)netlist_add(l, str_of(strcat(text, "/28")), NULL);
	}
	t = ns_now();
	if (sealed)
		netlist_seal(l);
	if (sealed)
		(void)printf("%8u networks, sealed in %4.0f ms, ", nets, (ns_now() - t) / 1e6);
	else
		(void)printf("%8u networks, plain, ", nets);
	t = ns_now();
	for (unsigned i = 0; i < asked; i++) {
		struct addr a = nth(i * 7u);

		found += netlist_has(l, &a);
	}
	(void)printf("%8.0f ns/question  (%u found)\n", (ns_now() - t) / asked, found);
	netlist_free(l);
}

int
main(void)
{
	policy_defaults(&policy);
	bench_events("without guard", false, false);
	bench_events("with guard", true, false);
	bench_events("with guard, under attack", true, true);
	for (unsigned n = 10; n <= 1000000; n *= 10)
		bench_list(n, true);
	bench_list(10, false);
	bench_list(100000, false);
	return 0;
}
