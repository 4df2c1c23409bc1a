/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mta.h - the MTA's side of the milter protocol, for tests and benchmarks
 *
 * Written from the protocol as sendmail 8.17 and Postfix 3.7 speak it (include/libmilter/mfdef.h has the letters; a
 * packet is a 32-bit length in network order, one letter, and data).  Nothing of libmilter is used, so that a test
 * here is a second witness.
 */
#ifndef MTA_H
#define MTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mta_step {
	MTA_NOBODY = 0x10,
	MTA_NOHDRS = 0x20,
	MTA_NOEOH = 0x40,
	MTA_NOUNKNOWN = 0x100,
	MTA_NODATA = 0x200,
	MTA_RCPT_REJ = 0x800,
	MTA_STEPS_V2 = 0x7f,	   /* what protocol version 2 knows */
	MTA_STEPS_V6 = 0x1fffff
};
enum mta_action { MTA_SETSYMLIST = 0x100, MTA_ACTIONS_V2 = 0x3f, MTA_ACTIONS_V6 = 0x1ff };

/* The filter's answer. */
enum mta_answer {
	MTA_CONTINUE = 'c',
	MTA_ACCEPT = 'a',
	MTA_REJECT = 'r',
	MTA_TEMPFAIL = 't',
	MTA_TEXT = 'y', /* a reply of the filter's own, in m->text */
	MTA_NEGOTIATED = 'O',
	MTA_EOF = 0 /* closed, or nothing for 30 s */
};

struct mta {
	int fd;
	uint32_t version, actions, steps; /* as negotiated */
	char text[4096];		  /* of the last answer, with a NUL behind it */
	size_t len;
};

/* -1: not connected. */
int mta_open(struct mta *m, const char *socket_path);
enum mta_answer mta_negotiate(struct mta *m, uint32_t version, uint32_t actions, uint32_t steps);
/* Names and values one after the other, NULL behind the last; sent before the command they belong to. */
void mta_macros(struct mta *m, int command, ...) __attribute__((sentinel));
/* Any command, without and with waiting for the answer. */
void mta_send(struct mta *m, char command, const void *data, size_t len);
enum mta_answer mta_command(struct mta *m, char command, const void *data, size_t len);

/* `ip` NULL: an unknown client; beginning with '/': a UNIX socket. */
enum mta_answer mta_client(struct mta *m, const char *ip);
enum mta_answer mta_helo(struct mta *m, const char *name);
enum mta_answer mta_mail(struct mta *m, const char *sender);
enum mta_answer mta_rcpt(struct mta *m, const char *recipient);
void mta_abort(struct mta *m);
/* End the session politely, or just go; either way the filter has dealt with it when they return. */
void mta_quit(struct mta *m);
size_t mta_vanish(struct mta *m); /* the bytes that still came */
/* The client has gone, another will follow on the same connection. */
void mta_next(struct mta *m);

#endif
