/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rulefile.c - fuzz target: any bytes as a rule file
 *
 * It is loaded or refused, in bounded time and memory; when it is loaded, the lines that are its samples are read with
 * it.
 */
#include "fuzz.h"
#include "rules.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	const char *const paths[] = { fuzz_file((struct str){ (const char *)data, size }), NULL };
	struct rules *set = NULL;
	struct err e;

	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "w");
	if (rules_load(paths, &set, &e) == -1) {
		MUST(set == NULL && strncmp(e.text, "/proc/", 6) == 0 && memchr(e.text, '\0', sizeof e.text) != NULL);
		return 0;
	}
	MUST(rules_count(set) > 0);
	MUST(rules_test(set, NULL, nowhere, &e) >= 0);
	rules_free(set);
	return 0;
}
