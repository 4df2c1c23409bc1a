/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_status.c - see web.h.  While one thread asks, the others wait for the same answer. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "web.h"

#define FRESH_S 2
#define TEXT	65536

struct status_cache {
	pthread_mutex_t lock; /* guards everything, and is held while the daemon is asked */
	time_t at;
	struct ask_ending end;
	bool there;
	size_t n;
	char text[TEXT];
};

struct status_cache *
status_new(void)
{
	struct status_cache *c = xcalloc(1, sizeof *c);

	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void
status_free(struct status_cache *c)
{
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static bool
take(void *arg, const struct json *line)
{
	struct status_cache *c = arg;

	c->n = json_write(line, c->text, sizeof c->text);
	c->there = c->n <= sizeof c->text;
	return true;
}

struct json *
status_get(struct web *w, struct ask_ending *end)
{
	struct status_cache *c = w->status;
	struct json *request, *status = NULL;
	struct timespec now;
	struct err e;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&c->lock);
	if (!c->there || now.tv_sec - c->at >= FRESH_S) {
		request = json_new();
		json_put_cstr(request, "verb", "status");
		c->there = false;
		if (ask(w->socket, request, 10, take, c, &c->end) != ASK_DONE)
			c->there = false;
		json_free(request);
		clock_gettime(CLOCK_MONOTONIC, &now);
		c->at = now.tv_sec;
	}
	*end = c->end;
	if (c->there)
		status = json_parse((struct str){ c->text, c->n }, &e);
	pthread_mutex_unlock(&c->lock);
	return status;
}
