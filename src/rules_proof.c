/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_proof.c - is there a line that could be read with another client in it?
 *
 * The danger.  A program writes a line: its own words, the client's true address, and text of the client's choice.  The
 * client chooses that text so that the line, read by a rule, seems to hold another address: a relay is opened for it,
 * or a victim is blocked.
 *
 * The claim.  For every pair of patterns W and R of the same program (W = R included), for every line that the program
 * may write in the shape of W, and for every way at all of reading that line in the shape of R: the bytes that R takes
 * for the client's address are exactly those that W wrote as the client's address.  And when R is a login and W is
 * not, there is no way of reading it at all: nobody logs in by failing to.  (Unless W comes first and matches every line
 * that is written in its shape, so that R never sees one.)
 *
 * What the program may write in the shape of W: its literal text as it stands; in a field that the program makes
 * itself, the bytes of the field's type, any number of them; in a field that the client decides ("open"), any bytes
 * whatever, delimiters, quotes and line heads included.  The trust in all this is in the table of types
 * (rules_pattern.c), nowhere else.  It is wider than the truth: programs do cut, escape and replace.
 *
 * The same holds for queue ids where a rule pairs lines by them.  A rule whose lines have no client of their own, and
 * are completed by another line's, must not read any line of another rule at all: whoever can have such a line written
 * says something about the client that the other line names.  (A process id is the logging system's, in the head.)
 *
 * The proof.  Both shapes are finite automata (rules_nfa.c).  Walk them side by side over the same bytes, W writing and
 * R reading, from both starts; a pair of moves is possible when some byte is in both sets; keep one more bit: was there
 * a byte so far that one took for part of the client's address (or of a queue id that counts) and the other did not?  If a pair of final states can be
 * reached with that bit set, the bytes on the way there are a line that fools R, and R is refused with that line as the
 * reason.  If none can, the claim holds: every reading of every line is a walk, and every walk has been tried.  There
 * are at most 2 |W| |R| places, so it always ends.
 *
 * The reader is taken to be free to choose any reading.  PCRE2 chooses one of them; so neither its strategy, nor
 * ":last", nor a mistake in what we tell it about backtracking can make a proven rule unsafe.
 *
 * This covers in one go the two ways in which rules are safe: no client text before the address (Postfix), and client
 * text before it but everything from the address to the end of the line made by the program, of bytes that cannot
 * stand for the genuine rest of the line, so that a forged address can never reach the end (Dovecot, qpopper).
 *
 * What the proof does not see, and what is done about it:
 *  - A line that lost its tail.  Syslog cuts messages (RFC 3164, 4.1: at 1024 bytes); a client could make its text so
 *    long that the genuine rest is cut off and the forged one stands at the end.  So patterns of the second kind
 *    ("trailing") do not look at lines of TAIL_LINE bytes or more; nor do patterns of a `none` rule that have text of
 *    their own behind the client's, or a client could have its offence taken for what is none.
 *  - Lines of the same program in shapes that no rule describes.  An event must begin with the program's own words,
 *    not the client's; a shape known to carry client text is worth a `none` rule of its own, which brings it into the
 *    proof.
 *  - Lines of other programs: the tag is the logging system's, and decides which rules may look at all (logline.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules_priv.h"

struct step {
	uint16_t w, r;
	bool differ;
	uint32_t from; /* index of the step before */
};

struct prover {
	uint32_t *seen; /* the number of the proof that was here last */
	size_t places;
	uint32_t number;
	struct step *steps;
	size_t n, cap;
};

struct prover *
prover_new(void)
{
	return xcalloc(1, sizeof(struct prover));
}

void
prover_free(struct prover *p)
{
	if (p == NULL)
		return;
	free(p->seen);
	free(p->steps);
	free(p);
}

static void
start(struct prover *p, size_t places)
{
	if (places > p->places) {
		free(p->seen);
		p->seen = xcalloc(places, sizeof(*p->seen));
		p->places = places;
		p->number = 0;
	}
	p->number++;
	p->n = 0;
}

/* A byte of the set that is easy to read. */
static unsigned char
byte_of(const struct bytes *set)
{
	static const char nice[] = "61.abcdefghijklmnopqrstuvwxyz0ABCDEFG";
	unsigned c;

	for (c = 0; nice[c] != '\0'; c++)
		if (bytes_has(set, (unsigned char)nice[c]))
			return (unsigned char)nice[c];
	for (c = '!'; c < 256; c++)
		if (bytes_has(set, (unsigned char)c))
			return (unsigned char)c;
	for (c = 0; c < ' ' && !bytes_has(set, (unsigned char)c); c++)
		continue;
	return (unsigned char)c;
}

/* May a line of this shape end here?  logline.c takes "message repeated 2 times: [" and the last "]" off a line; where
 * clients decide how a line begins, they can have that done. */
static bool
is_end(const struct nfa *written, unsigned state)
{
	const struct atom *a = &written->atoms[state];

	for (unsigned i = 0; !a->final && written->opening != NULL && i < a->follows; i++) {
		const struct atom *next = &written->atoms[a->follow[i]];

		if (next->final && bytes_has(&next->writes, ']'))
			return true;
	}
	return a->final;
}

static void
visit(struct prover *p, const struct nfa *reader, struct step s)
{
	size_t place = ((size_t)s.w * reader->n + s.r) * 2 + s.differ;

	if (p->seen[place] == p->number)
		return;
	p->seen[place] = p->number;
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 1024 : p->cap * 2;
		p->steps = xrealloc(p->steps, p->cap * sizeof(*p->steps));
	}
	p->steps[p->n++] = s;
}

