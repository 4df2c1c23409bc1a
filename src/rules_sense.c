/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_sense.c - rules that are safe, and could never do what their author means
 *
 * Nothing here protects anybody: a rule that is refused here would only be silent.  But whoever has written one should
 * hear of it, with its place, and not find out when a login is not seen.
 */
#include <string.h>

#include "rules_priv.h"

/* How many {client} a line of this shape has: the fewest and the most. */
struct clients {
	unsigned least, most;
};

static struct clients
count_clients(const struct node *n)
{
	struct clients sum = { 0, 0 };

	if (n->slot == SLOT_CLIENT)
		return (struct clients){ 1, 1 };
	for (const struct node *kid = n->kids; kid != NULL; kid = kid->next) {
		struct clients c = count_clients(kid);

		if (n->kind != NODE_ALT) {
			sum.least += c.least;
			sum.most += c.most;
			continue;
		}
		sum.least = kid == n->kids || c.least < sum.least ? c.least : sum.least;
		sum.most = c.most > sum.most ? c.most : sum.most;
	}
	if (n->many)
		return (struct clients){ 0, sum.most * 2 };
	return sum;
}

static int
check_pattern(const struct pattern *p, struct err *e)
{
	struct clients c = count_clients(p->tree);

	if (!(p->nfa.guards & MARK_CLIENT))
		return 0;
	if (c.most > 1)
		return err_place(e, p->at, "{client} stands here more than once: which is it?");
	if (c.least == 0)
		return err_place(e, p->at, "{client} may be missing: an event is about a client");
	return 0;
}

/* Could a log have such a tag?  See logline.c. */
static bool
is_tag(const char *tag)
{
	static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-./_@%~+";

	if (strncmp(tag, "*/", 2) == 0)
		tag += 2;
	return *tag != '\0' && tag[strspn(tag, bytes)] == '\0';
}

/* Is there a rule for the same lines that names the client for this key? */
static bool
is_named(const struct rules *set, const struct program *needy, uint8_t key)
{
	for (const struct program *p = set->programs; p != NULL; p = p->next)
		for (const struct rule *r = p->rules; r != NULL; r = r->next)
			if ((r->part.remember | (key == 1 << RULES_QID ? r->part.settle : 0)) & key &&
			    programs_share_tag(p, needy))
				return true;
	return false;
}

static int
check_rule(const struct rules *set, const struct program *p, const struct rule *r, struct err *e)
{
	for (const struct pattern *pattern = r->patterns; pattern != NULL; pattern = pattern->next)
		if (check_pattern(pattern, e) == -1)
			return -1;
	for (unsigned k = 0; k < RULES_KEYS; k++)
		if (r->part.need & 1 << k && !is_named(set, p, (uint8_t)(1 << k)))
			return err_place(e, r->at, "rule %s needs a client by its %s, and no rule of this program remembers one",
			    r->name, k == RULES_PID ? "pid" : "qid");
	return 0;
}

/* The tags that most programs share are among those that the rules name: whichever others a tag stands for, the
 * longest name that matches it is matched by them, too. */
static int
check_tags(const struct rules *set, const struct program *p, struct err *e)
{
	for (unsigned i = 0; i < p->ntags; i++) {
		struct str tag = str_of(p->tags[i]);
		unsigned n = 0;

		if (!is_tag(p->tags[i]))
			return err_place(e, p->at, "no log has the tag %s", p->tags[i]);
		for (const struct program *other = set->programs; other != NULL; other = other->next)
			n += program_has_tag(other, tag);
		if (n > TAG_PROGRAMS)
			return err_place(e, p->at, "more than %d times `program' for the tag %s: put their rules together",
			    TAG_PROGRAMS, p->tags[i]);
	}
	return 0;
}

int
rules_make_sense(const struct rules *set, struct err *e)
{
	for (const struct program *p = set->programs; p != NULL; p = p->next) {
		if (check_tags(set, p, e) == -1)
			return -1;
		for (const struct rule *r = p->rules; r != NULL; r = r->next)
			if (check_rule(set, p, r, e) == -1)
				return -1;
	}
	return 0;
}
