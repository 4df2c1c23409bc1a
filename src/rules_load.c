/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_load.c - from rule files to a set that is known to be safe */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rules_priv.h"

#define PATTERNS_MAX 500 /* of one program */

static void
free_patterns(struct pattern *p)
{
	struct pattern *next;

	for (; p != NULL; p = next) {
		next = p->next;
		regex_free(p->regex);
		nfa_free(&p->nfa);
		node_free(p->tree);
		free(p);
	}
}

static void
free_program(struct program *p)
{
	struct rule *r, *next;

	for (r = p->rules; r != NULL; r = next) {
		next = r->next;
		free_patterns(r->patterns);
		samples_free(r->samples);
		for (const char **name = r->part.after; *name != NULL; name++)
			free((char *)*name);
		free(r->name);
		free(r);
	}
	for (unsigned i = 0; i < p->ntags; i++)
		free(p->tags[i]);
	free(p->tags);
	free(p->table);
	dfa_free(p->dfa);
	free(p);
}

void
files_free(struct file *f)
{
	struct file *next;

	for (; f != NULL; f = next) {
		next = f->next;
		free(f->path);
		free(f);
	}
}

void
rules_free(struct rules *set)
{
	struct program *p, *pnext;

	if (set == NULL)
		return;
	for (p = set->programs; p != NULL; p = pnext) {
		pnext = p->next;
		free_program(p);
	}
	files_free(set->files);
	free(set);
}

static int
is_rule_file(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 6 && strcmp(d->d_name + n - 6, ".rules") == 0;
}

static int
load_directory(struct rules *set, const char *path, struct err *e)
{
	struct dirent **names;
	int n = scandir(path, &names, is_rule_file, alphasort), rc = 0;
	char file[4096];

	if (n == -1)
		return err_sys(e, "%s", path);
	for (int i = 0; i < n; i++) {
		if (rc == 0 && (size_t)snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name) >= sizeof(file))
			rc = err_set(e, "%s: the name is too long", path);
		if (rc == 0)
			rc = rules_parse_file(set, file, e);
		free(names[i]);
	}
	free(names);
	return rc;
}

