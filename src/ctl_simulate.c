/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_simulate.c - simulate: rehearse the policy on logs of the past
 *
 * Done by the control program itself, without the daemon: it reads the logs, the configuration and the rules, and
 * touches nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl_report.h"
#include "ctl_simulate.h"
#include "err.h"
#include "stats.h"

#define WORST 5 /* rows of a list on one screen */

bool
is_harmed(const struct seen_client *c)
{
	return (c->blocks > 0 || c->cached_hits > 0) && (c->logins > 0 || c->mails > 0);
}

/* --- one screen --- */

static const char *
client_text(char *buf, const struct simulate_side *side, const struct addr *client)
{
	return addr_format_client(buf, client, side->conf->policy.ipv6_prefix);
}

/* Without the year, which the period has. */
static const char *
moment_text(char buf[TIME_TEXT], uint32_t at)
{
	return time_text(buf, at) + sizeof "2026-" - 1;
}

static void
number_text(char buf[TIME_TEXT], uint64_t n)
{
	(void)snprintf(buf, TIME_TEXT, "%llu", (unsigned long long)n);
}

static void
show_period(const struct rehearsal *r)
{
	char from[TIME_TEXT], to[TIME_TEXT], span[TIME_TEXT], name[60];
	struct simulate_log log;
	unsigned n = simulate_log(r->s, 0, &log);

	printf("%s", str_show(name, sizeof name, str_of(log.name)));
	if (n > 1)
		printf(" and %u more", n - 1);
	printf(": %llu lines in %.2f s\n", (unsigned long long)r->counts.lines, r->seconds);
	if (r->counts.first == (time_t)-1)
		printf("No line has a time.\n");
	else
		printf("From %s to %s (%s)\n", time_text(from, r->counts.first), time_text(to, r->counts.last),
		    span_text(span, r->counts.last - r->counts.first));
}

static void
show_events(const struct simulate_side *side)
{
	unsigned n = 0;

	printf("\nEvents  ");
	for (enum event_kind k = 0; k < EVENT_KINDS; k++) {
		if (side->kinds[k] == 0)
			continue;
		if (n > 0 && n % 4 == 0)
			printf("\n        ");
		n++;
		printf("%s %llu  ", event_kind_name(k), (unsigned long long)side->kinds[k]);
	}
	printf("%s\n", n == 0 ? "none" : "");
}

struct totals {
	uint64_t granted, logins, cached, hits, blocked;
};

static struct totals
add_up(const struct simulate_side *side)
{
	struct totals t = { 0 };

	for (size_t i = 0; i < side->nclients; i++) {
		const struct seen_client *c = &side->clients[i];

		t.granted += c->grants > 0;
		t.logins += c->grants > 0 ? c->logins : 0;
		t.cached += c->cached_hits > 0;
		t.hits += c->cached_hits;
		t.blocked += c->blocks > 0;
	}
	return t;
}

static void
total(const char *what, uint64_t clients, uint64_t times, const char *unit)
{
	printf("%-8s%llu client%s, %llu %s%s\n", what, (unsigned long long)clients, clients == 1 ? "" : "s",
	    (unsigned long long)times, unit, times == 1 ? "" : "s");
}

static void
show_totals(const struct simulate_side *side)
{
	struct totals t = add_up(side);

	total("Granted", t.granted, t.logins, "login");
	total("Cached", t.cached, t.hits, "time");
	total("Blocked", t.blocked, side->nblocks, "time");
}

/* --- the worst, and those that it would be a pity about --- */

typedef uint64_t weight_fn(const struct seen_client *c);

static uint64_t
by_offences(const struct seen_client *c)
{
	return c->blocks > 0 ? c->offences : 0;
}

static uint64_t
by_harm(const struct seen_client *c)
{
	return is_harmed(c) ? ((uint64_t)(c->blocks > 0) << 40) + c->logins + c->mails : 0;
}

/* The WORST heaviest, heaviest first; returns how many have any weight at all. */
static size_t
worst(const struct simulate_side *side, weight_fn *weight, const struct seen_client *out[WORST], unsigned *n)
{
	size_t all = 0;

	*n = 0;
	for (size_t i = 0; i < side->nclients; i++) {
		const struct seen_client *c = &side->clients[i];
		unsigned k;

		if (weight(c) == 0)
			continue;
		all++;
		if (*n == WORST && weight(c) <= weight(out[WORST - 1]))
			continue;
		if (*n < WORST)
			++*n;
		for (k = *n - 1; k > 0 && weight(out[k - 1]) < weight(c); k--)
			out[k] = out[k - 1];
		out[k] = c;
	}
	return all;
}

static void
more(size_t all, size_t shown)
{
	if (all > shown)
		printf("(and %zu more: --json lists all)\n", all - shown);
}

