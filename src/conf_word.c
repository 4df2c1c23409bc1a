/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_word.c - values of the configuration that are one word of a few */
#include <string.h>

#include "conf_priv.h"

/* One word of a list of `n`; the field is an enum of the same order. */
static int
set_word(const struct option *o, unsigned *field, const char *text, const char *(*word)(unsigned), unsigned n,
    const char *none, struct err *e)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(text, word(i)) == 0) {
			*field = i;
			return 0;
		}
	return err_set(e, "%s: \"%s\" is %s", o->name, text, none);
}

static const char *
refusal_word(unsigned r)
{
	return r == REFUSE_REJECT ? "reject" : "tempfail";
}

static const char *
stage_word(unsigned s)
{
	return stage_name((enum stage)s);
}

static const char *
freemail_word(unsigned m)
{
	return freemail_mode_name((enum freemail_mode)m);
}

static const char *
gate_word(unsigned m)
{
	return m == GATE_MODE_OFF ? "off" : "fail-closed";
}

int
set_gate(const struct option *o, void *field, const char *text, struct err *e)
{
	return set_word(o, field, text, gate_word, GATE_MODES, "neither off nor fail-closed", e);
}

void
print_gate(FILE *out, const void *field)
{
	fputs(gate_word(*(const enum gate_mode *)field), out);
}

static const char *
mapform_word(unsigned f)
{
	return map_form_name((enum map_form)f);
}

int
set_stage(const struct option *o, void *field, const char *text, struct err *e)
{
	return set_word(o, field, text, stage_word, STAGES, "not connect, helo, mail or rcpt", e);
}

int
set_refusal(const struct option *o, void *field, const char *text, struct err *e)
{
	return set_word(o, field, text, refusal_word, REFUSALS, "neither reject nor tempfail", e);
}

int
set_freemail(const struct option *o, void *field, const char *text, struct err *e)
{
	return set_word(o, field, text, freemail_word, FREEMAIL_MODES, "not off, unnamed or all", e);
}

int
set_mapform(const struct option *o, void *field, const char *text, struct err *e)
{
	return set_word(o, field, text, mapform_word, MAP_FORMS, "not postfix, sendmail or access.db", e);
}

void
print_stage(FILE *out, const void *field)
{
	fputs(stage_name(*(const enum stage *)field), out);
}

void
print_refusal(FILE *out, const void *field)
{
	fputs(refusal_word(*(const enum refusal *)field), out);
}

void
print_freemail(FILE *out, const void *field)
{
	fputs(freemail_mode_name(*(const enum freemail_mode *)field), out);
}

void
print_mapform(FILE *out, const void *field)
{
	fputs(map_form_name(*(const enum map_form *)field), out);
}
