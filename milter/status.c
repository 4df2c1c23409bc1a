/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c - the running daemon's parts, described for `popauth-milterctl status` */
#include "status.h"

#include "conf.h"
#include "gatekeeper.h"
#include "version.h"

static struct json *
store_json(const struct status_parts *p)
{
	static const char *const names[] = {
		[STORE_OPENED] = "opened",
		[STORE_CREATED] = "created",
		[STORE_SET_ASIDE] = "set aside",
	};
	const char *aside = store_aside(p->store);
	struct json *o = json_new();
	struct conf *c = conf_current();
	struct writer_status st;

	writer_status(p->writer, &st);
	json_put_cstr(o, "state", *aside != '\0' ? names[STORE_SET_ASIDE] : names[p->store_state]);
	json_put_cstr(o, "path", c->state_dir);
	if (p->store_note[0] != '\0')
		json_put_cstr(o, "note", p->store_note);
	else if (*aside != '\0')
		json_put_cstr(o, "note", aside);
	if (st.flushed != 0)
		json_put_int(o, "flushed", st.flushed);
	if (st.trouble.text[0] != '\0')
		json_put_cstr(o, "error", st.trouble.text);
	conf_put(c);
	return o;
}

/* What an answer has room for, of all logs together. */
#define LOGS_ROOM    24000 /* bytes of JSON */
#define PROGRAMS_MAX 96

struct logs_list {
	struct json *list;
	size_t used;
	unsigned programs, left_out;
};

/* Is there room for it?  Then it is taken. */
static bool
take_room(struct logs_list *to, const struct json *o)
{
	size_t n = json_write(o, NULL, 0) + 1;

	if (to->used + n > LOGS_ROOM)
		return false;
	to->used += n;
	return true;
}

static struct json *
program_json(const struct drift_program *p)
{
	struct json *o = json_new();

	json_put_cstr(o, "program", p->tag);
	json_put_int(o, "lines", (int64_t)p->lines);
	json_put_int(o, "recognised", (int64_t)p->recognised);
	if (p->since != 0)
		json_put_int(o, "drifted", p->since);
	return o;
}

/* The programs that there are rules for.  Of those that have drifted all, as long as there is room. */
static void
put_programs(struct logs_list *to, struct json *log, const struct drift *d)
{
	struct json *list = json_list();
	unsigned left_out = 0;

	for (unsigned i = 0; i < d->n; i++) {
		struct json *o = program_json(&d->v[i]);

		if ((d->v[i].since != 0 || to->programs < PROGRAMS_MAX) && take_room(to, o)) {
			json_add(list, o);
			to->programs++;
		} else {
			json_free(o);
			left_out++;
		}
	}
	json_put(log, "programs", list);
	if (left_out != 0)
		json_put_int(log, "programs_left_out", left_out);
	if (d->untold != 0)
		json_put_int(log, "untold", (int64_t)d->untold);
}

static void
log_json(void *arg, const struct log_status *st)
{
	const struct source_status *src = &st->source;
	struct logs_list *to = arg;
	struct json *o = json_new();

	json_put_cstr(o, "path", src->name);
	json_put_cstr(o, "state", src->present ? "reading" : "missing");
	json_put_int(o, src->lag_in_seconds ? "lag_seconds" : "lag", (int64_t)src->lag);
	json_put_int(o, "lines", (int64_t)src->lines);
	json_put_int(o, "recognised", (int64_t)st->recognised);
	json_put_int(o, "headless", (int64_t)src->headless);
	json_put_int(o, "dropped", (int64_t)src->dropped);
	if (st->last != 0)
		json_put_int(o, "last", st->last);
	if (!src->present)
		json_put_cstr(o, "error", src->why);
	if (!take_room(to, o)) {
		json_free(o);
		to->left_out++;
		return;
	}
	put_programs(to, o, &st->drift);
	json_add(to->list, o);
}

static void
set_json(struct json *sets, const char *name, const struct firewall_set_status *st)
{
	struct json *o = json_new();

	json_put_cstr(o, "name", name);
	json_put_int(o, "wanted", st->wanted);
	json_put_int(o, "enforced", st->entries);
	if (st->references > 0 || st->unnamed)
		json_put_bool(o, "referenced", !st->unnamed);
	if (st->trouble[0] != '\0')
		json_put_cstr(o, "error", st->trouble);
	json_add(sets, o);
}

