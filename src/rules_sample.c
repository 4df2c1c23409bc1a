/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_sample.c - a rule file: samples, which are lines of log and what is expected of each */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules_parse.h"

/* before LINE */
int
parse_before(struct parser *p, struct str rest)
{
	p->before_at = parser_place(p, p->begin);
	p->before = xrealloc(p->before, (p->nbefore + 1) * sizeof(*p->before));
	p->before[p->nbefore++] = (struct str){ parser_copy(rest), rest.n };
	return 0;
}

/* sample LINE */
int
parse_sample(struct parser *p, struct str rest)
{
	struct sample *s, **end;

	if (rest.n == 0 || (p->rule == NULL && !p->samples_only))
		return err_place(p->e, parser_place(p, p->begin), "sample wants a line of log, and a rule before it");
	s = xcalloc(1, sizeof(*s));
	s->at = parser_place(p, p->begin);
	s->line = (struct str){ parser_copy(rest), rest.n };
	s->before = p->before;
	s->nbefore = p->nbefore;
	p->before = NULL;
	p->nbefore = 0;
	for (end = p->samples_only ? &p->samples : &p->rule->samples; *end != NULL; end = &(*end)->next)
		continue;
	*end = p->sample = s;
	return 0;
}

/* The value of an expected field: \x20 stands for the blank that would end it. */
static struct str
unescape(struct str s)
{
	char *p = parser_copy(s);
	size_t n = 0;
	unsigned c;

	for (size_t i = 0; i < s.n; i++)
		if (p[i] == '\\' && s.n - i >= 4 && sscanf(p + i, "\\x%2x", &c) == 1) {
			p[n++] = (char)c;
			i += 3;
		} else {
			p[n++] = p[i];
		}
	p[n] = '\0';
	return (struct str){ p, n };
}

/* key=value, the value to the next blank. */
static int
parse_expected(struct parser *p, struct sample *s, struct str word)
{
	const struct {
		struct str key;
		struct str *value;
	} keys[] = { { STR("user="), &s->user }, { STR("recipient="), &s->recipient }, { STR("zone="), &s->zone } };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct str k = keys[i].key;

		if (word.n <= k.n || memcmp(word.p, k.p, k.n) != 0 || keys[i].value->p != NULL)
			continue;
		*keys[i].value = unescape((struct str){ word.p + k.n, word.n - k.n });
		return 0;
	}
	return err_place(p->e, parser_place(p, word.p), "expected is user=, recipient= or zone=, once each");
}

/* expect none | expect KIND ADDRESS [user=...] [recipient=...] [zone=...] */
int
parse_expect(struct parser *p, struct str rest)
{
	struct str kind = parser_word(&rest), word;
	struct sample *s = p->sample;
	struct addr a;

	if (s == NULL)
		return err_place(p->e, parser_place(p, p->begin), "expect wants a sample before it");
	p->sample = NULL;
	s->none = str_eq(kind, STR("none"));
	s->kind = event_kind_of(kind);
	if (s->none && rest.n == 0)
		return 0;
	if (s->kind == EVENT_KINDS)
		return err_place(p->e, parser_place(p, p->begin), "expect wants `none', or an event kind and an address");
	word = parser_word(&rest);
	if (addr_parse(&a, word) == -1)
		return err_place(p->e, parser_place(p, p->begin), "an address must follow the event kind");
	s->addr = (struct str){ parser_copy(word), word.n };
	while ((word = parser_word(&rest)).n > 0)
		if (parse_expected(p, s, word) == -1)
			return -1;
	return 0;
}

int
parse_samples_whole(const struct parser *p)
{
	return p->sample == NULL ? 0 : err_place(p->e, p->sample->at, "this sample has no `expect' behind it");
}

int
parse_samples_end(const struct parser *p)
{
	if (parse_samples_whole(p) == -1)
		return -1;
	return p->nbefore == 0 ? 0 : err_place(p->e, p->before_at, "there is no sample behind this `before'");
}

/* Of lines that no sample came after. */
void
parse_samples_free(struct parser *p)
{
	for (unsigned i = 0; i < p->nbefore; i++)
		free((char *)p->before[i].p);
	free(p->before);
}

void
samples_free(struct sample *s)
{
	struct sample *next;

	for (; s != NULL; s = next) {
		next = s->next;
		for (unsigned i = 0; i < s->nbefore; i++)
			free((char *)s->before[i].p);
		free(s->before);
		free((char *)s->line.p);
		free((char *)s->addr.p);
		free((char *)s->user.p);
		free((char *)s->recipient.p);
		free((char *)s->zone.p);
		free(s);
	}
}
