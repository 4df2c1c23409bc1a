/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import.c - see import.h */
#include "import.h"

#include <string.h>

#define PIECES_MAX 32

static const struct {
	const char *name;
	enum set set;
	bool list;
} kinds[IMPORT_KINDS] = {
	[IMPORT_ACCESS_INFO] = { "access.info", SET_RELAY, false },
	[IMPORT_POPIPS] = { "popips", SET_RELAY, false },
	[IMPORT_AUTHENTICATED] = { "authenticated", SET_RELAY, false },
	[IMPORT_RBL_CACHE] = { "rbl_cache", SET_CACHE, false },
	[IMPORT_RELAY_LIST] = { "relay-list", SET_RELAY, true },
	[IMPORT_CACHE_LIST] = { "cache-list", SET_CACHE, true },
	[IMPORT_BLOCK_LIST] = { "block-list", SET_BLOCK, true },
	[IMPORT_JSON] = { "json", SETS, false },
};

enum import_kind
import_kind_of(const char *name)
{
	enum import_kind k = 0;

	while (k < IMPORT_KINDS && strcmp(kinds[k].name, name) != 0)
		k++;
	return k;
}

const char *
import_kind_name(enum import_kind k)
{
	return kinds[k].name;
}

enum set
import_set(enum import_kind k)
{
	return kinds[k].set;
}

bool
import_is_list(enum import_kind k)
{
	return kinds[k].list;
}

/* --- pieces --- */

struct pieces {
	struct str v[PIECES_MAX];
	unsigned n;
};

static bool
parts(char c)
{
	return str_blank(c) || c == ',' || c == ';' || c == '|';
}

/* The next piece; the rest stays in *s.  n 0: the end. */
static struct str
next_piece(struct str *s, bool (*between)(char))
{
	struct str piece;

	while (s->n > 0 && between(s->p[0])) {
		s->p++;
		s->n--;
	}
	piece = (struct str){ s->p, 0 };
	while (s->n > 0 && !between(s->p[0])) {
		piece.n++;
		s->p++;
		s->n--;
	}
	return piece;
}

/* false: too many. */
static bool
split(struct pieces *ps, struct str line)
{
	struct str piece;

	ps->n = 0;
	while ((piece = next_piece(&line, parts)).n > 0) {
		if (ps->n == PIECES_MAX)
			return false;
		ps->v[ps->n++] = piece;
	}
	return true;
}

/* With or without brackets, as logs have it. */
static struct str
bare(struct str s)
{
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		return (struct str){ s.p + 1, s.n - 2 };
	return s;
}

static bool
is_address(struct str s)
{
	struct addr a;

	return addr_parse(&a, bare(s)) == 0;
}

static bool
has_digit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= '0' && s.p[i] <= '9')
			return true;
	return false;
}

/* Digits alone: their value, otherwise 0.  19 digits fit. */
static int64_t
number(struct str s)
{
	int64_t n = 0;

	if (s.n == 0 || s.n > 18)
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		n = n * 10 + (s.p[i] - '0');
	}
	return n;
}

/* Seconds since 1970 are told from years, ports and process numbers by their length: 1973 to the year 5138. */
static int64_t
moment(struct str s)
{
	return s.n >= 9 && s.n <= 11 ? number(s) : 0;
}

/* 10:11:12, 2005-11-22, 22/11/05, 2005: no user's name. */
static bool
is_date(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (memchr("0123456789:/-.", s.p[i], 14) == NULL)
			return false;
	return has_digit(s);
}

/* --- what they are --- */

/* All between the ends of two pieces of one line. */
static struct str
from_to(struct str first, struct str last)
{
	return (struct str){ first.p, (size_t)(last.p + last.n - first.p) };
}

/* Of a login: the piece before the address, or else the first behind it that is no time.  Of anything else: all that is
 * behind the address, but the time. */
