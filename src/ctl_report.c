/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_report.c - report: what the daemon knows of the last hours, for people; and a rehearsal in the same form */
#include "ctl_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "conf.h"
#include "rank.h"

#define NAMES_MAX 1000000

/* ---- out ---- */

int
report_write(const struct report *r, const char *path)
{
	FILE *fp = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	struct html h;
	int code = EXIT_DONE;

	if (fp == NULL) {
		fprintf(stderr, PROGRAM ": %s: %s\n", path, strerror(errno));
		return EXIT_USAGE;
	}
	html_init(&h);
	report_html(r, &h);
	if (fwrite(h.p, 1, h.n, fp) != h.n || fflush(fp) != 0) {
		fprintf(stderr, PROGRAM ": %s: %s\n", path, strerror(errno));
		code = EXIT_USAGE;
	}
	html_clear(&h);
	if (fp != stdout && fclose(fp) != 0)
		code = EXIT_USAGE;
	return code;
}

static void
write_json(const struct report *r)
{
	struct json *j = report_json(r);
	size_t n = json_write(j, NULL, 0);
	char *text = xmalloc(n + 1);

	(void)json_write(j, text, n);
	fwrite(text, 1, n, stdout);
	putchar('\n');
	free(text);
	json_free(j);
}

static int
put_out(const struct report *r, const struct options *o)
{
	if (o->html != NULL)
		return report_write(r, o->html);
	if (o->json)
		write_json(r);
	else
		report_text(r, stdout);
	return EXIT_DONE;
}

/* ---- from the daemon ---- */

static bool
take(void *arg, const struct json *line)
{
	report_take(arg, line);
	return true;
}

static int
fill(struct report *r, const char *socket, const char *since)
{
	static const char *const wanted[] = { "history", "summary", "status" };
	struct ask_ending end;

	for (unsigned i = 0; i < 3; i++) {
		struct json *request = json_new();
		enum ask_answer is;

		json_put_cstr(request, "verb", wanted[i]);
		if (i == 0)
			json_put_cstr(request, "since", since);
		is = ask(socket, request, 60, take, r, &end);
		json_free(request);
		if (is == ASK_DONE && end.code == 0)
			continue;
		fprintf(stderr, PROGRAM ": %s%s\n", is == ASK_DONE ? "" : "the daemon cannot be reached: ", end.message);
		return is == ASK_DONE ? end.code : EXIT_UNREACHABLE;
	}
	return EXIT_DONE;
}

int
local_report(const struct options *o, char **argv)
{
	const char *since = o->since != NULL ? o->since : "1d";
	int64_t span = str_duration(str_of(since));
	struct report *r;
	struct conf *c = NULL;
	int code;

	(void)argv;
	if (span < 1)
		return complain("not a span such as 12h, 7d", since);
	if (o->socket == NULL && ctl_conf(o, &c) == -1)
		return EXIT_USAGE;
	r = report_new();
	r->to = time(NULL);
	if (span > (int64_t)HISTORY_HOURS * 3600)
		span = (int64_t)HISTORY_HOURS * 3600;
	r->from = (r->to - (time_t)span) / 3600 * 3600; /* whole hours are counted */
	code = fill(r, o->socket != NULL ? o->socket : c != NULL ? c->control_socket : CTL_SOCKET, since);
	if (code == EXIT_DONE)
		code = put_out(r, o);
	free(r);
	conf_put(c);
	return code;
}

/* ---- from a rehearsal ---- */

/* As the daemon's summary has them: a /24 or a /48. */
static void
network_name(char buf[ADDR_TEXT + 4], const struct addr *client)
{
	struct addr a = *client;
	char text[ADDR_TEXT];

	memset(a.b + (addr_is4(&a) ? 15 : 6), 0, addr_is4(&a) ? 1 : 10);
	(void)snprintf(buf, ADDR_TEXT + 4, "%s/%d", addr_format(text, &a), addr_is4(&a) ? 24 : 48);
}

