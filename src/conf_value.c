/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_value.c - one value of the configuration: from text into its field, and back */
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "conf_priv.h"
#include "template.h"

#define SUN_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define SETNAME_MAX  27		 /* IPSET_MAXNAMELEN (linux/netfilter/ipset/ip_set.h) less the NUL, and the helper's "~new" */
#define SPAN_MAX     (30 * 86400)

static int
set_text(const struct option *o, void *field, const char *text, struct err *e)
{
	char **s = field;

	if (*text == '\0' && !o->none_ok)
		return err_set(e, "%s must not be empty", o->name);
	free(*s);
	*s = xstrdup(text);
	return 0;
}

static int
set_path(const struct option *o, void *field, const char *text, struct err *e)
{
	if (*text != '\0' && *text != '/')
		return err_set(e, "%s: \"%s\" is not an absolute path", o->name, text);
	return set_text(o, field, text, e);
}

static int
set_socket(const struct option *o, void *field, const char *text, struct err *e)
{
	if (strlen(text) > SUN_PATH_MAX)
		return err_set(e, "%s: longer than a socket's path can be (%zu)", o->name, SUN_PATH_MAX);
	return set_path(o, field, text, e);
}

static int
set_listen(const struct option *o, void *field, const char *text, struct err *e)
{
	static const char *const prefixes[] = { "inet:", "inet6:" };

	if (strncmp(text, "unix:", 5) == 0 || strncmp(text, "local:", 6) == 0) {
		const char *path = strchr(text, ':') + 1;

		if (*path != '/' || strlen(path) > SUN_PATH_MAX)
			return err_set(e, "%s: \"%s\" is not an absolute path of at most %zu bytes", o->name, path,
			    SUN_PATH_MAX);
		return set_text(o, field, text, e);
	}
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		size_t n = strlen(prefixes[i]);
		char *end;

		if (strncmp(text, prefixes[i], n) != 0 || text[n] < '0' || text[n] > '9')
			continue;
		if (strtoul(text + n, &end, 10) - 1 < 65535 && *end == '@' && end[1] != '\0')
			return set_text(o, field, text, e);
	}
	return err_set(e, "%s: \"%s\" is not unix:PATH, inet:PORT@HOST or inet6:PORT@HOST", o->name, text);
}

bool
value_made_of(const char *text, const char *more)
{
	for (; *text != '\0'; text++)
		if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			(*text >= '0' && *text <= '9') || strchr(more, *text) != NULL))
			return false;
	return true;
}

static int
set_setname(const struct option *o, void *field, const char *text, struct err *e)
{
	if (strlen(text) > SETNAME_MAX || !value_made_of(text, "_-.") || *text == '-')
		return err_set(e, "%s: \"%s\" is not a name of at most %d letters, digits and _-.", o->name, text,
		    SETNAME_MAX);
	return set_text(o, field, text, e);
}

static int
set_flag(const struct option *o, void *field, const char *text, struct err *e)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_caseeq(str_of(text), str_of(words[i]))) {
			*(bool *)field = i % 2 != 0;
			return 0;
		}
	return err_set(e, "%s: \"%s\" is neither yes nor no", o->name, text);
}

