/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reference is understood again, and a mistyped one is not taken for another's. */
#include <string.h>

#include "ref.h"
#include "unit.h"

static const struct {
	const char *client;
	time_t at;
	const char *ref;
} rows[] = {
	{ "0.0.0.0", 0, "00000-00000-00000" },
	{ "0.0.0.0", 0x80000000, "00000-0400" },
	{ "192.0.2.7", 1750000000, "" },
	{ "255.255.255.255", 4294967295, "" },
	{ "203.0.113.200", 1, "" },
	{ "2001:db8:1:2::", 1750000000, "" },
	{ "2001:db8:1:2::1", 1750000000, "" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 4294967295, "" },
	{ "::1", 1, "" },
};

static void
comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct addr a = address(rows[i].client), back;
		char ref[REF_TEXT], text[ADDR_TEXT];
		time_t at;

		ref_format(ref, &a, rows[i].at);
		row_eq(rows[i].client, strncmp(ref, rows[i].ref, strlen(rows[i].ref)), 0);
		row_eq(ref, ref_parse(str_of(ref), &back, &at), 0);
		row_str_eq(ref, addr_format(text, &back), rows[i].client);
		row_eq(ref, at, rows[i].at);
	}
}

static void
is_read_as_people_write(void **state)
{
	struct addr a = address("192.0.2.7"), back;
	char ref[REF_TEXT], other[2 * REF_TEXT];
	size_t n = 0;
	time_t at;

	(void)state;
	ref_format(ref, &a, 1750000000);
	for (size_t i = 0; ref[i] != '\0'; i++) {
		if (ref[i] == '-')
			continue;
		other[n++] = ref[i] == '0' ? 'o' : ref[i] == '1' ? 'l' : ref[i];
		other[n++] = i % 2 == 0 ? ' ' : '-';
	}
	row_eq(ref, ref_parse((struct str){ other, n }, &back, &at), 0);
	assert_true(addr_eq(&a, &back));
	assert_int_equal(at, 1750000000);
}

/* One digit wrong, or two that have changed places: never understood. */
static void
tells_what_was_mistyped(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct addr a = address(rows[i].client), back;
		char ref[REF_TEXT], wrong[REF_TEXT];
		time_t at;
		size_t n;

		ref_format(ref, &a, rows[i].at);
		n = strlen(ref);
		for (size_t k = 0; k < n; k++) {
			for (size_t d = 0; d < 32 && ref[k] != '-'; d++) {
				bool same = digits[d] == ref[k];

				memcpy(wrong, ref, n + 1);
				wrong[k] = digits[d];
				row_eq(wrong, ref_parse(str_of(wrong), &back, &at), same ? 0 : -1);
			}
			for (size_t m = 0; m < k; m++) {
				memcpy(wrong, ref, n + 1);
				wrong[k] = ref[m];
				wrong[m] = ref[k];
				if (ref[k] != ref[m] && ref[k] != '-' && ref[m] != '-')
					row_eq(wrong, ref_parse(str_of(wrong), &back, &at), -1);
			}
		}
	}
}

static void
refuses_everything_else(void **state)
{
	static const char *const others[] = {
		"", "-", "192.0.2.7", "2001:db8::1", "00000", "00000-00000-0000", "00000-00000-00000-0",
		"UUUUU-UUUUU-UUUUU", "explain", "000000000000000000000000000000000000000000000000000000000",
	};
	struct addr a;
	time_t at;

	(void)state;
	for (size_t i = 0; i < ROWS(others); i++)
		row_eq(others[i], ref_parse(str_of(others[i]), &a, &at), -1);
	/* An IPv6 address as long as an IPv4 one can be is not written so. */
	assert_int_equal(ref_parse(STR("00000-00000-00000-00000-00000-00000-0000"), &a, &at), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(is_read_as_people_write),
		cmocka_unit_test(tells_what_was_mistyped),
		cmocka_unit_test(refuses_everything_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
