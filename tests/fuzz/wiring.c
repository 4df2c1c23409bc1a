/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wiring.c - fuzz target: any text as what doctor reads of mail servers, firewalls and loggers
 *
 * Every finding says what, why and what to change.  Input: a byte of circumstances, then the texts, with a NUL between
 * them, in the order of enum capture_id; an empty one is not there.
 */
#include "conf.h"
#include "doctor.h"
#include "fuzz.h"

static struct conf *conf;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char text[] = "milter_socket = \"unix:/nonexistent/q/milter.sock\"\nmap_socket = \"/nonexistent/q/map.sock\"\n";
	struct err e;

	(void)argc;
	(void)argv;
	conf = conf_read(fuzz_file((struct str){ text, sizeof text - 1 }), &e);
	if (conf == NULL)
		fuzz_fail("conf", e.text);
	return 0;
}

/* Each in a block of its own, without a NUL behind it. */
static void
take_texts(struct doctor_facts *f, struct str in)
{
	for (unsigned i = 0; i < CAPTURES && in.n > 0; i++) {
		const char *nul = memchr(in.p, '\0', in.n);
		size_t n = nul != NULL ? (size_t)(nul - in.p) : in.n;

		if (n > 0) {
			f->captures[i] = (struct capture){ .text = malloc(n), .len = n };
			MUST(f->captures[i].text != NULL);
			memcpy(f->captures[i].text, in.p, n);
		}
		in.p += n + (nul != NULL);
		in.n -= n + (nul != NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct doctor_facts f;
	struct doctor_report r;

	if (size == 0)
		return 0;
	f = (struct doctor_facts){ .conf = conf, .conf_path = "x", .root = true, .now = 1700000000,
		.gate = data[0] & 1, .journald = data[0] & 2 };
	take_texts(&f, (struct str){ (const char *)data + 1, size - 1 });
	doctor_judge(&f, &r);
	for (unsigned i = 0; i < r.n_findings; i++)
		MUST(r.findings[i].what[0] != '\0' && r.findings[i].why[0] != '\0' && r.findings[i].change[0] != '\0');
	doctor_report_free(&r);
	doctor_forget(&f);
	return 0;
}
