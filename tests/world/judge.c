/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge.c - is what the program says what is true of the world?
 *
 *	judge lines FACTS LOG		what `rules try --json` says of log number LOG on standard input
 *	judge clients TRUTH INCIDENTS	what `simulate --json` says of all logs on standard input
 *
 * Prints how many there should be, how many there are and how many of these are right, precision and recall, and the
 * first things that are wrong.  Exit 1 if anything is.
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 30 /* differences */
#define ROLES 100

struct score {
	unsigned want, got, right;
};

static unsigned wrong;

static void *
need(void *p)
{
	if (p != NULL)
		return p;
	fputs("judge: out of memory\n", stderr);
	exit(2);
}

__attribute__((format(printf, 1, 2))) static void
complain(const char *fmt, ...)
{
	va_list ap;

	if (wrong++ >= SHOWN)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

static double
percent(unsigned part, unsigned whole)
{
	return whole == 0 ? 1.0 : (double)part / whole;
}

static void
print_score(const char *name, const struct score *s)
{
	printf("%-18s %6u %6u %6u   precision %.6f  recall %.6f\n", name, s->want, s->got, s->right,
	    percent(s->right, s->got), percent(s->right, s->want));
}

/* Split at tabs, in place.  Returns how many fields there are; more than `most` are not looked for. */
static unsigned
split(char *line, char sep, char **out, unsigned most)
{
	unsigned n = 0;

	line[strcspn(line, "\n")] = '\0';
	while (n < most) {
		out[n++] = line;
		if ((line = strchr(line, sep)) == NULL)
			break;
		*line++ = '\0';
	}
	return n;
}

static FILE *
open_table(const char *path)
{
	FILE *fp = fopen(path, "r");

	if (fp == NULL) {
		perror(path);
		exit(2);
	}
	return fp;
}

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s == NULL ? "-" : s;
}

/* ---- lines ---- */

struct fact {
	unsigned line;
	char *kind, *ip, *user, *all;
	bool lies, found;
};

static int
by_line(const void *a, const void *b)
{
	const struct fact *f = a, *g = b;

	return f->line < g->line ? -1 : f->line > g->line;
}

static size_t
read_facts(const char *path, const char *log, struct fact **out)
{
	FILE *fp = open_table(path);
	char *line = NULL, *field[6];
	size_t cap = 0, n = 0, room = 0;

	for (*out = NULL; getline(&line, &cap, fp) != -1;) {
		char *all = need(strdup(line));

		if (split(all, '\t', field, 6) != 6 || strcmp(field[0], log) != 0) {
			free(all);
			continue;
		}
		if (n == room)
			*out = need(realloc(*out, (room = room * 2 + 64) * sizeof **out));
		(*out)[n++] = (struct fact){ (unsigned)atoi(field[1]), field[2], field[3], field[4], all,
			strcmp(field[5], "lies") == 0, false };
	}
	free(line);
	fclose(fp);
	if (n > 0)
		qsort(*out, n, sizeof **out, by_line);
	return n;
}

/* The first fact of the line, or where it would be. */
static size_t
find_line(const struct fact *facts, size_t n, unsigned line)
{
	size_t low = 0;

	while (low < n) {
		size_t mid = (low + n) / 2;

		if (facts[mid].line < line)
			low = mid + 1;
		else
			n = mid;
	}
	return low;
}

static bool
fits(const struct fact *f, const json_t *event)
{
	bool is_login = strcmp(text_of(event, "event"), "login") == 0;

	if (f->found || strcmp(f->ip, text_of(event, "client")) != 0)
		return false;
	if (f->lies)
		return !is_login;
	return strcmp(f->kind, text_of(event, "event")) == 0 && (!is_login || strcmp(f->user, text_of(event, "user")) == 0);
}

static void
judge_event(struct fact *facts, size_t n, const json_t *event, struct score *s)
{
	unsigned line = (unsigned)json_integer_value(json_object_get(event, "line"));

	for (size_t i = find_line(facts, n, line); i < n && facts[i].line == line; i++)
		if (fits(&facts[i], event)) {
			facts[i].found = true;
			if (!facts[i].lies) {
				s->got++;
				s->right++;
			}
			return;
		}
	s->got++;
	complain("line %u: got %s %s user=%s (%s), want something else or nothing\n", line, text_of(event, "event"),
	    text_of(event, "client"), text_of(event, "user"), text_of(event, "rule"));
}

