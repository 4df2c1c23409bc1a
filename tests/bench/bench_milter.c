/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_milter.c - SMTP sessions per second through the milter with a million clients known, against an empty filter
 *
 * Both filters are libmilter's, each in a process of its own, both running all the time; the load goes to one after the
 * other in short turns, so that whatever else the machine does hits both.  A session is connect, negotiation, client,
 * HELO, MAIL, RCPT and quit, each answered before the next is sent, as Postfix does.
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
#define TURNS	10
#define TURN	0.7 /* seconds */

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

/* Sessions per second in one turn. */
static double
turn(const char *path, unsigned *wrong)
{
	static _Atomic unsigned client;
	struct load l[THREADS];
	pthread_t t[THREADS];
	double began = seconds(), n = 0;

	for (int i = 0; i < THREADS; i++) {
		l[i] = (struct load){ path, began + TURN, &client, 0, 0 };
		pthread_create(&t[i], NULL, one_after_the_other, &l[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		n += l[i].sessions;
		*wrong += l[i].wrong;
	}
	return n / (seconds() - began);
}

int
main(void)
{
	char ours[sizeof dir + 8], empty[sizeof dir + 8];
	double sum[2] = { 0, 0 };
	unsigned wrong = 0;
	pid_t pid[2];

	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(ours, sizeof ours, "%s/ours", dir);
	(void)snprintf(empty, sizeof empty, "%s/empty", dir);
	pid[0] = start(serve_empty, empty);
	pid[1] = start(serve_ours, ours);
	for (int i = 0; i < TURNS; i++) {
		sum[0] += turn(empty, &wrong) / TURNS;
		sum[1] += turn(ours, &wrong) / TURNS;
	}
	printf("empty filter      %8.0f sessions/s\n", sum[0]);
	printf("popauth-milter    %8.0f sessions/s with %u clients known: %.2f of the empty filter%s\n", sum[1], CLIENTS,
	    sum[1] / sum[0], wrong == 0 ? "" : " (WRONG ANSWERS)");
	for (int i = 0; i < 2; i++)
		kill(pid[i], SIGKILL);
	unlink(ours);
	unlink(empty);
	rmdir(dir);
	return wrong != 0;
}
