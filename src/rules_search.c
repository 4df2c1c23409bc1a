/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_search.c - regular expressions of the administrator's own, for lists of patterns */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "rules_search.h"

#include <pcre2.h>
#include <stdlib.h>

#include "stats.h"

#define MATCH_LIMIT 10000 /* steps: some 0.1 ms */
#define DEPTH_LIMIT 1000
#define HEAP_LIMIT  256 /* kB */

struct search {
	pcre2_code *code;
	pcre2_match_context *limits;
};

struct search *
search_new(struct str pattern, struct err *e)
{
	struct search *s = xcalloc(1, sizeof *s);
	PCRE2_UCHAR why[256];
	PCRE2_SIZE offset;
	int error;

	s->code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, PCRE2_CASELESS | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C,
	    &error, &offset, NULL);
	if (s->code == NULL) {
		pcre2_get_error_message(error, why, sizeof why);
		err_set(e, "%s, behind %zu bytes of the pattern", (const char *)why, (size_t)offset);
		free(s);
		return NULL;
	}
	s->limits = pcre2_match_context_create(NULL);
	if (s->limits == NULL)
		panic("out of memory");
	pcre2_set_match_limit(s->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(s->limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(s->limits, HEAP_LIMIT);
	(void)pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE);
	return s;
}

void
search_free(struct search *s)
{
	if (s == NULL)
		return;
	pcre2_match_context_free(s->limits);
	pcre2_code_free(s->code);
	free(s);
}

bool
search_has(const struct search *s, struct str text)
{
	/* One pair: where is nobody's question. */
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int rc;

	if (data == NULL)
		panic("out of memory");
	rc = pcre2_match(s->code, (PCRE2_SPTR)(text.n == 0 ? "" : text.p), text.n, 0, 0, data, s->limits);
	pcre2_match_data_free(data);
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		stat_add(STAT_RULES_LIMIT, 1);
	return rc >= 0;
}
