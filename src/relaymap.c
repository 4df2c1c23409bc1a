/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relaymap.c - see relaymap.h: the queue, the settings, and when to write */
#include "relaymap.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "logmsg.h"
#include "pending.h"
#include "relaymap_priv.h"
#include "stats.h"

#define WAITING	 4096 /* clients queued; beyond that the whole ledger is asked */
#define LOOK_MS	 1000 /* between looks at terms and files */
#define ALL_S	 60   /* between looks at the whole ledger: a block by hand runs out and the grant counts again */
#define PERIOD_MS 400 /* from the beginning of a writing to the next one's, so that a burst of logins is one */
#define LEAST_MS  50  /* at rest after each round, whatever it did */

struct relaymap {
	struct relaymap_setup setup;
	pthread_t thread;
	bool running;
	atomic_bool on; /* there is a file: changes are worth queueing */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* guarded by lock */
	struct pending *in;
	bool overflown, stop;
	struct relaymap_status status;
	/* the thread's own */
	struct pending *out;
	struct mapfile_spec spec; /* path "": no file; the text is ours */
	char *path, *static_path;
	struct mapstatic *fixed;
	struct listfile_stamp static_read, static_seen;
	struct held held;
	struct grants grants;
	bool whole; /* ask the whole ledger */
	time_t asked; /* when that was done last */
	bool stale; /* the file is not what it should be */
	int64_t next; /* ms: when it may be written again */
	bool known; /* the administrator's entries have been read */
	bool stripped; /* they have not, and there is no grant in the file */
};

struct relaymap *
relaymap_new(const struct relaymap_setup *setup)
{
	struct relaymap *rm = xcalloc(1, sizeof *rm);
	pthread_condattr_t attr;

	rm->setup = *setup;
	rm->in = pending_new(WAITING);
	rm->out = pending_new(WAITING);
	rm->path = xstrdup("");
	rm->static_path = xstrdup("");
	held_forget(&rm->held);
	pthread_mutex_init(&rm->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&rm->wake, &attr);
	pthread_condattr_destroy(&attr);
	return rm;
}

void
relaymap_free(struct relaymap *rm)
{
	if (rm == NULL)
		return;
	pending_free(rm->in);
	pending_free(rm->out);
	mapstatic_free(rm->fixed);
	grants_clear(&rm->grants);
	held_forget(&rm->held);
	free(rm->path);
	free(rm->static_path);
	pthread_cond_destroy(&rm->wake);
	pthread_mutex_destroy(&rm->lock);
	free(rm);
}

void
relaymap_changed(struct relaymap *rm, const struct addr *client)
{
	if (!atomic_load_explicit(&rm->on, memory_order_acquire))
		return;
	pthread_mutex_lock(&rm->lock);
	if (!pending_add(rm->in, client))
		rm->overflown = true;
	pthread_mutex_unlock(&rm->lock);
	pthread_cond_signal(&rm->wake); /* now: who wakes while we hold the lock goes to sleep for it again */
}

void
relaymap_status(struct relaymap *rm, struct relaymap_status *out)
{
	pthread_mutex_lock(&rm->lock);
	*out = rm->status;
	pthread_mutex_unlock(&rm->lock);
}

/* Said once, however often it is tried. */
static void
note_trouble(struct relaymap *rm, const struct err *e)
{
	bool news;

	pthread_mutex_lock(&rm->lock);
	news = strcmp(rm->status.trouble.text, e->text) != 0;
	rm->status.trouble = *e;
	pthread_mutex_unlock(&rm->lock);
	if (news && e->text[0] != '\0')
		logmsg(LEVEL_ERROR, "relay map: %s", e->text);
	else if (news)
		logmsg(LEVEL_NOTICE, "relay map: %s is up to date again", rm->path);
}

static void
note_written(struct relaymap *rm, time_t now)
{
	pthread_mutex_lock(&rm->lock);
	str_copy(rm->status.path, sizeof rm->status.path, str_of(rm->path));
	rm->status.form = rm->spec.form;
	rm->status.grants = rm->grants.n;
	rm->status.left_out = rm->held.left_out;
	rm->status.overruled = rm->held.counts.overruled;
	rm->status.fixed = mapstatic_size(rm->fixed);
	rm->status.written = now;
	pthread_mutex_unlock(&rm->lock);
}

