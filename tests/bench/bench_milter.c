/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_milter.c - SMTP sessions per second through the milter with a million clients known, against an empty filter
 *
 * Both filters are libmilter's, each in a process of its own, both running all the time; the load goes to one and the
 * other in short turns, in pairs that begin with either alternately, so that whatever else the machine does hits both.
 * The figure is the median of the pairs' ratios, with the quarter below and above it; sessions per second are medians, too.
 * Beside it stands each filter's own processor time per session, with what the kernel does for it.
 * A session is connect, negotiation, client, HELO, MAIL, RCPT and quit, each answered before the next is sent, as
 * Postfix does.  PAIRS says how many pairs of turns (default 60, half a minute).
 */
#include <libmilter/mfapi.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "../milter/mta.h"
#include "bench.h"
#include "filter.h"

#define CLIENTS 1000000u
#define THREADS 4
#define PAIRS	60
#define TURN	0.25 /* seconds */

enum { EMPTY, OURS, FILTERS };

static char dir[] = "/tmp/popauth-bench-XXXXXX";

static sfsistat
any_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *sa)
{
	(void)ctx;
	(void)host;
	(void)sa;
	return SMFIS_CONTINUE;
}

static sfsistat
any_helo(SMFICTX *ctx, char *helo)
{
	(void)ctx;
	(void)helo;
	return SMFIS_CONTINUE;
}

static sfsistat
any_envelope(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return SMFIS_CONTINUE;
}

_Noreturn static void
serve_empty(const char *conn)
{
	char name[] = "empty", socket[200];
	struct smfiDesc desc = { .xxfi_name = name, .xxfi_version = SMFI_VERSION, .xxfi_connect = any_connect,
		.xxfi_helo = any_helo, .xxfi_envfrom = any_envelope, .xxfi_envrcpt = any_envelope };

	(void)snprintf(socket, sizeof socket, "%s", conn);
	if (smfi_register(desc) == MI_FAILURE || smfi_setconn(socket) == MI_FAILURE ||
	    smfi_opensocket(true) == MI_FAILURE)
		exit(1);
	exit(smfi_main());
}

static void
know_a_million(struct pipeline *pl, const struct policy *p)
{
	time_t now = time(NULL);

	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct event ev = { .kind = EVENT_UNKNOWN_USER, .source = SOURCE_LOG, .time = now,
			.recipient = STR("nobody@example.org"), .rule = "bench" };

		ev.addr.b[10] = ev.addr.b[11] = 0xff;
		ev.addr.b[12] = 11;
		ev.addr.b[13] = (uint8_t)(i >> 16);
		ev.addr.b[14] = (uint8_t)(i >> 8);
		ev.addr.b[15] = (uint8_t)i;
		pipeline_event(pl, p, &ev, now);
	}
}

_Noreturn static void
serve_ours(const char *conn)
{
	static struct pipeline pl;
	char path[200];
	struct conf *c;
	struct err e;
	FILE *out;

	(void)snprintf(path, sizeof path, "%s/conf", dir);
	out = fopen(path, "w");
	if (out == NULL)
		exit(1);
	fprintf(out, "user = ''\nown_names = mail.example.org\nmilter_socket = '%s'\n", conn);
	fclose(out);
	c = conf_read(path, &e);
	unlink(path);
	if (c == NULL) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	conf_install(conf_get(c));
	pipeline_init(&pl, ledger_new(2 * CLIENTS), NULL);
	know_a_million(&pl, &c->policy);
	if (filter_register(&pl, &e) == -1 || filter_open_socket(c, &e) == -1 || filter_run(&e) == -1)
		fprintf(stderr, "%s\n", e.text);
	exit(1);
}

static pid_t
start(void (*serve)(const char *), const char *path)
{
	char conn[220];
	struct mta m;
	pid_t pid = fork();

	(void)snprintf(conn, sizeof conn, "unix:%s", path);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(conn);
	}
	while (mta_open(&m, path) == -1)
		usleep(20000);
	mta_vanish(&m);
	return pid;
}

struct load {
	const char *path;
	double until;
	_Atomic unsigned *client;
	unsigned sessions, wrong;
};