static struct str
text_of(enum set set, const struct pieces *ps, unsigned at, unsigned when)
{
	unsigned first = at + 1, last = ps->n;

	if (set == SET_RELAY && at > 0 && !is_date(ps->v[at - 1]) && at - 1 != when)
		return ps->v[at - 1];
	if (first == when)
		first++;
	if (last > first && last - 1 == when)
		last--;
	if (first >= last)
		return STR_NONE;
	return set == SET_RELAY ? ps->v[first] : from_to(ps->v[first], ps->v[last - 1]);
}

static int
old_line(enum import_kind k, struct str line, struct import_row *row, struct err *e)
{
	struct pieces ps;
	unsigned at = PIECES_MAX, when = PIECES_MAX;

	if (!split(&ps, line))
		return err_set(e, "more than %d pieces", PIECES_MAX);
	for (unsigned i = 0; i < ps.n; i++) {
		if (is_address(ps.v[i]) && at != PIECES_MAX)
			return err_set(e, "more than one address");
		if (is_address(ps.v[i]))
			at = i;
	}
	if (at == PIECES_MAX)
		return err_set(e, "no address");
	for (unsigned i = 0; i < ps.n; i++) {
		bool behind = when != PIECES_MAX && when > at;

		if (moment(ps.v[i]) != 0 && !behind)
			when = i; /* the first behind the address, or the last before it */
	}
	if (when == PIECES_MAX && k == IMPORT_ACCESS_INFO)
		return err_set(e, "no time in seconds since 1970");
	row->client = bare(ps.v[at]);
	row->last = when == PIECES_MAX ? 0 : moment(ps.v[when]);
	row->text = text_of(kinds[k].set, &ps, at, when);
	return 1;
}

static int
list_line(struct str line, struct import_row *row, struct err *e)
{
	struct str rest = line, end;

	row->client = next_piece(&rest, str_blank);
	end = next_piece(&rest, str_blank);
	if (end.n > 0 && !str_eq(end, STR("-")) && (row->until = number(end)) == 0)
		return err_set(e, "the second piece is neither seconds since 1970 nor -");
	rest = str_trim(rest);
	row->text = rest.n > 0 ? rest : STR_NONE;
	if (memchr(row->client.p, '/', row->client.n) == NULL && !is_address(row->client))
		return err_set(e, "no address");
	return 1;
}

int
import_line(enum import_kind k, struct str line, struct import_row *row, struct err *e)
{
	memset(row, 0, sizeof *row);
	line = str_trim(line);
	if (line.n == 0 || line.p[0] == '#')
		return 0;
	if (line.n > IMPORT_LINE)
		return err_set(e, "longer than %d bytes", IMPORT_LINE);
	if (memchr(line.p, '\0', line.n) != NULL)
		return err_set(e, "a NUL in a text file");
	return kinds[k].list ? list_line(line, row, e) : old_line(k, line, row, e);
}

/* The name is the client, whatever the file says. */
int
import_file(enum import_kind k, struct str name, struct str line, time_t changed, struct import_row *row, struct err *e)
{
	struct pieces ps;

	memset(row, 0, sizeof *row);
	if (!is_address(name))
		return err_set(e, "its name is no address");
	if (line.n > IMPORT_LINE || memchr(line.n > 0 ? line.p : "", '\0', line.n) != NULL || !split(&ps, line))
		return err_set(e, "what is in it is no short line of text");
	row->client = bare(name);
	row->last = changed;
	if (ps.n > 0 && moment(ps.v[0]) != 0)
		row->last = moment(ps.v[0]);
	else if (ps.n > 1 && moment(ps.v[ps.n - 1]) != 0)
		row->last = moment(ps.v[ps.n - 1]);
	while (ps.n > 0 && moment(ps.v[ps.n - 1]) != 0)
		ps.n--;
	for (unsigned i = 0; i < ps.n && row->text.n == 0; i++)
		if (moment(ps.v[i]) == 0 && !is_address(ps.v[i]))
			row->text = kinds[k].set == SET_RELAY ? ps.v[i] : from_to(ps.v[i], ps.v[ps.n - 1]);
	return 1;
}