static int64_t
monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- the file --- */

static bool
write_file(struct relaymap *rm, unsigned ipv6_prefix, struct err *e)
{
	bool done;

	rm->next = monotonic_ms() + PERIOD_MS;
	done = relaymap_write(&rm->spec, rm->fixed, &rm->grants, ipv6_prefix, &rm->held, e) == 0;
	stat_add(done ? STAT_MAP_FILE_WRITTEN : STAT_MAP_FILE_FAILED, 1);
	if (done)
		note_written(rm, rm->setup.now(rm->setup.arg));
	return done;
}

/* Without the administrator's entries the file can only be left as it is, but for the grants. */
static int
strip(struct relaymap *rm, struct err *e)
{
	if (!rm->stripped && mapfile_strip(&rm->spec, &rm->held.stamp, e) == -1)
		return -1;
	rm->stripped = true;
	return 0;
}

void
relaymap_withdraw(struct relaymap *rm)
{
	struct err e = { "" };

	if (*rm->path == '\0')
		return;
	grants_clear(&rm->grants);
	if (rm->known ? !write_file(rm, 64, &e) : strip(rm, &e) == -1)
		logmsg(LEVEL_ERROR, "relay map: the grants are still in it: %s", e.text);
}

/* As the MTA's configuration names it, or with its .db. */
static char *
file_of(const char *path)
{
	size_t n = strlen(path);
	char *file = xmalloc(n + 4);

	(void)strcpy(file, path);
	if (n > 0 && (n < 4 || strcmp(path + n - 3, ".db") != 0))
		(void)strcpy(file + n, ".db");
	return file;
}

/* Another file than before: the one before is left without grants. */
static void
use_settings(struct relaymap *rm, const struct conf *c)
{
	char *path = file_of(c->relay_map);

	if (strcmp(path, rm->path) != 0 || rm->spec.form != c->relay_map_form) {
		relaymap_withdraw(rm);
		free(rm->path);
		rm->path = xstrdup(path);
		held_forget(&rm->held);
		rm->known = rm->known && rm->spec.form == c->relay_map_form; /* access.db needs none */
		rm->stripped = false;
		rm->whole = rm->stale = true;
		atomic_store(&rm->on, *path != '\0');
		pthread_mutex_lock(&rm->lock);
		rm->status = (struct relaymap_status){ .form = c->relay_map_form };
		str_copy(rm->status.path, sizeof rm->status.path, str_of(path));
		pthread_mutex_unlock(&rm->lock);
	}
	free(path);
	rm->spec = (struct mapfile_spec){ rm->path, c->relay_map_form, c->relay_map_group.gid };
	if (strcmp(c->relay_map_static, rm->static_path) != 0) {
		free(rm->static_path);
		rm->static_path = xstrdup(c->relay_map_static);
		rm->static_seen = listfile_stamp(rm->static_path);
		rm->static_read = (struct listfile_stamp){ .error = -1 };
	}
}

/* The administrator's entries.  A mistake in them leaves those read before, also from another file; when there are none yet,
 * no grant is written: what he forbids must not be missing from the file. */
static bool
look_at_static(struct relaymap *rm, struct err *e)
{
	struct listfile_stamp now = listfile_stamp(rm->static_path);
	bool still = listfile_same(&now, &rm->static_seen);
	struct mapstatic *fresh = NULL;

	rm->static_seen = now;
	if (rm->known && (listfile_same(&now, &rm->static_read) || !still))
		return true; /* nothing new, or somebody is at it just now */
	if (*rm->static_path != '\0' && rm->spec.form != MAP_ACCESS &&
	    (fresh = mapstatic_read(rm->static_path, e)) == NULL)
		return false;
	mapstatic_free(rm->fixed);
	rm->fixed = fresh;
	rm->static_read = now;
	rm->known = rm->stale = true;
	rm->held.ipv6_prefix = 0; /* all is to be written */
	return true;
}

/* A file that stays the same one needs a later second for each change (mapfile.h), and must not run ahead of the clock:
 * the time of the last one may be a second in the future, but is not to be more. */
static bool
too_soon(const struct relaymap *rm)
{
	return rm->spec.form == MAP_ACCESS && rm->held.stamp.error == 0 && rm->held.stamp.written.tv_sec > time(NULL);
}

