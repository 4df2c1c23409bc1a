/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "evidence.h"
#include "unit.h"

static void
tell(struct evidence *e, const char *client, time_t at, const char *text)
{
	struct addr a = address(client);
	struct event ev = { .kind = EVENT_RBL, .addr = a, .time = at, .rule = "test-rule", .evidence = str_of(text) };

	evidence_told(e, &ev, &a, 0);
}

static unsigned
of(struct evidence *e, const char *client, struct evidence_entry *out)
{
	struct addr a = address(client);

	return evidence_of(e, &a, out, EVIDENCE_EACH);
}

static void
gives_newest_first(void **state)
{
	struct evidence *e = evidence_new(8);
	struct evidence_entry got[EVIDENCE_EACH];

	(void)state;
	tell(e, "192.0.2.1", 1, "one");
	tell(e, "192.0.2.2", 2, "other");
	tell(e, "192.0.2.1", 3, "two");
	assert_int_equal(of(e, "192.0.2.1", got), 2);
	assert_string_equal(got[0].text, "two");
	assert_string_equal(got[0].rule, "test-rule");
	assert_int_equal(got[0].time, 3);
	assert_string_equal(got[1].text, "one");
	assert_int_equal(of(e, "192.0.2.2", got), 1);
	assert_int_equal(of(e, "192.0.2.3", got), 0);
	evidence_free(e);
}

/* The oldest of all clients goes first. */
static void
is_bounded(void **state)
{
	struct evidence *e = evidence_new(8);
	struct evidence_entry got[EVIDENCE_EACH];
	char client[32];
	unsigned kept = 0;

	(void)state;
	for (unsigned i = 0; i < 250; i++) {
		(void)snprintf(client, sizeof client, "192.0.2.%u", i);
		tell(e, client, i, "x");
	}
	for (unsigned i = 0; i < 250; i++) {
		(void)snprintf(client, sizeof client, "192.0.2.%u", i);
		kept += of(e, client, got);
		if (of(e, client, got) == 1)
			assert_true(i >= 242);
	}
	assert_int_equal(kept, 8);
	evidence_free(e);
}

static void
noise_of_one_does_not_push_out_others(void **state)
{
	struct evidence *e = evidence_new(EVIDENCE_EACH + 2);
	struct evidence_entry got[EVIDENCE_EACH];
	char text[16];

	(void)state;
	tell(e, "192.0.2.1", 1, "quiet");
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof text, "%u", i);
		tell(e, "192.0.2.2", i, text);
	}
	assert_int_equal(of(e, "192.0.2.1", got), 1);
	assert_int_equal(of(e, "192.0.2.2", got), EVIDENCE_EACH);
	for (unsigned i = 0; i < EVIDENCE_EACH; i++)
		assert_int_equal(got[i].time, 999 - i);
	evidence_free(e);
}

static void
keeps_nothing_of_nothing(void **state)
{
	struct evidence *e = evidence_new(8);
	struct evidence_entry got[EVIDENCE_EACH];
	struct addr a = address("192.0.2.1");

	(void)state;
	tell(e, "192.0.2.1", 1, NULL);
	evidence_told(e, NULL, &a, 0);
	assert_int_equal(of(e, "192.0.2.1", got), 0);
	evidence_free(e);
	evidence_free(NULL);
}

static void
keeps_no_secret(void **state)
{
	static char endless[70000] = "sql(u,192.0.2.1): unknown user (given password: ZZZZ";
	struct evidence *e = evidence_new(8);
	struct evidence_entry got[EVIDENCE_EACH];

	(void)state;
	tell(e, "192.0.2.1", 1, "vchkpw-pop3: password fail (pass: 'ZZ'ZZ') a@b.c\n");
	memset(endless + strlen(endless), 'Z', sizeof endless - strlen(endless) - 1);
	tell(e, "192.0.2.1", 2, endless);
	assert_int_equal(of(e, "192.0.2.1", got), 2);
	assert_string_equal(got[1].text, "vchkpw-pop3: password fail (pass: '***') a@b.c\\x0a");
	assert_string_equal(got[0].text, "sql(u,192.0.2.1): unknown user (given password: ***");
	evidence_free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_newest_first),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(noise_of_one_does_not_push_out_others),
		cmocka_unit_test(keeps_nothing_of_nothing),
		cmocka_unit_test(keeps_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
