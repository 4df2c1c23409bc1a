/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world.h - a day of mail, with everybody in it
 *
 * Who comes and why is decided first (people.c, rogues.c, liars.c: visits without any words), then what the servers
 * write about it (servers.c, tell.c: lines), and by the way what it means (facts).  What must follow from the facts is
 * worked out in truth.c, by hand and slowly, from the design alone: nothing here is linked with the program that is to
 * be tried, nor includes its headers.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum kind {
	LOGIN,
	AUTH_FAILURE,
	RBL,
	HELO_FORGERY,
	SENDER_FORGERY,
	RECIPIENT_FORGERY,
	UNKNOWN_USER,
	RELAY_DENIED,
	RATE_LIMIT,
	PROTOCOL,
	POLICY,
	NOTHING, /* a line that must mean nothing */
	KINDS
};

#define HOUR 3600
#define DAY  86400
#define SPAN (26 * HOUR) /* what the logs cover */

extern time_t dawn;	/* when it begins */
extern bool ports_told; /* the first host has smtpd_client_port_logging */

/* ---- draw.c: chance, and memory that lasts as long as the world ---- */

void draw_seed(uint64_t seed);
uint32_t any(uint32_t below); /* 0 .. below - 1; below > 0 */
uint32_t between(uint32_t least, uint32_t most);
bool one_in(uint32_t n);
const char *one_of(const char *const *list);
#define ONE_OF(...) one_of((const char *const[]){ __VA_ARGS__, NULL })

void *keep(size_t size); /* zeroed */
const char *keepf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Room for element n of an array that has n of them. */
void *grow(void *array, size_t n, size_t size);
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

const char *some_user(void);
const char *some_recipient(void);
const char *some_zone(void);
const char *some_host(void);

/* ---- who ---- */

enum { PERSON = 1, OWN = 2, ALLOWED = 4, LIAR = 8 };

struct client {
	const char *name; /* as the results have it: an IPv4 address, or a /64 */
	const char *role;
	unsigned is;      /* PERSON ... */
	struct fact **facts;
	size_t n;
};

/* One address of a client. */
struct peer {
	struct client *client;
	const char *ip;   /* RFC 5952 */
	const char *host; /* its name, or "unknown" */
	bool v4;
};

extern struct client **clients;
extern size_t clients_n;

enum family { V4, V6, EITHER };

struct peer *peer_new(const char *role, enum family f, unsigned is);
struct peer *peer_fixed(const char *role, const char *ip, unsigned is);
struct peer *peer_beside(const struct peer *p); /* another address of the same client */
/* The n-th client of a network that nobody else is in: "203.0.113", or "2001:db8:fff2" and as far as :ffff. */
struct peer *peer_in(const char *net, unsigned n, const char *role, unsigned is);

/* ---- what has to be said of more than one of them: NAME is a network, or a client that guesses under its credit ---- */

struct said {
	const char *name;
	bool surely; /* or it may be said */
};

extern struct said *saids;
extern size_t saids_n;

void say(const char *name, bool surely);

/* ---- what they do ---- */

struct deed {
	unsigned after; /* seconds since the visit began */
	enum kind kind;
	const char *text; /* the user, the recipient, the zone */
	unsigned times; /* said by the log in "message repeated n times", behind the line itself */
};

struct visit {
	time_t at;
	const struct peer *peer;
	const struct server *server;
	unsigned log;
	const char *helo, *sender;
	bool lies; /* what it means is up to the rules, as long as it means no login and nobody else */
	struct deed *deeds;
	size_t n;
	/* tell.c */
	unsigned pid, port;
	const char *id; /* queue id */
	bool known;	/* a line has told whose it is */
	size_t facts;	/* where its facts begin */
};

extern struct visit **visits;
extern size_t visits_n;

struct visit *visit_new(const struct peer *p, const struct server *s, time_t at);
struct deed *visit_deed(struct visit *v, unsigned after, enum kind kind, const char *text);
/* One visit with one deed in it. */
struct visit *visit_once(const struct peer *p, const struct server *s, time_t at, enum kind kind, const char *text);
const char *some_text(enum kind kind);

/* ---- servers.c: who writes what ---- */

#define LOGS  3
#define SAYS 7

enum pids {
	FORKS, /* a process for each client */
	POOL,  /* processes that wait for the next client */
	ONE,   /* one for all */
	NO_PID
};

enum { V4_ONLY = 1, SETTLES = 2, NO_USER = 4, MAILBOX = 8, INTRODUCES = 16 };

/* The lines are shapes: see tell.c. */
struct server {
	const char *name, *tag;
	unsigned logs; /* 1 << 0 ... */
	enum pids pids;
	unsigned is; /* V4_ONLY ... */
	const char *hello, *bye;
	const char *says[KINDS][SAYS];
};

extern const struct server servers[];
extern const size_t servers_n;

bool server_says(const struct server *s, enum kind kind, const struct peer *p);
const struct server *server_for(enum kind kind, const struct peer *p);
const struct server *mailbox_for(const struct peer *p); /* a POP or IMAP server that can tell of logins */
const struct server *server_named(const char *name);

/* ---- tell.c: lines and facts ---- */

struct line {
	time_t at;
	uint32_t order; /* among those of one second */
	unsigned log, number;
	const char *text;
};

/* What a line says of somebody. */
struct fact {
	const struct peer *peer;
	enum kind kind;
	time_t at;
	struct line *line; /* at which it is known */
	const char *text;
	unsigned session; /* the client's port where that is told, or the process, across all logs; 0: not told */
	unsigned times;
	bool again; /* told before, by another line */
	bool late;  /* the line that names the client comes later */
	bool lies, no_user;
};

extern struct line **lines;
extern size_t lines_n;
extern struct fact **facts;
extern size_t facts_n;

void tell_all(void); /* visits -> lines, facts */

/* ---- truth.c ---- */

/* One line for each client: what must have become of it. */
void truth_write(FILE *out);
/* The incidents: name, and must or may. */
void truth_write_said(FILE *out);

/* ---- roles ---- */

struct role {
	const char *name;
	unsigned weight; /* how many of them, more or less */
	void (*live)(const char *name);
};

extern const struct role people[], rogues[], liars[];

#endif
