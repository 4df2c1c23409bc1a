/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tend.h - the thread that looks after what must not hold up mail or log
 *
 * Once a second, and whenever the guard raises an alarm: takes back what a tripped breaker's cause has brought, says
 * what there is to say, reads allow_file and the lists (lists.h) again when they have changed, and once a minute looks
 * which addresses are this system's own.  Clients that have become trusted are freed.
 */
#ifndef TEND_H
#define TEND_H

#include "conf.h"
#include "pipeline.h"
#include "watch.h"

struct tend;

struct tend *tend_new(struct pipeline *pl, struct watch *w);
int tend_start(struct tend *t, struct err *e);
void tend_stop(struct tend *t); /* joins the thread, where there is one */
void tend_free(struct tend *t); /* NULL is fine */

/* For pipeline_guard(). */
void tend_alarm(struct tend *t);
void tend_notice(struct tend *t, const struct notice *n);

/* What is wrong with allow_file at the moment; "" = nothing. */
void tend_trouble(struct tend *t, struct err *out);
/* Held while another conf is made from the one in force, so that none is lost: by a reload, too. */
void tend_lock(struct tend *t);
void tend_unlock(struct tend *t);

#endif
