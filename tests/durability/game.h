/* SPDX-License-Identifier: GPL-2.0-or-later */
/* game.h - the moves of the durability tests: one daemon, four logs, a small disk, and what must be true in the end */
#ifndef GAME_H
#define GAME_H

#include "keeper.h"

#define GAME_ADDS 4096

/* One at a time. */
extern struct game {
	char dir[32], small[64];
	struct keeper k;
	struct proc p;
	pid_t adding;	   /* popauth-milterctl; 0: none */
	unsigned writes;   /* that may still be done by busy_until() */
	unsigned adds;	   /* begun */
	bool added[GAME_ADDS]; /* and said to be durable */
	unsigned added_n, kills, early, refused;
} g;

/* cmocka's setup and teardown. */
int game_fresh(void **state);
int game_done(void **state);

/* Until a moment of the clock below has come, and once at least: write, rotate (at most *rotations times), add. */
void busy_until(double end, unsigned *rotations);
double milliseconds(void);
void write_some(unsigned times);

/* Start it, and let it run until some moment; until it is up; until all that is in the logs by now is read and on disk,
 * so that older rotated files need not be kept. */
void let_run(unsigned *rotations);
void await_start(void);
void catch_up(void);
void await_all(const struct proc *p);
/* SIGKILL; stop: SIGTERM, and the exit status must be 0. */
void kill_it(void);
void stop(struct proc *p);
/* popauth-milterctl has an answer, or (WNOHANG) may have. */
void add_reap(int flags);

/* What one learns who reads the same lines in peace. */
void undisturbed(struct dump *want);
/* The daemon goes on to the end of all lines, and then its store is as it should be; says so. */
void finish(const char *what);

#endif
