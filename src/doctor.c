/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor.c - the table of checks, and what they have found; see doctor.h */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_priv.h"
#include "err.h"

const struct doctor_check doctor_checks[] = {
#define X(name, function, about) { name, check_##function, about },
	DOCTOR_CHECKS(X)
#undef X
};

const unsigned doctor_n_checks = sizeof doctor_checks / sizeof doctor_checks[0];

void
doctor_judge(const struct doctor_facts *f, struct doctor_report *r)
{
	*r = (struct doctor_report){ 0 };
	for (unsigned i = 0; i < doctor_n_checks; i++) {
		r->check = doctor_checks[i].name;
		r->checks++;
		doctor_checks[i].run(f, r);
	}
}

void
doctor_report_free(struct doctor_report *r)
{
	free(r->findings);
	free(r->skipped);
}

static void __attribute__((format(printf, 3, 0)))
put(char *dst, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(dst, size, fmt, ap);

	if (n >= 0 && (size_t)n >= size)
		memcpy(dst + size - 4, "...", 4);
}

struct finding *
doctor_found(struct doctor_report *r, const char *fmt, ...)
{
	struct finding *f;
	va_list ap;

	r->findings = xrealloc(r->findings, (r->n_findings + 1) * sizeof *r->findings);
	f = &r->findings[r->n_findings++];
	*f = (struct finding){ .check = r->check };
	va_start(ap, fmt);
	put(f->what, sizeof f->what, fmt, ap);
	va_end(ap);
	return f;
}

void
finding_why(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(f->why, sizeof f->why, fmt, ap);
	va_end(ap);
}

void
finding_change(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(f->change, sizeof f->change, fmt, ap);
	va_end(ap);
}

void
doctor_skip(struct doctor_report *r, const char *fmt, ...)
{
	struct skipped *s;
	va_list ap;

	r->skipped = xrealloc(r->skipped, (r->n_skipped + 1) * sizeof *r->skipped);
	s = &r->skipped[r->n_skipped++];
	s->check = r->check;
	va_start(ap, fmt);
	put(s->why, sizeof s->why, fmt, ap);
	va_end(ap);
}

/* ---- checks of whichever mail server there is ---- */

#define NO_MTA "neither Postfix nor a sendmail.cf is found here: name one with --postfix or --sendmail-cf"

typedef void part_fn(const struct doctor_facts *f, struct doctor_report *r);

static void
by_mta(const struct doctor_facts *f, struct doctor_report *r, part_fn *postfix, part_fn *sendmail)
{
	if (f->conf == NULL)
		doctor_skip(r, "without a configuration there is nothing to compare with");
	else if (postfix_seen(f))
		postfix(f, r);
	else if (sendmail_seen(f))
		sendmail(f, r);
	else if (f->captures[CAPTURE_MAIN].why[0] != '\0')
		doctor_skip(r, "Postfix: %s", f->captures[CAPTURE_MAIN].why);
	else if (f->captures[CAPTURE_SENDMAIL].why[0] != '\0')
		doctor_skip(r, "sendmail: %s", f->captures[CAPTURE_SENDMAIL].why);
	else
		doctor_skip(r, NO_MTA);
}

void
check_mta_milter(const struct doctor_facts *f, struct doctor_report *r)
{
	by_mta(f, r, postfix_mta_milter, sendmail_mta_milter);
}

void
check_failure_action(const struct doctor_facts *f, struct doctor_report *r)
{
	by_mta(f, r, postfix_failure_action, sendmail_failure_action);
}

void
check_relay_lookup(const struct doctor_facts *f, struct doctor_report *r)
{
	if (f->gate || (f->conf != NULL && f->conf->policy.relay_for == 0))
		return;	/* the milter lets relay, or nobody does */
	by_mta(f, r, postfix_relay_lookup, sendmail_relay_lookup);
}

void
check_lookup_deferral(const struct doctor_facts *f, struct doctor_report *r)
{
	by_mta(f, r, postfix_lookup_deferral, sendmail_lookup_deferral);
}

/* The protocol's version that tells of rejected recipients, and is Postfix's own since 2.6 (milter_protocol). */
#define PROTOCOL 6

void
check_milter_protocol(const struct doctor_facts *f, struct doctor_report *r)
{
	struct str value;
	char text[64];
	struct finding *found;

	if (!postfix_seen(f))
		return;	/* sendmail and the filter agree on it by themselves */
	value = postfix_param(f, NULL, "milter_protocol");
	str_copy(text, sizeof text, value);
	if (value.n == 0 || atoi(text) >= PROTOCOL)
		return;
	found = doctor_found(r, "Postfix, main.cf: milter_protocol = %s", text);
	finding_why(found, "Only version %d of the protocol tells the milter which recipients Postfix has refused, and for "
	    "what: unknown users and relay attempts go unnoticed until the log tells of them", PROTOCOL);
	finding_change(found, "milter_protocol = %d", PROTOCOL);
}
