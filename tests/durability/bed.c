/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bed.c - the real daemon as a child that can be killed, and what it leaves on the disk */
#include "bed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/unit.h"
#include "record.h"
#include "store.h"

#define CTL_WORDS 12

static time_t
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

void
run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	if (system(cmd) != 0)
		fail_msg("failed: %s", cmd);
}

/* --- the daemon --- */

void
proc_setup(struct proc *p, const char *dir, const char *state, char (*logs)[PATH_ROOM], unsigned nlogs)
{
	static const char *const kinds[] = { "rbl", "auth-failure", "unknown-user", "relay-denied" };
	const char *srcdir = getenv("top_srcdir");
	char *src = realpath(srcdir == NULL ? "." : srcdir, NULL), path[PATH_ROOM + 8];
	FILE *out;

	memset(p, 0, sizeof *p);
	p->pid = -1;
	(void)snprintf(p->dir, sizeof p->dir, "%s", dir);
	(void)snprintf(p->state, sizeof p->state, "%s", state);
	(void)snprintf(path, sizeof path, "%s/conf", dir);
	out = fopen(path, "we");
	assert_non_null(out);
	(void)fprintf(out, "user = \"\"\nfirewall = no\nstate_dir = \"%s\"\nrules_dir = \"%s/rules\"\nrules_local = \"\"\n"
	    "milter_socket = \"unix:%s/milter\"\nmap_socket = \"\"\ncontrol_socket = \"%s/control\"\n"
	    "log_from_start = yes\nrelay_for = 30d\ncache_for = 30d\nblock_max = 20d\nown_names = { \"mx.example.org\" }\n"
	    "logs = {", state, src, dir, dir);
	free(src);
	for (unsigned i = 0; i < nlogs; i++)
		(void)fprintf(out, "%s \"%s\"", i == 0 ? "" : ",", logs[i]);
	(void)fprintf(out, " }\n");
	for (size_t i = 0; i < ROWS(kinds); i++)
		(void)fprintf(out, "kind %s {\n\trate = \"6/60s for 7d\"\n\ttotal = \"40/24h for 14d\"\n}\n", kinds[i]);
	assert_int_equal(fclose(out), 0);
}

