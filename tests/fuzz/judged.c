/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judged.c - fuzz target: what a client says of itself, its sender and its recipients, and what it is answered
 *
 * Input: a byte that picks the judge, then the client's bytes.
 */
#include <stdlib.h>

#include "freemail.h"
#include "fuzz.h"
#include "helo.h"
#include "ref.h"
#include "template.h"
#include "traps.h"

static struct freemail *freemail;
static struct traps *traps;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct err e;

	(void)argc;
	(void)argv;
	freemail = freemail_new();
	traps = traps_new();
	if (freemail_load(freemail, fuzz_file(STR("one.example,two.example host.example\n")), &e) == -1)
		fuzz_fail("freemail", e.text);
	if (traps_load(traps, fuzz_file(STR("sales@one.example\n@old.example\nno-\\reply@\n/^[a-z]{3}[0-9]+@one/\n")), &e) == -1)
		fuzz_fail("traps", e.text);
	return 0;
}

static void
a_sender(struct str in)
{
	for (enum named named = NAMED_YES; named <= NAMED_UNSURE; named++) {
		bool all = freemail_forged(freemail, FREEMAIL_ALL, in, named, in);

		MUST(!freemail_forged(freemail, FREEMAIL_OFF, in, named, in));
		MUST(all || !freemail_forged(freemail, FREEMAIL_UNNAMED, in, named, in));
		MUST(named != NAMED_UNSURE || !all);
	}
	(void)freemail_named(in, in);
}

/* Case makes no difference. */
static void
a_recipient(struct str in)
{
	char *upper = xmalloc(in.n + 1);

	str_copy(upper, in.n + 1, in);
	for (char *p = upper; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	in.n = strlen(upper);
	MUST(traps_has(traps, in) == traps_has(traps, str_of(upper)));
	free(upper);
}

static void
a_greeting(struct str in)
{
	static char name[] = "mail.one.example", *names[] = { name, NULL };
	struct addr own = { { 0x20, 1, 0xd, 0xb8 } };
	struct conf c = { .own_names = names, .own_addrs = &own, .n_own_addrs = 1 };
	const struct mta_self self = { in, { in, in } };

	(void)helo_forged(&c, &self, &own, in);
	(void)helo_is_full_name(in);
}

/* What is taken for a reference is one of ours. */
static void
a_reference(struct str in)
{
	char text[REF_TEXT], again[REF_TEXT];
	struct addr a, b;
	time_t at, bt;

	if (ref_parse(in, &a, &at) == -1)
		return;
	MUST(strlen(ref_format(text, &a, at)) < sizeof text);
	MUST(ref_parse(str_of(text), &b, &bt) == 0 && addr_eq(&a, &b) && at == bt);
	MUST(strcmp(ref_format(again, &b, bt), text) == 0);
}

/* One line of printable ASCII, whatever is filled in; and a text that passes the check is one, too. */
static void
a_text(struct str in)
{
	struct str values[PLACES];
	char text[TEMPLATE_MAX + 2], out[200];
	struct err e;

	for (enum place_name p = 0; p < PLACES; p++)
		values[p] = in;
	str_copy(text, sizeof text, in);
	if (template_check(text, &e) == -1)
		str_copy(text, sizeof text, STR("x %{said} %{explanation}%{ref}"));
	for (size_t size = 1; size < sizeof out; size += 11) {
		(void)template_fill(out, size, text, values);
		MUST(strlen(out) < size);
		for (const char *p = out; *p != '\0'; p++)
			MUST(*p >= ' ' && *p <= '~');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const judges[])(struct str) = { a_sender, a_recipient, a_greeting, a_reference, a_text };

	if (size > 0)
		judges[data[0] % (sizeof judges / sizeof judges[0])]((struct str){ (const char *)data + 1, size - 1 });
	return 0;
}