static struct json *
firewall_json(const struct status_parts *p)
{
	struct json *o = json_new(), *sets = json_list();
	struct conf *c = conf_current();
	const char *const names[FW_SETS] = { c->set4, c->set6 };
	struct firewall_status st;
	int64_t wanted = 0, entries = 0;
	bool referenced = true;

	firewall_status(p->firewall, &st);
	json_put_cstr(o, "state", firewall_state_name(st.state));
	if (st.state == FIREWALL_UP && st.fresh) {
		for (unsigned i = 0; i < FW_SETS; i++) {
			wanted += st.set[i].wanted;
			entries += st.set[i].entries;
			referenced = referenced && !st.set[i].unnamed;
			set_json(sets, names[i], &st.set[i]);
		}
		json_put_int(o, "wanted", wanted);
		json_put_int(o, "enforced", entries);
		json_put_bool(o, "referenced", referenced);
	}
	json_put(o, "sets", sets);
	json_put_bool(o, "fresh", st.fresh);
	json_put_int(o, "generation", st.generation);
	json_put_int(o, "failures", (int64_t)st.failures);
	if (st.synced != 0)
		json_put_int(o, "synced", st.synced);
	if (st.repaired != 0)
		json_put_int(o, "repaired", st.repaired);
	if (st.trouble[0] != '\0')
		json_put_cstr(o, "error", st.trouble);
	conf_put(c);
	return o;
}

#define NEARBY_SHOWN 32

static struct json *
allowlist_json(const struct status_parts *p)
{
	struct json *o = json_new(), *nearby = json_list();
	char text[NETLIST_TEXT];
	struct conf *c = conf_current();
	struct err trouble;

	tend_trouble(p->tend, &trouble);
	json_put_int(o, "allow", netlist_size(c->policy.allow));
	json_put_int(o, "own", netlist_size(c->policy.own));
	for (unsigned i = 0; i < NEARBY_SHOWN && netlist_text(c->nearby, i, text) != NULL; i++)
		json_add_text(nearby, str_of(text));
	json_put(o, "nearby", nearby);
	if (*c->allow_file != '\0')
		json_put_cstr(o, "file", c->allow_file);
	if (trouble.text[0] != '\0')
		json_put_cstr(o, "error", trouble.text);
	conf_put(c);
	return o;
}

static void
put_relay_map(struct json *o, const struct status_parts *p)
{
	struct json *map = json_new();
	struct relaymap_status st;

	relaymap_status(p->relaymap, &st);
	if (st.path[0] == '\0') {
		json_free(map);
		return;
	}
	json_put_cstr(map, "path", st.path);
	json_put_cstr(map, "form", map_form_name(st.form));
	json_put_int(map, "grants", (int64_t)st.grants);
	json_put_int(map, "fixed", st.fixed);
	json_put_int(map, "overruled", st.overruled);
	json_put_int(map, "left_out", st.left_out);
	json_put_int(map, "written", st.written);
	if (st.trouble.text[0] != '\0')
		json_put_cstr(map, "error", st.trouble.text);
	json_put(o, "relay_map", map);
}

static struct json *
socketmap_json(const struct status_parts *p)
{
	struct json *o = json_new(), *maps = json_list();
	struct socketmap_status st;

	socketmap_status(p->map, &st);
	json_put_cstr(o, "path", st.path);
	for (unsigned i = 0; i < SOCKETMAP_MAPS; i++) {
		struct json *map = json_new();

		json_put_cstr(map, "name", st.map[i].name);
		json_put_int(map, "asked", (int64_t)st.map[i].asked);
		if (st.map[i].last != 0)
			json_put_int(map, "last", st.map[i].last);
		json_add(maps, map);
	}
	json_put(o, "maps", maps);
	if (st.unknown != 0)
		json_put_int(o, "unknown", (int64_t)st.unknown);
	return o;
}

void
status_fill(struct json *o, const struct status_parts *p)
{
	struct conf *c = conf_current();
	struct logs_list logs = { .list = json_list() };
	struct json *milter = json_new();

	json_put_cstr(o, "version", POPAUTH_VERSION);
	json_put_int(o, "started", p->started);
	json_put(o, "store", store_json(p));
	logs_each(learner_logs(p->learner), log_json, &logs);
	json_put(o, "logs", logs.list);
	if (logs.left_out != 0)
		json_put_int(o, "logs_left_out", logs.left_out);
	json_put(o, "firewall", firewall_json(p));
	json_put(o, "allowlist", allowlist_json(p));
	put_relay_map(o, p);
	if (p->map != NULL)
		json_put(o, "socketmap", socketmap_json(p));
	json_put_cstr(milter, "socket", c->milter_socket);
	json_put(o, "milter", milter);
	if (c->gate != GATE_MODE_OFF)
		json_put(o, "gate", gatekeeper_status(c));
	conf_put(c);
}