/* Somebody else has written it, or taken it away. */
static void
look_at_file(struct relaymap *rm)
{
	struct listfile_stamp now = listfile_stamp(rm->path);

	if (!listfile_same(&now, &rm->held.stamp))
		rm->stale = true;
}

/* --- the grants --- */

static void
take_queue(struct relaymap *rm)
{
	struct pending *p;

	pthread_mutex_lock(&rm->lock);
	p = rm->in;
	rm->in = rm->out;
	rm->out = p;
	rm->whole = rm->whole || rm->overflown;
	rm->overflown = false;
	pthread_mutex_unlock(&rm->lock);
}

static void
look_at_grants(struct relaymap *rm, const struct policy *p, time_t now)
{
	struct addr client;

	take_queue(rm);
	if (rm->whole || now - rm->asked >= ALL_S || now < rm->asked) {
		rm->stale = grants_load(&rm->grants, rm->setup.ledger, now) || rm->stale;
		rm->whole = false;
		rm->asked = now;
	}
	while (pending_next(rm->out, &client))
		if (grants_ask(&rm->grants, rm->setup.ledger, p, &client, now))
			rm->stale = true;
	if (grants_expire(&rm->grants, rm->setup.ledger, p, now))
		rm->stale = true;
}

bool
relaymap_round(struct relaymap *rm)
{
	struct conf *c = conf_current();
	struct err e = { "" };
	bool ok = true;

	use_settings(rm, c);
	if (*rm->path != '\0') {
		ok = look_at_static(rm, &e);
		if (!rm->known)
			(void)strip(rm, &(struct err){ "" }); /* e says what is wrong */
		look_at_grants(rm, &c->policy, rm->setup.now(rm->setup.arg));
		look_at_file(rm);
		if (rm->stale && rm->known && !too_soon(rm)) {
			struct err why = { "" };

			rm->stale = !write_file(rm, c->policy.ipv6_prefix, &why);
			if (rm->stale)
				e = why;
			ok = ok && !rm->stale;
		}
		note_trouble(rm, &e);
	}
	conf_put(c);
	return ok;
}

int
relaymap_clear(struct relaymap *rm, struct err *e)
{
	struct conf *c = conf_current();
	int rc = 0;

	use_settings(rm, c);
	conf_put(c);
	if (*rm->path == '\0' || listfile_stamp(rm->path).error == ENOENT)
		return 0;
	if (look_at_static(rm, e))
		rc = relaymap_write(&rm->spec, rm->fixed, &rm->grants, 64, &rm->held, e);
	else
		rc = strip(rm, e);
	return rc;
}

/* --- the thread --- */

static struct timespec
at(int64_t ms)
{
	return (struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
}

/* Until it may be written again, and then until there is something to do; false: the end. */
static bool
rest(struct relaymap *rm)
{
	int64_t now = monotonic_ms(), least = now + LEAST_MS;
	bool hold = rm->stale && too_soon(rm), stop;
	struct timespec soon = at(hold || rm->next < least ? least : rm->next), later = at(hold ? least : now + LOOK_MS);

	pthread_mutex_lock(&rm->lock);
	while (!rm->stop && pthread_cond_timedwait(&rm->wake, &rm->lock, &soon) != ETIMEDOUT)
		;
	while (!rm->stop && pending_empty(rm->in) && !rm->overflown)
		if (pthread_cond_timedwait(&rm->wake, &rm->lock, &later) == ETIMEDOUT)
			break;
	stop = rm->stop;
	pthread_mutex_unlock(&rm->lock);
	return !stop;
}

static void *
relaymap_main(void *arg)
{
	struct relaymap *rm = arg;

	do
		(void)relaymap_round(rm);
	while (rest(rm));
	relaymap_withdraw(rm);
	return NULL;
}

int
relaymap_start(struct relaymap *rm, struct err *e)
{
	errno = pthread_create(&rm->thread, NULL, relaymap_main, rm);
	if (errno != 0)
		return err_sys(e, "relay map's thread");
	rm->running = true;
	return 0;
}

void
relaymap_stop(struct relaymap *rm)
{
	if (!rm->running)
		return;
	pthread_mutex_lock(&rm->lock);
	rm->stop = true;
	pthread_cond_signal(&rm->wake);
	pthread_mutex_unlock(&rm->lock);
	pthread_join(rm->thread, NULL);
	rm->running = false;
}
