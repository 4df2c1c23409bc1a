/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon.c - the running filter: its parts, and what they lend each other */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "control.h"
#include "daemon_owner.h"
#include "daemon_restart.h"
#include "filter.h"
#include "firewall.h"
#include "gatekeeper.h"
#include "learner.h"
#include "lists.h"
#include "logmsg.h"
#include "relaymap.h"
#include "reply.h"
#include "rulebook.h"
#include "socketmap.h"
#include "stats.h"
#include "status.h"
#include "store.h"
#include "version.h"
#include "tend.h"
#include "writer.h"

/* Seconds of work after which a helper's end is an accident.  systemd gives up a unit that is started five times in ten. */
#define HELPER_WORKED 10

struct daemon {
	struct pipeline pipeline;
	struct ledger *ledger;
	struct evidence *evidence;
	struct watch *watch;
	struct guard *guard;
	struct history *history;
	struct tend *tend;
	struct relaymap *relaymap;
	struct learner *learner;
	struct firewall_helper helper;
	struct firewall *firewall; /* NULL before daemon_start(): nothing is learned before */
	struct store *store;
	struct writer *writer;
	struct control *control;
	struct socketmap *map;	   /* NULL: not configured */
	time_t started;
	struct conf *started_with;
	enum store_state store_state;
	struct err store_note; /* what happened to a store that was set aside */
	bool store_foreign;    /* it has entries that are not of this version */
};

/* Effects: what follows from an event, handed over by queue. */

static void
block_changed(void *arg, const struct addr *client)
{
	const struct daemon *d = arg;

	firewall_block_changed(d->firewall, client);
}

static void
told(void *arg, const struct event *ev, const struct addr *client, unsigned changes)
{
	const struct daemon *d = arg;

	evidence_told(d->evidence, ev, client, changes);
	watch_told(d->watch, ev, client, changes);
	if (changes & (CHANGE_GRANTED | CHANGE_UNGRANTED) || ev == NULL)
		relaymap_changed(d->relaymap, client);
}

static void
alarm_raised(void *arg)
{
	tend_alarm(((struct daemon *)arg)->tend);
}

static void
noticed(void *arg, const struct notice *n)
{
	tend_notice(((struct daemon *)arg)->tend, n);
}

/* What the servers borrow. */

static time_t
now(void *arg)
{
	(void)arg;
	return time(NULL);
}

static const struct policy *
policy_get(void *arg, void **hold)
{
	struct conf *c = conf_current();

	(void)arg;
	*hold = c;
	return &c->policy;
}

static void
policy_put(void *arg, void *hold)
{
	(void)arg;
	conf_put(hold);
}

static void
reject_text(void *arg, const struct addr *a, const struct answer *why, char *buf, size_t size)
{
	struct conf *c = conf_current();
	const struct reply_to to = { c, a, time(NULL), REFUSE_REJECT };
	struct reply r;

	(void)arg;
	reply_refused(&r, &to, why);
	str_copy(buf, size, str_of(r.text));
	conf_put(c);
}

static uint64_t
durable_request(void *arg)
{
	return writer_request(((struct daemon *)arg)->writer);
}

static enum durable
durable_check(void *arg, uint64_t ticket, struct err *e)
{
	switch (writer_check(((struct daemon *)arg)->writer, ticket, e)) {
	case WRITING_WAIT:
		return DURABLE_WAIT;
	case WRITING_DONE:
		return DURABLE_DONE;
	case WRITING_FAILED:
		break;
	}
	return DURABLE_FAILED;
}

static void
committed(void *arg)
{
	control_wake(((struct daemon *)arg)->control);
}

static int
reload(void *arg, struct json *restart, struct err *e)
{
	return daemon_reload(arg, restart, e);
}

static void
status(void *arg, struct json *o)
{
	const struct daemon *d = arg;
	const struct status_parts parts = {
		.started = d->started,
		.store = d->store,
		.store_state = d->store_state,
		.store_note = d->store_note.text,
		.writer = d->writer,
		.learner = d->learner,
		.firewall = d->firewall,
		.tend = d->tend,
		.relaymap = d->relaymap,
		.map = d->map,
	};

	status_fill(o, &parts);
}

/* Start. */

int
daemon_rules(const struct conf *c, struct rules **out, struct err *e)
{
	const char *const paths[] = { c->rules_local, c->rules_dir, NULL };
	struct rules *set;

	if (rules_load(paths, &set, e) == -1)
		return -1;
	if (rules_alias(set, c->log_tags, e) == -1) {
		rules_free(set);
		return -1;
	}
	*out = set;
	return 0;
}

static int
open_map(struct daemon *d, const struct conf *c, const struct owner *o, struct err *e)
{
	struct socketmap_setup setup = {
		.path = c->map_socket,
		.mode = 0660,
		.uid = o->uid,
		.gid = o->socket_gid,
		.host = { d, d->ledger, now, policy_get, policy_put, reject_text },
	};

	if (*c->map_socket == '\0')
		return 0;
	d->map = socketmap_open(&setup, e);
	return d->map == NULL ? -1 : 0;
}

