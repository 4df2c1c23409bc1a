/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_doctor.c - popauth-milterctl doctor: what is wrong with the wiring, and what to do about it */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf.h"
#include "ctl.h"
#include "doctor.h"
#include "err.h"
#include "rules.h"

/* A text of one or several lines, the later ones indented as the first. */
static void
print_lines(const char *head, const char *text)
{
	struct str rest = str_of(text), line;
	char shown[2200];

	for (; doctor_line(&rest, &line); head = "")
		printf("   %-7s %s\n", head, str_show(shown, sizeof shown, line));
}

static void
print_report(const struct doctor_report *r)
{
	char shown[1024];

	for (unsigned i = 0; i < r->n_findings; i++) {
		const struct finding *f = &r->findings[i];

		printf("%u. %s%s%s: %s\n", i + 1, colour_on(COLOUR_BAD), f->check, colour_off(),
		    str_show(shown, sizeof shown, str_of(f->what)));
		print_lines("why", f->why);
		print_lines("change", f->change);
		putchar('\n');
	}
	for (unsigned i = 0; i < r->n_skipped; i++)
		printf("%s: not looked at: %s\n", r->skipped[i].check, str_show(shown, sizeof shown, str_of(r->skipped[i].why)));
	printf("%u checks, %u findings%s\n", r->checks, r->n_findings, r->n_skipped > 0 ? ", not everything could be looked at" :
	    r->n_findings == 0 ? ": all is well" : "");
}

static struct json *
finding_json(const struct finding *f)
{
	struct json *o = json_new(), *change = json_list();

	json_put_cstr(o, "check", f->check);
	json_put_cstr(o, "what", f->what);
	json_put_cstr(o, "why", f->why);
	for (struct str rest = str_of(f->change), line; doctor_line(&rest, &line);)
		json_add_text(change, line);
	json_put(o, "change", change);
	return o;
}

static void
print_line(struct json *o)
{
	static char buf[65536];
	size_t n = json_write(o, buf, sizeof buf);

	if (n > sizeof buf)
		panic("doctor: an object of %zu bytes", n);
	printf("%.*s\n", (int)n, buf);
	json_free(o);
}

/* An object on each line: findings, what was not looked at, and at the end how many. */
static void
print_json(const struct doctor_report *r)
{
	struct json *end = json_new();

	for (unsigned i = 0; i < r->n_findings; i++)
		print_line(finding_json(&r->findings[i]));
	for (unsigned i = 0; i < r->n_skipped; i++) {
		struct json *o = json_new();

		json_put_cstr(o, "check", r->skipped[i].check);
		json_put_cstr(o, "skipped", r->skipped[i].why);
		print_line(o);
	}
	json_put_int(end, "checks", r->checks);
	json_put_int(end, "findings", r->n_findings);
	json_put_int(end, "skipped", r->n_skipped);
	print_line(end);
}

/* The rules, or NULL: that they cannot be loaded is said on standard error. */
static struct rules *
load_rules(const struct conf *c)
{
	return c != NULL ? ctl_rules(c) : NULL;
}

/* A mail server that was named must be there. */
static bool
cannot_see(const struct doctor_facts *f, const struct options *o)
{
	const struct capture *c = o->postfix != NULL ? &f->captures[CAPTURE_MAIN] :
	    o->sendmail_cf != NULL ? &f->captures[CAPTURE_SENDMAIL] : NULL;
	char shown[400];

	if (c == NULL || c->text != NULL)
		return false;
	fprintf(stderr, PROGRAM ": %s\n", c->why[0] != '\0' ? str_show(shown, sizeof shown, str_of(c->why)) :
	    o->postfix != NULL ? "there is no postconf" : "there is no such file");
	return true;
}

int
local_doctor(const struct options *o, char **argv)
{
	static struct doctor_facts facts;
	const char *path = o->conf != NULL ? o->conf : CONF_FILE;
	struct doctor_where w = { .conf_path = path, .control_socket = o->socket, .postfix = o->postfix,
		.sendmail_cf = o->sendmail_cf, .now = time(NULL) };
	struct doctor_report report;
	struct conf *c;
	struct rules *rules;
	struct err e = { "" };
	int code;

	(void)argv;
	if (o->postfix != NULL && o->sendmail_cf != NULL)
		return complain("--postfix and --sendmail-cf cannot go together", NULL);
	c = conf_read(path, &e);
	rules = load_rules(c);
	w.conf = c;
	w.conf_error = e.text;
	w.rules = rules;
	if (w.control_socket == NULL && c != NULL)
		w.control_socket = c->control_socket;
	doctor_gather(&facts, &w);
	if (cannot_see(&facts, o)) {
		code = EXIT_USAGE;
		goto done;
	}
	doctor_judge(&facts, &report);
	if (o->json)
		print_json(&report);
	else
		print_report(&report);
	code = report.n_findings == 0 ? EXIT_DONE : EXIT_NO;
	doctor_report_free(&report);
done:
	doctor_forget(&facts);
	rules_free(rules);
	conf_put(c);
	return code;
}