static void
judge_lines(const char *path, const char *log)
{
	struct fact *facts;
	size_t n = read_facts(path, log, &facts), cap = 0;
	struct score s = { 0, 0, 0 };
	char *line = NULL;

	while (getline(&line, &cap, stdin) != -1) {
		json_t *event = json_loads(line, 0, NULL);

		if (event == NULL)
			complain("no JSON: %s", line);
		else
			judge_event(facts, n, event, &s);
		json_decref(event);
	}
	for (size_t i = 0; i < n; i++) {
		s.want += !facts[i].lies;
		if (!facts[i].lies && !facts[i].found)
			complain("line %u: got nothing of %s, want %s user=%s\n", facts[i].line, facts[i].ip, facts[i].kind,
			    facts[i].user);
		free(facts[i].all);
	}
	free(facts);
	free(line);
	print_score("events", &s);
}

/* ---- clients ---- */

enum set { GRANTED, CACHED, BLOCKED, SETS };
static const char *const set_names[SETS] = { "granted", "cached", "blocked" };

struct client {
	char *name, *role, *all, *want[SETS];
	char got[SETS][2000];
	bool person, liar;
};

struct role {
	const char *name;
	unsigned clients;
	struct score scores[SETS];
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct client *)a)->name, ((const struct client *)b)->name);
}

static size_t
read_truth(const char *path, struct client **out)
{
	FILE *fp = open_table(path);
	char *line = NULL, *field[6];
	size_t cap = 0, n = 0, room = 0;

	for (*out = NULL; getline(&line, &cap, fp) != -1; n++) {
		struct client *c;
		char *all = need(strdup(line));

		if (split(all, '\t', field, 6) != 6) {
			fprintf(stderr, "judge: %s: %s", path, line);
			exit(2);
		}
		if (n == room)
			*out = need(realloc(*out, (room = room * 2 + 64) * sizeof **out));
		c = &(*out)[n];
		memset(c, 0, sizeof *c);
		*c = (struct client){ .name = field[0], .role = field[1], .all = all, .person = *field[2] == 'p',
			.liar = *field[2] == 'l', .want = { field[3], field[4], field[5] } };
	}
	free(line);
	fclose(fp);
	qsort(*out, n, sizeof **out, by_name);
	return n;
}

static void
remember(struct client *c, enum set s, const json_t *o)
{
	char *got = c->got[s];
	size_t used = strlen(got), room = sizeof c->got[s] - used;
	const char *user = json_string_value(json_object_get(o, "user")), *zone = json_string_value(json_object_get(o, "zone"));

	switch (s) {
	case GRANTED:
		snprintf(got + used, room, "%s|%s|%s|%d", user == NULL ? "" : user, text_of(o, "first"), text_of(o, "last"),
		    (int)json_integer_value(json_object_get(o, "logins")));
		return;
	case CACHED:
		snprintf(got + used, room, "%s|%s|%s|%d", zone == NULL ? "" : zone, text_of(o, "first"), text_of(o, "last"),
		    (int)json_integer_value(json_object_get(o, "hits")));
		return;
	case BLOCKED:
	case SETS:
		break;
	}
	snprintf(got + used, room, "%s%s:%s:%s:%d", used > 0 ? "," : "", text_of(o, "event"), text_of(o, "threshold"),
	    text_of(o, "at"), (int)json_integer_value(json_object_get(o, "for")));
}

static void
read_set(struct client *clients, size_t n, const json_t *result, enum set s)
{
	const json_t *list = json_object_get(result, set_names[s]);

	if (!json_is_array(list))
		complain("there is no \"%s\"\n", set_names[s]);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct client key = { .name = (char *)(uintptr_t)text_of(o, "client") };
		struct client *c = bsearch(&key, clients, n, sizeof *clients, by_name);

		if (c != NULL)
			remember(c, s, o);
		else
			complain("%s is %s: it is nobody\n", key.name, set_names[s]);
	}
}

/* Equal; a * in what is wanted is any time, or any zone. */
static bool
agree(const char *want, const char *got)
{
	for (; *want != '\0' && *got != '\0'; want++) {
		if (*want == '*') {
			got += strcspn(got, "Z|");
			if (*got == '|')
				continue;
		} else if (*want != *got)
			return false;
		got += *got != '\0';
	}
	return *want == *got;
}

static struct role *
role_of(struct role *roles, const char *name)
{
	unsigned i = 0;

	while (i < ROLES - 1 && roles[i].name != NULL && strcmp(roles[i].name, name) != 0)
		i++;
	roles[i].name = name;
	return &roles[i];
}