static int
open_control(struct daemon *d, const struct conf *c, const struct owner *o, struct err *e)
{
	struct control_setup setup = {
		.path = c->control_socket,
		.mode = 0660,
		.uid = o->uid,
		.gid = o->gid,
		.host = { d, &d->pipeline, d->evidence, d->watch, now, policy_get, policy_put, durable_request,
		    durable_check, reload, status, rulebook_find },
	};

	d->control = control_open(&setup, e);
	return d->control == NULL ? -1 : 0;
}

static void
spawn_helper(struct daemon *d, const struct conf *c)
{
	struct firewall_conf fc = {
		.helper = c->firewall_helper,
		.user = c->user,
		.set4 = c->set4,
		.set6 = c->set6,
		.ipv6_prefix = c->policy.ipv6_prefix,
		.maxelem = firewall_room(c->max_clients),
	};
	struct err e;

	d->helper.fd = -1;
	if (c->firewall && firewall_spawn(&fc, &d->helper, &e) == -1)
		logmsg(LEVEL_ERROR, "no client will be blocked in the kernel: %s", e.text);
}

static int
open_sockets(struct daemon *d, const struct conf *c, struct err *e)
{
	struct owner o;

	if (owner_find(c, &o, e) == -1 || owner_make_dirs(c, &o, e) == -1 || open_control(d, c, &o, e) == -1 ||
	    open_map(d, c, &o, e) == -1 || filter_register(&d->pipeline, e) == -1)
		return -1;
	return filter_open_socket(c, e);
}

struct daemon *
daemon_open(struct err *e)
{
	struct daemon *d = xcalloc(1, sizeof *d);
	struct effects fx = { d, block_changed, told };
	struct conf *c = conf_current();

	d->ledger = ledger_new(c->max_clients);
	pipeline_init(&d->pipeline, d->ledger, &fx);
	d->guard = guard_new();
	pipeline_guard(&d->pipeline, d->guard, alarm_raised, noticed);
	d->pipeline.history = d->history = history_new();
	d->evidence = evidence_new(EVIDENCE_ENTRIES);
	d->watch = watch_new();
	d->tend = tend_new(&d->pipeline, d->watch);
	d->relaymap = relaymap_new(&(struct relaymap_setup){ .ledger = d->ledger, .now = now });
	d->learner = learner_new(&d->pipeline);
	spawn_helper(d, c);
	if (open_sockets(d, c, e) == -1) {
		conf_put(c);
		return NULL; /* and the process ends */
	}
	conf_put(c);
	return d;
}

/* What store_load() is told to put where. */
struct restoring {
	struct daemon *daemon;
	const struct policy *policy;
	time_t now;
	unsigned unread;
	struct err why; /* of the first of these */
};

/* Halves of events, open breakers, the history: what another version has written in its own way is not worth a daemon
 * that does not start. */
static void
restore_meta(struct restoring *rs, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen)
{
	struct daemon *d = rs->daemon;
	struct err e;

	if (guard_restore(d->guard, key, klen, val, vlen, &e) == 0 &&
	    history_restore(d->history, key, klen, val, vlen, &e) == 0 &&
	    learner_restore(d->learner, key, klen, val, vlen, &e) == 0)
		return;
	if (rs->unread++ == 0)
		rs->why = e;
}

static int
restore(void *arg, enum cut_table table, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen,
    struct err *e)
{
	struct restoring *rs = arg;
	struct daemon *d = rs->daemon;

	switch (table) {
	case CUT_CLIENTS:
		return ledger_restore(d->ledger, rs->policy, key, klen, val, vlen, rs->now, e);
	case CUT_SOURCES:
		return logs_resume(learner_logs(d->learner), (struct str){ (const char *)key, klen }, val, vlen, e);
	case CUT_META:
		restore_meta(rs, key, klen, val, vlen);
		return 0;
	default:
		return 0;
	}
}

static int
open_store(struct daemon *d, const struct conf *c, struct err *e)
{
	struct restoring rs = { .daemon = d, .policy = &c->policy, .now = time(NULL) };

	d->store = store_open(c->state_dir, &d->store_state, e);
	if (d->store == NULL)
		return -1;
	if (d->store_state == STORE_SET_ASIDE)
		d->store_note = *e;
	switch (store_load(d->store, restore, &rs, e)) {
	case STORE_DONE:
		ledger_restored(d->ledger, rs.now);
		break;
	case STORE_EMPTIED: /* half of it is worth nothing: records and positions belong together */
		ledger_clear(d->ledger);
		history_clear(d->history);
		learner_forget(d->learner);
		d->store_note = *e;
		break;
	case STORE_FAILED:
		return -1;
	}
	d->store_foreign = rs.unread > 0;
	if (d->store_foreign)
		logmsg(LEVEL_WARNING, "%u entries of the store are not of this version and are forgotten: %s", rs.unread,
		    rs.why.text);
	if (d->store_note.text[0] != '\0')
		logmsg(LEVEL_ERROR, "starting with nothing learned: %s", d->store_note.text);
	return 0;
}

