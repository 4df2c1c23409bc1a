/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.c - the real filter on the real libmilter */
#include "rig.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "filter.h"
#include "lists.h"

static char dir[] = "/tmp/popauth-filter-XXXXXX";
static char conf_path[sizeof dir + 8];
static char freemail_path[4096 + 32];
char rig_socket[sizeof dir + 8];
static struct pipeline pipeline;

static pthread_mutex_t heard_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned heard_n;    /* guarded by heard_lock */
struct rig_heard rig_heard; /* the same; tests read it when the sessions are over */

/* libmilter's signal thread is never joined. */
const char *__tsan_default_options(void);
const char *
__tsan_default_options(void)
{
	return "report_thread_leaks=0";
}

static void
hear(void *arg, const struct event *ev, const struct addr *client, unsigned changes)
{
	(void)arg;
	(void)changes;
	if (ev == NULL) /* by hand */
		return;
	pthread_mutex_lock(&heard_lock);
	heard_n++;
	rig_heard.kind = ev->kind;
	rig_heard.bounce = ev->bounce;
	addr_format(rig_heard.client, client);
	str_copy(rig_heard.recipient, sizeof rig_heard.recipient, ev->recipient);
	str_copy(rig_heard.zone, sizeof rig_heard.zone, ev->zone);
	str_copy(rig_heard.evidence, sizeof rig_heard.evidence, ev->evidence);
	str_copy(rig_heard.rule, sizeof rig_heard.rule, str_of(ev->rule));
	pthread_mutex_unlock(&heard_lock);
}

unsigned
rig_events(void)
{
	unsigned n;

	pthread_mutex_lock(&heard_lock);
	n = heard_n;
	heard_n = 0;
	pthread_mutex_unlock(&heard_lock);
	return n;
}

static struct conf *
read_conf(const char *more)
{
	FILE *out = fopen(conf_path, "w");
	struct conf *c;
	struct err e;

	assert_non_null(out);
	fputs("user = ''\nown_names = { mail.example.org, 192.0.2.25 }\n"
	      "postmaster = postmaster@example.org\nallow = { 198.51.100.0/24 }\n",
	    out);
	if (strncmp(more, "reject_at", 9) != 0 && strstr(more, "\nreject_at") == NULL)
		fputs("reject_at = rcpt\n", out); /* so that every command before it can be seen to pass */
	if (strstr(more, "relay_budget") == NULL)
		fputs("relay_budget = 0\n", out); /* so that a friend can be seen to be accepted at once */
	fprintf(out, "freemail_list = '%s'\n", freemail_path);
	if (strstr(more, "milter_socket") == NULL)
		fprintf(out, "milter_socket = 'unix:%s'\n", rig_socket);
	fputs(more, out);
	assert_int_equal(fclose(out), 0);
	c = conf_read(conf_path, &e);
	if (c == NULL)
		print_error("%s\n", e.text);
	assert_non_null(c);
	return c;
}

void
rig_conf(const char *more)
{
	struct conf *c = read_conf(more);
	struct lists *l;
	struct err e;

	l = lists_read(c, &e);
	if (l == NULL)
		print_error("%s\n", e.text);
	assert_non_null(l);
	lists_install(l);
	conf_install(c);
}

const char *
rig_path(const char *name)
{
	static char path[sizeof dir + 64];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

/* Replaced as an editor does it. */
void
rig_file(const char *name, const char *text)
{
	char new[sizeof dir + 64];
	FILE *out;

	str_copy(new, sizeof new, str_of(rig_path("new")));
	out = fopen(new, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(rename(new, rig_path(name)), 0);
}

static void *
run(void *arg)
{
	struct err e;

	(void)arg;
	(void)filter_run(&e);
	return NULL;
}

int
rig_start(void **state)
{
	const struct effects fx = { .told = hear };
	struct rlimit files;
	char top[4096];
	pthread_t thread;
	struct conf *c;
	struct err e;

	(void)state;
	/* Both ends of all sessions are in this process. */
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(rig_socket, sizeof rig_socket, "%s/sock", dir);
	(void)snprintf(conf_path, sizeof conf_path, "%s/conf", dir);
	if (realpath(getenv("top_srcdir") == NULL ? "." : getenv("top_srcdir"), top) == NULL)
		return -1;
	(void)snprintf(freemail_path, sizeof freemail_path, "%s/rules/freemail.list", top);
	pipeline_init(&pipeline, ledger_new(100000), &fx);
	c = read_conf("");
	if (filter_register(&pipeline, &e) == -1 || filter_open_socket(c, &e) == -1) {
		print_error("%s\n", e.text);
		return -1;
	}
	conf_install(c);
	return pthread_create(&thread, NULL, run, NULL) == 0 ? pthread_detach(thread) : -1;
}

int
rig_finish(void **state)
{
	(void)state;
	unlink(rig_socket);
	unlink(conf_path);
	unlink(rig_path("traps"));
	return rmdir(dir);
}

int
rig_plain(void **state)
{
	(void)state;
	rig_conf("");
	(void)rig_events();
	return 0;
}

void
rig_open(struct mta *m)
{
	assert_int_equal(mta_open(m, rig_socket), 0);
	assert_int_equal(mta_negotiate(m, 6, MTA_ACTIONS_V6, MTA_STEPS_V6), MTA_NEGOTIATED);
	mta_macros(m, 'C', "j", "mx.example.net", "{daemon_name}", "smtpd", "{daemon_addr}", "203.0.113.1", NULL);
}

void
rig_named(struct mta *m, const char *resolve, const char *name)
{
	mta_macros(m, 'C', "j", "mx.example.net", "{daemon_name}", "smtpd", "{daemon_addr}", "203.0.113.1",
	    "{client_resolve}", resolve, "{client_name}", name, NULL);
}

void
rig_names_known(void)
{
	struct mta m;

	rig_open(&m);
	rig_named(&m, "OK", "mail.example.com");
	assert_int_equal(mta_client(&m, "203.0.113.250"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	mta_quit(&m);
}

char *
rig_told(struct mta *m, char ref[REF_TEXT])
{
	char *at = strstr(m->text, " (ref "), *end = at == NULL ? NULL : strchr(at, ')');

	if (end == NULL)
		fail_msg("no reference in \"%s\"", m->text);
	if (ref != NULL)
		str_copy(ref, REF_TEXT, (struct str){ at + 6, (size_t)(end - at - 6) });
	memmove(at, end + 1, strlen(end));
	return m->text;
}

void
rig_put(enum set set, const char *ip, const char *text, uint32_t term)
{
	struct addr a = address(ip);
	struct conf *c = conf_current();

	pipeline_add(&pipeline, &c->policy, set, &a, time(NULL), term, str_of(text));
	conf_put(c);
}

void
rig_guard(struct guard *g, pipeline_notice_fn *notice)
{
	pipeline_guard(&pipeline, g, NULL, notice);
}

void
rig_listed(const char *ip, const char *zone)
{
	struct conf *c = conf_current();
	struct event ev = { .kind = EVENT_RBL, .source = SOURCE_LOG, .addr = address(ip), .time = time(NULL),
		.zone = str_of(zone), .rule = "test" };
	unsigned before = rig_events();

	pipeline_event(&pipeline, &c->policy, &ev, ev.time);
	conf_put(c);
	(void)rig_events();
	pthread_mutex_lock(&heard_lock);
	heard_n = before;
	pthread_mutex_unlock(&heard_lock);
}