static void
show_blocked(const struct simulate_side *side)
{
	static const char *const heads[] = { "CLIENT", "FOR", "BY", "AT", "TERM", "TIMES", "EVENTS" };
	const struct seen_client *rows[WORST];
	struct table *t;
	unsigned n;
	size_t all = worst(side, by_offences, rows, &n);

	if (n == 0)
		return;
	printf("\nBlocked, those with most events first\n");
	t = table_new(heads, 7);
	for (unsigned i = 0; i < n; i++) {
		const struct seen_block *b = &side->blocks[rows[i]->block];
		char client[ADDR_TEXT], at[TIME_TEXT], term[TIME_TEXT], times[TIME_TEXT], events[TIME_TEXT];

		number_text(times, rows[i]->blocks);
		number_text(events, rows[i]->offences);
		table_row(t, (const char *const[]){ client_text(client, side, &b->client),
		    event_kind_name((enum event_kind)b->kind), threshold_kind_name((enum threshold_kind)b->by),
		    moment_text(at, b->at), str_term(term, sizeof term, b->term), times, events });
	}
	table_end(t);
	more(all, n);
}

static void
why_text(char *buf, size_t size, const struct simulate_side *side, const struct seen_client *c)
{
	const struct seen_block *b = &side->blocks[c->block];
	char zone[80];

	if (c->blocks > 0)
		(void)snprintf(buf, size, "block: %s, %s", event_kind_name((enum event_kind)b->kind),
		    threshold_kind_name((enum threshold_kind)b->by));
	else
		(void)snprintf(buf, size, "cache: %s %s", event_kind_name((enum event_kind)c->cached_kind),
		    c->cached_zone == NULL ? "" : str_show(zone, sizeof zone, str_of(c->cached_zone)));
}

static void
show_harm(const struct simulate_side *side)
{
	static const char *const heads[] = { "CLIENT", "LOGINS", "MAILS", "USER", "WHY" };
	const struct seen_client *rows[WORST];
	struct table *t;
	unsigned n;
	size_t all = worst(side, by_harm, rows, &n);

	if (n == 0)
		return;
	printf("\nLook at these first: they logged in, or mail was accepted from them\n");
	t = table_new(heads, 5);
	for (unsigned i = 0; i < n; i++) {
		char client[ADDR_TEXT], logins[TIME_TEXT], mails[TIME_TEXT], user[24], why[160];

		number_text(logins, rows[i]->logins);
		number_text(mails, rows[i]->mails);
		why_text(why, sizeof why, side, rows[i]);
		table_row(t, (const char *const[]){ client_text(client, side, &rows[i]->client), logins, mails,
		    rows[i]->user == NULL ? "-" : str_show(user, sizeof user, user_of(rows[i])), why });
	}
	table_end(t);
	more(all, n);
}

static void
show_notices(const struct simulate_side *side)
{
	if (side->nnotices > 0)
		printf("\nWhat would have been said of breakers and distributed attacks\n");
	for (size_t i = 0; i < side->nnotices && i < WORST; i++) {
		const struct notice *n = &side->notices[i];
		char at[TIME_TEXT], text[400];

		printf("%s  %s\n", moment_text(at, (uint32_t)n->time), str_show(text, sizeof text, str_of(n->text)));
	}
	more(side->nnotices, WORST);
}

/* --- what was odd about the logs --- */

static void
show_odd(const struct rehearsal *r)
{
	const struct simulate_counts *c = &r->counts;
	const struct simulate_side *side = &r->sides[THIS];
	const struct {
		uint64_t n;
		const char *what;
	} odd[] = {
		{ c->headless, "lines whose head cannot be read" },
		{ c->too_long, "lines longer than 64 kB, passed over" },
		{ c->undated, "lines without a time, taken as written with the one before" },
		{ c->late, "lines dated before one that came earlier, judged at their own time" },
		{ c->future, "lines from the future" },
		{ c->outliers, "lines dated far ahead of those around them, taken as written with these" },
		{ c->set_back, "times a log's clock was set back" },
		{ c->gaps, "gaps of more than 30 days" },
		{ stat_get(STAT_CLIENTS_EVICTED), "clients forgotten because max_clients was reached" },
		{ side->clients_left_out, "events of clients that there was no room to list" },
		{ side->blocks_left_out, "blocks that there was no room to list" },
		{ side->notices_left_out, "notices that there was no room to list" },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		if (odd[i].n == 0)
			continue;
		printf("%s%llu %s\n", any ? "" : "\n", (unsigned long long)odd[i].n, odd[i].what);
		any = true;
	}
}

/* --- two configurations --- */

static bool in_granted(const struct seen_client *c) { return c != NULL && c->grants > 0; }
static bool in_cached(const struct seen_client *c) { return c != NULL && c->cached_hits > 0; }
static bool in_blocked(const struct seen_client *c) { return c != NULL && c->blocks > 0; }

static const struct {
	const char *name;
	bool (*in)(const struct seen_client *c);
} sets[] = { { "granted", in_granted }, { "cached", in_cached }, { "blocked", in_blocked } };

