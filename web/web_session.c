/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_session.c - who is logged in, and how often others may try to be
 *
 * Sessions live in memory: after a restart everybody logs in again.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "err.h"
#include "web.h"

#define IDLE	 1800	  /* seconds without a page */
#define LIFE	 (12 * 3600)
#define WATCHED	 256	  /* addresses and names whose failures are remembered */
#define FREE	 5	  /* failures that cost nothing */
#define FADE	 60	  /* seconds after which one failure is forgotten */
#define ALL_FREE 60	  /* the same for everybody together */
#define ALL_FADE 2

struct sessions {
	pthread_mutex_t lock;
	struct session all[SESSIONS_MAX];
};

struct sessions *
sessions_new(void)
{
	struct sessions *s = xcalloc(1, sizeof *s);

	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
sessions_free(struct sessions *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	explicit_bzero(s->all, sizeof s->all);
	free(s);
}

static void
make_token(char token[TOKEN_TEXT])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char raw[TOKEN_TEXT - 1];

	/* Of 256 bits 6 are taken from each byte: 258. */
	while (getrandom(raw, sizeof raw, 0) != sizeof raw)
		if (errno != EINTR)
			panic("getrandom: %s", strerror(errno));
	for (size_t i = 0; i < sizeof raw; i++)
		token[i] = digits[raw[i] & 63];
	token[TOKEN_TEXT - 1] = '\0';
}

bool
token_eq(const char *a, const char *b)
{
	size_t n = strlen(a);
	unsigned differs = 0;

	if (n != TOKEN_TEXT - 1 || strlen(b) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		differs |= (unsigned)(unsigned char)a[i] ^ (unsigned char)b[i];
	return differs == 0;
}

static bool
over(const struct session *s, time_t now)
{
	return s->token[0] == '\0' || now - s->used > IDLE || now - s->begun > LIFE;
}

void
sessions_begin(struct sessions *s, const char *user, const char *hash, time_t now, struct session *out)
{
	struct session *place = &s->all[0];

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		if (over(&s->all[i], now)) {
			place = &s->all[i];
			break;
		}
		if (s->all[i].used < place->used)
			place = &s->all[i];
	}
	memset(place, 0, sizeof *place);
	make_token(place->token);
	make_token(place->csrf);
	str_copy(place->user, sizeof place->user, str_of(user));
	str_copy(place->hash, sizeof place->hash, str_of(hash));
	place->begun = place->used = now;
	*out = *place;
	pthread_mutex_unlock(&s->lock);
}

/* All are looked at, whichever it is. */
static struct session *
find(struct sessions *s, const char *token)
{
	struct session *found = NULL;

	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (token_eq(s->all[i].token, token))
			found = &s->all[i];
	return found;
}

bool
sessions_find(struct sessions *s, const char *token, time_t now, bool touch, struct session *out)
{
	struct session *found;

	pthread_mutex_lock(&s->lock);
	found = find(s, token);
	if (found != NULL && over(found, now)) {
		explicit_bzero(found, sizeof *found);
		found = NULL;
	}
	if (found != NULL) {
		*out = *found;
		if (touch) {
			found->used = now;
			found->said[0] = '\0';
		}
	}
	pthread_mutex_unlock(&s->lock);
	return found != NULL;
}

void
sessions_end(struct sessions *s, const char *token)
{
	struct session *found;

	pthread_mutex_lock(&s->lock);
	found = find(s, token);
	if (found != NULL)
		explicit_bzero(found, sizeof *found);
	pthread_mutex_unlock(&s->lock);
}

void
sessions_say(struct sessions *s, const char *token, bool bad, const char *text)
{
	struct session *found;

	pthread_mutex_lock(&s->lock);
	found = find(s, token);
	if (found != NULL) {
		str_copy(found->said, sizeof found->said, str_of(text));
		found->said_bad = bad;
	}
	pthread_mutex_unlock(&s->lock);
}

/* ---- attempts ---- */

/* A bucket that leaks one failure every FADE seconds. */
struct bucket {
	char name[80];
	unsigned full;
	time_t at;
};

struct attempts {
	pthread_mutex_t lock;
	struct bucket all, some[WATCHED];
};

struct attempts *
attempts_new(void)
{
	struct attempts *a = xcalloc(1, sizeof *a);

	pthread_mutex_init(&a->lock, NULL);
	return a;
}

void
attempts_free(struct attempts *a)
{
	if (a == NULL)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static void
leak(struct bucket *b, time_t now, unsigned fade)
{
	time_t gone = now > b->at ? (now - b->at) / (time_t)fade : 0;

	if (gone <= 0)
		return;
	b->full = (time_t)b->full > gone ? b->full - (unsigned)gone : 0;
	b->at += gone * (time_t)fade;
}

/* The bucket of that name, or the emptiest one to be taken for it. */
static struct bucket *
bucket_of(struct attempts *a, char kind, const char *what, time_t now)
{
	struct bucket *least = &a->some[0];
	char name[sizeof least->name];

	name[0] = kind;
	str_copy(name + 1, sizeof name - 1, str_of(what));
	for (unsigned i = 0; i < WATCHED; i++) {
		if (strcmp(a->some[i].name, name) == 0)
			return &a->some[i];
		leak(&a->some[i], now, FADE);
		if (a->some[i].full < least->full)
			least = &a->some[i];
	}
	memcpy(least->name, name, sizeof name);
	least->full = 0;
	least->at = now;
	return least;
}

static unsigned
wait_of(struct bucket *b, time_t now, unsigned most, unsigned fade)
{
	leak(b, now, fade);
	if (b->full == 0)
		b->at = now;
	return b->full < most ? 0 : (b->full - most + 1) * fade - (unsigned)(now - b->at);
}

/* Whoever has one address of IPv6 has all of a /64 (RFC 6177). */
static const char *
place_of(const char *address, char buf[ADDR_TEXT])
{
	struct addr a;

	if (addr_parse(&a, str_of(address)) == -1 || addr_is4(&a))
		return address;
	memset(a.b + 8, 0, 8);
	return addr_format(buf, &a);
}

unsigned
attempts_try(struct attempts *a, const char *address, const char *user, time_t now)
{
	struct bucket *who, *whom;
	char place[ADDR_TEXT];
	unsigned wait, w;

	address = place_of(address, place);
	pthread_mutex_lock(&a->lock);
	who = bucket_of(a, '@', address, now);
	wait = wait_of(who, now, FREE, FADE);
	who->full++; /* so that it is not taken for the other */
	whom = bucket_of(a, '=', user, now);
	who->full--;
	if ((w = wait_of(whom, now, FREE, FADE)) > wait)
		wait = w;
	if ((w = wait_of(&a->all, now, ALL_FREE, ALL_FADE)) > wait)
		wait = w;
	if (wait == 0) {
		who->full++;
		whom->full++;
		a->all.full++;
	}
	pthread_mutex_unlock(&a->lock);
	return wait;
}

void
attempts_forget(struct attempts *a, const char *address, const char *user)
{
	char place[ADDR_TEXT];

	address = place_of(address, place);
	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < WATCHED; i++) {
		struct bucket *b = &a->some[i];

		if ((b->name[0] == '@' && strncmp(b->name + 1, address, sizeof b->name - 2) == 0) ||
		    (b->name[0] == '=' && strncmp(b->name + 1, user, sizeof b->name - 2) == 0))
			b->full = 0;
	}
	pthread_mutex_unlock(&a->lock);
}
