/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world.c - a day of mail logs with a known truth, the same each time for the same seed (and compiler: it
 * draws within arguments)
 *
 *	world SEED ACTORS DIRECTORY [YYYY-MM-DD]
 *
 * Into the directory:
 *	log0.1 log0.2 log0.3	a host with Postfix and Dovecot, BSD heads, in three pieces as of a rotation
 *	log1.1 log1.2		sendmail, Courier, Cyrus, qpopper and many others; RFC 3339 heads
 *	log2.1			Postfix, Dovecot and some others; heads of many forms
 *	facts			what each line says: log, line, kind, address, user, marks
 *	truth			what must have become of each client
 *	incidents		what must, or may, have been said of networks, and of clients that guess under their credit
 * The day is the one before yesterday unless given: heads without a year need one that is near.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

time_t dawn;
bool ports_told;

static FILE *
create(const char *dir, const char *name)
{
	FILE *fp = fopen(keepf("%s/%s", dir, name), "w");

	if (fp == NULL)
		die("%s/%s cannot be written", dir, name);
	return fp;
}

static void
finish(FILE *fp)
{
	if (ferror(fp) || fclose(fp) != 0)
		die("write error");
}

static void
write_log(const char *dir, unsigned log, unsigned pieces)
{
	FILE *fp = NULL;
	unsigned piece = 0;

	for (size_t i = 0; i < lines_n; i++) {
		const struct line *l = lines[i];

		if (l->log != log)
			continue;
		if (fp == NULL || (piece < pieces && l->at >= dawn + (time_t)piece * SPAN / pieces)) {
			if (fp != NULL)
				finish(fp);
			fp = create(dir, keepf("log%u.%u", log, ++piece));
		}
		fprintf(fp, "%s\n", l->text);
	}
	if (fp != NULL)
		finish(fp);
}

static const char *
kind_name(enum kind k)
{
	static const char *const names[KINDS] = { "login", "auth-failure", "rbl", "helo-forgery", "sender-forgery",
		"recipient-forgery", "unknown-user", "relay-denied", "rate-limit", "protocol", "policy", "none" };

	return names[k];
}

static void
write_facts(const char *dir)
{
	FILE *fp = create(dir, "facts");

	for (size_t i = 0; i < facts_n; i++) {
		const struct fact *f = facts[i];

		if (f->kind != NOTHING || f->lies)
			fprintf(fp, "%u\t%u\t%s\t%s\t%s\t%s\n", f->line->log, f->line->number, kind_name(f->kind), f->peer->ip,
			    f->kind == LOGIN && !f->no_user ? f->text : "-", f->lies ? "lies" : "-");
	}
	finish(fp);
}

static void
populate(const struct role *roles, unsigned actors, unsigned weights)
{
	for (const struct role *r = roles; r->name != NULL; r++)
		for (unsigned n = (unsigned)((uint64_t)actors * r->weight / weights) + 1; n > 0; n--)
			r->live(r->name);
}

static unsigned
weigh(const struct role *roles)
{
	unsigned sum = 0;

	for (; roles->name != NULL; roles++)
		sum += roles->weight;
	return sum;
}

static time_t
day_of(const char *text)
{
	struct tm tm = { 0 };

	if (text == NULL)
		return time(NULL) / DAY * DAY - 2 * DAY;
	if (sscanf(text, "%d-%d-%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
		die("%s: not a day", text);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return timegm(&tm);
}

int
main(int argc, char **argv)
{
	unsigned actors, weights = weigh(people) + weigh(rogues) + weigh(liars);
	FILE *fp;

	if (argc < 4 || argc > 5 || (actors = (unsigned)strtoul(argv[2], NULL, 10)) == 0)
		die("usage: world SEED ACTORS DIRECTORY [YYYY-MM-DD]");
	draw_seed(strtoull(argv[1], NULL, 10));
	ports_told = one_in(2);
	dawn = day_of(argv[4]);
	populate(people, actors, weights);
	populate(rogues, actors, weights);
	populate(liars, actors, weights);
	tell_all();
	write_log(argv[3], 0, 3);
	write_log(argv[3], 1, 2);
	write_log(argv[3], 2, 1);
	write_facts(argv[3]);
	fp = create(argv[3], "truth");
	truth_write(fp);
	finish(fp);
	fp = create(argv[3], "incidents");
	truth_write_said(fp);
	finish(fp);
	printf("%zu clients, %zu visits, %zu lines, %zu facts\n", clients_n, visits_n, lines_n, facts_n);
	return 0;
}
