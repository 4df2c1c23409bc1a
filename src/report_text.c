/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_text.c - a report for the terminal, and as JSON */
#include <string.h>
#include <time.h>

#include "report.h"

#define BAR 40 /* characters of the longest */

static void
moment(char *buf, size_t size, time_t at)
{
	struct tm tm;

	if (at <= 0 || localtime_r(&at, &tm) == NULL || strftime(buf, size, "%F %H:%M", &tm) == 0)
		str_copy(buf, size, STR("-"));
}

static void
show_head(const struct report *r, const struct history_hour *sum, FILE *out)
{
	char from[32], to[32];

	moment(from, sizeof from, r->from);
	moment(to, sizeof to, r->to);
	fprintf(out, "From %s to %s%s%s\n", from, to, r->source[0] != '\0' ? ", " : "", r->source);
	fprintf(out, "Rejections and failures %llu, blocks %llu, came into the cache %u, logins %u\n",
	    (unsigned long long)report_events(sum), (unsigned long long)report_blocks(sum), sum->cached, sum->events[EVENT_LOGIN]);
	if (!r->rehearsal)
		fprintf(out, "Refused by the milter at once: %u from the cache, %u because of a block, %u forgeries\n",
		    sum->refused[REFUSED_CACHE], sum->refused[REFUSED_BLOCK], sum->refused[REFUSED_FORGERY]);
	if (r->has_sets)
		fprintf(out, "Clients: %llu %s relay, %llu cached, %llu blocked\n", (unsigned long long)r->relay,
		    r->rehearsal ? "could" : "may", (unsigned long long)r->cache, (unsigned long long)r->block);
	if (r->lost > 0)
		fprintf(out, "%llu events were older than the hours that are kept\n", (unsigned long long)r->lost);
}

static void
show_kinds(const struct history_hour *sum, FILE *out)
{
	fprintf(out, "\n%-20s %10s %10s\n", "KIND", "EVENTS", "BLOCKS");
	for (enum event_kind k = 0; k <= EVENT_KINDS; k++) {
		uint32_t events = k < EVENT_KINDS ? sum->events[k] : 0;

		if (events > 0 || sum->blocks[k] > 0)
			fprintf(out, "%-20s %10u %10u\n", k < EVENT_KINDS ? event_kind_name(k) : "hand", events, sum->blocks[k]);
	}
}

static void
show_bars(const struct report *r, FILE *out)
{
	static const char hashes[] = "########################################";
	unsigned bars = report_bars(r);
	struct history_hour sum;
	uint64_t most = 1;
	char at_text[32];
	time_t at;

	for (unsigned i = 0; i < bars; i++) {
		report_bar(r, i, &sum, &at);
		most = report_events(&sum) > most ? report_events(&sum) : most;
	}
	fprintf(out, "\n%-16s %10s %10s\n", "FROM", "EVENTS", "BLOCKS");
	for (unsigned i = 0; i < bars; i++) {
		report_bar(r, i, &sum, &at);
		moment(at_text, sizeof at_text, at);
		fprintf(out, "%-16s %10llu %10llu  %.*s\n", at_text, (unsigned long long)report_events(&sum),
		    (unsigned long long)report_blocks(&sum), (int)(report_events(&sum) * BAR / most), hashes);
	}
}

static void
show_ladder(const struct report_ladder *l, const char *name, const char *weight, FILE *out)
{
	char shown[100];

	if (l->n == 0)
		return;
	fprintf(out, "\n%-40s %10s %10s\n", name, "CLIENTS", weight);
	for (unsigned i = 0; i < l->n; i++)
		fprintf(out, "%-40s %10llu %10llu\n", str_show(shown, sizeof shown, str_of(l->row[i].name)),
		    (unsigned long long)l->row[i].clients, (unsigned long long)l->row[i].weight);
	if (l->left_out > 0)
		fprintf(out, "and %llu clients of more names than were counted\n", (unsigned long long)l->left_out);
}

static void
show_harm(const struct report *r, FILE *out)
{
	char client[70], user[90], why[200];

	if (r->harmed == 0)
		return;
	fprintf(out, "\nLook at these first: %llu who logged in, or from whom mail was accepted, would have been shut out\n",
	    (unsigned long long)r->harmed);
	for (unsigned i = 0; i < r->nharm; i++)
		fprintf(out, "%-40s %s  %s, logins %llu, mails %llu\n", str_show(client, sizeof client, str_of(r->harm[i].client)),
		    str_show(user, sizeof user, str_of(r->harm[i].user)), str_show(why, sizeof why, str_of(r->harm[i].why)),
		    (unsigned long long)r->harm[i].logins, (unsigned long long)r->harm[i].mails);
}