/* `shipped`: where the program's own rules are, which must be there. */
static int
load_path(struct rules *set, const char *path, bool shipped, struct err *e)
{
	struct stat st;

	if (path[0] == '\0')
		return 0;
	if (stat(path, &st) == -1 && shipped)
		return err_set(e, "%s: %s; the rules that come with the program should be here: install them, or say in "
		    "rules_dir where they are", path, strerror(errno));
	if (stat(path, &st) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s", path);
	return S_ISDIR(st.st_mode) ? load_directory(set, path, e) : rules_parse_file(set, path, e);
}

int
rules_load(const char *const *paths, struct rules **out, struct err *e)
{
	struct rules *set = xcalloc(1, sizeof(*set));
	const char *shipped = "";
	int rc = 0;

	for (size_t i = 0; rc == 0 && paths[i] != NULL; i++) {
		shipped = paths[i];
		rc = load_path(set, paths[i], paths[i + 1] == NULL, e);
	}
	if (rc == 0 && set->nrules == 0)
		rc = err_set(e, "%s: there are no rules: no *.rules file is here, or there is nothing in it", shipped);
	if (rc == 0)
		rc = rules_build(set, e);
	if (rc == 0)
		rc = rules_make_sense(set, e);
	if (rc == 0)
		rc = rules_prove(set, e);
	if (rc == 0) {
		*out = set;
		set = NULL; /* given away: not ours to free */
	}
	rules_free(set);
	return rc;
}

/* The longest text that must stand behind the open :last run: looking for it is much faster than trying. */
static void
find_needle(const struct node *seq, bool *behind, struct str *needle)
{
	for (const struct node *kid = seq->kids; kid != NULL; kid = kid->next) {
		if (kid->kind == NODE_SEQ)
			find_needle(kid, behind, needle);
		else if (kid->kind == NODE_RUN && kid->open && kid->last)
			*behind = true;
		else if (kid->kind == NODE_TEXT && *behind && kid->text.n > needle->n)
			*needle = kid->text;
	}
}

/* How common a byte is in logs, from 0. */
static unsigned
commonness(char c)
{
	if (c == ' ' || c == ',' || c == '.' || c == ':' || (c >= '0' && c <= '9'))
		return 3;
	if (c >= 'a' && c <= 'z')
		return 2;
	return c >= 'A' && c <= 'Z';
}

static size_t
rarest_of(struct str s)
{
	size_t rarest = 0;

	for (size_t i = 1; i < s.n; i++)
		if (commonness(s.p[i]) < commonness(s.p[rarest]))
			rarest = i;
	return rarest;
}

static uint8_t
guards_of(const struct rule *r)
{
	unsigned keys = r->part.remember | r->part.settle | r->part.need;

	if (r->none && keys == 0)
		return 0;
	return (r->part.need == 0 ? MARK_CLIENT : 0) | (keys & 1 << RULES_QID ? MARK_QID : 0);
}

/* Has the pattern what its rule needs? */
static int
check_fields(const struct pattern *p, struct err *e)
{
	const struct rule *r = p->rule;

	if (r->none && !p->has_part)
		return 0;
	if (p->nfa.opening != NULL)
		return err_place(e, p->nfa.opening->at, "an event cannot begin with {%s}: the client decides "
		    "what stands there, and so what the line is", p->nfa.opening->name);
	if (r->part.need != 0 && (r->none || (r->part.remember | r->part.settle) != 0))
		return err_place(e, r->at, "`need' is for an event that has no client of its own");
	if (r->part.need != 0 && (p->nfa.marks & MARK_CLIENT))
		return err_place(e, p->at, "{client} is here: then another line's is not needed");
	if (p->nfa.guards & ~p->nfa.marks & MARK_CLIENT)
		return err_place(e, p->at, "{client} is missing: an event is about a client");
	if (p->nfa.guards & ~p->nfa.marks & MARK_QID)
		return err_place(e, p->at, "{qid} or {sqid} is missing: lines are to be paired by it");
	return 0;
}

static int
compile_pattern(struct pattern *p, struct err *e)
{
	const struct rules_part *part = &p->rule->part;
	bool behind = false;

	if (nfa_build(&p->nfa, p->tree, e) == -1)
		return -1;
	p->has_part = (part->remember | part->settle | part->need) != 0;
	nfa_guard(&p->nfa, guards_of(p->rule), part->need != 0);
	if (check_fields(p, e) == -1)
		return -1;
	if (!(p->nfa.guards & MARK_QID))
		node_forget(p->tree, SLOT_QID);
	find_needle(p->tree, &behind, &p->needle);
	p->rarest = rarest_of(p->needle);
	p->regex = regex_new(p->tree, false, e);
	return p->regex == NULL ? -1 : 0;
}

static int
compile_program(struct program *prog, struct err *e)
{
	const struct nfa **nfas;
	unsigned n = 0;

	for (struct rule *r = prog->rules; r != NULL; r = r->next) {
		if (r->patterns == NULL)
			return err_place(e, r->at, "rule %s has no `match'", r->name);
		for (struct pattern *p = r->patterns; p != NULL; p = p->next, n++)
			if (compile_pattern(p, e) == -1)
				return -1;
	}
	if (n > PATTERNS_MAX)
		return err_place(e, prog->at, "more than %d patterns for one program", PATTERNS_MAX);
	prog->table = xcalloc(n + 1, sizeof(struct pattern *));
	nfas = xcalloc(n + 1, sizeof(*nfas));
	for (struct rule *r = prog->rules; r != NULL; r = r->next)
		for (struct pattern *p = r->patterns; p != NULL; p = p->next) {
			nfas[prog->npatterns] = &p->nfa;
			prog->table[prog->npatterns++] = p;
		}
	prog->dfa = dfa_new(nfas, n);
	free(nfas);
	return 0;
}

/* `taken`: the reader never gets to see these lines. */
static int
prove_pair(struct prover *pr, const struct pattern *written, const struct pattern *reader, bool taken, struct err *e)
{
	const struct rule *r = reader->rule;
	bool other = written->rule->none || written->rule->kind != EVENT_LOGIN;
	bool apart = r->part.need != 0 ? written->rule != r : !r->none && r->kind == EVENT_LOGIN && other;
	char line[200];

	if (taken)
		return 0;

	if (!prover_try(pr, PROOF_MARKS, &written->nfa, &reader->nfa, line, sizeof(line)))
		return err_place(e, reader->at, "rule %s could take its address from text of the client's: "
		    "from the line \"%s\" of rule %s", reader->rule->name, line, written->rule->name);
	if (apart && !prover_try(pr, PROOF_APART, &written->nfa, &reader->nfa, line, sizeof(line)))
		return err_place(e, reader->at, "rule %s could read the line \"%s\" of rule %s as a line of its own: %s",
		    r->name, line, written->rule->name, event_kind_name(r->kind));
	return 0;
}

static int
prove_programs(struct prover *pr, const struct program *written, const struct program *reader, struct err *e)
{
	for (unsigned r = 0; r < reader->npatterns; r++) {
		if (reader->table[r]->rule->none && !reader->table[r]->has_part)
			continue;
		for (unsigned w = 0; w < written->npatterns; w++) {
			const struct nfa *nfa = &written->table[w]->nfa;
			bool taken = written == reader && w < r && nfa->sure && !nfa->trailing;

			if (prove_pair(pr, written->table[w], reader->table[r], taken, e) == -1)
				return -1;
		}
	}
	return 0;
}

/* Who is named to have told before?  A name that there is no rule of is no reason to refuse the set: its file may not be
 * installed.  rules_check() tells of it. */
static void
find_tellers(const struct rules *set)
{
	for (const struct program *p = set->programs; p != NULL; p = p->next)
		for (const struct rule *r = p->rules; r != NULL; r = r->next)
			for (const char *const *name = r->part.after; *name != NULL; name++) {
				struct rule *teller = rules_find(set, str_of(*name));

				if (teller != NULL)
					teller->part.told = true;
			}
}

int
rules_build(struct rules *set, struct err *e)
{
	find_tellers(set);
	for (struct program *p = set->programs; p != NULL; p = p->next)
		if (compile_program(p, e) == -1)
			return -1;
	return 0;
}

int
rules_prove(const struct rules *set, struct err *e)
{
	struct prover *pr = prover_new();
	int rc = 0;

	for (const struct program *w = set->programs; rc == 0 && w != NULL; w = w->next)
		for (const struct program *r = set->programs; rc == 0 && r != NULL; r = r->next)
			if (w == r || programs_share_tag(w, r))
				rc = prove_programs(pr, w, r, e);
	prover_free(pr);
	return rc;
}

static void
add_tag(struct program *p, struct str tag)
{
	p->tags = xrealloc(p->tags, (p->ntags + 1) * sizeof(*p->tags));
	p->tags[p->ntags] = xmalloc(tag.n + 1);
	str_copy(p->tags[p->ntags++], tag.n + 1, tag);
}

static int
alias(struct rules *set, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	struct str tag, program;
	unsigned found = 0;

	if (equals == NULL || equals == text || equals[1] == '\0')
		return err_set(e, "\"%s\" is not like \"mymail=postfix/smtpd\"", text);
	tag = (struct str){ text, (size_t)(equals - text) };
	program = str_of(equals + 1);
	for (struct program *p = set->programs; p != NULL; p = p->next)
		if (program_has_tag(p, program)) {
			add_tag(p, tag);
			found++;
		}
	return found > 0 ? 0 : err_set(e, "%s: there are no rules for a program %s", text, equals + 1);
}

int
rules_alias(struct rules *set, char *const *tags, struct err *e)
{
	if (tags == NULL || tags[0] == NULL)
		return 0;
	for (; *tags != NULL; tags++)
		if (alias(set, *tags, e) == -1)
			return -1;
	if (rules_make_sense(set, e) == -1)
		return -1;
	return rules_prove(set, e); /* programs may have a tag in common now that had none */
}
