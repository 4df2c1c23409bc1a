/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c - what does a line mean?
 *
 * A line's way: the tag says which programs may have written it (rules_tag.c); each program's table says which
 * patterns may match (rules_dfa.c); PCRE2 says where their fields are (rules_regex.c).  The first that does wins.
 */
#include <stdlib.h>
#include <string.h>

#include "rules_priv.h"
#include "stats.h"

struct rules_scratch *
rules_scratch_new(const struct rules *set)
{
	struct rules_scratch *s = xcalloc(1, sizeof(*s));

	(void)set;
	s->regex = regex_scratch_new();
	s->tags = tag_cache_new();
	return s;
}

void
rules_scratch_free(struct rules_scratch *s)
{
	if (s == NULL)
		return;
	regex_scratch_free(s->regex);
	tag_cache_free(s->tags);
	free(s);
}

/* Is the pattern's needle in the text?  It is looked for where its rarest byte is, which is mostly nowhere else; memmem(3)
 * would have to prepare itself for each line. */
static bool
has_needle(const struct pattern *p, struct str text)
{
	const char *at, *end;

	if (text.n < p->needle.n)
		return false;
	at = text.p + p->rarest;
	end = at + (text.n - p->needle.n) + 1;
	for (; (at = memchr(at, p->needle.p[p->rarest], (size_t)(end - at))) != NULL; at++)
		if (memcmp(at - p->rarest, p->needle.p, p->needle.n) == 0)
			return true;
	return false;
}

/* RULES_NOTHING: this pattern has nothing to say, ask the next. */
static enum rules_result
try_pattern(const struct pattern *p, bool certain, struct rules_scratch *s, const struct logline *line,
    struct event *out)
{
	struct str slots[SLOTS];

	if (p->nfa.trailing && line->line.n >= TAIL_LINE)
		return RULES_NOTHING;
	if (p->rule->none && certain && !p->has_part)
		return RULES_IGNORED;
	if (p->needle.n > 0 && !has_needle(p, line->text))
		return RULES_NOTHING;
	switch (regex_match(p->regex, s->regex, line->text, slots)) {
	case REGEX_YES:
		break;
	case REGEX_LIMIT:
		stat_add(STAT_RULES_LIMIT, 1);
		return RULES_NOTHING;
	case REGEX_NO:
		return RULES_NOTHING;
	}
	if (p->rule->none && !p->has_part)
		return RULES_IGNORED;
	if (p->rule->part.need == 0 && addr_parse(&out->addr, slots[SLOT_CLIENT]) == -1)
		return RULES_IGNORED;
	s->part = p->rule->part;
	s->part.qid = slots[SLOT_QID];
	out->kind = p->rule->kind;
	out->bounce = p->rule->bounce;
	out->source = SOURCE_LOG;
	out->time = line->time;
	out->user = slots[SLOT_USER];
	out->recipient = slots[SLOT_RECIPIENT];
	out->zone = slots[SLOT_ZONE];
	out->session = slots[SLOT_SESSION].n > 0 ? slots[SLOT_SESSION] : line->pid;
	out->evidence = line->line;
	out->rule = p->rule->name;
	return p->rule->none || p->rule->part.need != 0 ? RULES_HALF : RULES_EVENT;
}

enum rules_result
rules_match(const struct rules *set, struct rules_scratch *s, const struct logline *line, struct event *out)
{
	const struct program *const *programs;
	unsigned n = tag_programs(set, s->tags, line->tag, &programs);

	for (unsigned i = 0; i < n; i++) {
		const uint16_t *list;
		unsigned found = dfa_run(programs[i]->dfa, line->text, &list);

		for (unsigned k = 0; k < found; k++) {
			const struct pattern *p = programs[i]->table[list[k] & (DFA_CERTAIN - 1)];
			enum rules_result r = try_pattern(p, list[k] & DFA_CERTAIN, s, line, out);

			if (r != RULES_NOTHING)
				return r;
		}
	}
	return RULES_NOTHING;
}

const struct rules_part *
rules_part(const struct rules_scratch *s)
{
	return &s->part;
}

bool
rules_know_tag(const struct rules *set, struct rules_scratch *s, struct str tag)
{
	const struct program *const *programs;

	return tag_programs(set, s->tags, tag, &programs) > 0;
}

unsigned
rules_count(const struct rules *set)
{
	return set->nrules;
}
