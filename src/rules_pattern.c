/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_pattern.c - one pattern: text to tree
 *
 *	text		itself; \{ \} \| \\ and \xNN for what would mean something else
 *	{type}		a field
 *	{type:last}	the same, up to the last place where the rest of the pattern still fits
 *	{a|b|c}		one of these
 *	{?a} {?a|b}	one of these, or nothing
 *	{*a} {*a|b}	any number of these
 *	{$name}		what `let name` stands for
 *
 * The table below says of each type whether the client decides what stands there ("open"), and if not, which bytes the
 * program writes there.  (A type can also be open and name bytes: the client decides, but only what consists of those
 * is believed.)  That is all the proof in rules_proof.c has to go by: a type is a promise about the programs that its
 * rules are for.
 */
#include <stdlib.h>
#include <string.h>

#include "rules_priv.h"

static const struct type {
	const char *name;
	enum slot slot;
	bool open, empty, one;
	const char *set;     /* bytes and ranges, a '-' last */
	const char *pattern; /* made of other types */
	const char *help;
} types[] = {
	{ .name = "client", .slot = SLOT_CLIENT, .pattern = "{?IPv6:}{hex}{?%{scope}}",
	    .help = "the client's address: what the event is about" },
	{ .name = "ip", .pattern = "{?IPv6:}{hex}{?%{scope}}", .help = "any other address" },
	{ .name = "user", .slot = SLOT_USER, .open = true, .empty = true,
	    .help = "the name that the client gave; any text" },
	{ .name = "recipient", .slot = SLOT_RECIPIENT, .open = true, .empty = true,
	    .help = "the recipient that the client gave; any text" },
	{ .name = "text", .open = true, .empty = true, .help = "any text" },
	{ .name = "mailbox", .slot = SLOT_RECIPIENT, .open = true, .set = "A-Za-z0-9.@!#$%&'*+/=?^_`{|}~-",
	    .help = "the recipient that the client gave, believed only if it is a plain address" },
	{ .name = "box", .open = true, .set = "A-Za-z0-9.@!#$%&'*+/=?^_`{|}~-",
	    .help = "an address that the client gave, believed only if it is a plain one" },
	{ .name = "login", .slot = SLOT_USER, .open = true, .set = "A-Za-z0-9._@+%=&#/~!-",
	    .help = "the name that the client gave, believed only if it is a plain one" },
	{ .name = "client4", .slot = SLOT_CLIENT, .set = "0-9.", .help = "{client}, IPv4 only: where a colon follows" },
	{ .name = "ip4", .set = "0-9.", .help = "{ip}, IPv4 only" },
	{ .name = "zone", .slot = SLOT_ZONE, .set = "A-Za-z0-9._-", .help = "the DNSBL's zone" },
	{ .name = "ident", .set = "A-Za-z0-9!#$%&'*+./^_`{|}~-", .help = "an RFC 1413 user name that sendmail has cleaned" },
	{ .name = "account", .slot = SLOT_USER, .set = "A-Za-z0-9.@_+=-",
	    .help = "a user name that the program has found in its own files" },
	{ .name = "name", .set = "A-Za-z0-9._-", .help = "a host name that the program or its resolver has checked" },
	{ .name = "qid", .slot = SLOT_QID, .set = "A-Z0-9b-df-hj-np-tv-z", .help = "a Postfix queue id, or NOQUEUE" }, /* no vowels */
	{ .name = "sqid", .slot = SLOT_QID, .set = "A-Za-z0-9", .help = "a sendmail queue id" },
	{ .name = "port", .slot = SLOT_SESSION, .set = "0-9", .help = "the client's port, which tells its sessions apart" },
	{ .name = "pid", .set = "0-9", .help = "a process id" },
	{ .name = "num", .set = "0-9", .help = "a number" },
	{ .name = "word", .set = "A-Za-z0-9._/+-", .help = "a word of the program's own" },
	{ .name = "sid", .set = "A-Za-z0-9._/+=:-", .help = "a session id" },
	{ .name = "plain", .set = " !-'*-;?-~\x80-\xff", .help = "the program's own words, without < > ( ) =" },
	{ .name = "inner", .set = " !-'*-;=?-~\x80-\xff", .help = "the program's own words, without < > ( )" },
	{ .name = "elem", .set = " !-+.-;=?-Z\\^-~\x80-\xff-", .help = "the program's own words, without < > [ ] and commas" },
	{ .name = "quoted", .set = " !#-~\x80-\xff", .help = "the program's own words, without double quotes" },
	{ .name = "msg", .set = " !-;=?-~\x80-\xff", .help = "the program's own words, without < and >" },
	{ .name = "dsn", .pattern = "{digit}.{num}.{num}", .help = "an enhanced status code" },
	{ .name = "4xx", .pattern = "4{digit}{digit}", .help = "a temporary reply code" },
	{ .name = "5xx", .pattern = "5{digit}{digit}", .help = "a permanent reply code" },
	{ .name = "digit", .one = true, .set = "0-9", .help = "one digit" },
	{ .name = "hex", .set = "0-9A-Fa-f:.", .help = "part of {ip}" },
	{ .name = "scope", .set = "A-Za-z0-9._-", .help = "part of {ip}" },
};

