/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_rig.h - for the tests of the rules: the shipped set, or one from a text, by way of a file at `path` */
#ifndef RULES_RIG_H
#define RULES_RIG_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/rules_priv.h"
#include "files.h"
#include "unit.h"

#define HEAD "program prog\nrule r "

static char path[] = "/tmp/popauth-rules-XXXXXX";

static inline int
load_text(const char *text, struct rules **out, struct err *e)
{
	const char *const paths[] = { path, NULL };

	write_text(path, text);
	return rules_load(paths, out, e);
}

static inline struct rules *
shipped(void)
{
	const char *top = getenv("top_srcdir");
	char dir[1024];
	const char *const paths[] = { dir, NULL };
	struct rules *set;
	struct err e;

	(void)snprintf(dir, sizeof(dir), "%s/rules", top == NULL ? "." : top);
	if (rules_load(paths, &set, &e) == -1)
		fail_msg("%s", e.text);
	return set;
}

#endif
