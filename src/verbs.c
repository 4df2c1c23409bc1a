/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verbs.c - see verbs.h */
#include "verbs.h"

const struct verb verbs[VERBS] = {
#define X(id, name, set, action, args, access, usage, help) { VERB_##id, name, set, args, access, usage, help },
	VERBS_TABLE(X)
#undef X
};

const struct verb *
verb_of(struct str name)
{
	for (unsigned i = 0; i < VERBS; i++) {
		if (str_eq(name, str_of(verbs[i].name)))
			return &verbs[i];
	}
	return NULL;
}
