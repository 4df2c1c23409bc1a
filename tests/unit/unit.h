/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit.h - what every unit test needs: cmocka, in the order it wants its headers */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "addr.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Fail with the row's name, saying what came and what should have. */
#define row_eq(name, got, want)                                                                                        \
	do {                                                                                                           \
		long long got_ = (long long)(got), want_ = (long long)(want);                                          \
		if (got_ != want_)                                                                                     \
			fail_msg("%s: got %lld, want %lld", name, got_, want_);                                        \
	} while (0)

#define row_str_eq(name, got, want)                                                                                    \
	do {                                                                                                           \
		const char *got_ = (got), *want_ = (want);                                                             \
		if (strcmp(got_, want_) != 0)                                                                          \
			fail_msg("%s: got \"%s\", want \"%s\"", name, got_, want_);                                    \
	} while (0)

static inline struct addr
address(const char *text)
{
	struct addr a;

	if (addr_parse(&a, str_of(text)) == -1)
		fail_msg("the test's own address \"%s\" is none", text);
	return a;
}

#endif
