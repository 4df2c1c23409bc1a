/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_pages.c - what a page in the browser, or a scrape, asks of the daemon, with a million clients known
 *
 * Through the real control socket; and then the pages themselves, through the real popauth-web where it was built.  The median
 * says what is usual on this machine as it is; the least, and the processor's time, what the work takes.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixed_policy.h"
#include "ask.h"
#include "bench.h"
#include "control.h"
#include "unixsock.h"

#define CLIENTS 1000000u
#define TIMES	21
#define WEB	"./popauth-web"

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
tell(const char *what, double took[TIMES], double spent)
{
	qsort(took, TIMES, sizeof took[0], by_size);
	printf("%-44s least %6.1f ms, median %6.1f ms", what, took[0], took[TIMES / 2]);
	printf(spent > 0 ? ", processor %6.1f ms\n" : "\n", spent);
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
	tell(what, took, spent);
}

/* ---- the pages ---- */

struct site {
	char path[80]; /* its unix socket */
	char passwd[80];
	char cookie[100];
	pid_t pid;
};

/* One request on a connection of its own, as a browser's first; the status. */
static int
http(const struct site *s, const char *method, const char *path, const char *form, char *answer, size_t size)
{
	char request[1000];
	int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: %s\r\n"
	    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n%s", method, path, s->cookie,
	    strlen(form), form);
	int fd = unixsock_connect(s->path, NULL);
	size_t got = 0;
	ssize_t k;

	if (fd == -1)
		return 0;
	must(send(fd, request, (size_t)n, MSG_NOSIGNAL) == n, path);
	while (got < size - 1 && (k = recv(fd, answer + got, size - 1 - got, 0)) > 0)
		got += (size_t)k;
	answer[got] = '\0';
	close(fd);
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

static void
site_start(struct site *s, const char *dir, const char *control)
{
	static char answer[20000];
	char where[100], command[300], *at;

	(void)snprintf(s->path, sizeof s->path, "%s/web", dir);
	(void)snprintf(where, sizeof where, "unix:%s", s->path);
	(void)snprintf(s->passwd, sizeof s->passwd, "%s/passwd", dir);
	(void)snprintf(command, sizeof command, "echo correct horse battery | " WEB " -p %s --add-user bench", s->passwd);
	must(system(command) == 0, command);
	s->pid = fork();
	if (s->pid == 0) {
		must(freopen("/dev/null", "w", stderr) != NULL, "/dev/null");
		execl(WEB, WEB, "-l", where, "-s", control, "-p", s->passwd, (char *)NULL);
		_exit(127);
	}
	while (http(s, "GET", "/login", "", answer, sizeof answer) != 200)
		usleep(10000);
	must(http(s, "POST", "/login", "user=bench&password=correct+horse+battery", answer, sizeof answer) == 303, "login");
	at = strstr(answer, "Set-Cookie: ");
	must(at != NULL, "cookie");
	str_copy(s->cookie, sizeof s->cookie, (struct str){ at + 12, strcspn(at + 12, ";\r") });
}

static void
site_stop(struct site *s)
{
	kill(s->pid, SIGTERM);
	(void)waitpid(s->pid, NULL, 0);
	(void)unlink(s->passwd);
}

static void
view(const struct site *s, const char *what, const char *path, unsigned pause_s)
{
	static char answer[1000000];
	double took[TIMES];

	for (unsigned i = 0; i < TIMES; i++) {
		double begin;

		sleep(pause_s);
		begin = seconds();
		must(http(s, "GET", path, "", answer, sizeof answer) == 200, path);
		took[i] = (seconds() - begin) * 1e3;
	}
	tell(what, took, 0);
}

static void
views(const char *dir, const char *control)
{
	static char answer[1000000];
	struct site s = { .cookie = "" };

	if (access(WEB, X_OK) == -1)
		return;
	site_start(&s, dir, control);
	/* Login has begun to ask who leads; nothing is measured beside that. */
	must(http(&s, "GET", "/report", "", answer, sizeof answer) == 200, "/report");
	view(&s, "GET /metrics", "/metrics", 0);
	view(&s, "GET /cache", "/cache", 0);
	view(&s, "GET /cache?page=200", "/cache?page=200", 0);
	view(&s, "GET /cache?page=2001", "/cache?page=2001", 0);
	view(&s, "GET /cache?q=psbl", "/cache?q=psbl", 0);
	view(&s, "GET /cache?q=10.7.0.0/16", "/cache?q=10.7.0.0%2F16", 0);
	view(&s, "GET /explain?q=10.7.0.1", "/explain?q=10.7.0.1", 0);
	view(&s, "GET /report", "/report", 0);
	/* Its status is kept for two seconds. */
	view(&s, "GET /, nobody else looking", "/", 3);
	site_stop(&s);
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

	(void)signal(SIGPIPE, SIG_IGN);
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
	views(dir, path);
	control_close(ctl);
	(void)rmdir(dir);
	ledger_free(l);
	return 0;
}
