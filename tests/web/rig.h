/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.h - for the tests of the page: the real daemon and the real popauth-web, on loopback, in a directory of their own */
#ifndef RIG_H
#define RIG_H

#include <sys/types.h>

#include "ask.h"

#define RIG_USER     "admin"
#define RIG_PASSWORD "correct horse battery"

struct rig {
	char dir[64];
	char host[40];	  /* "127.0.0.1:PORT" */
	char control[96]; /* the daemon's socket */
	pid_t daemon, web;
	char said[2000];  /* what popauth-web said until it listened */
};

/* `options` are more of popauth-web's, NULL at the end; NULL: none.  Fails the test when something does not start. */
void rig_start(struct rig *r, const char *const *options);
void rig_stop(struct rig *r);
/* Stop or start popauth-web alone, or the daemon. */
void rig_stop_daemon(struct rig *r);
/* A line of the mail log, with the head that is missing: date, host. */
void rig_log(const struct rig *r, const char *line);
/* Ask the daemon; fails the test unless it says yes. */
void rig_ask(const struct rig *r, const char *request);
/* Until the answer to `request` has `text` in it. */
void rig_await(const struct rig *r, const char *request, const char *text);
/* Run popauth-web itself, `input` on its standard input; its exit status. */
int rig_run(const struct rig *r, const char *const *argv, const char *input);

/* Send `request` as it is and hear everything until the other side closes; returns the status. */
int rig_http(const struct rig *r, const char *request, char *answer, size_t size);
/* GET or, with a `form`, POST; `cookie` may be NULL, `headers` are more header lines or "". */
int rig_ask_page(const struct rig *r, const char *path, const char *form, const char *cookie, const char *headers, char *answer,
    size_t size);
/* Begin to hear /events; what comes is written to `answer`, until `text` has come `times` or the other side closes; fails the
 * test when neither comes for minutes.  `fd` -1: with a new connection.  Returns the connection; -1: it is closed. */
int rig_stream(const struct rig *r, int fd, const char *cookie, const char *text, unsigned times, char *answer, size_t size);
/* Log in; the cookie "popauth=…" is written to `cookie`, and the form's token to `csrf`. */
void rig_login(const struct rig *r, char cookie[100], char csrf[60]);

#endif
