/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control socket tells becomes the numbers of a report, and these are what is shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "unit.h"

#define T0 1750003200 /* a full hour */

static void
take(struct report *r, const char *line)
{
	struct err e = { "" };
	struct json *j = json_parse(str_of(line), &e);

	if (j == NULL)
		fail_msg("%s: %s", line, e.text);
	report_take(r, j);
	json_free(j);
}

static struct report *
example(void)
{
	struct report *r = report_new();

	r->from = T0;
	r->to = T0 + 5 * 3600;
	take(r, "{\"hour\":1750003200,\"events\":{\"login\":4,\"rbl\":30,\"auth-failure\":5},\"blocks\":{\"rbl\":2,\"hand\":1},"
	    "\"refused\":{\"cache\":7},\"mercy\":{\"forgiven\":3},\"cached\":9}");
	take(r, "{\"hour\":1750010400,\"events\":{\"rbl\":12,\"no-such-kind\":99},\"blocks\":{},\"refused\":{\"block\":2},\"mercy\":{}}");
	take(r, "{\"lost\":11}");
	take(r, "{\"network\":\"192.0.2.0/24\",\"clients\":8,\"events\":50}");
	take(r, "{\"zone\":\"<b>zen</b>\",\"clients\":3,\"events\":9}");
	take(r, "{\"user\":\"anna\",\"clients\":2,\"logins\":44}");
	take(r, "{\"left_out\":\"user\",\"clients\":123}");
	take(r, "{\"started\":1,\"clients\":{\"known\":100,\"relay\":5,\"cache\":60,\"block\":7}}");
	return r;
}

static void
adds_up(void **state)
{
	struct report *r = example();
	struct history_hour sum;
	uint64_t all = 0;
	time_t at;

	(void)state;
	report_sum(r, &sum);
	row_eq("events", report_events(&sum), 30 + 5 + 12);
	row_eq("blocks", report_blocks(&sum), 3);
	row_eq("refused", report_refused(&sum), 9);
	row_eq("logins", sum.events[EVENT_LOGIN], 4);
	row_eq("cached", sum.cached, 9);
	row_eq("lost", r->lost, 11);
	row_eq("cache", r->cache, 60);
	row_eq("left out", r->ladder[LADDER_USERS].left_out, 123);
	row_eq("leaders", r->ladder[LADDER_NETWORKS].n, 1);
	row_eq("step", report_step(r), 1);
	row_eq("bars", report_bars(r), 6);
	for (unsigned i = 0; i < report_bars(r); i++) {
		report_bar(r, i, &sum, &at);
		row_eq("at", at, T0 + (time_t)i * 3600);
		all += report_events(&sum);
	}
	row_eq("all bars", all, 47);
	free(r);
}

/* Every hour is in one bar, however wide the bars are. */
static void
loses_nothing_in_bars(void **state)
{
	static const unsigned days[] = { 1, 3, 7, 15, 31 };

	(void)state;
	for (size_t d = 0; d < ROWS(days); d++) {
		struct report *r = report_new();
		struct history_hour sum;
		uint64_t all = 0;
		time_t at;

		r->from = T0 + 1800 + (d % 2 == 0 ? 0 : 3600); /* also when an hour is told that was not asked for */
		r->to = T0 + 1800 + (time_t)days[d] * 86400;
		for (unsigned i = 0; i <= days[d] * 24 && i < HISTORY_HOURS; i++)
			r->hour[r->hours++] = (struct history_hour){ .hour = T0 / 3600 + i, .events[EVENT_RBL] = 1 };
		for (unsigned i = 0; i < report_bars(r); i++) {
			report_bar(r, i, &sum, &at);
			all += report_events(&sum);
		}
		row_eq("hours in bars", all, r->hours);
		assert_true(report_bars(r) <= 90);
		free(r);
	}
}

/* Too many lines, and lines that make no sense, are passed over. */
static void
takes_anything(void **state)
{
	struct report *r = report_new();

	(void)state;
	take(r, "{\"hour\":\"x\",\"events\":[1],\"blocks\":7}");
	take(r, "{\"hour\":-5,\"events\":{\"rbl\":-7}}");
	take(r, "{\"network\":7,\"clients\":-1,\"events\":{}}");
	take(r, "{}");
	for (unsigned i = 0; i < 2 * HISTORY_HOURS; i++)
		take(r, "{\"hour\":1750003200,\"events\":{\"rbl\":99999999999}}");
	for (unsigned i = 0; i < 2 * REPORT_LEADERS; i++)
		take(r, "{\"user\":\"u\",\"clients\":1,\"logins\":1}");
	assert_int_equal(r->hours, HISTORY_HOURS + 1);
	assert_int_equal(r->ladder[LADDER_USERS].n, REPORT_LEADERS);
	free(r);
}

static void
is_shown(void **state)
{
	static const char *const wanted[] = { "<svg ", "listed by a DNSBL <b>42</b>", "wrong password <b>5</b>", "by hand <b>1</b>",
		"&lt;b&gt;zen&lt;/b&gt;", "192.0.2.0/24", "<style>", "And 123 clients", "60 are cached" };
	static char text[20000];
	struct report *r = example();
	struct html h;
	FILE *fp = fmemopen(text, sizeof text, "w");

	(void)state;
	html_init(&h);
	report_html(r, &h);
	for (size_t i = 0; i < ROWS(wanted); i++)
		if (strstr(h.p, wanted[i]) == NULL)
			fail_msg("the page lacks \"%s\"", wanted[i]);
	assert_null(strstr(h.p, "<b>zen"));
	assert_null(strstr(h.p, "http://"));
	assert_null(strstr(h.p, "https://"));
	assert_null(strstr(h.p, "<script"));
	html_clear(&h);
	report_text(r, fp);
	fclose(fp);
	assert_non_null(strstr(text, "Rejections and failures 47, blocks 3, came into the cache 9, logins 4\n"));
	assert_non_null(strstr(text, "\nrbl                          42          2\n"));
	assert_non_null(strstr(text, "\nhand                          0          1\n"));
	free(r);
}

static void
is_json(void **state)
{
	struct report *r = example();
	struct json *j = report_json(r);
	const struct json *sum = json_get(j, "sum");

	(void)state;
	row_eq("rbl", json_get_int(json_get(sum, "events"), "rbl", 0), 42);
	row_eq("hours", json_count(json_get(j, "hours")), 2);
	row_eq("logins", json_get_int(json_at(json_get(j, "users"), 0), "logins", 0), 44);
	json_free(j);
	free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up),
		cmocka_unit_test(loses_nothing_in_bars),
		cmocka_unit_test(takes_anything),
		cmocka_unit_test(is_shown),
		cmocka_unit_test(is_json),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
