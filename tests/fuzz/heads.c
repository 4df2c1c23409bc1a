/* SPDX-License-Identifier: GPL-2.0-or-later */
/* heads.c - fuzz target: any bytes as a log line: its head, and what is left of it when passwords are masked */
#include "fuzz.h"
#include "logline.h"
#include "mask.h"

#define NOW   ((time_t)1743300000) /* 2025-03-30 02:00 UTC: clocks change in Berlin */
#define NEVER ((time_t)253402300800 + 2 * 86400) /* the year 10000, and any zone */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return setenv("TZ", "Europe/Berlin", 1);
}

static void
parts_are_in_order(const struct logline *l, struct str given)
{
	struct str whole = l->line;

	MUST(within(whole, given) && given.n - whole.n <= 1);
	MUST(within(l->host, whole) && within(l->tag, whole) && within(l->pid, whole) && within(l->text, whole));
	MUST(l->tag.n > 0 && l->text.p != NULL && l->text.p >= l->tag.p + l->tag.n);
	MUST(l->host.p == NULL || l->host.p + l->host.n < l->tag.p);
	MUST(l->pid.p == NULL || (l->pid.p > l->tag.p && l->pid.p + l->pid.n <= l->text.p));
	MUST(l->repeat >= 1);
	MUST(l->time >= -2 * 86400 && l->time < NEVER);
}

/* What was read before must not change what is read now.  An hour is forgiven: mktime(3) itself, asked for a time that
 * the clock shows twice, answers by what it was asked before. */
static void
head(struct str line)
{
	static struct stamp warm;
	struct stamp fresh;
	struct logline a, b;
	enum logline_result r;

	stamp_init(&fresh);
	r = logline_parse(&a, &fresh, line, NOW);
	MUST(logline_parse(&b, &warm, line, NOW) == r);
	if (r == LOGLINE_HEADLESS)
		return;
	parts_are_in_order(&a, line);
	MUST(str_eq(a.text, b.text) && str_eq(a.tag, b.tag) && a.repeat == b.repeat);
	MUST((a.time == -1) == (b.time == -1) && a.time - b.time <= 3600 && b.time - a.time <= 3600);
}

/* Printable, in its place, and nothing more to be masked in it. */
static void
masked(struct str line, size_t size)
{
	char *dst = malloc(size);

	MUST(mask_line(dst, size, line) == dst && memchr(dst, '\0', size) != NULL);
	for (const char *p = dst; *p != '\0'; p++)
		MUST((unsigned char)*p >= ' ' && *p != 0x7f);
	free(dst);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = { (const char *)data, size };
	static const size_t sizes[] = { 4, 5, 17, 1024 };

	head(line);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		masked(line, sizes[i]);
	return 0;
}