static void *
one_after_the_other(void *arg)
{
	struct load *l = arg;
	char ip[32];
	struct mta m;

	while (seconds() < l->until) {
		unsigned i = atomic_fetch_add(l->client, 7919) % CLIENTS;

		(void)snprintf(ip, sizeof ip, "11.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
		if (mta_open(&m, l->path) == -1) {
			l->wrong++;
			continue;
		}
		l->wrong += mta_negotiate(&m, 6, MTA_ACTIONS_V6, MTA_STEPS_V6) != MTA_NEGOTIATED;
		mta_macros(&m, 'C', "j", "mail.example.org", "{daemon_name}", "smtpd", NULL);
		l->wrong += mta_client(&m, ip) != MTA_CONTINUE || mta_helo(&m, "pc.example.com") != MTA_CONTINUE ||
		    mta_mail(&m, "<someone@example.com>") != MTA_CONTINUE ||
		    mta_rcpt(&m, "<you@example.org>") != MTA_CONTINUE;
		mta_quit(&m);
		l->sessions++;
	}
	return NULL;
}

struct filter {
	const char *name;
	char path[sizeof dir + 8];
	pid_t pid;
	double *rates;	 /* sessions per second, of each turn */
	double cpu;	 /* seconds, of all turns */
	unsigned sessions;
};

static double
cpu_of(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	must(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &t) == 0, "processor time");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
turn(struct filter *f, unsigned i, unsigned *wrong)
{
	static _Atomic unsigned client;
	struct load l[THREADS];
	pthread_t t[THREADS];
	double cpu = cpu_of(f->pid), began = seconds();
	unsigned n = 0;

	for (int k = 0; k < THREADS; k++) {
		l[k] = (struct load){ f->path, began + TURN, &client, 0, 0 };
		pthread_create(&t[k], NULL, one_after_the_other, &l[k]);
	}
	for (int k = 0; k < THREADS; k++) {
		pthread_join(t[k], NULL);
		n += l[k].sessions;
		*wrong += l[k].wrong;
	}
	f->rates[i] = n / (seconds() - began);
	f->sessions += n;
	f->cpu += cpu_of(f->pid) - cpu;
}

static int
ascending(const void *one, const void *two)
{
	double a = *(const double *)one, b = *(const double *)two;

	return (a > b) - (a < b);
}

static void
report(const struct filter *f, double *rates, unsigned n)
{
	qsort(rates, n, sizeof *rates, ascending);
	printf("%-16s %8.0f sessions/s, %6.1f us of processor time each\n", f->name, rates[n / 2],
	    f->cpu / f->sessions * 1e6);
}

int
main(void)
{
	struct filter f[FILTERS] = { { .name = "empty filter" }, { .name = "popauth-milter" } };
	unsigned wrong = 0, pairs = getenv("PAIRS") != NULL ? (unsigned)atoi(getenv("PAIRS")) : PAIRS;
	double *ratios;

	if (pairs == 0 || mkdtemp(dir) == NULL)
		return 1;
	ratios = xcalloc(pairs, sizeof *ratios);
	for (int k = 0; k < FILTERS; k++) {
		(void)snprintf(f[k].path, sizeof f[k].path, "%s/%s", dir, k == EMPTY ? "empty" : "ours");
		f[k].rates = xcalloc(pairs, sizeof *f[k].rates);
		f[k].pid = start(k == EMPTY ? serve_empty : serve_ours, f[k].path);
	}
	for (unsigned i = 0; i < pairs; i++) {
		turn(&f[i % 2], i, &wrong);
		turn(&f[(i + 1) % 2], i, &wrong);
		ratios[i] = f[OURS].rates[i] / f[EMPTY].rates[i];
	}
	qsort(ratios, pairs, sizeof *ratios, ascending);
	for (int k = 0; k < FILTERS; k++)
		report(&f[k], f[k].rates, pairs);
	printf("with %u clients known %.3f of the empty filter (%.3f to %.3f in the middle half of %u pairs)%s\n", CLIENTS,
	    ratios[pairs / 2], ratios[pairs / 4], ratios[pairs * 3 / 4], pairs, wrong == 0 ? "" : " (WRONG ANSWERS)");
	for (int k = 0; k < FILTERS; k++) {
		kill(f[k].pid, SIGKILL);
		unlink(f[k].path);
		free(f[k].rates);
	}
	free(ratios);
	rmdir(dir);
	return wrong != 0;
}