void
proc_start(struct proc *p)
{
	char conf[PATH_ROOM + 8];
	int ends[2];

	(void)snprintf(conf, sizeof conf, "%s/conf", p->dir);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	p->n = 0;
	p->said[0] = '\0';
	p->pid = fork();
	assert_true(p->pid != -1);
	if (p->pid == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		execl("./popauth-milter", "popauth-milter", "-f", "-c", conf, (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	p->out = ends[0];
}

bool
proc_listen(struct proc *p, int ms)
{
	struct pollfd in = { .fd = p->out, .events = POLLIN };
	ssize_t n;

	if (poll(&in, 1, ms) != 1)
		return true;
	if (p->n == sizeof p->said - 1)
		fail_msg("the daemon says too much:\n%s", p->said);
	n = read(p->out, p->said + p->n, sizeof p->said - 1 - p->n);
	if (n <= 0)
		return n == -1 && errno == EINTR;
	p->n += (size_t)n;
	p->said[p->n] = '\0';
	return true;
}

bool
proc_said(const struct proc *p, const char *text)
{
	return strstr(p->said, text) != NULL;
}

bool
proc_await(struct proc *p, const char *text)
{
	time_t until = seconds() + PATIENCE;
	bool alive = true;

	while (!proc_said(p, text)) {
		if (!alive)
			return false;
		if (seconds() > until)
			fail_msg("waited in vain for \"%s\"; the daemon said:\n%s", text, p->said);
		alive = proc_listen(p, 1000);
	}
	return true;
}

int
proc_end(struct proc *p, int sig)
{
	int status;

	assert_int_equal(kill(p->pid, sig), 0);
	while (proc_listen(p, 1000)) /* until its end of the pipe is closed */
		;
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	(void)close(p->out);
	p->pid = -1;
	return status;
}

/* --- popauth-milterctl --- */

static pid_t
ctl_spawn(const struct proc *p, const char *const *words, int out)
{
	const char *argv[CTL_WORDS] = { "popauth-milterctl", "--json", "-s" };
	char control[PATH_ROOM + 8];
	size_t n = 3;
	pid_t pid;

	(void)snprintf(control, sizeof control, "%s/control", p->dir);
	argv[n++] = control;
	while (*words != NULL && n < CTL_WORDS - 1)
		argv[n++] = *words++;
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(out == -1 ? null : out, 1);
		dup2(null, 2);
		execv("./popauth-milterctl", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

pid_t
ctl_start(const struct proc *p, const char *const *words)
{
	return ctl_spawn(p, words, -1);
}

int
ctl(const struct proc *p, const char *const *words)
{
	pid_t pid = ctl_start(p, words);
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool
ctl_says(const struct proc *p, const char *const *words, const char *text)
{
	char buf[1 << 16];
	size_t n = 0;
	ssize_t got;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = ctl_spawn(p, words, ends[1]);
	(void)close(ends[1]);
	while (n < sizeof buf - 1 && (got = read(ends[0], buf + n, sizeof buf - 1 - n)) > 0)
		n += (size_t)got;
	buf[n] = '\0';
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return strstr(buf, text) != NULL;
}

void
await_known(const struct proc *p, const char *client)
{
	time_t until = seconds() + PATIENCE;

	while (ctl(p, (const char *const[]){ "explain", client, NULL }) != 0)
		if (seconds() > until)
			fail_msg("the daemon never learned of %s; it said:\n%s", client, p->said);
}

/* --- what is on the disk --- */

static int
keep(void *arg, enum cut_table table, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e)
{
	struct dump *d = arg;
	struct dump_item *it;

	(void)e;
	if (table != CUT_CLIENTS)
		return 0;
	if (d->n == d->cap) {
		d->cap = d->cap == 0 ? 1024 : 2 * d->cap;
		d->v = xrealloc(d->v, d->cap * sizeof *d->v);
	}
	it = &d->v[d->n++];
	assert_int_equal(klen, sizeof it->client.b);
	memcpy(it->client.b, key, klen);
	it->val = xmalloc(vlen);
	memcpy(it->val, val, vlen);
	it->n = vlen;
	return 0;
}

static int
by_client(const void *a, const void *b)
{
	return memcmp(((const struct dump_item *)a)->client.b, ((const struct dump_item *)b)->client.b, 16);
}

void
dump_load(struct dump *d, const char *state)
{
	enum store_state is;
	struct err e = { "" };
	struct store *s = store_open(state, &is, &e);

	memset(d, 0, sizeof *d);
	if (s == NULL || is != STORE_OPENED || store_load(s, keep, d, &e) != STORE_DONE)
		fail_msg("%s: %s", state, e.text);
	store_close(s);
	qsort(d->v, d->n, sizeof *d->v, by_client);
}

void
dump_free(struct dump *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->v[i].val);
	free(d->v);
	memset(d, 0, sizeof *d);
}

const struct dump_item *
dump_find(const struct dump *d, const struct addr *client)
{
	struct dump_item key = { .client = *client };

	return bsearch(&key, d->v, d->n, sizeof *d->v, by_client);
}

static bool
ours(const struct addr *a)
{
	static const uint8_t prefix[5] = { 0x20, 0x01, 0x0d, 0xb8, 0xff };

	return memcmp(a->b, prefix, sizeof prefix) == 0;
}

/* What somebody who looks for the cause wants to see first. */
static void
print_item(const char *whose, const struct dump_item *it)
{
	struct record r;
	struct err e;

	if (it == NULL) {
		print_error("  %s: unknown\n", whose);
		return;
	}
	record_init(&r);
	assert_int_equal(record_decode(&r, it->val, it->n, &e), 0);
	print_error("  %s: seen %u login %u logins %u cached %u+%u hits %u blocked %u+%u by %u blocks %u", whose, r.seen,
	    r.login, r.grant == NULL ? 0 : r.grant->logins, r.cached_at, r.cached_until - r.cached_at, r.cached_hits,
	    r.blocked_at, r.blocked_until - r.blocked_at, r.blocked_by, r.blocks);
	for (const struct tally *t = r.tallies; t != NULL; t = t->next)
		print_error(" kind %u: %u", t->kind, t->len);
	print_error("\n");
	record_clear(&r);
}

/* 1 if they differ. */
static unsigned
differ(const struct dump_item *got, const struct dump_item *want)
{
	char text[ADDR_TEXT];

	if (got != NULL && want != NULL && got->n == want->n && memcmp(got->val, want->val, got->n) == 0)
		return 0;
	print_error("%s\n", addr_format(text, got != NULL ? &got->client : &want->client));
	print_item("got", got);
	print_item("want", want);
	return 1;
}

void
dump_compare(const struct dump *got, const struct dump *want)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < want->n && wrong < 10; i++)
		if (!ours(&want->v[i].client))
			wrong += differ(dump_find(got, &want->v[i].client), &want->v[i]);
	for (size_t i = 0; i < got->n && wrong < 10; i++)
		if (!ours(&got->v[i].client) && dump_find(want, &got->v[i].client) == NULL)
			wrong += differ(&got->v[i], NULL);
	if (wrong > 0)
		fail_msg("the state is not that of an uninterrupted run");
}