static void
add_client(struct rank *ranks[REPORT_LADDERS], const struct seen_client *c)
{
	char name[ADDR_TEXT + 4];

	if (c->cached_hits > 0 || c->blocks > 0) {
		network_name(name, &c->client);
		rank_add(ranks[LADDER_NETWORKS], str_of(name), c->offences);
	}
	if (c->cached_hits > 0 && c->cached_zone != NULL)
		rank_add(ranks[LADDER_ZONES], str_of(c->cached_zone), c->cached_hits);
	if (c->grants > 0 && c->user != NULL)
		rank_add(ranks[LADDER_USERS], user_of(c), c->logins);
}

static void
add_harm(struct report *r, const struct simulate_side *side, const struct seen_client *c)
{
	struct report_harm *h;

	if (!is_harmed(c))
		return;
	r->harmed++;
	if (r->nharm == REPORT_HARM)
		return;
	h = &r->harm[r->nharm++];
	addr_format_client(h->client, &c->client, side->conf->policy.ipv6_prefix);
	str_copy(h->user, sizeof h->user, user_of(c));
	h->logins = c->logins;
	h->mails = c->mails;
	if (c->blocks > 0)
		(void)snprintf(h->why, sizeof h->why, "block: %s, %s",
		    event_kind_name((enum event_kind)side->blocks[c->block].kind),
		    threshold_kind_name((enum threshold_kind)side->blocks[c->block].by));
	else
		(void)snprintf(h->why, sizeof h->why, "cache: %s %.100s", event_kind_name((enum event_kind)c->cached_kind),
		    c->cached_zone != NULL ? c->cached_zone : "");
}

static void
fill_ladders(struct report *r, struct rank *ranks[REPORT_LADDERS])
{
	struct rank_row rows[REPORT_LEADERS];

	for (unsigned k = 0; k < REPORT_LADDERS; k++) {
		r->ladder[k].n = rank_top(ranks[k], rows, REPORT_LEADERS);
		r->ladder[k].left_out = rank_left_out(ranks[k]);
		for (unsigned i = 0; i < r->ladder[k].n; i++) {
			str_copy(r->ladder[k].row[i].name, sizeof r->ladder[k].row[i].name, rows[i].name);
			r->ladder[k].row[i].clients = rows[i].n;
			r->ladder[k].row[i].weight = rows[i].weight;
		}
	}
}

static void
fill_hours(struct report *r, const struct rehearsal *from, const struct simulate_side *side)
{
	if (from->counts.first == (time_t)-1)
		return;
	r->from = from->counts.first;
	r->to = from->counts.last;
	if (r->to - r->from > (time_t)(HISTORY_HOURS - 1) * 3600)
		r->from = r->to - (time_t)(HISTORY_HOURS - 1) * 3600;
	r->hours = history_get(side->history, r->from, r->to + 1, r->hour, HISTORY_HOURS + 1);
	r->lost = history_lost(side->history);
}

struct report *
rehearsal_report(const struct rehearsal *from)
{
	const struct simulate_side *side = &from->sides[THIS];
	struct rank *ranks[REPORT_LADDERS];
	struct report *r = report_new();
	struct simulate_log log;
	unsigned n = simulate_log(from->s, 0, &log);

	r->rehearsal = r->has_sets = true;
	str_show(r->source, 100, str_of(log.name));
	if (n > 1)
		(void)snprintf(r->source + strlen(r->source), 40, " and %u more", n - 1);
	fill_hours(r, from, side);
	for (unsigned k = 0; k < REPORT_LADDERS; k++)
		ranks[k] = rank_new(NAMES_MAX);
	for (size_t i = 0; i < side->nclients; i++) {
		const struct seen_client *c = &side->clients[i];

		r->known++;
		r->relay += c->grants > 0;
		r->cache += c->cached_hits > 0;
		r->block += c->blocks > 0;
		add_client(ranks, c);
		add_harm(r, side, c);
	}
	fill_ladders(r, ranks);
	for (unsigned k = 0; k < REPORT_LADDERS; k++)
		rank_free(ranks[k]);
	return r;
}
