/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_simulate_json.c - what came of a rehearsal, as one JSON object
 *
 * It may be long, so that it is written as it is made: the lists row by row.
 */
#include <time.h>

#include "ctl_simulate.h"
#include "stats.h"

#define ROW (8 * JSON_TEXT)

/* Not the first; behind it comes a value. */
static void
key(const char *name)
{
	printf(",\"%s\":", name);
}

/* All but the last `less` bytes. */
static void
write_most(struct json *j, size_t less)
{
	static char buf[ROW];
	size_t n = json_write(j, buf, sizeof buf);

	if (n > sizeof buf)
		panic("simulate: an object of %zu bytes", n);
	fwrite(buf, 1, n - less, stdout);
	json_free(j);
}

static void
write_value(struct json *j)
{
	write_most(j, 0);
}

/* An object that is not closed: more keys follow. */
static void
write_open(struct json *j)
{
	write_most(j, 1);
}

static void
put_time(struct json *j, const char *name, time_t t)
{
	char text[32];
	struct tm tm;

	if (t > 0 && gmtime_r(&t, &tm) != NULL && strftime(text, sizeof text, "%FT%TZ", &tm) > 0)
		json_put_cstr(j, name, text);
}

static void
put_client(struct json *j, const struct simulate_side *side, const struct addr *client)
{
	char text[ADDR_TEXT];

	json_put_cstr(j, "client", addr_format_client(text, client, side->conf->policy.ipv6_prefix));
}

/* --- rows --- */

typedef struct json *row_fn(const struct simulate_side *side, const struct seen_client *c);

static struct json *
granted_row(const struct simulate_side *side, const struct seen_client *c)
{
	struct json *j;

	if (c->grants == 0)
		return NULL;
	j = json_new();
	put_client(j, side, &c->client);
	json_put_text(j, "user", user_of(c));
	put_time(j, "first", c->granted_first);
	put_time(j, "last", c->granted_last);
	json_put_int(j, "logins", c->logins);
	return j;
}

static struct json *
cached_row(const struct simulate_side *side, const struct seen_client *c)
{
	struct json *j;

	if (c->cached_hits == 0)
		return NULL;
	j = json_new();
	put_client(j, side, &c->client);
	json_put_cstr(j, "event", event_kind_name((enum event_kind)c->cached_kind));
	json_put_cstr(j, "zone", c->cached_zone);
	put_time(j, "first", c->cached_first);
	put_time(j, "last", c->cached_last);
	json_put_int(j, "hits", c->cached_hits);
	if (c->uncached)
		json_put_bool(j, "withdrawn", true);
	return j;
}

static void
put_block(struct json *j, const struct seen_block *b)
{
	json_put_cstr(j, "event", event_kind_name((enum event_kind)b->kind));
	json_put_cstr(j, "threshold", threshold_kind_name((enum threshold_kind)b->by));
	put_time(j, "at", b->at);
	json_put_int(j, "for", b->term);
	put_time(j, "lifted", b->lifted);
	if (b->withdrawn)
		json_put_bool(j, "withdrawn", true);
}

static struct json *
block_row(const struct simulate_side *side, const struct seen_block *b)
{
	struct json *j = json_new();

	put_client(j, side, &b->client);
	put_block(j, b);
	return j;
}

static struct json *
blocked_row(const struct simulate_side *side, const struct seen_client *c)
{
	return c->blocks == 0 ? NULL : block_row(side, &side->blocks[c->block]);
}

static struct json *
harm_row(const struct simulate_side *side, const struct seen_client *c)
{
	struct json *j;

	if (!is_harmed(c))
		return NULL;
	j = json_new();
	put_client(j, side, &c->client);
	json_put_cstr(j, "set", c->blocks > 0 ? "block" : "cache");
	if (c->blocks > 0) {
		put_block(j, &side->blocks[c->block]);
	} else {
		json_put_cstr(j, "event", event_kind_name((enum event_kind)c->cached_kind));
		json_put_cstr(j, "zone", c->cached_zone);
		put_time(j, "at", c->cached_first);
	}
	json_put_text(j, "user", user_of(c));
	json_put_int(j, "logins", c->logins);
	json_put_int(j, "mails", c->mails);
	return j;
}

/* Of those that `other`, unless NULL, has no such row for. */
static void
list(const struct simulate_side *side, row_fn *row, const struct rehearsal *r, int other)
{
	bool any = false;

	putchar('[');
	for (size_t i = 0; i < side->nclients; i++) {
		const struct seen_client *c = &side->clients[i], *them;
		struct json *j = row(side, c), *theirs = NULL;

		if (j != NULL && other != -1) {
			them = simulate_client(r->s, (unsigned)other, &c->client);
			theirs = them == NULL ? NULL : row(&r->sides[other], them);
		}
		if (j == NULL || theirs != NULL) {
			json_free(j);
			json_free(theirs);
			continue;
		}
		if (any)
			putchar(',');
		any = true;
		write_value(j);
	}
	putchar(']');
}