/* -1: not a decimal number below 10^15. */
static int64_t
number(struct str s)
{
	int64_t v = 0;

	if (s.n == 0 || s.n > 15)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

static int
number_in_range(const struct option *o, const char *text, int64_t *v, struct err *e)
{
	*v = number(str_of(text));
	if (*v < o->min || *v > o->max)
		return err_set(e, "%s: \"%s\" is not a number from %lld to %lld", o->name, text, (long long)o->min,
		    (long long)o->max);
	return 0;
}

static int
set_unsigned(const struct option *o, void *field, const char *text, struct err *e)
{
	int64_t v;

	if (number_in_range(o, text, &v, e) == -1)
		return -1;
	*(unsigned *)field = (unsigned)v;
	return 0;
}

static int
set_ulong(const struct option *o, void *field, const char *text, struct err *e)
{
	int64_t v;

	if (number_in_range(o, text, &v, e) == -1)
		return -1;
	*(unsigned long *)field = (unsigned long)v;
	return 0;
}

static int
set_term(const struct option *o, void *field, const char *text, struct err *e)
{
	char least[16], most[16];
	int64_t v = strcmp(text, "off") == 0 ? 0 : str_duration(str_of(text));

	if ((v != 0 || !o->none_ok) && (v < o->min || v > o->max))
		return err_set(e, "%s: \"%s\" is not a time from %s to %s%s", o->name, text,
		    str_term(least, sizeof least, o->min), str_term(most, sizeof most, o->max),
		    o->none_ok ? ", nor off" : "");
	*(uint32_t *)field = (uint32_t)v;
	return 0;
}

/* In a reply, a text is one line of ASCII (RFC 5321, 4.2). */
static int
set_ascii(const struct option *o, void *field, const char *text, struct err *e)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return err_set(e, "%s: holds a character that is not printable ASCII", o->name);
	return set_text(o, field, text, e);
}

static int
set_template(const struct option *o, void *field, const char *text, struct err *e)
{
	struct err why;

	if (template_check(text, &why) == -1)
		return err_set(e, "%s: %.400s", o->name, why.text);
	return set_text(o, field, text, e);
}

/* The part of *s up to any byte of `until`, or all of it; *s is left behind the part and the byte, without blanks. */
static struct str
part(struct str *s, const char *until)
{
	struct str head = { s->p, 0 };

	while (head.n < s->n && strchr(until, s->p[head.n]) == NULL)
		head.n++;
	s->p += head.n;
	s->n -= head.n;
	if (s->n > 0) {
		s->p++;
		s->n--;
	}
	while (s->n > 0 && *s->p == ' ') {
		s->p++;
		s->n--;
	}
	return head;
}

static int
set_threshold(const struct option *o, void *field, const char *text, struct err *e)
{
	struct str rest = str_of(text);
	struct str n = part(&rest, "/"), span = part(&rest, " "), word = part(&rest, " ");
	int64_t v[3] = { number(n), str_duration(span), str_duration(rest) };

	if (strcmp(text, "off") == 0) {
		*(struct threshold *)field = (struct threshold){ 0, 0, 0 };
		return 0;
	}
	if (v[0] < 0 || v[1] < 0 || v[2] < 0 || !str_eq(word, STR("for")))
		return err_set(e, "%s: \"%s\" is neither like \"10/60s for 1h\" nor off", o->name, text);
	if (v[0] < 1 || v[0] > RECORD_HITS_MAX)
		return err_set(e, "%s: \"%s\": the number of events must be from 1 to %d", o->name, text,
		    RECORD_HITS_MAX);
	if (v[1] < 1 || v[1] > SPAN_MAX)
		return err_set(e, "%s: \"%s\": the span must be from 1s to 30d", o->name, text);
	if (v[2] < 1 || v[2] > BLOCK_TERM_MAX)
		return err_set(e, "%s: \"%s\": the term must be from 1s to 24d, the longest a kernel set can hold",
		    o->name, text);
	*(struct threshold *)field = (struct threshold){ (uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2] };
	return 0;
}

/* Asked for here, once, because it may take time. */
static int
set_group(const struct option *o, void *field, const char *text, struct err *e)
{
	struct conf_group *g = field;
	const struct group *gr = NULL;

	if (*text != '\0' && (gr = getgrnam(text)) == NULL)
		return err_set(e, "%s: there is no group \"%s\"", o->name, text);
	g->gid = gr == NULL ? (gid_t)-1 : gr->gr_gid;
	return set_text(o, &g->name, text, e);
}

void
value_quote(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fputc(*s, out);
	}
	fputc('"', out);
}

static void
print_text(FILE *out, const void *field)
{
	char *const *s = field;

	value_quote(out, *s == NULL ? "" : *s);
}

