/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.c - the numbers of a report, see report.h */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "policy.h"

struct report *
report_new(void)
{
	return xcalloc(1, sizeof(struct report));
}

/* ---- what the daemon tells ---- */

static uint32_t
count_of(const struct json *o, const char *key)
{
	int64_t n = json_get_int(o, key, 0);

	return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static void
take_hour(struct report *r, const struct json *o)
{
	const struct json *events = json_get(o, "events"), *blocks = json_get(o, "blocks"), *refused = json_get(o, "refused"),
	    *mercy = json_get(o, "mercy");
	struct history_hour *row;

	if (r->hours == sizeof r->hour / sizeof r->hour[0])
		return;
	row = &r->hour[r->hours++];
	memset(row, 0, sizeof *row);
	row->hour = (uint32_t)(json_get_int(o, "hour", 0) / 3600);
	for (enum event_kind k = 0; k < EVENT_KINDS; k++) {
		row->events[k] = count_of(events, event_kind_name(k));
		row->blocks[k] = count_of(blocks, event_kind_name(k));
	}
	row->blocks[EVENT_KINDS] = count_of(blocks, "hand");
	row->cached = count_of(o, "cached");
	for (unsigned i = 0; i < HISTORY_REFUSALS; i++)
		row->refused[i] = count_of(refused, history_refusal_name(i));
	for (unsigned i = 0; i < HISTORY_MERCIES; i++)
		row->mercy[i] = count_of(mercy, history_mercy_name(i));
}

static const struct {
	const char *key, *weight;
} ladders[REPORT_LADDERS] = {
	[LADDER_NETWORKS] = { "network", "events" },
	[LADDER_ZONES] = { "zone", "events" },
	[LADDER_USERS] = { "user", "logins" },
};

static uint64_t
positive(const struct json *o, const char *key)
{
	int64_t n = json_get_int(o, key, 0);

	return n < 0 ? 0 : (uint64_t)n;
}

static void
take_leader(struct report_ladder *l, unsigned which, const struct json *o)
{
	struct report_leader *row;

	if (l->n == REPORT_LEADERS)
		return;
	row = &l->row[l->n++];
	str_copy(row->name, sizeof row->name, json_get_text(o, ladders[which].key));
	row->clients = positive(o, "clients");
	row->weight = positive(o, ladders[which].weight);
}

void
report_take(struct report *r, const struct json *o)
{
	const struct json *clients = json_get(o, "clients");

	if (json_has(o, "hour"))
		take_hour(r, o);
	else if (json_number(json_get(o, "lost"), 0) > 0)
		r->lost = positive(o, "lost");
	for (unsigned i = 0; i < REPORT_LADDERS; i++) {
		if (json_has(o, "left_out") && str_eq(json_get_text(o, "left_out"), str_of(ladders[i].key)))
			r->ladder[i].left_out = positive(o, "clients");
		else if (json_has(o, ladders[i].key) && json_has(o, ladders[i].weight))
			take_leader(&r->ladder[i], i, o);
	}
	if (json_has(clients, "known")) {
		r->has_sets = true;
		r->known = positive(clients, "known");
		r->relay = positive(clients, "relay");
		r->cache = positive(clients, "cache");
		r->block = positive(clients, "block");
	}
}

/* ---- sums ---- */

static void
add(struct history_hour *to, const struct history_hour *row)
{
	for (unsigned k = 0; k < EVENT_KINDS; k++)
		to->events[k] += row->events[k];
	for (unsigned k = 0; k <= EVENT_KINDS; k++)
		to->blocks[k] += row->blocks[k];
	for (unsigned i = 0; i < HISTORY_REFUSALS; i++)
		to->refused[i] += row->refused[i];
	for (unsigned i = 0; i < HISTORY_MERCIES; i++)
		to->mercy[i] += row->mercy[i];
	to->cached += row->cached;
}

void
report_sum(const struct report *r, struct history_hour *sum)
{
	memset(sum, 0, sizeof *sum);
	for (unsigned i = 0; i < r->hours; i++)
		add(sum, &r->hour[i]);
}

uint64_t
report_events(const struct history_hour *h)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < EVENT_KINDS; k++)
		n += k == EVENT_LOGIN ? 0 : h->events[k];
	return n;
}

uint64_t
report_blocks(const struct history_hour *h)
{
	uint64_t n = 0;

	for (unsigned k = 0; k <= EVENT_KINDS; k++)
		n += h->blocks[k];
	return n;
}

uint64_t
report_refused(const struct history_hour *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTORY_REFUSALS; i++)
		n += h->refused[i];
	return n;
}

/* ---- bars ---- */

static uint32_t
first_hour(const struct report *r)
{
	uint32_t first = r->from <= 0 ? 0 : (uint32_t)(r->from / 3600);

	if (r->hours > 0 && (first == 0 || first > r->hour[0].hour))
		first = r->hour[0].hour;
	return first;
}

static uint32_t
end_hour(const struct report *r)
{
	uint32_t end = r->to <= 0 ? 0 : (uint32_t)(r->to / 3600) + 1;

	if (r->hours > 0 && end <= r->hour[r->hours - 1].hour)
		end = r->hour[r->hours - 1].hour + 1;
	return end;
}

unsigned
report_step(const struct report *r)
{
	uint32_t hours = end_hour(r) - first_hour(r);

	return hours <= 72 ? 1 : hours <= 24 * 15 ? 6 : hours <= 24 * 32 ? 12 : (hours / 60 + 23) / 24 * 24;
}

unsigned
report_bars(const struct report *r)
{
	uint32_t first = first_hour(r), end = end_hour(r), step = report_step(r);

	return end <= first ? 0 : (end - first + step - 1) / step;
}

void
report_bar(const struct report *r, unsigned i, struct history_hour *sum, time_t *at)
{
	uint32_t step = report_step(r), first = first_hour(r) + i * step;

	memset(sum, 0, sizeof *sum);
	*at = (time_t)first * 3600;
	for (unsigned k = 0; k < r->hours; k++)
		if (r->hour[k].hour >= first && r->hour[k].hour < first + step)
			add(sum, &r->hour[k]);
}