static void
go_on(struct prover *p, const struct nfa *written, const struct nfa *reader, uint32_t at)
{
	struct step s = p->steps[at];
	const struct atom *w = &written->atoms[s.w], *r = &reader->atoms[s.r];

	for (unsigned i = 0; i < w->follows; i++)
		for (unsigned j = 0; j < r->follows; j++) {
			const struct atom *wn = &written->atoms[w->follow[i]], *rn = &reader->atoms[r->follow[j]];
			struct bytes both = bytes_both(&wn->writes, &rn->reads);

			if (!bytes_empty(&both))
				visit(p, reader, (struct step){ .w = w->follow[i], .r = r->follow[j], .from = at,
				    .differ = s.differ || ((wn->mark ^ rn->mark) & reader->guards) != 0 });
		}
}

/* The line that leads to step `at`, fit to be shown. */
static void
tell(const struct prover *p, const struct nfa *written, const struct nfa *reader, uint32_t at, char *example, size_t size)
{
	size_t n = 0;
	char *line;

	for (uint32_t i = at; i != 0; i = p->steps[i].from)
		n++;
	line = xmalloc(n + 1);
	for (uint32_t i = at, k = (uint32_t)n; i != 0; i = p->steps[i].from) {
		const struct step *s = &p->steps[i];
		struct bytes both = bytes_both(&written->atoms[s->w].writes, &reader->atoms[s->r].reads);

		line[--k] = (char)byte_of(&both);
	}
	str_show(example, size, (struct str){ line, n });
	free(line);
}

bool
prover_try(struct prover *p, enum proof_of what, const struct nfa *written, const struct nfa *reader, char *example,
    size_t size)
{
	if (what == PROOF_MARKS && reader->guards == 0)
		return true;
	start(p, (size_t)written->n * reader->n * 2);
	visit(p, reader, (struct step){ .from = 0 });
	for (uint32_t at = 0; at < p->n; at++) {
		const struct step *s = &p->steps[at];

		if (at > 0 && is_end(written, s->w) && reader->atoms[s->r].final &&
		    (what == PROOF_APART || s->differ)) {
			tell(p, written, reader, at, example, size);
			return false;
		}
		go_on(p, written, reader, at);
	}
	return true;
}
