/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_test.c - the samples that stand beside the rules; listing; lines from elsewhere */
#include <stdlib.h>
#include <string.h>

#include "correlate.h"
#include "rules_priv.h"

#define SAMPLE_NOW ((time_t)1767225600) /* samples without a year were written before 2026 */

enum rules_result
sample_match(const struct rules *set, struct rules_scratch *s, struct str line, struct event *out)
{
	struct stamp stamp;
	struct logline l;

	stamp_init(&stamp);
	if (logline_parse(&l, &stamp, line, SAMPLE_NOW) != LOGLINE_OK)
		return RULES_NOTHING;
	return rules_match(set, s, &l, out);
}

struct told {
	unsigned n;
	struct event ev; /* the last */
};

static void
tell(void *arg, const struct event *ev, unsigned times, bool again)
{
	struct told *t = arg;

	(void)times;
	(void)again;
	t->n++;
	t->ev = *ev; /* its words stay in the line, or in the table until the next line */
}

/* What the daemon would make of the sample, with the lines before it read before it.  The event's words are the
 * sample's, or stay in `c` until it is used again. */
static enum rules_result
sample_read(const struct rules *set, struct rules_scratch *s, struct correlate *c, const struct sample *sample,
    struct event *out)
{
	enum rules_result is = RULES_NOTHING;
	struct stamp stamp;
	struct told t;

	correlate_clear(c);
	stamp_init(&stamp);
	for (unsigned i = 0; i <= sample->nbefore; i++) {
		struct str line = i < sample->nbefore ? sample->before[i] : sample->line;
		struct logline l;

		t.n = 0;
		is = RULES_NOTHING;
		if (logline_parse(&l, &stamp, line, SAMPLE_NOW) == LOGLINE_OK)
			is = correlate_line(c, set, s, &l, SAMPLE_NOW, tell, &t);
	}
	if (is == RULES_EVENT)
		*out = t.ev;
	return is;
}

static void
say_event(FILE *out, const struct event *ev)
{
	char addr[ADDR_TEXT], text[120];
	const struct {
		const char *name;
		struct str value;
	} fields[] = { { "user", ev->user }, { "recipient", ev->recipient }, { "zone", ev->zone } };

	fprintf(out, "%s %s", event_kind_name(ev->kind), addr_format(addr, &ev->addr));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].value.n > 0)
			fprintf(out, " %s=%s", fields[i].name, str_show(text, sizeof(text), fields[i].value));
	fprintf(out, " (rule %s)", ev->rule);
}

static bool
as_expected(const struct sample *want, enum rules_result r, const struct event *got)
{
	struct addr a;

	if (want->none || r != RULES_EVENT)
		return want->none && r != RULES_EVENT;
	return got->kind == want->kind && addr_parse(&a, want->addr) == 0 && addr_eq(&a, &got->addr) &&
	    str_eq(want->user, got->user) && str_eq(want->recipient, got->recipient) && str_eq(want->zone, got->zone);
}

static int
test_samples(const struct rules *set, struct rules_scratch *s, const struct sample *sample, FILE *out, unsigned *n)
{
	struct correlate *c = correlate_new();
	int wrong = 0;

	for (; sample != NULL; sample = sample->next, ++*n) {
		struct event got = { 0 };
		enum rules_result r = sample_read(set, s, c, sample, &got);

		if (as_expected(sample, r, &got))
			continue;
		wrong++;
		fprintf(out, "%s:%u: got ", sample->at.file, sample->at.line);
		if (r == RULES_EVENT)
			say_event(out, &got);
		else
			fputs(r == RULES_IGNORED ? "none (ignored by a rule)" : "none (no rule)", out);
		if (sample->none)
			fputs(", want none\n", out);
		else
			fprintf(out, ", want %s %s user=%s recipient=%s zone=%s\n", event_kind_name(sample->kind),
			    sample->addr.p, sample->user.n ? sample->user.p : "-",
			    sample->recipient.n ? sample->recipient.p : "-", sample->zone.n ? sample->zone.p : "-");
	}
	correlate_free(c);
	return wrong;
}

static int
test_own(const struct rules *set, struct rules_scratch *s, FILE *out, unsigned *n)
{
	int wrong = 0;

	for (const struct program *p = set->programs; p != NULL; p = p->next)
		for (const struct rule *r = p->rules; r != NULL; r = r->next) {
			if (r->samples == NULL) {
				fprintf(out, "%s:%u: rule %s has no sample\n", r->at.file, r->at.line, r->name);
				wrong++;
			}
			wrong += test_samples(set, s, r->samples, out, n);
		}
	return wrong;
}