void
report_text(const struct report *r, FILE *out)
{
	struct history_hour sum;

	report_sum(r, &sum);
	show_head(r, &sum, out);
	show_kinds(&sum, out);
	show_bars(r, out);
	show_ladder(&r->ladder[LADDER_NETWORKS], "NETWORK", "EVENTS", out);
	show_ladder(&r->ladder[LADDER_ZONES], "DNSBL", "EVENTS", out);
	show_ladder(&r->ladder[LADDER_USERS], "USER", "LOGINS", out);
	fprintf(out, "\nHarm avoided: %u offences forgiven after a login, %u of trusted clients passed over, %u not held against "
	    "anybody while a breaker was open\n", sum.mercy[MERCY_FORGIVEN], sum.mercy[MERCY_TRUSTED], sum.mercy[MERCY_HELD]);
	show_harm(r, out);
}

/* ---- JSON ---- */

static struct json *
hour_json(const struct history_hour *row)
{
	struct json *o = json_new(), *events = json_new(), *blocks = json_new(), *refused = json_new(), *mercy = json_new();

	if (row->hour != 0)
		json_put_int(o, "hour", (int64_t)row->hour * 3600);
	for (enum event_kind k = 0; k < EVENT_KINDS; k++) {
		json_put_int(events, event_kind_name(k), row->events[k]);
		json_put_int(blocks, event_kind_name(k), row->blocks[k]);
	}
	json_put_int(blocks, "hand", row->blocks[EVENT_KINDS]);
	for (unsigned i = 0; i < HISTORY_REFUSALS; i++)
		json_put_int(refused, history_refusal_name(i), row->refused[i]);
	for (unsigned i = 0; i < HISTORY_MERCIES; i++)
		json_put_int(mercy, history_mercy_name(i), row->mercy[i]);
	json_put(o, "events", events);
	json_put(o, "blocks", blocks);
	json_put_int(o, "cached", row->cached);
	json_put(o, "refused", refused);
	json_put(o, "mercy", mercy);
	return o;
}

static struct json *
ladder_json(const struct report_ladder *l, const char *name, const char *weight)
{
	struct json *list = json_list();

	for (unsigned i = 0; i < l->n; i++) {
		struct json *o = json_new();

		json_put_cstr(o, name, l->row[i].name);
		json_put_int(o, "clients", (int64_t)l->row[i].clients);
		json_put_int(o, weight, (int64_t)l->row[i].weight);
		json_add(list, o);
	}
	return list;
}

static struct json *
harm_json(const struct report *r)
{
	struct json *list = json_list();

	for (unsigned i = 0; i < r->nharm; i++) {
		struct json *o = json_new();

		json_put_cstr(o, "client", r->harm[i].client);
		json_put_cstr(o, "user", r->harm[i].user);
		json_put_cstr(o, "why", r->harm[i].why);
		json_put_int(o, "logins", (int64_t)r->harm[i].logins);
		json_put_int(o, "mails", (int64_t)r->harm[i].mails);
		json_add(list, o);
	}
	return list;
}

struct json *
report_json(const struct report *r)
{
	struct json *o = json_new(), *hours = json_list();
	struct history_hour sum;

	report_sum(r, &sum);
	json_put_int(o, "from", r->from);
	json_put_int(o, "to", r->to);
	if (r->source[0] != '\0')
		json_put_cstr(o, "source", r->source);
	json_put(o, "sum", hour_json(&sum));
	for (unsigned i = 0; i < r->hours; i++)
		json_add(hours, hour_json(&r->hour[i]));
	json_put(o, "hours", hours);
	json_put(o, "networks", ladder_json(&r->ladder[LADDER_NETWORKS], "network", "events"));
	json_put(o, "zones", ladder_json(&r->ladder[LADDER_ZONES], "zone", "events"));
	json_put(o, "users", ladder_json(&r->ladder[LADDER_USERS], "user", "logins"));
	if (r->rehearsal) {
		json_put_int(o, "harmed", (int64_t)r->harmed);
		json_put(o, "harm", harm_json(r));
	}
	return o;
}
