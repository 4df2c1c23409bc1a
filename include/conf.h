/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf.h - popauth-milter.conf, read once into a value that never changes
 *
 * The only user of libconfuse.  A reload makes a new conf; whoever works with the old one holds a reference and
 * finishes with it.  conf_current() hands out the one in force.  Everything a conf points to lives as long as the conf.
 *
 * One table (src/conf_options.c) is the master copy of all options: the parser, the sample file and the option list of
 * popauth-milter.conf(5) are made from it.
 */
#ifndef CONF_H
#define CONF_H

#include <stdio.h>
#include <sys/types.h>

#include "freemail.h"
#include "listfile.h"
#include "mapkey.h"
#include "policy.h"

#define CONF_FILE SYSCONFDIR "/popauth-milter.conf" /* where it is looked for without -c */

#define CONF_LOGS_MAX 64

enum stage { STAGE_CONNECT, STAGE_HELO, STAGE_MAIL, STAGE_RCPT, STAGES };

/* How a client is refused: for good (5xx), or so that an honest server tries again (4xx). */
enum refusal { REFUSE_REJECT, REFUSE_TEMPFAIL, REFUSALS };

/* A listener of the MTA's, by its {daemon_name}, that is treated in its own way. */
struct listener {
	char *name;
	enum stage reject_at; /* STAGES: as everywhere */
	enum refusal answer;  /* REFUSALS: as everywhere */
};

/* What clients are told of a DNSBL. */
struct zone_text {
	char *name;
	char *show;	   /* told instead of the name, which may hold a secret key; NULL: the name */
	char *explanation; /* NULL: none */
};

struct conf_group {
	char *name; /* "" = none in particular, and then gid is (gid_t)-1 */
	gid_t gid;
};

/* Who refuses relaying: the MTA, or the milter alone, for an MTA that relays for everybody and fails closed. */
enum gate_mode { GATE_MODE_OFF, GATE_MODE_CLOSED, GATE_MODES };

struct conf {
	struct policy policy; /* its lists belong to the conf */
	struct conf *base;    /* NULL, or: all below is that one's, whose reference this holds (conf_refresh()) */
	const struct netlist *allow, *own; /* as the file names them; policy's lists hold more */
	char *allow_file;     /* "" = none */
	struct listfile_stamp allow_seen; /* the file as it was read */
	const struct netlist *in_file, *nearby; /* what it held, and what is around this system; NULL: not looked for */
	char *path;	      /* the file it was read from */
	char *user;	      /* the daemon's own user; "" = stay who we are */
	char *socket_group;   /* group that may use the milter and map sockets; "" = the user's own */
	char *state_dir;
	char *rules_dir, *rules_local; /* shipped rules; the administrator's own, "" or missing = none */
	char *milter_socket;  /* libmilter form: unix:PATH, inet:PORT@HOST, inet6:PORT@HOST */
	char *map_socket;     /* a path; "" = no socketmap */
	char *control_socket; /* a path */
	char *relay_map;      /* a path, with or without its .db; "" = no map file */
	enum map_form relay_map_form;
	char *relay_map_static; /* a path; "" = none */
	struct conf_group relay_map_group;
	char **logs;	      /* at most CONF_LOGS_MAX, none twice; NULL-terminated; see logspec.h */
	bool log_from_start;  /* a log never read before: from its beginning, or only what comes */
	const struct netlist *log_senders; /* by UDP; NULL: loopback */
	struct conf_group log_group;	   /* of syslog sockets of our making */
	char **journal_match;		   /* NULL-terminated; NULL: all */
	char **log_tags;      /* NULL-terminated: TAG=PROGRAM, for rules_alias(); NULL: none */
	char **own_names;     /* NULL-terminated: names and addresses that nobody but us may use in HELO */
	struct addr *own_addrs; /* the addresses among own_names, and our public ones */
	unsigned n_own_addrs;
	char *postmaster;     /* whom to write to, in reply texts */
	enum stage reject_at; /* where a cached or blocked client is told, unless its listener says otherwise */
	enum refusal answer;
	struct listener *listeners;
	unsigned n_listeners;
	/* template.h */
	char *text_listed, *text_cached, *text_blocked, *text_helo, *text_sender, *text_recipient;
	struct zone_text *zones;
	unsigned n_zones;
	enum freemail_mode freemail;
	char *freemail_list, *freemail_local; /* the latter "": none */
	char *traps;			      /* "": none */
	enum gate_mode gate;
	char **gate_domains;  /* NULL-terminated, domains.h; NULL: none */
	char *gate_file;      /* more of them; "": none */
	char **gate_mailers;  /* NULL-terminated: {rcpt_mailer} of recipients that are ours; NULL: none */
	char *gate_mta;	      /* the MTA's configuration, or "elsewhere" */
	char *text_relay, *text_budget; /* template.h */
	bool firewall;
	char *firewall_helper;	/* path of popauth-firewall */
	char *set4, *set6;
	unsigned long max_clients;
	unsigned flush_every;	/* seconds */
	_Atomic unsigned refs;	/* conf_get(), conf_put(); the last member (conf_refresh() copies those before) */
};

/* Read and check; errors are "FILE:LINE: what is wrong" (several lines, one mistake each, as far as they fit).
 * On success the caller owns one reference.  libconfuse's scanner is not reentrant: calls are serialised. */
struct conf *conf_read(const char *path, struct err *e);
/* For whoever judges by it, before conf_install(): take allow_file into the lists and, with `protect`, this system's
 * addresses, gateways and resolvers (nearby.h).  On failure *e says FILE:LINE: what, and the lists are as before. */
int conf_lists(struct conf *c, bool protect, struct err *e);
/* The same conf with allow_file as it is now and, with `around`, what is around this system: NULL when nothing has
 * changed; with a text in *e, once for each change of it, when allow_file cannot be used.  Reads files.  `look` is the
 * caller's, zeroed at first: a file is read when it was the same at two calls, and not in the middle of being written. */
struct conf_look {
	struct listfile_stamp last, bad;
	bool is_bad; /* the file as in `bad` cannot be used, and that was said */
};
struct conf *conf_refresh(struct conf *c, struct conf_look *look, bool around, struct err *e);
struct conf *conf_get(struct conf *c); /* one reference more; returns c */
void conf_put(struct conf *c);	       /* NULL is fine */

/* The conf in force, any thread.  conf_current() returns a reference of the caller's, NULL before the first
 * conf_install(); conf_install() takes over the caller's (NULL: none in force any more). */
struct conf *conf_current(void);
/* Is it still the one in force?  `c` is a reference of the caller's.  For who asks often: takes no lock, writes nothing. */
bool conf_is_current(const struct conf *c);
void conf_install(struct conf *c);

/* `daemon_name` is the MTA's {daemon_name}; NULL when it does not tell. */
enum stage conf_reject_at(const struct conf *c, const char *daemon_name);
/* Where a forged HELO is refused on that listener: STAGE_HELO, or STAGE_MAIL where users may authenticate first. */
enum stage conf_forgery_at(const struct conf *c, const char *daemon_name);
enum refusal conf_answer(const struct conf *c, const char *daemon_name);
const char *stage_name(enum stage s);
/* What is said of this DNSBL, or of one that it is below: the longest name wins.  NULL: nothing in particular. */
const struct zone_text *conf_zone(const struct conf *c, struct str zone);

/* Print a sample configuration file with every option, its default and its meaning. */
void conf_print_sample(FILE *out);
/* The same as the mdoc list in popauth-milter.conf(5). */
void conf_print_mdoc(FILE *out);

#endif
