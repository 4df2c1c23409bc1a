/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_lists.c - popauth-web's lists: searching, paging, and where they end */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

static struct rig r;
static char cookie[100], csrf[60];

static int
start(void **state)
{
	(void)state;
	rig_start(&r, NULL);
	rig_login(&r, cookie, csrf);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	rig_stop(&r);
	return 0;
}

static int
get(const char *path)
{
	return rig_ask_page(&r, path, NULL, cookie, "", answer, sizeof answer);
}

static void
searching_and_paging(void **state)
{
	char line[200];

	(void)state;
	for (unsigned i = 0; i < 120; i++) {
		(void)snprintf(line, sizeof line, "{\"verb\":\"cache add\",\"address\":\"198.51.100.%u\",\"reason\":\"%s\"}", i,
		    i % 2 ? "odd one" : "even one");
		rig_ask(&r, line);
	}
	assert_int_equal(get("/cache"), 200);
	has("first page", "1 – 50 of 120");
	has("next", "href=\"/cache?page=2\"");
	assert_int_equal(get("/cache?page=3"), 200);
	has("last page", "101 – 120 of 120");
	has_not("no next", "rel=\"next\"");
	assert_int_equal(get("/cache?q=ODD"), 200);
	has("found", "60 found");
	has("next", "href=\"/cache?q=ODD&amp;page=2\"");
	has_not("others", "even one");
	assert_int_equal(get("/cache?q=198.51.100.0%2F28"), 200);
	has("network", "16 found");
	assert_int_equal(get("/cache?q=198.51.100.7"), 200);
	has("address", "1 found");
	assert_int_equal(get("/cache?q=hand"), 200);
	has("kind", "120 found");
	assert_int_equal(get("/cache?page=-1"), 200);
	has("no page", "1 – 50 of 120");
}

static void
past_the_end(void **state)
{
	static const char *const paths[] = { "/cache?page=4", "/cache?page=2001", "/cache?page=2002", "/cache?page=99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < ROWS(paths); i++) {
		row_eq(paths[i], get(paths[i]), 200);
		has(paths[i], "the list ends at page 3");
		has(paths[i], "href=\"/cache?page=3\"");
		has_not(paths[i], "Nobody at the moment");
		has_not(paths[i], " – ");
	}
	assert_int_equal(get("/cache?q=odd&page=3"), 200);
	has("search", "href=\"/cache?q=odd&amp;page=2\"");
	assert_int_equal(get("/block?page=2"), 200);
	has("empty", "Nobody at the moment");
}

/* The longest search that finds something, each of its bytes three in the link; and what is too long is told. */
static void
long_searches_are_not_cut(void **state)
{
	char slashes[111], line[300], encoded[400] = "", path[500];

	(void)state;
	memset(slashes, '/', 110);
	slashes[110] = '\0';
	for (unsigned i = 0; i < 110; i++)
		(void)strcat(encoded, "%2F");
	for (unsigned i = 0; i < 51; i++) {
		(void)snprintf(line, sizeof line, "{\"verb\":\"block add\",\"address\":\"203.0.113.%u\",\"reason\":\"%s\"}", i, slashes);
		rig_ask(&r, line);
	}
	(void)snprintf(path, sizeof path, "/block?q=%s", encoded);
	assert_int_equal(get(path), 200);
	has("found", "51 found");
	(void)snprintf(path, sizeof path, "href=\"/block?q=%s&amp;page=2\"", encoded);
	has("next", path);
	rig_ask(&r, "{\"verb\":\"block flush\"}");
	(void)snprintf(path, sizeof path, "/block?q=%0256d", 0);
	assert_int_equal(get(path), 400);
	has("told", "1 to 255 bytes");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(searching_and_paging),
		cmocka_unit_test(past_the_end),
		cmocka_unit_test(long_searches_are_not_cut),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
