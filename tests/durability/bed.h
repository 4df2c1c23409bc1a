/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bed.h - the real daemon as a child that can be killed, and what it leaves on the disk
 *
 * Nothing here waits for a time: every wait is for something that the daemon says or answers, with a patience that only
 * a daemon that hangs uses up.
 */
#ifndef BED_H
#define BED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "addr.h"

#define PATIENCE 300 /* seconds */
#define PATH_ROOM 160

struct proc {
	char dir[PATH_ROOM], state[PATH_ROOM]; /* its files and sockets; its state_dir, which may lie elsewhere */
	pid_t pid;			       /* -1: not running */
	int out;			       /* what it says comes here */
	char said[1 << 20];		       /* since it was started */
	size_t n;
};

/* Write its configuration: these logs, read from the start, terms so long that none ends during a test. */
void proc_setup(struct proc *p, const char *dir, const char *state, char (*logs)[PATH_ROOM], unsigned nlogs);
void proc_start(struct proc *p);
/* Take what it has said, waiting at most `ms` for something.  false: it has ended. */
bool proc_listen(struct proc *p, int ms);
bool proc_said(const struct proc *p, const char *text);
/* Wait for these words; false: it ended without saying them.  Fails the test when patience ends. */
bool proc_await(struct proc *p, const char *text);
/* Send the signal, wait for the end; returns the wait status. */
int proc_end(struct proc *p, int sig);

/* popauth-milterctl: in the background; its exit status; whether that is 0 within the patience. */
pid_t ctl_start(const struct proc *p, const char *const *words);
int ctl(const struct proc *p, const char *const *words);
bool ctl_says(const struct proc *p, const char *const *words, const char *text);
void await_known(const struct proc *p, const char *client);

/* All clients in a store that nobody uses, in order. */
struct dump {
	struct dump_item {
		struct addr client;
		uint8_t *val;
		size_t n;
	} *v;
	size_t n, cap;
};

void dump_load(struct dump *d, const char *state);
void dump_free(struct dump *d);
const struct dump_item *dump_find(const struct dump *d, const struct addr *client);
/* Fails the test unless both hold the same clients with the same records; those that the test itself put in by hand
 * or to see how far the daemon has read (2001:db8:ff00::/40) are left aside. */
void dump_compare(const struct dump *got, const struct dump *want);

/* Run a command of the system, or fail the test. */
void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
