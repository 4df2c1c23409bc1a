/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_rules.c - rules list, check, test, try: done by the control program itself, without the daemon
 *
 * So that rules can be tried before the daemon gets to see them, by anybody who can read them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf.h"
#include "ctl.h"
#include "err.h"
#include "rules.h"
#include "rules_where.h"

struct rules *
ctl_rules(const struct conf *c)
{
	const char *const paths[] = { c != NULL ? c->rules_local : SYSCONFDIR "/popauth-milter/rules",
		c != NULL ? c->rules_dir : PKGDATADIR "/rules", NULL };
	struct rules *set = NULL;
	struct err e;

	if (rules_load(paths, &set, &e) == -1) {
		fprintf(stderr, PROGRAM ": %s\n", e.text);
	} else if (c != NULL && rules_alias(set, c->log_tags, &e) == -1) {
		fprintf(stderr, PROGRAM ": log_tags: %s\n", e.text);
		rules_free(set);
		set = NULL;
	}
	return set;
}

static struct rules *
load(const struct options *o)
{
	struct rules *set = NULL;
	struct conf *c;

	if (ctl_conf(o, &c) == 0)
		set = ctl_rules(c);
	conf_put(c);
	return set;
}

static void
print_object(struct json *o)
{
	static char buf[65536];
	size_t n = json_write(o, buf, sizeof buf);

	json_free(o);
	if (n > sizeof buf)
		panic("rules: an object of %zu bytes", n);
	printf("%.*s\n", (int)n, buf);
}

/* An object for each rule. */
static void
rule_json(void *arg, const char *name, const char *file, unsigned line)
{
	struct json *o = json_new();

	(void)arg;
	json_put_cstr(o, "rule", name);
	json_put_cstr(o, "file", file);
	json_put_int(o, "line", line);
	print_object(o);
}

/* What check and test say: an object for each line of it, and at the end how much is wrong. */
static void
report_json(struct str text, int wrong)
{
	struct json *o;

	while (text.n > 0) {
		const char *nl = memchr(text.p, '\n', text.n);
		size_t n = nl != NULL ? (size_t)(nl - text.p) : text.n;

		o = json_new();
		json_put_text(o, "text", (struct str){ text.p, n });
		print_object(o);
		text.p += n + (nl != NULL);
		text.n -= n + (nl != NULL);
	}
	o = json_new();
	json_put_int(o, "wrong", wrong);
	print_object(o);
}

/* Standard output, or with --json what report_json() then makes of it. */
static FILE *
report_open(const struct options *o, char **text, size_t *n)
{
	FILE *out = o->json ? open_memstream(text, n) : stdout;

	if (out == NULL)
		panic("open_memstream: %s", strerror(errno));
	return out;
}

static void
report_close(FILE *out, char **text, const size_t *n, int wrong)
{
	if (out == stdout)
		return;
	(void)fclose(out);
	if (wrong != -1)
		report_json((struct str){ *text, *n }, wrong);
	free(*text);
}

int
local_rules_list(const struct options *o, char **argv)
{
	struct rules *set = load(o);

	(void)argv;
	if (set == NULL)
		return EXIT_USAGE;
	if (o->json)
		rules_where(set, rule_json, NULL);
	else
		rules_list(set, stdout);
	rules_free(set);
	return EXIT_DONE;
}

int
local_rules_check(const struct options *o, char **argv)
{
	struct rules *set = load(o);
	char *text = NULL;
	size_t n = 0;
	FILE *out;
	int wrong;

	(void)argv;
	if (set == NULL)
		return EXIT_USAGE;
	out = report_open(o, &text, &n);
	wrong = rules_check(set, out);
	report_close(out, &text, &n, wrong);
	rules_free(set);
	return wrong == 0 ? EXIT_DONE : EXIT_NO;
}

int
local_rules_test(const struct options *o, char **argv)
{
	struct rules *set = load(o);
	char *text = NULL;
	size_t n = 0;
	struct err e;
	FILE *out;
	int wrong;

	if (set == NULL)
		return EXIT_USAGE;
	out = report_open(o, &text, &n);
	wrong = rules_test(set, argv[0], out, &e);
	report_close(out, &text, &n, wrong);
	if (wrong == -1)
		fprintf(stderr, PROGRAM ": %s\n", e.text);
	rules_free(set);
	return wrong == 0 ? EXIT_DONE : wrong == -1 ? EXIT_USAGE : EXIT_NO;
}

/* ---- try ---- */

struct tried {
	const struct options *o;
	uint64_t kinds[EVENT_KINDS];
};

static void
try_json(uint64_t lineno, const struct event *ev)
{
	static char buf[4 * JSON_TEXT];
	char text[ADDR_TEXT];
	struct json *j = json_new();
	struct tm tm;
	size_t n;

	json_put_int(j, "line", (int64_t)lineno);
	json_put_cstr(j, "event", event_kind_name(ev->kind));
	json_put_cstr(j, "client", addr_format(text, &ev->addr));
	json_put_text(j, "user", ev->user);
	json_put_text(j, "recipient", ev->recipient);
	json_put_text(j, "zone", ev->zone);
	json_put_cstr(j, "rule", ev->rule);
	if (ev->time != -1 && gmtime_r(&ev->time, &tm) != NULL && strftime(text, sizeof text, "%FT%TZ", &tm) > 0)
		json_put_cstr(j, "time", text);
	n = json_write(j, buf, sizeof buf - 1);
	json_free(j);
	if (n > sizeof buf - 1)
		panic("rules try: an object of %zu bytes", n);
	buf[n++] = '\n';
	fwrite(buf, 1, n, stdout);
}

static void
try_text(uint64_t lineno, const struct event *ev)
{
	const struct {
		const char *name;
		struct str value;
	} fields[] = { { "user", ev->user }, { "recipient", ev->recipient }, { "zone", ev->zone } };
	char addr[ADDR_TEXT], shown[200];

	printf("%llu: %s %s", (unsigned long long)lineno, event_kind_name(ev->kind), addr_format(addr, &ev->addr));
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		if (fields[i].value.n > 0)
			printf(" %s=%s", fields[i].name, str_show(shown, sizeof shown, fields[i].value));
	}
	printf(" (rule %s)\n", ev->rule);
}

static void
tried(void *arg, uint64_t lineno, const struct event *ev)
{
	struct tried *t = arg;

	t->kinds[ev->kind]++;
	if (t->o->count)
		return;
	if (t->o->json)
		try_json(lineno, ev);
	else
		try_text(lineno, ev);
}

int
local_rules_try(const struct options *o, char **argv)
{
	struct rules *set;
	struct tried t = { .o = o };
	int64_t lines;

	(void)argv;
	if (o->json && o->count)
		return complain("--json and --count cannot go together", NULL);
	set = load(o);
	if (set == NULL)
		return EXIT_USAGE;
	lines = rules_try(set, stdin, time(NULL), tried, &t);
	rules_free(set);
	if (lines == -1) {
		perror(PROGRAM ": standard input");
		return EXIT_USAGE;
	}
	for (enum event_kind k = 0; o->count && k < EVENT_KINDS; k++)
		printf("%-18s %llu\n", event_kind_name(k), (unsigned long long)t.kinds[k]);
	return EXIT_DONE;
}
