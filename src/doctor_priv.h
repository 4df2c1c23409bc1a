/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_priv.h - between the files of doctor */
#ifndef DOCTOR_PRIV_H
#define DOCTOR_PRIV_H

#include "doctor.h"

#define X(name, function, about) void check_##function(const struct doctor_facts *f, struct doctor_report *r);
DOCTOR_CHECKS(X)
#undef X

/* doctor.c: a new finding of the check at work; the texts are cut to fit. */
struct finding *doctor_found(struct doctor_report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_why(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_change(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Something that the check at work could not look at. */
void doctor_skip(struct doctor_report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* doctor_run.c: bounded in time and size.  Programs are looked for in fixed directories, run without a shell, and with
 * an environment of ours. */
#define CAPTURE_MAX (1024 * 1024)
#define PROGRAM_MS  10000 /* postconf takes some hundredths of a second */
void capture_program(struct capture *c, const char *const *argv, int ms);
bool program_exists(const char *name);
/* Append the file's text, or its last `max` bytes when `tail`. */
void capture_file(struct capture *c, const char *path);
void capture_clear(struct capture *c);
/* What errno a process of that user gets from it; 0: none, -1: cannot be tried. */
enum attempt { ATTEMPT_READ, ATTEMPT_CONNECT };
int attempt_as(uid_t uid, gid_t gid, const char *user, enum attempt what, const char *path);

/* doctor_probe.c */
void knock_control(struct knock *k, const char *path, struct json **status);
void knock_milter(struct knock *k, const char *spec);
void knock_map(struct knock *k, const char *path);

/* doctor_log.c */
void log_look(struct log_fact *l, const char *path, const struct rules *rules, time_t now);

/* doctor_text.c: words of captured text.  `rest` is what is left of the line; false at its end. */
bool text_word(struct str *rest, struct str *word); /* between blanks */
bool text_starts(struct str s, const char *start);
bool text_has(struct str s, const char *what);
struct str capture_text(const struct capture *c);

/* doctor_postfix.c: Postfix as its own tools tell of it. */
struct service {
	struct str name, type, command;
	bool chrooted;
};
bool postfix_seen(const struct doctor_facts *f);
/* A parameter as that service has it; NULL: as main.cf has it.  STR_NONE: there is none of that name. */
struct str postfix_param(const struct doctor_facts *f, const struct service *s, const char *name);
bool postfix_service(const struct doctor_facts *f, struct str line, struct service *s); /* of a line of CAPTURE_MASTER */
/* The next smtpd that strangers can reach; false at the end.  *rest is capture_text() of CAPTURE_MASTER first. */
bool postfix_next_smtpd(const struct doctor_facts *f, struct str *rest, struct service *s);
/* The path as the service sees it, and as this program does. */
void postfix_path(const struct doctor_facts *f, const struct service *s, struct str path, char *buf, size_t size);
bool postfix_same(const char *a, const char *b); /* do these paths lead to the same file? */
/* How the service must name this path of ours; false: it cannot, from its chroot. */
bool postfix_name_of(const struct doctor_facts *f, const struct service *s, const char *path, char *buf, size_t size);
/* The next element of a list, {...} being one. */
bool postfix_element(struct str *rest, struct str *element);
/* "main.cf", or "master.cf, smtp inet" where that service has its own; for people. */
const char *postfix_place(const struct doctor_facts *f, const struct service *s, const char *name, char *buf, size_t size);
void postfix_relay_lookup(const struct doctor_facts *f, struct doctor_report *r);
void postfix_lookup_deferral(const struct doctor_facts *f, struct doctor_report *r);
void postfix_mta_milter(const struct doctor_facts *f, struct doctor_report *r);
void postfix_failure_action(const struct doctor_facts *f, struct doctor_report *r);

/* doctor_sendmail.c */
bool sendmail_seen(const struct doctor_facts *f);
void sendmail_relay_lookup(const struct doctor_facts *f, struct doctor_report *r);
void sendmail_lookup_deferral(const struct doctor_facts *f, struct doctor_report *r);
void sendmail_mta_milter(const struct doctor_facts *f, struct doctor_report *r);
void sendmail_failure_action(const struct doctor_facts *f, struct doctor_report *r);

/* The path of milter_socket; "" when it is not a unix socket. */
const char *milter_path(const struct conf *c);

#endif
