/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_priv.h - between the files of the control server: control*.c only */
#ifndef CONTROL_PRIV_H
#define CONTROL_PRIV_H

#include "control.h"
#include "server.h"
#include "verbs.h"

#define LINE_MAX_OUT 32768		   /* the longest line of an answer */
#define ANSWER_ROOM  (LINE_MAX_OUT + 1024) /* with the last line behind it; half of the output buffer */

struct control {
	struct control_host host;
	struct server *server;
	time_t started;
	char line[LINE_MAX_OUT]; /* an answer's line being written */
};

/* What a connection is doing. */
enum busy {
	BUSY_NOT,  /* waiting for a request */
	BUSY_WALK, /* going through the ledger */
	BUSY_SAVE, /* waiting for its change to be durable */
	BUSY_WATCH
};

/* The end of an answer, kept while its change is not yet durable, and until the change is logged. */
struct ending {
	int code;
	char message[256];
};

/* Which events, which clients.  control_filter.c */
struct filter {
	unsigned kinds;	      /* 1 << kind, EVENT_KINDS being by hand; 0: all */
	struct netlist *nets; /* owned; NULL: all */
};

struct session {
	enum busy busy;
	struct filter filter; /* of what it asked for last */
	struct walk *walk;
	struct watcher watcher;
	uint64_t ticket;
	time_t patience; /* monotonic: when to stop waiting for the ticket */
	struct ending ending;
};

/* A request on its way.  The policy is held as long as this exists. */
struct request {
	struct control *ctl;
	struct conn *conn;
	struct session *session;
	const struct verb *verb;
	const struct policy *policy;
	time_t now;
	struct addr addr;
	uint32_t term; /* 0: not given */
	time_t moment; /* of a reference; 0: an address was given */
	struct str user, reason;
	uint32_t offset, limit; /* limit 0: not given, all */
	uint32_t since;		/* a span; 0: not given */
	struct str match;
	bool history;	/* an entry from elsewhere: */
	bool more;
	struct carried carried;
};

/* control.c: write one line; frees `j`. */
void control_say(struct control *ctl, struct conn *c, struct json *j);
/* The last line. */
void control_end(struct control *ctl, struct conn *c, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The last line, but only when all that was changed until now is durable. */
void control_end_saved(struct control *ctl, struct conn *c, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* control_verbs.c: do what is asked for, with its arguments read and its policy held. */
void control_do(struct request *rq);

/* control_entry.c: one client's place in a set, copied out of its record. */
struct entry {
	struct addr client;
	uint32_t since, last, until;
	uint32_t count;	      /* relay: logins; cache: hits; block: how often */
	uint32_t sent, beyond; /* relay: recipients within the hour; refused because of relay_budget */
	uint8_t kind, by;
	const char *text;     /* zone or reason, interned; NULL: none */
	size_t user;	      /* relay: where in the list's text the name stands */
};
/* From a record that is in the set; the user's name is not copied. */
struct entry entry_of(enum set s, const struct addr *client, const struct record *r, time_t now);
/* Add its fields to an object. */
void entry_put(struct json *o, enum set s, const struct entry *en, struct str user, const struct policy *p);
void client_put(struct json *o, const char *key, const struct addr *client, const struct policy *p);
/* "hand" for EVENT_KINDS. */
const char *kind_text(unsigned kind);
const char *source_text(enum event_source source);
void changes_put(struct json *o, const char *key, unsigned changes);

struct json *watched_json(const struct watched *ev, const struct policy *p);
/* NULL: not trusted. */
const char *address_trusted(const struct policy *p, const struct addr *a);

/* control_around.c: what else is going on that changes how a client is judged. */
#define AROUND_SHOWN 8 /* of each: an answer has to fit its line */
struct around {
	time_t now;
	unsigned n_incidents, n_trips, lowered, held;
	struct incident *incidents; /* owned */
	const struct incident *own; /* that is of this client alone; NULL: none */
	struct lowered {
		const struct incident *why;
		enum event_kind kind;
		struct policy_lowering is;
	} nearest[AROUND_SHOWN]; /* to being reached; of `lowered` in all */
	struct trip trips[BREAKER_OPEN_MAX], holding[AROUND_SHOWN]; /* of `held` in all */
};
void around_begin(struct around *a, const struct request *rq);
/* With the shard's lock held: copies alone.  `about`: kinds that there is evidence of, by 1 << kind. */
void around_client(struct around *a, const struct policy *p, const struct addr *client, const struct record *r,
    unsigned about);
/* Adds its keys and ends it. */
void around_put(struct json *o, struct around *a, const struct policy *p);

/* control_args.c: fill the request from its object; what the verb does not take is an error. */
int request_args(struct request *rq, const struct json *j, struct err *e);

/* control_match.c: which entries of a list are meant: an address as listed, a network, the beginning of an IPv4 address,
 * or a text that is part of the user, zone, reason or kind. */
struct match;
struct match *match_new(struct str text, const struct policy *p); /* NULL: everything */
void match_free(struct match *m);				  /* NULL is fine */
/* Under the shard's lock. */
bool match_fits(struct match *m, enum set s, const struct addr *client, const struct record *r);

/* What goes through the ledger and speaks at the end.  Its own head. */
struct gather {
	ledger_fn *see; /* each record, with the gather as its argument, under its shard's lock */
	/* Say as much as there is room for; true: all has been said but the last line. */
	bool (*say)(struct gather *g, struct control *ctl, struct conn *c, const struct policy *p);
	void (*free)(struct gather *g);
	time_t now;	/* of this part of the walk */
	unsigned shard; /* the next; LEDGER_SHARDS from the start: nothing to see */
};
struct gather *page_gather(const struct request *rq);	 /* control_page.c: part of a list */
struct gather *history_gather(const struct request *rq); /* control_report.c */
struct gather *summary_gather(const struct request *rq);
/* control_carry.c: an entry with a history. */
void add_carried(struct request *rq);
/* control_filter.c: add what a text says.  -1: *e says what is wrong with it. */
int filter_kinds(struct filter *f, struct str text, struct err *e);
int filter_clients(struct filter *f, struct str text, unsigned ipv6_prefix, struct err *e);
bool filter_kind(const struct filter *f, unsigned kind);
bool filter_client(const struct filter *f, const struct addr *client);
void filter_clear(struct filter *f);

/* control_top.c */
struct top;
struct top *top_new(const struct request *rq);
void top_free(struct top *t); /* NULL is fine */
void top_see(void *arg, const struct addr *client, const struct record *r); /* a ledger_fn */
bool top_say(struct top *t, struct control *ctl, struct conn *c, const struct policy *p); /* one of them; false: no more */

/* control_walk.c */
void walk_begin(struct request *rq);
void walk_gather(struct request *rq, struct gather *g); /* g is the walk's */
void walk_free(struct walk *w); /* NULL is fine */
/* Do a part of it; true at the end, when the last line has been said. */
bool walk_more(struct control *ctl, struct conn *c, struct walk *w, const struct policy *p, time_t now);

/* control_guard.c */
void run_incidents(struct request *rq);
void run_breaker(struct request *rq);
void run_breaker_reset(struct request *rq);
struct json *trips_json(struct guard *g, time_t now); /* a list */

struct json *trip_json(const struct trip *t);
struct json *incident_json(const struct incident *i, const struct policy *p);

/* control_explain.c, control_status.c */
void explain(struct request *rq);
struct json *status_json(struct control *ctl);
struct json *stats_json(struct control *ctl);

#endif
