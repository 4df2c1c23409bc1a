/* SPDX-License-Identifier: GPL-2.0-or-later */
/* correlate_half.h - one half of an event: what correlate.c keeps and correlate_half.c makes bytes of */
#ifndef CORRELATE_HALF_H
#define CORRELATE_HALF_H

#include <sys/queue.h>

#include "correlate.h"

#define HALF_KEY   192 /* bytes of host, tag and id together, at most 255 */
#define HALF_WORDS 128 /* of a user name or recipient, with a NUL: what is longer is cut */

enum half_kind {
	HALF_NONE,	/* unused */
	HALF_CLIENT,	/* addr: for events to come */
	HALF_EVENT,	/* event, times, words: waits for its address */
	HALF_TOLD,	/* a rule has told something of a client, both being in the key, so many times */
	HALF_SUSPECT	/* addr: the same after a failed login: for what offends, for no login */
};

struct key {
	uint8_t n;
	char text[HALF_KEY];
};

struct half_words {
	char rule[64], user[HALF_WORDS], recipient[HALF_WORDS];
};

struct half {
	TAILQ_ENTRY(half) age;
	LIST_ENTRY(half) chain;
	enum half_kind kind;
	bool changed; /* since it was last saved */
	uint64_t told; /* the smaller, the older */
	time_t time;   /* of the line */
	struct key key;
	struct addr addr;
	enum event_kind event;
	unsigned times;
	struct half_words words;
};

/* `record` holds CORRELATE_RECORD bytes; returns how many it takes. */
size_t half_encode(const struct half *h, uint8_t *record);
/* Only what half_encode() wrote of *h is set.  -1: *h is as it was; e says why. */
int half_decode(struct half *h, const uint8_t *record, size_t len, struct err *e);

#endif
