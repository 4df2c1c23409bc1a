/* SPDX-License-Identifier: GPL-2.0-or-later */
/* intern.c - one copy of each zone and reason, kept until the process ends
 *
 * A million cached clients share a dozen zones.  The texts come from the MTA's configuration and from administrators,
 * but through a log, so their number is bounded: a flood of invented zones costs at most INTERN_MAX short strings.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "stats.h"

#define INTERN_SLOTS 8192 /* a power of two */
#define INTERN_MAX   4096
#define INTERN_TEXT  120  /* longest text kept, in bytes */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf; guards the two below */
static char *slots[INTERN_SLOTS];
static unsigned used;

static const char *
find_or_add(struct str text)
{
	size_t i = str_hash(text) % INTERN_SLOTS;

	while (slots[i] != NULL && !str_eq(str_of(slots[i]), text))
		i = (i + 1) % INTERN_SLOTS;
	if (slots[i] != NULL)
		return slots[i];
	if (used == INTERN_MAX)
		return NULL;
	used++;
	slots[i] = xmalloc(text.n + 1);
	return str_copy(slots[i], text.n + 1, text);
}

const char *
intern(struct str text)
{
	char shown[INTERN_TEXT];
	const char *kept;

	if (text.n == 0)
		return NULL;
	text = str_of(str_show(shown, sizeof shown, text));
	pthread_mutex_lock(&lock);
	kept = find_or_add(text);
	pthread_mutex_unlock(&lock);
	if (kept == NULL) {
		stat_add(STAT_STRINGS_REFUSED, 1);
		kept = "(other)";
	}
	return kept;
}