/* Those that are in a set under side `here` only; returns how many. */
static unsigned
show_only(const struct rehearsal *r, size_t set, unsigned here)
{
	const struct simulate_side *side = &r->sides[here];
	unsigned n = 0;

	for (size_t i = 0; i < side->nclients; i++) {
		const struct seen_client *c = &side->clients[i];
		char client[ADDR_TEXT], name[60];

		if (!sets[set].in(c) || sets[set].in(simulate_client(r->s, 1 - here, &c->client)))
			continue;
		if (n == 0)
			printf("%s only under %s:", sets[set].name, str_show(name, sizeof name, str_of(side->conf->path)));
		if (n++ < WORST)
			printf(" %s", client_text(client, side, &c->client));
	}
	if (n > WORST)
		printf(" and %u more", n - WORST);
	if (n > 0)
		printf("\n");
	return n;
}

static void
show_against(const struct rehearsal *r)
{
	unsigned n = 0;
	char name[60];

	printf("\nUnder %s\n", str_show(name, sizeof name, str_of(r->sides[OTHER].conf->path)));
	show_totals(&r->sides[OTHER]);
	for (size_t set = 0; set < sizeof sets / sizeof sets[0]; set++)
		for (unsigned here = THIS; here <= OTHER; here++)
			n += show_only(r, set, here);
	if (n == 0)
		printf("nobody would change\n");
}

static void
rehearsal_text(const struct rehearsal *r)
{
	show_period(r);
	show_events(&r->sides[THIS]);
	show_totals(&r->sides[THIS]);
	show_blocked(&r->sides[THIS]);
	show_harm(&r->sides[THIS]);
	show_notices(&r->sides[THIS]);
	if (r->nsides > 1)
		show_against(r);
	show_odd(r);
}

/* --- running it --- */

static double
seconds_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
write_html(const struct rehearsal *r, const char *path)
{
	struct report *report = rehearsal_report(r);
	int code = report_write(report, path);

	free(report);
	return code;
}

static int
show(const struct simulate *s, const struct options *o, double seconds)
{
	struct rehearsal r = { .s = s, .seconds = seconds, .nsides = o->against != NULL ? 2 : 1 };

	simulate_counts(s, &r.counts);
	for (unsigned i = 0; i < r.nsides; i++)
		simulate_side(s, i, &r.sides[i]);
	if (o->json)
		rehearsal_json(&r);
	else if (o->html == NULL || strcmp(o->html, "-") != 0)
		rehearsal_text(&r);
	return o->html != NULL ? write_html(&r, o->html) : EXIT_DONE;
}

/* What could not be read; it was said in the answer, too. */
static void
tell_unread(const struct simulate *s)
{
	struct simulate_log log;
	char name[200];

	fflush(stdout);
	for (unsigned i = 0; i < simulate_log(s, i, &log); i++)
		if (log.error != NULL)
			fprintf(stderr, PROGRAM ": %s: not read to its end: %s\n", str_show(name, sizeof name,
			    str_of(log.name)), log.error);
}

/* The configuration, or the defaults where none is installed.  What is around this machine is not spared: the logs may
 * be another's, and should give the same anywhere. */
static int
read_confs(const struct options *o, struct conf **this, struct conf **other)
{
	struct err e;

	*other = NULL;
	if (ctl_conf(o, this) == -1)
		return -1;
	if (*this == NULL)
		*this = conf_read("/dev/null", &e);
	if (*this != NULL && o->against != NULL)
		*other = conf_read(o->against, &e);
	if (*this != NULL && conf_lists(*this, false, &e) == 0 &&
	    (o->against == NULL || (*other != NULL && conf_lists(*other, false, &e) == 0)))
		return 0;
	fprintf(stderr, PROGRAM ": %s\n", e.text);
	return -1;
}

static int
rehearse(const struct options *o, struct conf *this, struct conf *other, char **argv)
{
	struct simulate_setup setup = { .conf = this, .other = other, .logs = argv, .present = time(NULL) };
	double start;
	char why[2 * sizeof(struct err)];
	struct simulate *s;
	struct err e;
	int rc, code;

	if ((setup.rules = ctl_rules(this)) == NULL)
		return EXIT_USAGE;
	if ((s = simulate_open(&setup, &e)) == NULL) {
		fprintf(stderr, PROGRAM ": %s\n", str_show(why, sizeof why, str_of(e.text)));
		return EXIT_USAGE;
	}
	start = seconds_now();
	rc = simulate_run(s);
	code = show(s, o, seconds_now() - start);
	if (rc == -1)
		tell_unread(s);
	simulate_free(s);
	return rc == 0 ? code : EXIT_USAGE;
}

int
local_simulate(const struct options *o, char **argv)
{
	struct conf *this = NULL, *other = NULL;
	int code = EXIT_USAGE;

	if (argv[0] == NULL)
		return complain("a log is missing", NULL);
	if (read_confs(o, &this, &other) == 0)
		code = rehearse(o, this, other, argv);
	conf_put(this);
	conf_put(other);
	return code;
}
