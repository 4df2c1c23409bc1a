/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lists.c - the lists that sessions ask */
#include "lists.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logmsg.h"
#include "stats.h"

static pthread_mutex_t in_force_lock = PTHREAD_MUTEX_INITIALIZER; /* leaf */
static struct lists *in_force;					  /* guarded by in_force_lock */

/* The files as they were when they were last refused, and when they were last looked at; lists_look()'s own. */
static struct listfile_stamp refused[LISTS_FILES], looked[LISTS_FILES];

static void
take_stamps(struct listfile_stamp out[LISTS_FILES], const struct conf *c)
{
	const char *const paths[LISTS_FILES] = { c->freemail_list, c->freemail_local, c->traps, c->gate_file };

	for (unsigned i = 0; i < LISTS_FILES; i++)
		out[i] = listfile_stamp(paths[i]);
}

static bool
same_stamps(const struct listfile_stamp *a, const struct listfile_stamp *b)
{
	for (unsigned i = 0; i < LISTS_FILES; i++)
		if (!listfile_same(&a[i], &b[i]))
			return false;
	return true;
}

static void
lists_free(struct lists *l)
{
	freemail_free(l->freemail);
	traps_free(l->traps);
	domains_free(l->ours);
	free(l);
}

/* The administrator's own is right where both have a domain.  The list that comes with the program may be missing, but
 * not in silence. */
static int
read_freemail(struct freemail *f, const struct conf *c, struct err *e)
{
	if (c->freemail == FREEMAIL_OFF)
		return 0;
	if (*c->freemail_local != '\0' && freemail_load(f, c->freemail_local, e) == -1)
		return listfile_blame(e, "freemail_local", c->freemail_local);
	if (access(c->freemail_list, F_OK) == -1 && errno == ENOENT) {
		logmsg(LEVEL_WARNING, "%s is missing: no freemail provider is known (or say freemail = off)",
		    c->freemail_list);
		return 0;
	}
	return freemail_load(f, c->freemail_list, e) == 0 ? 0 : listfile_blame(e, "freemail_list", c->freemail_list);
}

static int
read_traps(struct traps *t, const struct conf *c, struct err *e)
{
	return *c->traps == '\0' || traps_load(t, c->traps, e) == 0 ? 0 : listfile_blame(e, "traps", c->traps);
}

static int
read_ours(struct domains *d, const struct conf *c, struct err *e)
{
	int rc = *c->gate_file == '\0' ? 0 : domains_load(d, c->gate_file, e);

	if (rc == -1)
		(void)listfile_blame(e, "gate_file", c->gate_file);
	for (size_t i = 0; rc == 0 && c->gate_domains != NULL && c->gate_domains[i] != NULL; i++)
		rc = domains_add(d, str_of(c->gate_domains[i]), e);
	domains_seal(d);
	return rc;
}

struct lists *
lists_read(const struct conf *c, struct err *e)
{
	struct lists *l = xcalloc(1, sizeof *l);

	atomic_init(&l->refs, 1);
	take_stamps(l->stamps, c);
	l->freemail = freemail_new();
	l->traps = traps_new();
	l->ours = domains_new();
	if (read_freemail(l->freemail, c, e) == 0 && read_traps(l->traps, c, e) == 0 && read_ours(l->ours, c, e) == 0)
		return l;
	lists_free(l);
	return NULL;
}

void
lists_put(struct lists *l)
{
	if (l != NULL && atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) == 1)
		lists_free(l);
}

struct lists *
lists_current(void)
{
	struct lists *l;

	pthread_mutex_lock(&in_force_lock);
	l = in_force;
	if (l != NULL)
		atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&in_force_lock);
	return l;
}

void
lists_install(struct lists *l)
{
	struct lists *old;

	pthread_mutex_lock(&in_force_lock);
	old = in_force;
	in_force = l;
	pthread_mutex_unlock(&in_force_lock);
	lists_put(old);
}

void
lists_look(void)
{
	struct conf *c = conf_current();
	struct lists *old = lists_current(), *new;
	struct listfile_stamp now[LISTS_FILES];
	bool settled;
	struct err e;

	take_stamps(now, c);
	settled = same_stamps(now, looked); /* half a list may be one without mistakes, and name other people */
	memcpy(looked, now, sizeof looked);
	if (!settled || (old != NULL && same_stamps(now, old->stamps)) || same_stamps(now, refused))
		goto done;
	new = lists_read(c, &e);
	stat_add(new != NULL ? STAT_RELOADS : STAT_RELOADS_FAILED, 1);
	if (new == NULL) {
		memcpy(refused, now, sizeof refused);
		logmsg(LEVEL_ERROR, "the lists stay as they were: %s", e.text);
		goto done;
	}
	logmsg(LEVEL_NOTICE, "read the lists again: %u freemail domains, %u traps, %u domains of ours",
	    freemail_domains(new->freemail), traps_count(new->traps), domains_count(new->ours));
	lists_install(new);
done:
	lists_put(old);
	conf_put(c);
}
