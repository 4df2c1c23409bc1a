/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c - the running daemon's parts, described for `popauth-milterctl status` */
#include "status.h"

#include "conf.h"
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

static void
log_json(void *arg, const struct follow_status *st, time_t last)
{
	struct json *o = json_new();

	json_put_cstr(o, "path", st->path);
	json_put_cstr(o, "state", st->present ? "reading" : "missing");
	json_put_int(o, "lag", (int64_t)st->lag);
	json_put_int(o, "lines", (int64_t)st->lines);
	if (last != 0)
		json_put_int(o, "last", last);
	if (!st->present)
		json_put_cstr(o, "error", st->why);
	json_add(arg, o);
}

static void
set_json(struct json *sets, const char *name, const struct firewall_set_status *st)
{
	struct json *o = json_new();

	json_put_cstr(o, "name", name);
	json_put_int(o, "wanted", st->wanted);
	json_put_int(o, "enforced", st->entries);
	json_put_bool(o, "referenced", st->references > 0);
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
			referenced = referenced && st.set[i].references > 0;
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

void
status_fill(struct json *o, const struct status_parts *p)
{
	struct conf *c = conf_current();
	struct json *logs = json_list(), *milter = json_new();

	json_put_cstr(o, "version", POPAUTH_VERSION);
	json_put_int(o, "started", p->started);
	json_put(o, "store", store_json(p));
	learner_each_log(p->learner, log_json, logs);
	json_put(o, "logs", logs);
	json_put(o, "firewall", firewall_json(p));
	json_put_cstr(milter, "socket", c->milter_socket);
	json_put(o, "milter", milter);
	conf_put(c);
}
