/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_print.c - the sample file and the manual's list of options, both from the table */
#include <string.h>

#include "conf_priv.h"

#define COLUMNS 100

/* A conf that holds the defaults: what an empty file gives, but for what depends on the machine. */
static void
defaults(struct conf *c)
{
	const struct option_group *g = &option_groups[GROUP_FILE];
	struct err why;

	*c = (struct conf){ .own_names = NULL };
	policy_defaults(&c->policy);
	for (unsigned i = 0; i < g->n; i++)
		if (g->options[i].fallback != NULL && value_set(&g->options[i], c, g->options[i].fallback, &why) == -1)
			panic("conf: default of %s: %s", g->options[i].name, why.text);
}

static void
clear(struct conf *c)
{
	for (unsigned i = 0; i < option_groups[GROUP_FILE].n; i++)
		value_clear(&option_groups[GROUP_FILE].options[i], c);
}

/* The range of a number or a time, as a sentence on a line of its own; nothing for other types. */
static void
put_range(FILE *out, const char *before, const struct option *o)
{
	char least[16], most[16];

	if (o->type == VALUE_TERM)
		fprintf(out, "%sA time from %s to %s%s.\n", before, str_term(least, sizeof least, o->min),
		    str_term(most, sizeof most, o->max), o->none_ok ? ", or off" : "");
	else if (o->type == VALUE_UNSIGNED || o->type == VALUE_ULONG)
		fprintf(out, "%sA number from %lld to %lld.\n", before, (long long)o->min, (long long)o->max);
}

/* As a comment, broken at blanks. */
static void
put_comment(FILE *out, const char *indent, const char *text)
{
	while (*text != '\0') {
		size_t n = strlen(text), room = COLUMNS - strlen(indent) - 2;

		if (n > room)
			for (n = room; n > 0 && text[n] != ' '; n--)
				;
		fprintf(out, "%s# %.*s\n", indent, (int)n, text);
		text += n;
		text += strspn(text, " ");
	}
}

static void
sample_option(FILE *out, const struct option *o, const void *base)
{
	fputc('\n', out);
	put_comment(out, "", o->help);
	put_range(out, "# ", o);
	fprintf(out, "#%s = ", o->name);
	value_print(out, o, base);
	fputc('\n', out);
}

static void
sample_kind(FILE *out, enum event_kind k, const struct kind_policy *kp)
{
	const struct option_group *g = &option_groups[GROUP_KIND];

	fprintf(out, "\n#kind %s {\n", event_kind_name(k));
	for (unsigned i = 0; i < g->n; i++) {
		if (k == EVENT_LOGIN && g->options[i].at != offsetof(struct kind_policy, on))
			continue;
		fprintf(out, "#\t%s = ", g->options[i].name);
		value_print(out, &g->options[i], kp);
		fputc('\n', out);
	}
	fputs("#}\n", out);
}

static void
sample_group(FILE *out, const struct option_group *g)
{
	fputc('\n', out);
	put_comment(out, "", g->help);
	for (unsigned i = 0; i < g->n; i++) {
		fprintf(out, "#   %s:\n", g->options[i].name);
		put_comment(out, "", g->options[i].help);
	}
}

void
conf_print_sample(FILE *out)
{
	struct conf c;

	defaults(&c);
	fputs("# popauth-milter.conf - see popauth-milter.conf(5)\n"
	      "#\n"
	      "# Every option is shown with its default: an empty file does the same as this one.\n"
	      "# Times are written 90s, 15m, 1h, 7d or 2w.\n",
	    out);
	for (unsigned i = 0; i < option_groups[GROUP_FILE].n; i++)
		sample_option(out, &option_groups[GROUP_FILE].options[i], &c);
	sample_group(out, &option_groups[GROUP_LISTENER]);
	fputs("#listener submission {\n#\treject_at = rcpt\n#\tanswer = tempfail\n#}\n", out);
	sample_group(out, &option_groups[GROUP_ZONE]);
	fputs("#zone dnsbl.example.net {\n#\texplanation = \"They list dialup addresses: use your provider's "
	      "server.\"\n#}\n",
	    out);
	sample_group(out, &option_groups[GROUP_KIND]);
	for (enum event_kind k = 0; k < EVENT_KINDS; k++)
		sample_kind(out, k, &c.policy.kind[k]);
	clear(&c);
}

/* roff: a minus that can be copied as one, each sentence on a line of its own, and no requests by accident. */
static void
put_roff(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (text[0] == '.' && text[1] == ' ') {
			fputs(".\n\\&", out);
			text++;
		} else
			fputc(*text, out);
}

static void
mdoc_option(FILE *out, const struct option *o)
{
	fprintf(out, ".It Ic %s No = Ar ", o->name);
	put_roff(out, value_word(o->type));
	fputs("\n\\&", out);
	put_roff(out, o->help);
	fputc('\n', out);
}

static void
mdoc_kind(FILE *out, enum event_kind k, const struct kind_policy *kp)
{
	const struct option_group *g = &option_groups[GROUP_KIND];

	fprintf(out, ".It ");
	put_roff(out, event_kind_name(k));
	for (unsigned i = 0; i < g->n; i++) {
		fputs(" Ta ", out);
		if (k == EVENT_LOGIN && g->options[i].at != offsetof(struct kind_policy, on))
			fputs("\\(em", out);
		else
			value_print(out, &g->options[i], kp);
	}
	fputc('\n', out);
}

static void
mdoc_default(FILE *out, const struct option *o, const struct conf *c)
{
	if (o->fallback != NULL && *o->fallback == '\0') {
		fputs("By default it is empty.\n", out);
		return;
	}
	fputs("The default is\n.Ql ", out);
	value_print(out, o, c);
	fputs(" .\n", out);
}

static void
mdoc_file(FILE *out, const struct conf *c)
{
	const struct option_group *g = &option_groups[GROUP_FILE];

	fputs(".Bl -tag -width Ds\n", out);
	for (unsigned i = 0; i < g->n; i++) {
		mdoc_option(out, &g->options[i]);
		put_range(out, "", &g->options[i]);
		mdoc_default(out, &g->options[i], c);
	}
	fputs(".El\n", out);
}

static void
mdoc_section(FILE *out, const struct option_group *g)
{
	fprintf(out, ".Ss %s Ar name Brq ...\n%s\n.Bl -tag -width Ds\n", g->section, g->help);
	for (unsigned i = 0; i < g->n; i++)
		mdoc_option(out, &g->options[i]);
	fputs(".El\n", out);
}

void
conf_print_mdoc(FILE *out)
{
	struct conf c;

	defaults(&c);
	mdoc_file(out, &c);
	mdoc_section(out, &option_groups[GROUP_LISTENER]);
	mdoc_section(out, &option_groups[GROUP_ZONE]);
	mdoc_section(out, &option_groups[GROUP_KIND]);
	fputs(".Pp\nThe kinds and their defaults are:\n"
	      ".Bl -column \"recipient-forgery\" \"enabled\" \"cache\" \"distinct\" \"10/10m for 1h\" "
	      "\"100/1d for 1d\"\n"
	      ".It Em kind Ta Em enabled Ta Em cache Ta Em distinct Ta Em rate Ta Em total\n",
	    out);
	for (enum event_kind k = 0; k < EVENT_KINDS; k++)
		mdoc_kind(out, k, &c.policy.kind[k]);
	fputs(".El\n", out);
	clear(&c);
}
