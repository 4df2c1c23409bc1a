/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pairs.c - fuzz target: several processes at once, of which each tells in more than one line
 *
 * Lines of daemons that name the client in one line and the deed in another, in any order, with any text where the
 * client chooses it.  Every process has a client of its own; when it gets a new one it says so, as these daemons do.
 * Whatever becomes an event while a process writes is about that process's client, and nothing becomes a login that
 * was none.
 *
 * Input: steps, each a byte that picks process (bits 0, 1) and line (bits 2 .. 5), whether its client is a new one
 * (bit 6; for the MTA), then text up to a newline.
 */
#include "correlate.h"
#include "fuzz.h"

#define T "\1" /* text of the client's */
#define C "\2" /* the client's address */
#define Q "\3" /* the queue id */

enum daemon { POPA3D, VM_POP3D, SOLID, MTA, DAEMONS };

static const char *const tags[DAEMONS] = { "popa3d", "vm-pop3d", "solid-pop3d", "sm-mta" };

static const struct form {
	enum daemon daemon;
	const char *text;
	bool begins; /* with a new client */
	bool login;  /* may be, or complete, one */
} forms[] = {
	{ POPA3D, "Session from " C, true, false },
	{ POPA3D, "Authentication passed for " T, false, true },
	{ POPA3D, "Authentication failed for " T, false, false },
	{ VM_POP3D, "Connect from " C, true, false },
	{ VM_POP3D, "User '" T "' logged in", false, true },
	{ VM_POP3D, "User '" T "' of '" T "' logged in", false, true },
	{ VM_POP3D, "User '" T "' logged in from " C ", nmsgs=3", false, true },
	{ SOLID, "connect from " C, true, false },
	{ SOLID, "user " T " authenticated", false, true },
	{ SOLID, "authentication failed: no such user: " T, false, false },
	{ MTA, Q ": " T "... User unknown", false, false },
	{ MTA, Q ": from=" T ", size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=host.example.net [" C "]", false, false },
	{ MTA, Q ": ruleset=check_rcpt, arg1=<" T ">, relay=host.example.net [" C "], reject=550 5.7.1 <" T
	    ">... Relaying denied", false, false },
	{ MTA, Q ": Milter: data, reject=550 5.7.1 " T, false, false },
	{ MTA, Q ": to=" T ", delay=00:00:00, pri=30000, stat=" T, false, false },
	{ MTA, Q ": " T "... Relaying denied", false, false },
};

#define FORMS	  (sizeof forms / sizeof forms[0])
#define PROCESSES 4
#define LINE_MAX  8192

static struct rules *set;
static struct rules_scratch *scratch;
static unsigned generation[DAEMONS][PROCESSES]; /* how often it got a new client */

struct step {
	const struct form *form;
	struct addr client;
	struct str line;
};

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
judge(void *arg, const struct event *ev, unsigned times, bool again)
{
	const struct step *s = arg;
	char addr[ADDR_TEXT];

	(void)again;
	MUST(times >= 1 && ev->kind < EVENT_KINDS);
	if (addr_eq(&ev->addr, &s->client) && (ev->kind != EVENT_LOGIN || s->form->login))
		return;
	fprintf(stderr, "%s %s by rule %s does not hold: from: %.*s\n", event_kind_name(ev->kind),
	    addr_format(addr, &ev->addr), ev->rule, (int)s->line.n, s->line.p);
	abort();
}

static void
put(char *line, size_t *n, struct str s)
{
	if (s.n > LINE_MAX - *n)
		s.n = LINE_MAX - *n;
	if (s.n > 0)
		memcpy(line + *n, s.p, s.n);
	*n += s.n;
}

static void
write_line(struct step *s, unsigned process, unsigned turn, struct str text)
{
	static char line[LINE_MAX];
	unsigned gen = generation[s->form->daemon][process];
	char head[80], client[32], qid[32];
	size_t n = 0;

	(void)snprintf(client, sizeof client, "192.0.2.%u", (s->form->daemon * PROCESSES + process) * 16 + gen % 16);
	(void)snprintf(qid, sizeof qid, "402348%c%c000%u", 'a' + (int)(gen / 26 % 26), 'a' + (int)(gen % 26), 811 + process);
	(void)snprintf(head, sizeof head, "Jan  2 03:%02u:%02u mx %s[%u]: ", turn / 60 % 60, turn % 60,
	    tags[s->form->daemon], 811 + process);
	put(line, &n, str_of(head));
	for (const char *p = s->form->text; *p != '\0'; p++)
		put(line, &n,
		    *p == T[0] ? text : *p == C[0] ? str_of(client) : *p == Q[0] ? str_of(qid) : (struct str){ p, 1 });
	MUST(addr_parse(&s->client, str_of(client)) == 0);
	s->line = (struct str){ line, n };
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct correlate *c = correlate_new();
	struct str rest = { (const char *)data, size };
	struct stamp stamp;

	memset(generation, 0, sizeof generation);
	stamp_init(&stamp);
	for (unsigned turn = 0; rest.n > 0; turn++) {
		const char *nl = memchr(rest.p, '\n', rest.n);
		size_t n = nl != NULL ? (size_t)(nl - rest.p) : rest.n;
		unsigned op = n > 0 ? (unsigned char)rest.p[0] : 0, process = op & 3;
		struct step s = { .form = &forms[(op >> 2 & 15) % FORMS] };
		struct logline l;

		if (s.form->begins || (s.form->daemon == MTA && (op & 64) != 0))
			generation[s.form->daemon][process]++;
		write_line(&s, process, turn, n > 0 ? (struct str){ rest.p + 1, n - 1 } : STR_NONE);
		if (logline_parse(&l, &stamp, s.line, 1743300000) == LOGLINE_OK)
			MUST(correlate_line(c, set, scratch, &l, 1743300000, judge, &s) != RULES_HALF);
		n += nl != NULL;
		rest = (struct str){ rest.p + n, rest.n - n };
	}
	correlate_free(c);
	return 0;
}
