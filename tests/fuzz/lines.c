/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.c - fuzz target: any bytes as log lines for all shipped rules */
#include "fuzz.h"
#include "rules.h"

static struct rules *set;
static struct rules_scratch *scratch;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	set = fuzz_rules();
	scratch = rules_scratch_new(set);
	return 0;
}

static void
read_line(struct str line)
{
	static struct stamp stamp;
	struct logline l;
	struct event ev;

	if (logline_parse(&l, &stamp, line, 1743300000) != LOGLINE_OK ||
	    rules_match(set, scratch, &l, &ev) != RULES_EVENT)
		return;
	MUST(ev.kind < EVENT_KINDS && ev.source == SOURCE_LOG && ev.rule != NULL);
	MUST(within(ev.user, line) && within(ev.recipient, line) && within(ev.zone, line));
	MUST(within(ev.evidence, line) && ev.time == l.time);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };

	while (rest.n > 0) {
		const char *nl = memchr(rest.p, '\n', rest.n);
		size_t n = nl != NULL ? (size_t)(nl - rest.p) : rest.n;

		read_line((struct str){ rest.p, n });
		n += nl != NULL;
		rest = (struct str){ rest.p + n, rest.n - n };
	}
	return 0;
}
