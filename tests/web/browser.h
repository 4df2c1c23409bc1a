/* SPDX-License-Identifier: GPL-2.0-or-later */
/* browser.h - a real Chromium without a window, driven through its DevTools pipe (--remote-debugging-pipe)
 *
 * Requests and answers are JSON, each with a NUL behind it, on descriptors 3 and 4 of the browser.
 */
#ifndef BROWSER_H
#define BROWSER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct browser {
	pid_t pid;
	int to, from;
	int id;		/* of the last request */
	char session[80];
	char dir[64];	/* its profile */
	char *buf;
	size_t n, cap;
	bool loaded;	/* the page in hand has loaded */
};

/* false: there is no Chromium here. */
bool browser_there(void);
void browser_start(struct browser *b);
void browser_stop(struct browser *b);
/* One DevTools request; `params` is taken over, NULL: none.  The result is the caller's.  Fails the test on an error. */
json_t *browser_call(struct browser *b, const char *method, json_t *params);
/* Load a page and wait for it. */
void browser_go(struct browser *b, const char *host, const char *path);
/* Do what loads another page, and wait for that one. */
void browser_do(struct browser *b, const char *script);
/* The value of a JavaScript expression, as text, number or boolean; the caller's. */
json_t *browser_eval(struct browser *b, const char *expression);
bool browser_true(struct browser *b, const char *expression);
/* Wait until it is true. */
void browser_await(struct browser *b, const char *expression);
/* A key goes down and up: Tab or Enter. */
void browser_key(struct browser *b, const char *key);
/* The same for one that loads another page; waits for that one. */
void browser_key_loads(struct browser *b, const char *key);
/* What a keyboard would write where the cursor is. */
void browser_type(struct browser *b, const char *text);
void browser_size(struct browser *b, int width, int height, bool phone);
/* Dark or light. */
void browser_dark(struct browser *b, bool dark);
void browser_scripts(struct browser *b, bool on);
/* A picture, if the environment has POPAUTH_SHOTS: a directory for them. */
void browser_shot(struct browser *b, const char *name);

#endif