#define TYPES (sizeof(types) / sizeof(types[0]))

struct reader {
	const char *p, *end, *begin;
	struct place at; /* of begin */
	const struct let *lets;
	unsigned depth, weight;
	struct err *e;
};

static int parse_seq(struct reader *r, struct node *seq, bool in_group);

static struct place
here(const struct reader *r)
{
	struct place at = r->at;

	at.column += (unsigned)(r->p - r->begin);
	return at;
}

/* The brace just read. */
static struct place
brace(const struct reader *r)
{
	struct place at = here(r);

	at.column--;
	return at;
}

static struct node *
node_new(enum node_kind kind, struct place at)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->kind = kind;
	n->at = at;
	return n;
}

static char *
copy_bytes(struct str s)
{
	char *p = xmalloc(s.n + 1);

	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

static struct node *
node_copy(const struct node *n)
{
	struct node *copy = xmalloc(sizeof(*copy)), **end = &copy->kids;

	*copy = *n;
	copy->next = copy->kids = NULL;
	if (n->kind == NODE_TEXT)
		copy->text.p = copy_bytes(n->text);
	for (const struct node *kid = n->kids; kid != NULL; kid = kid->next) {
		*end = node_copy(kid);
		end = &(*end)->next;
	}
	return copy;
}

void
node_forget(struct node *n, enum slot slot)
{
	if (n->slot == slot)
		n->slot = SLOT_NONE;
	for (struct node *kid = n->kids; kid != NULL; kid = kid->next)
		node_forget(kid, slot);
}

void
node_free(struct node *n)
{
	struct node *kid, *next;

	if (n == NULL)
		return;
	for (kid = n->kids; kid != NULL; kid = next) {
		next = kid->next;
		node_free(kid);
	}
	free((char *)n->text.p);
	free(n);
}

static void
node_append(struct node *parent, struct node *kid)
{
	struct node **end = &parent->kids;

	while (*end != NULL)
		end = &(*end)->next;
	*end = kid;
}

static struct bytes
set_of(const char *spec)
{
	struct bytes set = { { 0 } };
	const unsigned char *p = (const unsigned char *)spec;

	for (; *p != '\0'; p++) {
		unsigned c = p[0], to = p[0];

		if (p[1] == '-' && p[2] != '\0') {
			to = p[2];
			p += 2;
		}
		for (; c <= to; c++)
			bytes_add(&set, (unsigned char)c);
	}
	return set;
}

static struct node *
run_new(const struct type *t, struct place at)
{
	struct node *run = node_new(NODE_RUN, at);

	run->name = t->name;
	run->open = t->open;
	run->empty = t->empty;
	run->one = t->one;
	run->free = t->set == NULL;
	if (t->set != NULL)
		run->set = set_of(t->set);
	return run;
}

/* The parts of a type have its name in messages. */
static void
name_runs(struct node *n, const char *name)
{
	n->name = name;
	for (struct node *kid = n->kids; kid != NULL; kid = kid->next)
		name_runs(kid, name);
}

/* A field: a sequence that captures.  NULL: see e. */
static struct node *
field_new(const struct type *t, bool last, struct place at, struct err *e)
{
	struct node *field;

	if (last && (t->pattern != NULL || (t->open && t->set != NULL))) {
		err_place(e, at, "{%s} cannot be :last", t->name);
		return NULL;
	}
	field = node_new(NODE_SEQ, at);
	field->slot = t->slot;
	if (t->pattern != NULL) {
		struct reader inner = { .p = t->pattern, .begin = t->pattern, .end = t->pattern + strlen(t->pattern),
			.at = at, .e = e };

		if (parse_seq(&inner, field, false) == -1)
			panic("type {%s}: %s", t->name, e == NULL ? "" : e->text);
		name_runs(field, t->name);
	} else {
		node_append(field, run_new(t, at));
		field->kids->last = last;
	}
	return field;
}

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static struct str
take_name(struct reader *r)
{
	struct str name = { r->p, 0 };

	while (r->p < r->end && is_name(*r->p))
		r->p++;
	name.n = (size_t)(r->p - name.p);
	return name;
}

/* {name} or {name:last}.  1: it was one; 0: it is something else; -1: it is wrong. */
static int
parse_field(struct reader *r, struct node *seq)
{
	const char *start = r->p;
	struct place at = brace(r);
	struct str name = take_name(r);
	struct node *field;
	bool last = false;
	size_t i;

	if (r->end - r->p >= 6 && memcmp(r->p, ":last}", 6) == 0) {
		last = true;
		r->p += 5;
	}
	if (name.n == 0 || r->p == r->end || *r->p != '}') {
		r->p = start;
		return 0;
	}
	r->p++;
	for (i = 0; i < TYPES && !str_eq(name, str_of(types[i].name)); i++)
		continue;
	if (i == TYPES)
		return err_place(r->e, at, "there is no field type {%.*s}", (int)name.n, name.p);
	if ((field = field_new(&types[i], last, at, r->e)) == NULL)
		return -1;
	node_append(seq, field);
	return 1;
}

static unsigned
weight_of(const struct node *n)
{
	unsigned weight = 1 + (unsigned)n->text.n;

	for (const struct node *kid = n->kids; kid != NULL; kid = kid->next)
		weight += weight_of(kid);
	return weight;
}

/* {$name}.  What is put in is weighed, so that names made of names cannot grow without end. */
static int
parse_let(struct reader *r, struct node *seq)
{
	struct place at = brace(r);
	const struct let *let;
	struct str name;

	r->p++;
	name = take_name(r);
	if (r->p == r->end || *r->p != '}')
		return err_place(r->e, at, "{$ wants a name and }");
	r->p++;
	for (let = r->lets; let != NULL && !str_eq(name, str_of(let->name)); let = let->next)
		continue;
	if (let == NULL)
		return err_place(r->e, at, "nothing is called {$%.*s}: `let' comes first", (int)name.n, name.p);
	r->weight += weight_of(let->tree);
	if (r->weight > 4 * PATTERN_ATOMS)
		return err_place(r->e, at, "the pattern is too long");
	node_append(seq, node_copy(let->tree));
	return 0;
}

/* {a|b}, {?a|b} or {*a|b} */
static int
parse_choice(struct reader *r, struct node *seq)
{
	struct node *alt = node_new(NODE_ALT, brace(r));
	unsigned choices = 0;

	node_append(seq, alt);
	if (*r->p == '?') {
		r->p++;
		node_append(alt, node_new(NODE_SEQ, here(r)));
		choices++;
	} else if (*r->p == '*') {
		r->p++;
		alt->many = true;
		choices++;
	}
	for (;;) {
		struct node *choice = node_new(NODE_SEQ, here(r));

		node_append(alt, choice);
		choices++;
		if (parse_seq(r, choice, true) == -1)
			return -1;
		if (r->p == r->end)
			return err_place(r->e, alt->at, "this { is never closed");
		if (*r->p++ == '}')
			break;
	}
	if (choices < 2)
		return err_place(r->e, alt->at, "neither a field nor a choice: a literal brace is \\{");
	return 0;
}

static int
parse_braces(struct reader *r, struct node *seq)
{
	struct place at = here(r);
	int rc;

	if (++r->depth > PATTERN_DEPTH)
		return err_place(r->e, at, "groups within more than %d groups", PATTERN_DEPTH);
	r->p++;
	if (r->p == r->end)
		return err_place(r->e, at, "this { is never closed");
	if (*r->p == '$')
		rc = parse_let(r, seq);
	else if ((rc = parse_field(r, seq)) == 0)
		rc = parse_choice(r, seq);
	r->depth--;
	return rc == -1 ? -1 : 0;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int
parse_escape(struct reader *r, char *out)
{
	struct place at = here(r);

	if (++r->p < r->end && *r->p != '\0' && strchr("{}|\\", *r->p) != NULL) {
		*out = *r->p++;
		return 0;
	}
	if (r->end - r->p >= 3 && *r->p == 'x' && hex_value(r->p[1]) >= 0 && hex_value(r->p[2]) >= 0) {
		*out = (char)(hex_value(r->p[1]) * 16 + hex_value(r->p[2]));
		r->p += 3;
		return 0;
	}
	return err_place(r->e, at, "\\ stands before { } | \\ or xNN only");
}

static int
parse_text(struct reader *r, struct node *seq, bool in_group)
{
	struct node *text = node_new(NODE_TEXT, here(r));
	char *buf = xmalloc((size_t)(r->end - r->p) + 1);
	size_t n = 0;
	int rc = 0;

	text->text.p = buf;
	while (rc == 0 && r->p < r->end && *r->p != '{') {
		if (*r->p == '\\')
			rc = parse_escape(r, &buf[n++]);
		else if (in_group && (*r->p == '|' || *r->p == '}'))
			break;
		else if (*r->p == '}')
			rc = err_place(r->e, here(r), "this } closes nothing: a literal one is \\}");
		else
			buf[n++] = *r->p++;
	}
	text->text.n = n;
	node_append(seq, text);
	return rc;
}

static int
parse_seq(struct reader *r, struct node *seq, bool in_group)
{
	while (r->p < r->end && !(in_group && (*r->p == '|' || *r->p == '}'))) {
		if ((*r->p == '{' ? parse_braces(r, seq) : parse_text(r, seq, in_group)) == -1)
			return -1;
	}
	return 0;
}

int
pattern_parse(struct node **out, struct str text, struct place at, const struct let *lets, struct err *e)
{
	struct reader r = { .p = text.p, .begin = text.p, .end = text.p + text.n, .at = at, .lets = lets, .e = e };
	struct node *tree = node_new(NODE_SEQ, at);

	if (parse_seq(&r, tree, false) == -1) {
		node_free(tree);
		return -1;
	}
	*out = tree;
	return 0;
}

void
pattern_list_types(FILE *out)
{
	for (size_t i = 0; i < TYPES; i++)
		fprintf(out, "  {%s}%*s%s%s\n", types[i].name, (int)(12 - strlen(types[i].name)), "", types[i].help,
		    types[i].open ? " (the client decides)" : "");
}