static void
blocks(const struct simulate_side *side)
{
	putchar('[');
	for (size_t i = 0; i < side->nblocks; i++) {
		if (i > 0)
			putchar(',');
		write_value(block_row(side, &side->blocks[i]));
	}
	putchar(']');
}

/* --- the rest --- */

static void
logs(const struct simulate *s)
{
	struct simulate_log log;

	putchar('[');
	for (unsigned i = 0; i < simulate_log(s, i, &log); i++) {
		struct json *j = json_new();

		json_put_cstr(j, "log", log.name);
		json_put_int(j, "lines", (int64_t)log.lines);
		put_time(j, "from", log.first);
		put_time(j, "to", log.last);
		json_put_cstr(j, "error", log.error);
		if (i > 0)
			putchar(',');
		write_value(j);
	}
	putchar(']');
}

static struct json *
events(const struct simulate_side *side)
{
	struct json *j = json_new();

	for (enum event_kind k = 0; k < EVENT_KINDS; k++)
		json_put_int(j, event_kind_name(k), (int64_t)side->kinds[k]);
	return j;
}

static struct json *
counted(const struct rehearsal *r)
{
	const struct simulate_side *side = &r->sides[THIS];
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = {
		{ "matched", r->counts.matched }, { "headless", r->counts.headless }, { "too_long", r->counts.too_long },
		{ "undated", r->counts.undated }, { "late", r->counts.late }, { "future", r->counts.future },
		{ "outliers", r->counts.outliers }, { "set_back", r->counts.set_back }, { "gaps", r->counts.gaps },
		{ "held", stat_get(STAT_EVENTS_HELD) }, { "trusted", side->trusted }, { "forgiven", side->forgiven },
		{ "told_again", stat_get(STAT_EVENTS_DUPLICATE) }, { "halves_alone", stat_get(STAT_HALVES_ALONE) },
		{ "halves_dropped", stat_get(STAT_HALVES_DROPPED) }, { "evicted", stat_get(STAT_CLIENTS_EVICTED) },
		{ "left_out", side->clients_left_out + side->blocks_left_out + side->notices_left_out },
	};
	struct json *j = json_new();

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		json_put_int(j, counts[i].name, (int64_t)counts[i].n);
	return j;
}

static const struct {
	const char *name;
	row_fn *row;
} sets[] = { { "granted", granted_row }, { "cached", cached_row }, { "blocked", blocked_row } };

static void
notices(const struct simulate_side *side)
{
	putchar('[');
	for (size_t i = 0; i < side->nnotices; i++) {
		struct json *j = json_new();

		put_time(j, "time", side->notices[i].time);
		json_put_cstr(j, "text", side->notices[i].text);
		if (i > 0)
			putchar(',');
		write_value(j);
	}
	putchar(']');
}

/* Who would be in a set under one configuration only. */
static void
against(const struct rehearsal *r)
{
	struct json *config = json_new();

	json_put_cstr(config, "config", r->sides[OTHER].conf->path);
	key("against");
	write_open(config);
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		key(sets[i].name);
		printf("{\"only_this\":");
		list(&r->sides[THIS], sets[i].row, r, OTHER);
		key("only_other");
		list(&r->sides[OTHER], sets[i].row, r, THIS);
		putchar('}');
	}
	putchar('}');
}

static void
span(const struct rehearsal *r)
{
	struct json *j = json_new();

	put_time(j, "from", r->counts.first);
	put_time(j, "to", r->counts.last);
	write_value(j);
}

void
rehearsal_json(const struct rehearsal *r)
{
	const struct simulate_side *side = &r->sides[THIS];

	printf("{\"lines\":%llu", (unsigned long long)r->counts.lines);
	key("seconds");
	printf("%.3f", r->seconds);
	key("period");
	span(r);
	key("logs");
	logs(r->s);
	key("events");
	write_value(events(side));
	key("counted");
	write_value(counted(r));
	for (size_t i = 0; i < 2; i++) {
		key(sets[i].name);
		list(side, sets[i].row, r, -1);
	}
	key("blocked");
	blocks(side);
	key("harm");
	list(side, harm_row, r, -1);
	key("notices");
	notices(side);
	if (r->nsides > 1)
		against(r);
	printf("}\n");
}
