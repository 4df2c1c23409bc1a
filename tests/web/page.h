/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page.h - for the tests of the page: the last answer, and what is to be in it and what is not */
#ifndef PAGE_H
#define PAGE_H

#include <string.h>

#include "../unit/unit.h"
#include "rig.h"

static char answer[400000]; /* for rig_ask_page() and rig_http() */

static inline void
has(const char *name, const char *text)
{
	if (strstr(answer, text) == NULL)
		fail_msg("%s: \"%s\" is not in %.2000s", name, text, answer);
}

static inline void
has_not(const char *name, const char *text)
{
	if (strstr(answer, text) != NULL)
		fail_msg("%s: \"%s\" is in %.2000s", name, text, answer);
}

#endif