/* A file that brings its own rules is tested with those, one of samples alone with the set's. */
static int
test_file(const struct rules *set, struct rules_scratch *s, const char *path, FILE *out, unsigned *n, struct err *e)
{
	const char *const paths[] = { path, NULL };
	struct sample *samples = NULL;
	struct file *files = NULL;
	struct rules *own;
	bool has_rules;
	int wrong = -1;

	if (rules_parse_samples(&samples, &files, path, &has_rules, e) == 0 && !has_rules)
		wrong = test_samples(set, s, samples, out, n);
	else if (has_rules && rules_load(paths, &own, e) == 0) {
		wrong = test_own(own, s, out, n);
		rules_free(own);
	}
	samples_free(samples);
	files_free(files);
	return wrong;
}

int
rules_test(const struct rules *set, const char *path, FILE *out, struct err *e)
{
	struct rules_scratch *s = rules_scratch_new(set);
	unsigned n = 0;
	int wrong = path == NULL ? test_own(set, s, out, &n) : test_file(set, s, path, out, &n, e);

	if (wrong >= 0)
		fprintf(out, "%u samples, %d wrong\n", n, wrong);
	rules_scratch_free(s);
	return wrong;
}

void
rules_list(const struct rules *set, FILE *out)
{
	for (const struct program *p = set->programs; p != NULL; p = p->next) {
		fputs("program", out);
		for (unsigned i = 0; i < p->ntags; i++)
			fprintf(out, " %s", p->tags[i]);
		fprintf(out, " (%s:%u, %u patterns, %u rows)\n", p->at.file, p->at.line, p->npatterns,
		    dfa_states(p->dfa));
		for (const struct rule *r = p->rules; r != NULL; r = r->next)
			fprintf(out, "  %-32s %s\n", r->name, r->none ? "none" : event_kind_name(r->kind));
	}
	fprintf(out, "%u rules; fields of their patterns:\n", set->nrules);
	pattern_list_types(out);
}

#define BLOCK (1 << 20)

struct trial {
	const struct rules *set;
	struct rules_scratch *scratch;
	struct correlate *correlate;
	struct stamp stamp;
	time_t now;
	rules_try_fn *each;
	void *arg;
	uint64_t lines;
	bool too_long; /* the line being read does not fit into a block */
};

static void
try_event(void *arg, const struct event *ev, unsigned times, bool again)
{
	const struct trial *t = arg;

	(void)times;
	(void)again;
	t->each(t->arg, t->lines, ev);
}

static void
try_line(struct trial *t, struct str line)
{
	struct logline l;

	t->lines++;
	if (logline_parse(&l, &t->stamp, line, t->now) == LOGLINE_OK)
		(void)correlate_line(t->correlate, t->set, t->scratch, &l, t->now, try_event, t);
}

/* The whole lines of the `n` bytes at buf; returns how many bytes they are. */
static size_t
try_block(struct trial *t, const char *buf, size_t n)
{
	const char *p = buf, *end = buf + n, *nl;

	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		try_line(t, (struct str){ p, (size_t)(nl - p) });
		p = nl + 1;
	}
	return (size_t)(p - buf);
}

/* What is left of a line that did not fit: nobody may take the middle of a line for a line. */
static size_t
skip_long(struct trial *t, const char *buf, size_t n)
{
	const char *nl;

	if (!t->too_long || (nl = memchr(buf, '\n', n)) == NULL)
		return 0;
	t->too_long = false;
	t->lines++;
	return (size_t)(nl - buf) + 1;
}

int64_t
rules_try(const struct rules *set, FILE *in, time_t now, rules_try_fn *each, void *arg)
{
	struct trial t = { .set = set, .now = now, .each = each, .arg = arg };
	size_t kept = 0, n, done;
	char *buf = xmalloc(BLOCK);
	int64_t rc;

	t.scratch = rules_scratch_new(set);
	t.correlate = correlate_new();
	stamp_init(&t.stamp);
	while ((n = fread(buf + kept, 1, BLOCK - kept, in)) > 0) {
		n += kept;
		done = skip_long(&t, buf, n);
		done += try_block(&t, buf + done, n - done);
		t.too_long = t.too_long || (done == 0 && n == BLOCK);
		if (t.too_long)
			done = n;
		kept = n - done;
		memmove(buf, buf + done, kept);
	}
	if (kept > 0)
		try_line(&t, (struct str){ buf, kept });
	rc = ferror(in) ? -1 : (int64_t)t.lines;
	correlate_free(t.correlate);
	rules_scratch_free(t.scratch);
	free(buf);
	return rc;
}
