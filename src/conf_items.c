/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_items.c - the values that are lists, one item at a time: from text into its field, and back
 *
 * Checked here is what an item looks like.  What it leads to is for whoever uses it: a log may come later.
 */
#include <stdlib.h>
#include <string.h>

#include "conf_priv.h"
#include "domains.h"
#include "logspec.h"

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

int
item_log(const struct option *o, void *field, const char *text, struct err *e)
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
int
item_tag(const struct option *o, void *field, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text || equals[1] == '\0' || strchr(equals + 1, '=') != NULL ||
	    !value_made_of(text, "=./_@%~+-"))
		return err_set(e, "%s: \"%s\" is not like \"mymail=postfix/smtpd\"", o->name, text);
	append(field, text);
	return 0;
}

/* What journalctl(1) takes: FIELD=value, or + between two sets of them. */
int
item_match(const struct option *o, void *field, const char *text, struct err *e)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t n = strspn(text, letters);

	if (strcmp(text, "+") != 0 && (n == 0 || n > 64 || text[n] != '='))
		return err_set(e, "%s: \"%s\" is neither like \"SYSLOG_IDENTIFIER=dovecot\", in quotes, nor +", o->name, text);
	append(field, text);
	return 0;
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
		if ((unsigned char)*text < 0x80 && !value_made_of(one, "_-."))
			return false;
	}
	return true;
}

int
item_name(const struct option *o, void *field, const char *text, struct err *e)
{
	struct addr a;

	if (addr_parse(&a, str_of(text)) == -1 && !is_name(text))
		return err_set(e, "%s: \"%s\" is neither a host name nor an address", o->name, text);
	append(field, text);
	return 0;
}

int
item_domain(const struct option *o, void *field, const char *text, struct err *e)
{
	struct err why;

	if (domains_check(str_of(text), &why) == -1)
		return err_set(e, "%s: %.400s", o->name, why.text);
	append(field, text);
	return 0;
}

int
item_net(const struct option *o, void *field, const char *text, struct err *e)
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

void
items_print(FILE *out, const void *field)
{
	char *const *const *list = field;

	fputs("{ ", out);
	for (size_t i = 0; *list != NULL && (*list)[i] != NULL; i++) {
		fputs(i == 0 ? "" : ", ", out);
		value_quote(out, (*list)[i]);
	}
	fputs(" }", out);
}

/* A netlist cannot be printed; its default is nothing. */
void
items_print_nets(FILE *out, const void *field)
{
	(void)field;
	fputs("{ }", out);
}

void
items_clear(void *field)
{
	char ***list = field;

	for (size_t i = 0; *list != NULL && (*list)[i] != NULL; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
}

void
items_clear_nets(void *field)
{
	const struct netlist **list = field;

	netlist_free((struct netlist *)*list);
	*list = NULL;
}