static void
print_flag(FILE *out, const void *field)
{
	fputs(*(const bool *)field ? "yes" : "no", out);
}

static void
print_unsigned(FILE *out, const void *field)
{
	fprintf(out, "%u", *(const unsigned *)field);
}

static void
print_ulong(FILE *out, const void *field)
{
	fprintf(out, "%lu", *(const unsigned long *)field);
}

static void
print_term(FILE *out, const void *field)
{
	char buf[16];

	fputs(*(const uint32_t *)field == 0 ? "off" : str_term(buf, sizeof buf, *(const uint32_t *)field), out);
}

static void
print_threshold(FILE *out, const void *field)
{
	const struct threshold *th = field;
	char span[16], term[16];

	if (th->n == 0)
		fputs("off", out);
	else
		fprintf(out, "\"%u/%s for %s\"", th->n, str_term(span, sizeof span, th->span),
		    str_term(term, sizeof term, th->term));
}

static void
clear_text(void *field)
{
	char **s = field;

	free(*s);
	*s = NULL;
}

static const struct {
	const char *word;
	int (*set)(const struct option *, void *, const char *, struct err *);
	void (*print)(FILE *, const void *);
	void (*clear)(void *); /* NULL: nothing hangs off it */
} types[VALUE_TYPES] = {
	[VALUE_TEXT] = { "text", set_text, print_text, clear_text },
	[VALUE_PATH] = { "path", set_path, print_text, clear_text },
	[VALUE_SOCKET] = { "path", set_socket, print_text, clear_text },
	[VALUE_LISTEN] = { "socket", set_listen, print_text, clear_text },
	[VALUE_SETNAME] = { "name", set_setname, print_text, clear_text },
	[VALUE_GROUP] = { "group", set_group, print_text, clear_text },
	[VALUE_FLAG] = { "yes | no", set_flag, print_flag, NULL },
	[VALUE_UNSIGNED] = { "number", set_unsigned, print_unsigned, NULL },
	[VALUE_ULONG] = { "number", set_ulong, print_ulong, NULL },
	[VALUE_TERM] = { "time", set_term, print_term, NULL },
	[VALUE_STAGE] = { "connect | helo | mail | rcpt", set_stage, print_stage, NULL },
	[VALUE_REFUSAL] = { "reject | tempfail", set_refusal, print_refusal, NULL },
	[VALUE_FREEMAIL] = { "off | unnamed | all", set_freemail, print_freemail, NULL },
	[VALUE_GATE] = { "off | fail-closed", set_gate, print_gate, NULL },
	[VALUE_MAPFORM] = { "postfix | sendmail | access.db", set_mapform, print_mapform, NULL },
	[VALUE_ASCII] = { "text", set_ascii, print_text, clear_text },
	[VALUE_TEMPLATE] = { "text", set_template, print_text, clear_text },
	[VALUE_THRESHOLD] = { "threshold", set_threshold, print_threshold, NULL },
	[VALUE_LOGS] = { "{ log, ... }", item_log, items_print, items_clear },
	[VALUE_MATCHES] = { "{ FIELD=value, ... }", item_match, items_print, items_clear },
	[VALUE_TAGS] = { "{ tag=program, ... }", item_tag, items_print, items_clear },
	[VALUE_NAMES] = { "{ name, ... }", item_name, items_print, items_clear },
	[VALUE_DOMAINS] = { "{ domain, ... }", item_domain, items_print, items_clear },
	[VALUE_NETS] = { "{ network, ... }", item_net, items_print_nets, items_clear_nets },
};

int
value_set(const struct option *o, void *base, const char *text, struct err *e)
{
	return types[o->type].set(o, (char *)base + o->at, text, e);
}

void
value_print(FILE *out, const struct option *o, const void *base)
{
	types[o->type].print(out, (const char *)base + o->at);
}

void
value_clear(const struct option *o, void *base)
{
	if (types[o->type].clear != NULL)
		types[o->type].clear((char *)base + o->at);
}

const char *
value_word(enum value_type t)
{
	return types[t].word;
}
