/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trouble.h - what is wrong by the daemon's own word, found in its `status`
 *
 * `status` as text, the dashboard and doctor tell it each in its own way; what counts as trouble is said here alone, so that
 * none of them finds all well where another does not.
 */
#ifndef TROUBLE_H
#define TROUBLE_H

#include "json.h"

#define TROUBLE_TEXT 400

/* Half a sentence, without a part's name and without a full stop. */
typedef void trouble_fn(void *arg, const char *text);

/* What is wrong with one part of a status: `part` is its key there, or "logs" for one of that list.  `o` is that part; NULL,
 * as another kind of value, is a part that is not there and has no trouble. */
void trouble_of(const char *part, const struct json *o, trouble_fn *fn, void *arg);

/* How much of it a whole status has. */
unsigned trouble_count(const struct json *status);

#endif