static int
start_threads(struct daemon *d, const struct conf *c, struct rules *rules, struct err *e)
{
	struct writer_setup ws = {
		.store = d->store,
		.learner = d->learner,
		.flush_every = c->flush_every,
		.whole = d->store_foreign,
		.committed = committed,
		.arg = d,
	};

	if (c->firewall && (d->firewall = firewall_start(d->helper, d->ledger, c->policy.ipv6_prefix, e)) == NULL)
		return -1;
	if (learner_start(d->learner, rules, e) == -1 || tend_start(d->tend, e) == -1 ||
	    relaymap_start(d->relaymap, e) == -1 ||
	    (d->writer = writer_start(&ws, e)) == NULL || control_start(d->control, e) == -1)
		return -1;
	return d->map == NULL ? 0 : socketmap_start(d->map, e);
}

void
daemon_on_loss(struct daemon *d, void (*lost)(void *arg))
{
	firewall_on_loss(d->firewall, HELPER_WORKED, lost, NULL);
}

/* The lists of trusted networks may be others than when these clients were judged. */
static void
trust(struct daemon *d, const struct conf *c)
{
	size_t n = pipeline_trust(&d->pipeline, &c->policy, time(NULL));

	if (n > 0)
		logmsg(LEVEL_NOTICE, "%zu clients are trusted now, and no longer granted, cached or blocked", n);
}

int
daemon_start(struct daemon *d, struct rules *rules, struct err *e)
{
	struct conf *c = conf_current();
	unsigned n = rules_count(rules);
	int rc;

	d->started = time(NULL);
	d->started_with = conf_get(c);
	rulebook_use(rules);
	rc = open_store(d, c, e);
	if (rc == 0)
		trust(d, c);
	if (rc == 0)
		rc = start_threads(d, c, rules, e);
	if (rc == 0)
		logmsg(LEVEL_NOTICE, "version %s, %u rules, %zu clients known, milter at %s", POPAUTH_VERSION, n,
		    ledger_size(d->ledger), c->milter_socket);
	conf_put(c);
	return rc;
}

static int
reload_files(struct daemon *d, struct json *restart, struct err *e)
{
	struct conf *old = conf_current(), *new = conf_read(old->path, e);
	struct lists *lists = new == NULL ? NULL : lists_read(new, e);
	struct rules *rules;
	unsigned prefix = 0;

	if (new != NULL) {
		prefix = new->policy.ipv6_prefix;
		new->policy.ipv6_prefix = old->policy.ipv6_prefix; /* the ledger's keys were folded with it */
	}
	if (lists == NULL || conf_lists(new, true, e) == -1 || gatekeeper_confirm(new, e) == -1 ||
	    daemon_rules(new, &rules, e) == -1) {
		lists_put(lists);
		conf_put(new);
		conf_put(old);
		return -1;
	}
	restart_wanted(d->started_with, new, prefix, restart);
	conf_install(conf_get(new));
	lists_install(lists);
	rulebook_use(rules);
	learner_reload(d->learner, rules);
	trust(d, new);
	conf_put(new);
	conf_put(old);
	return 0;
}

int
daemon_reload(struct daemon *d, struct json *restart, struct err *e)
{
	int rc;

	tend_lock(d->tend);
	rc = reload_files(d, restart, e);
	tend_unlock(d->tend);
	stat_add(rc == 0 ? STAT_RELOADS : STAT_RELOADS_FAILED, 1);
	if (rc == 0)
		logmsg(LEVEL_NOTICE, "reloaded");
	else
		logmsg(LEVEL_ERROR, "not reloaded, everything stays as it was: %s", e->text);
	return rc;
}

/* The gate of the filter is closed, so no session brings events any more.  The writer wakes the control thread, which
 * asks the writer: both threads end before either is freed. */
void
daemon_stop(struct daemon *d)
{
	filter_stop();
	filter_remove_socket();
	writer_stop(d->writer);
	control_close(d->control);
	socketmap_close(d->map); /* whose status the control thread tells */
	learner_stop(d->learner);
	tend_stop(d->tend);
	relaymap_stop(d->relaymap);
	firewall_stop(d->firewall);
	store_close(d->store);
	writer_free(d->writer);
	learner_free(d->learner);
	rulebook_use(NULL);
	lists_install(NULL);
	tend_free(d->tend);
	relaymap_free(d->relaymap);
	guard_free(d->guard);
	history_free(d->history);
	evidence_free(d->evidence);
	watch_free(d->watch);
	ledger_free(d->ledger);
	conf_install(NULL);
	conf_put(d->started_with);
	free(d);
	logmsg(LEVEL_NOTICE, "stopped");
}
