/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_status.c - see web.h: answers that cost the daemon a walk through all it knows
 *
 * While one thread asks, the others wait for the same answer.  The summary of the report takes longest: it may be some minutes
 * old, and is asked for anew beside the page that shows it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "web.h"

#define FRESH_S	    2
#define SUMMARY_NEW 30	/* not asked for again */
#define SUMMARY_OLD 600 /* not shown any more */
#define TEXT	    65536

struct status_cache {
	const char *socket;
	pthread_mutex_t lock; /* guards everything to the gap, and is held while the daemon is asked */
	time_t at;
	struct ask_ending end;
	bool there;
	size_t n;
	char text[TEXT];

	pthread_mutex_t summary_lock; /* guards what follows; not held while the daemon is asked */
	pthread_cond_t summary_news;
	time_t summary_at; /* 0: never */
	struct ask_ending summary_end; /* of the last that was asked for */
	bool asking;
	struct report_ladder ladder[REPORT_LADDERS];
};

struct status_cache *
status_new(const char *socket)
{
	struct status_cache *c = xcalloc(1, sizeof *c);

	c->socket = socket;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->summary_lock, NULL);
	pthread_cond_init(&c->summary_news, NULL);
	return c;
}

void
status_free(struct status_cache *c)
{
	pthread_mutex_lock(&c->summary_lock);
	while (c->asking)
		pthread_cond_wait(&c->summary_news, &c->summary_lock);
	pthread_mutex_unlock(&c->summary_lock);
	pthread_cond_destroy(&c->summary_news);
	pthread_mutex_destroy(&c->summary_lock);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static enum ask_answer
ask_verb(const struct status_cache *c, const char *verb, ask_fn *fn, void *arg, struct ask_ending *end)
{
	struct json *request = json_new();
	enum ask_answer is;

	json_put_cstr(request, "verb", verb);
	is = ask(c->socket, request, 15, fn, arg, end);
	json_free(request);
	return is;
}

static bool
take_status(void *arg, const struct json *line)
{
	struct status_cache *c = arg;

	c->n = json_write(line, c->text, sizeof c->text);
	c->there = c->n <= sizeof c->text;
	return true;
}

struct json *
status_get(struct status_cache *c, struct ask_ending *end)
{
	struct json *status = NULL;
	struct err e;

	pthread_mutex_lock(&c->lock);
	/* No answer is one, too: who has waited for it with others does not wait again. */
	if (c->at == 0 || monotonic() - c->at >= FRESH_S) {
		c->there = false;
		if (ask_verb(c, "status", take_status, c, &c->end) != ASK_DONE)
			c->there = false;
		c->at = monotonic();
	}
	*end = c->end;
	if (c->there)
		status = json_parse((struct str){ c->text, c->n }, &e);
	pthread_mutex_unlock(&c->lock);
	return status;
}

/* ---- the summary ---- */

static bool
take_summary(void *arg, const struct json *line)
{
	report_take(arg, line);
	return true;
}

static void *
summary_main(void *arg)
{
	struct status_cache *c = arg;
	struct report *r = report_new();
	struct ask_ending end;

	(void)ask_verb(c, "summary", take_summary, r, &end);
	pthread_mutex_lock(&c->summary_lock);
	c->summary_end = end;
	if (end.code == 0) {
		memcpy(c->ladder, r->ladder, sizeof c->ladder);
		c->summary_at = monotonic();
	}
	c->asking = false;
	pthread_cond_broadcast(&c->summary_news);
	pthread_mutex_unlock(&c->summary_lock);
	free(r);
	return NULL;
}

/* With the lock. */
static void
start_asking(struct status_cache *c)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (c->asking || (c->summary_at != 0 && monotonic() - c->summary_at < SUMMARY_NEW))
		return;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	c->asking = pthread_create(&thread, &attr, summary_main, c) == 0;
	pthread_attr_destroy(&attr);
}

void
summary_want(struct status_cache *c)
{
	pthread_mutex_lock(&c->summary_lock);
	start_asking(c);
	pthread_mutex_unlock(&c->summary_lock);
}

bool
summary_get(struct status_cache *c, struct report *r, struct ask_ending *end)
{
	bool there;

	pthread_mutex_lock(&c->summary_lock);
	start_asking(c);
	while (c->asking && (c->summary_at == 0 || monotonic() - c->summary_at > SUMMARY_OLD))
		pthread_cond_wait(&c->summary_news, &c->summary_lock);
	there = c->summary_at != 0 && monotonic() - c->summary_at <= SUMMARY_OLD;
	if (there)
		memcpy(r->ladder, c->ladder, sizeof r->ladder);
	*end = c->summary_end;
	pthread_mutex_unlock(&c->summary_lock);
	return there;
}