static void
judge_client(const struct client *c, struct role *r)
{
	r->clients++;
	for (enum set s = 0; s < SETS; s++) {
		struct score *score = &r->scores[s];
		bool want = strcmp(c->want[s], "-") != 0, got = c->got[s][0] != '\0';

		if (c->liar && s != GRANTED)
			continue;
		if (c->person && want && s != GRANTED)
			complain("%s (%s): the truth itself has a person %s\n", c->name, c->role, set_names[s]);
		score->want += want;
		score->got += got;
		score->right += want && got && agree(c->want[s], c->got[s]);
		if (want != got || (want && !agree(c->want[s], c->got[s])))
			complain("%s (%s) %s: got %s, want %s\n", c->name, c->role, set_names[s], got ? c->got[s] : "-", c->want[s]);
	}
}

static void
print_roles(const struct role *roles)
{
	struct score all[SETS] = { { 0, 0, 0 } };

	printf("%-18s %6s   granted: want, got, right   cached                blocked\n", "role", "");
	for (const struct role *r = roles; r->name != NULL; r++) {
		printf("%-18s %6u", r->name, r->clients);
		for (enum set s = 0; s < SETS; s++) {
			printf("  %6u %6u %6u", r->scores[s].want, r->scores[s].got, r->scores[s].right);
			all[s].want += r->scores[s].want;
			all[s].got += r->scores[s].got;
			all[s].right += r->scores[s].right;
		}
		putchar('\n');
	}
	for (enum set s = 0; s < SETS; s++)
		print_score(set_names[s], &all[s]);
}

/* ---- incidents ---- */

#define SAID 1000

/* Whom a notice is about, if it is of a network or of a client's accounts; the others have no truth here. */
static bool
said_of(const char *text, char *name, size_t size)
{
	const char *from = strstr(text, " fail to log in from "), *end;

	if (strncmp(text, "INCIDENT: ", strlen("INCIDENT: ")) != 0 || from == NULL)
		return false;
	from += strlen(" fail to log in from ");
	end = strchr(from, (int)',');
	snprintf(name, size, "%.*s", end == NULL ? 0 : (int)(end - from), from);
	return true;
}

static void
judge_notice(const char *name, char said[][64], const bool *surely, bool *found, size_t n, struct score *s)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(said[i], name) == 0) {
			s->got += surely[i] && !found[i];
			s->right += surely[i] && !found[i];
			found[i] = true;
			return;
		}
	s->got++;
	complain("an incident of %s: there was none\n", name);
}

static void
judge_incidents(const char *path, const json_t *result)
{
	static char said[SAID][64];
	static bool surely[SAID], found[SAID];
	FILE *fp = open_table(path);
	const json_t *list = json_object_get(result, "notices");
	struct score s = { 0, 0, 0 };
	char must[8], name[64];
	size_t n = 0;

	for (; n < SAID && fscanf(fp, "%63s %7s", said[n], must) == 2; n++) {
		surely[n] = strcmp(must, "must") == 0;
		s.want += surely[n];
	}
	fclose(fp);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (said_of(text_of(json_array_get(list, i), "text"), name, sizeof name))
			judge_notice(name, said, surely, found, n, &s);
	for (size_t i = 0; i < n; i++)
		if (surely[i] && !found[i])
			complain("no incident of %s\n", said[i]);
	print_score("incidents", &s);
}

static void
judge_clients(const char *path, const char *incidents)
{
	static struct role roles[ROLES + 1];
	struct client *clients;
	size_t n = read_truth(path, &clients);
	json_error_t e;
	json_t *result = json_loadf(stdin, 0, &e);

	if (result == NULL) {
		fprintf(stderr, "judge: standard input: line %d: %s\n", e.line, e.text);
		exit(2);
	}
	for (enum set s = 0; s < SETS; s++)
		read_set(clients, n, result, s);
	for (size_t i = 0; i < n; i++)
		judge_client(&clients[i], role_of(roles, clients[i].role));
	print_roles(roles);
	judge_incidents(incidents, result);
	json_decref(result);
	for (size_t i = 0; i < n; i++)
		free(clients[i].all);
	free(clients);
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "lines") == 0) {
		judge_lines(argv[2], argv[3]);
	} else if (argc == 4 && strcmp(argv[1], "clients") == 0) {
		judge_clients(argv[2], argv[3]);
	} else {
		fputs("usage: judge lines FACTS LOG | judge clients TRUTH INCIDENTS\n", stderr);
		return 2;
	}
	if (wrong > SHOWN)
		printf("... and %u more\n", wrong - SHOWN);
	return wrong > 0;
}
