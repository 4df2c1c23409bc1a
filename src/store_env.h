/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_env.h - one Berkeley DB environment with our tables, open; seen by store.c alone
 *
 * Every failure is judged once, here: is the store at fault, or what it stands on?
 */
#ifndef STORE_ENV_H
#define STORE_ENV_H

#include "store.h"

#define STORE_DB "popauth.db" /* the database file, in the environment */

enum env_answer {
	ENV_DONE,
	ENV_REFUSED, /* the disk is full, a permission is missing, or the caller's function said no: nothing is damaged */
	ENV_DAMAGED
};

struct env;

/* Make a new, empty environment in the empty directory `home`, and close it again. */
enum env_answer env_create(const char *home, struct err *e);
/* Recover and open.  *out is set with ENV_DONE only. */
enum env_answer env_open(const char *home, struct env **out, struct err *e);
/* NULL is fine.  After any answer but ENV_DONE the environment can only be closed, and perhaps opened again. */
void env_close(struct env *v);
/* Close it without writing anything more. */
void env_abandon(struct env *v);

enum env_answer env_load(struct env *v, store_fn *fn, void *arg, struct err *e);
enum env_answer env_commit(struct env *v, const struct cut *c, struct err *e);

#endif
