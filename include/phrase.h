/* SPDX-License-Identifier: GPL-2.0-or-later */
/* phrase.h - parts of the daemon's answers in words, the same for who reads them on a terminal and on the page */
#ifndef PHRASE_H
#define PHRASE_H

#include "json.h"

#define PHRASE_SENT 80

/* What a grant was used for, of an entry in `relay`: "12 of 500", "500 of 500, 31 refused".  Returns buf. */
const char *phrase_sent(char buf[PHRASE_SENT], const struct json *grant);
/* What a threshold counts, of a counter in `explain`: " different accounts"; "" where that is every event. */
const char *phrase_counted(const struct json *threshold);

#endif
