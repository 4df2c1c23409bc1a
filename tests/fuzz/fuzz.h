/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz.h - what every fuzz target needs
 *
 * A target is one function that is given bytes and aborts when something is wrong.  Two mains can call it: libFuzzer's
 * (`configure --enable-fuzz CC=clang`, then `make fuzz`), which makes up the bytes, and replay.c, with which
 * `make check` runs each target over its corpus, in any build.
 *
 * tests/fuzz/corpus/TARGET holds the seeds: one for each thing that the target ought to reach, and one for each thing
 * it has ever found.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

/* libFuzzer's names. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(3): it must hold in every build. */
#define MUST(what)                                                                                                     \
	do {                                                                                                           \
		if (!(what)) {                                                                                         \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what);                      \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

static inline bool
within(struct str part, struct str whole)
{
	return part.p == NULL ? part.n == 0 : part.p >= whole.p && part.n <= (size_t)(whole.p + whole.n - part.p);
}

/* The target cannot even begin. */
_Noreturn void fuzz_fail(const char *what, const char *why);
/* The shipped rules; exits when they cannot be had. */
struct rules *fuzz_rules(void);
/* A path that leads to these bytes; the same one each time. */
const char *fuzz_file(struct str bytes);

#endif
