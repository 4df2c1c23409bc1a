/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_verbs.c - what is done for each verb: at once, or by a walk through the ledger that begins here */
#include "control_priv.h"

static void
run_status(struct request *rq)
{
	walk_begin(rq);
}

static void
run_top(struct request *rq)
{
	walk_begin(rq);
}

static void
run_list(struct request *rq)
{
	if (rq->limit > 0)
		walk_gather(rq, page_gather(rq));
	else
		walk_begin(rq);
}

static void
run_history(struct request *rq)
{
	walk_gather(rq, history_gather(rq));
}

static void
run_summary(struct request *rq)
{
	walk_gather(rq, summary_gather(rq));
}

static void
run_flush(struct request *rq)
{
	walk_begin(rq);
}

static void
run_stats(struct request *rq)
{
	control_say(rq->ctl, rq->conn, stats_json(rq->ctl));
	control_end(rq->ctl, rq->conn, 0, "%s", "");
}

static void
run_explain(struct request *rq)
{
	explain(rq);
}

static void
run_watch(struct request *rq)
{
	struct json *j;

	if (rq->ctl->host.watch == NULL) {
		control_end(rq->ctl, rq->conn, 1, "there is nothing to watch");
		return;
	}
	j = json_new();
	json_put_bool(j, "watching", true);
	control_say(rq->ctl, rq->conn, j);
	watch_join(rq->ctl->host.watch, &rq->session->watcher);
	rq->session->busy = BUSY_WATCH;
}

struct added {
	enum set set;
	time_t now;
	bool there;
	struct entry entry;
};

static void
copy_added(void *arg, const struct addr *client, const struct record *r)
{
	struct added *ad = arg;

	ad->there = record_in(r, ad->set, ad->now);
	if (ad->there)
		ad->entry = entry_of(ad->set, client, r, ad->now);
}

static void
run_add(struct request *rq)
{
	struct control_host *host = &rq->ctl->host;
	enum set set = rq->verb->set;
	struct str text = set == SET_RELAY ? rq->user : rq->reason;
	const char *why = set == SET_RELAY && !policy_ignores(rq->policy, &rq->addr, EVENT_LOGIN) ?
	    NULL : address_trusted(rq->policy, &rq->addr);
	struct addr client = addr_client(&rq->addr, rq->policy->ipv6_prefix);
	struct added ad = { .set = set, .now = rq->now };
	struct json *j;
	unsigned changes;

	if (rq->history) {
		add_carried(rq);
		return;
	}
	if (why != NULL) {
		control_end(rq->ctl, rq->conn, 2, "not added: this address is %s", why);
		return;
	}
	changes = pipeline_add(host->pipeline, rq->policy, set, &rq->addr, rq->now, rq->term, text);
	ledger_view(host->pipeline->ledger, rq->policy, &rq->addr, copy_added, &ad);
	j = json_new();
	client_put(j, "client", &client, rq->policy);
	if (ad.there)
		entry_put(j, set, &ad.entry, text, rq->policy);
	changes_put(j, "changes", changes);
	control_say(rq->ctl, rq->conn, j);
	control_end_saved(rq->ctl, rq->conn, 0, "%s", "");
}

static void
run_del(struct request *rq)
{
	struct control_host *host = &rq->ctl->host;
	struct addr client = addr_client(&rq->addr, rq->policy->ipv6_prefix);
	unsigned changes = pipeline_del(host->pipeline, rq->policy, rq->verb->set, &rq->addr, rq->now);
	char text[ADDR_TEXT];

	addr_format_client(text, &client, rq->policy->ipv6_prefix);
	if (changes == 0) {
		control_end(rq->ctl, rq->conn, 1, "%s is not in %s", text, set_name(rq->verb->set));
		return;
	}
	control_end_saved(rq->ctl, rq->conn, 0, "%s taken out of %s", text, set_name(rq->verb->set));
}

static void
run_reload(struct request *rq)
{
	struct json *o, *restart = json_list();
	struct err e = { "" };

	if (rq->ctl->host.reload(rq->ctl->host.arg, restart, &e) == -1) {
		json_free(restart);
		control_end(rq->ctl, rq->conn, 1, "not reloaded, all is as before: %s", e.text);
		return;
	}
	if (json_count(restart) > 0) {
		o = json_new();
		json_put(o, "restart", restart);
		control_say(rq->ctl, rq->conn, o);
	} else {
		json_free(restart);
	}
	control_end(rq->ctl, rq->conn, 0, "reloaded");
}

void
control_do(struct request *rq)
{
	static void (*const actions[VERBS])(struct request *) = {
#define X(id, name, set, action, args, access, usage, help) [VERB_##id] = run_##action,
		VERBS_TABLE(X)
#undef X
	};

	actions[rq->verb->id](rq);
}
