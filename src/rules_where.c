/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_where.c - where each rule stands */
#include "rules_where.h"

#include "rules_priv.h"

void
rules_where(const struct rules *set, rules_where_fn *fn, void *arg)
{
	for (const struct program *p = set->programs; p != NULL; p = p->next)
		for (const struct rule *r = p->rules; r != NULL; r = r->next)
			fn(arg, r->name, r->at.file, r->at.line);
}
