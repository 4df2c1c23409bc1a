/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_value.c - one value of the configuration: from text into its field, and back */
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "conf_priv.h"
#include "domains.h"
#include "logspec.h"
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

static bool
made_of(const char *text, const char *more)
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
	if (strlen(text) > SETNAME_MAX || !made_of(text, "_-.") || *text == '-')
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

static void
append(char ***list, const char *text)
{
	size_t n = 0;

	while (*list != NULL && (*list)[n] != NULL)
		n++;
	*list = xrealloc(*list, (n + 2) * sizeof **list);
	(*list)[n] = xstrdup(text);
	(*list)[n + 1] = NULL;
}

static int
add_log(const struct option *o, void *field, const char *text, struct err *e)
{
	char **list = *(char ***)field;
	struct logspec spec;
	struct err why;
	unsigned n = 0;

	if (logspec_parse(&spec, text, &why) == -1)
		return err_set(e, "%s: %.400s", o->name, why.text);
	for (; list != NULL && list[n] != NULL; n++)
		if (strcmp(list[n], text) == 0)
			return err_set(e, "%s: \"%s\" is listed twice", o->name, text);
	if (n == CONF_LOGS_MAX)
		return err_set(e, "%s: more than %d", o->name, CONF_LOGS_MAX);
	append(field, text);
	return 0;
}

/* TAG=PROGRAM, both of the bytes that logline.c takes for a tag. */
static int
add_tag(const struct option *o, void *field, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text || equals[1] == '\0' || strchr(equals + 1, '=') != NULL ||
	    !made_of(text, "=./_@%~+-"))
		return err_set(e, "%s: \"%s\" is not like \"mymail=postfix/smtpd\"", o->name, text);
	append(field, text);
	return 0;
}

/* What journalctl(1) takes: FIELD=value, or + between two sets of them. */
static int
add_match(const struct option *o, void *field, const char *text, struct err *e)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t n = strspn(text, letters);

	if (strcmp(text, "+") != 0 && (n == 0 || n > 64 || text[n] != '='))
		return err_set(e, "%s: \"%s\" is neither like \"SYSLOG_IDENTIFIER=dovecot\", in quotes, nor +", o->name, text);
	append(field, text);
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

/* Letters, digits, _-. and whatever is not ASCII: a name may be listed in both its forms (RFC 5890, U- and A-label). */
static bool
is_name(const char *text)
{
	char one[2] = "";

	if (*text == '\0' || *text == '.')
		return false;
	for (; *text != '\0'; text++) {
		one[0] = *text;
		if ((unsigned char)*text < 0x80 && !made_of(one, "_-."))
			return false;
	}
	return true;
}

static int
add_name(const struct option *o, void *field, const char *text, struct err *e)
{
	struct addr a;

	if (addr_parse(&a, str_of(text)) == -1 && !is_name(text))
		return err_set(e, "%s: \"%s\" is neither a host name nor an address", o->name, text);
	append(field, text);
	return 0;
}

static int
add_domain(const struct option *o, void *field, const char *text, struct err *e)
{
	struct err why;

	if (domains_check(str_of(text), &why) == -1)
		return err_set(e, "%s: %.400s", o->name, why.text);
	append(field, text);
	return 0;
}

static int
add_net(const struct option *o, void *field, const char *text, struct err *e)
{
	const struct netlist **list = field;
	struct err why;

	if (*list == NULL)
		*list = netlist_new();
	/* The conf owns it and made it; policy's view of it is const. */
	if (netlist_add((struct netlist *)*list, str_of(text), &why) == -1)
		return err_set(e, "%s: %.400s", o->name, why.text);
	return 0;
}

static void
put_string(FILE *out, const char *s)
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

	put_string(out, *s == NULL ? "" : *s);
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
print_list(FILE *out, const void *field)
{
	char *const *const *list = field;

	fputs("{ ", out);
	for (size_t i = 0; *list != NULL && (*list)[i] != NULL; i++) {
		fputs(i == 0 ? "" : ", ", out);
		put_string(out, (*list)[i]);
	}
	fputs(" }", out);
}

/* A netlist cannot be printed; its default is nothing. */
static void
print_nothing(FILE *out, const void *field)
{
	(void)field;
	fputs("{ }", out);
}

static void
clear_text(void *field)
{
	char **s = field;

	free(*s);
	*s = NULL;
}

static void
clear_list(void *field)
{
	char ***list = field;

	for (size_t i = 0; *list != NULL && (*list)[i] != NULL; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
}

static void
clear_nets(void *field)
{
	const struct netlist **list = field;

	netlist_free((struct netlist *)*list);
	*list = NULL;
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
	[VALUE_LOGS] = { "{ log, ... }", add_log, print_list, clear_list },
	[VALUE_MATCHES] = { "{ FIELD=value, ... }", add_match, print_list, clear_list },
	[VALUE_TAGS] = { "{ tag=program, ... }", add_tag, print_list, clear_list },
	[VALUE_NAMES] = { "{ name, ... }", add_name, print_list, clear_list },
	[VALUE_DOMAINS] = { "{ domain, ... }", add_domain, print_list, clear_list },
	[VALUE_NETS] = { "{ network, ... }", add_net, print_nothing, clear_nets },
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
