/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_writer.c - what the writer says at its end, with a store and a log thread that do as they are told
 *
 * There is one round before writer_start() returns and one at the stop; in between it has an hour to wait.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../unit/unit.h"
#include "logmsg.h"
#include "writer.h"

#define PARTS 2 /* of each cut of everything */

static const enum store_answer *answers; /* to the commits that follow, the last one for ever */
static unsigned changes;		 /* in each cut */

void
learner_cut(struct learner *l, struct cut *c, bool whole)
{
	static unsigned part;

	(void)l;
	c->whole |= whole;
	for (unsigned i = 0; i < changes; i++)
		cut_put(c, CUT_CLIENTS, &i, sizeof i, "", 0);
	part = whole ? (part + 1) % PARTS : 0;
	c->more = part != 0;
}

static enum store_answer
answer(struct err *e)
{
	enum store_answer is = *answers;

	if (is != answers[1])
		answers++;
	if (is != STORE_DONE)
		(void)err_set(e, "told so");
	return is;
}

enum store_answer
store_commit(struct store *s, const struct cut *c, struct err *e)
{
	(void)s;
	(void)c;
	return answer(e);
}

enum store_answer
store_probe(struct store *s, struct err *e)
{
	(void)s;
	(void)e;
	return STORE_DONE;
}

/* One life of a writer; what it said. */
static const char *
said(const enum store_answer *told, unsigned n)
{
	static char text[4096];
	struct writer_setup setup = { .flush_every = 3600 };
	struct err e = { "" };
	int saved = dup(STDERR_FILENO), out[2];
	struct writer *w;
	ssize_t got;

	assert_int_equal(pipe(out), 0);
	dup2(out[1], STDERR_FILENO);
	logmsg_open("test", true);
	answers = told;
	changes = n;
	w = writer_start(&setup, &e);
	if (w != NULL) {
		writer_stop(w);
		writer_free(w);
	}
	dup2(saved, STDERR_FILENO);
	close(out[1]);
	close(saved);
	assert_non_null(w);
	got = read(out[0], text, sizeof text - 1);
	close(out[0]);
	text[got < 0 ? 0 : got] = '\0';
	return text;
}

static void
the_end_is_told(void **state)
{
	/* Each row: the commits' answers, the last one twice. */
	static const struct {
		const char *name;
		unsigned changes;
		enum store_answer answers[8];
		const char *want; /* NULL: nothing of an end */
	} rows[] = {
		{ "all is well", 3, { STORE_DONE, STORE_DONE }, NULL },
		{ "nothing to write", 0, { STORE_FAILED, STORE_FAILED }, NULL },
		{ "written at last", 3, { STORE_FAILED, STORE_DONE, STORE_DONE }, NULL },
		{ "two rounds in hand", 3, { STORE_FAILED, STORE_FAILED }, "stopping with 6 changes that could not be written\n" },
		{ "the first part", 3, { STORE_EMPTIED, STORE_FAILED, STORE_FAILED },
		  "stopping with all unwritten that was learned since it was last written\n" },
		{ "the second part", 3, { STORE_EMPTIED, STORE_DONE, STORE_FAILED, STORE_FAILED },
		  "stopping with all unwritten that was learned since it was last written\n" },
		{ "emptied again and again", 3, { STORE_EMPTIED, STORE_EMPTIED },
		  "stopping with all unwritten that was learned since it was last written\n" },
		{ "emptied once", 3, { STORE_EMPTIED, STORE_DONE, STORE_DONE }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *end = strstr(said(rows[i].answers, rows[i].changes), "stopping");

		row_str_eq(rows[i].name, end == NULL ? "" : end, rows[i].want == NULL ? "" : rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
