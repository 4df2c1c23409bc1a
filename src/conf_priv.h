/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_priv.h - what the files of the conf module share
 *
 *	conf.c		references, the conf in force, reading a file from end to end
 *	conf_scan.c	characters: what libconfuse would pass over in silence is a mistake here
 *	conf_parse.c	grammar: libconfuse
 *	conf_options.c	the table of all options
 *	conf_value.c	one value: text -> field -> text
 *	conf_word.c	the same for those that are one word of a few
 *	conf_items.c	and for those that are lists, one item at a time
 *	conf_own.c	what is ours when the file does not say
 *	conf_lists.c	the lists of networks: from the file, from allow_file, from this system
 *	conf_print.c	the sample file and the manual's list, from the table
 */
#ifndef CONF_PRIV_H
#define CONF_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "conf.h"

/* The longest time a kernel set can hold: 2,147,483 s (ipset(8), "timeout"), in whole days. */
#define BLOCK_TERM_MAX (24 * 86400)

enum value_type {
	VALUE_TEXT,
	VALUE_PATH,	 /* absolute */
	VALUE_SOCKET,	 /* the same, short enough for sun_path */
	VALUE_LISTEN,	 /* libmilter's form of a socket */
	VALUE_SETNAME,	 /* of an ipset */
	VALUE_GROUP,	 /* a struct conf_group */
	VALUE_FLAG,
	VALUE_UNSIGNED,
	VALUE_ULONG,
	VALUE_TERM,	 /* uint32_t seconds */
	VALUE_STAGE,
	VALUE_REFUSAL,
	VALUE_FREEMAIL,
	VALUE_GATE,
	VALUE_MAPFORM,
	VALUE_ASCII,	 /* what may stand in an SMTP reply */
	VALUE_TEMPLATE,	 /* the same, with places: template.h */
	VALUE_THRESHOLD,
	VALUE_LOGS,	 /* from here on: lists */
	VALUE_MATCHES,	 /* of journal fields */
	VALUE_TAGS,
	VALUE_NAMES,
	VALUE_DOMAINS,
	VALUE_NETS,
	VALUE_TYPES
};

struct option {
	const char *name;
	enum value_type type;
	bool none_ok;	      /* texts: "" has a meaning; terms: "off" has */
	size_t at;	      /* offset of the field */
	int64_t min, max;     /* numbers, seconds */
	const char *fallback; /* the default as text; NULL: what the field holds already, for a list: nothing */
	const char *help;
};

/* Options stand in the file itself, in `kind NAME { }` (a struct kind_policy), in `listener NAME { }` and in
 * `zone NAME { }` (a struct zone_text). */
struct option_group {
	const char *section; /* NULL: the file itself */
	const char *help;
	const struct option *options;
	unsigned n;
};
enum { GROUP_FILE, GROUP_KIND, GROUP_LISTENER, GROUP_ZONE, GROUPS };
extern const struct option_group option_groups[GROUPS];

/* NULL: no such option. */
const struct option *option_find(const struct option_group *g, const char *name);

static inline bool
value_is_list(enum value_type t)
{
	return t >= VALUE_LOGS;
}

/* Set the option's field in the struct at `base`, or append to it if it is a list.  The error has no place in it. */
int value_set(const struct option *o, void *base, const char *text, struct err *e);
/* Print the field as it would stand in the file. */
void value_print(FILE *out, const struct option *o, const void *base);
void value_clear(const struct option *o, void *base);
const char *value_word(enum value_type t); /* the manual's word for it */
/* Nothing but letters, digits, and the characters in `more`. */
bool value_made_of(const char *text, const char *more);
void value_quote(FILE *out, const char *s); /* in quotes */

/* conf_word.c, for the table in conf_value.c. */
int set_stage(const struct option *o, void *field, const char *text, struct err *e);
int set_refusal(const struct option *o, void *field, const char *text, struct err *e);
int set_freemail(const struct option *o, void *field, const char *text, struct err *e);
int set_gate(const struct option *o, void *field, const char *text, struct err *e);
void print_gate(FILE *out, const void *field);
int set_mapform(const struct option *o, void *field, const char *text, struct err *e);
void print_stage(FILE *out, const void *field);
void print_refusal(FILE *out, const void *field);
void print_freemail(FILE *out, const void *field);
void print_mapform(FILE *out, const void *field);

/* conf_items.c, for the same table. */
int item_log(const struct option *o, void *field, const char *text, struct err *e);
int item_tag(const struct option *o, void *field, const char *text, struct err *e);
int item_match(const struct option *o, void *field, const char *text, struct err *e);
int item_name(const struct option *o, void *field, const char *text, struct err *e);
int item_domain(const struct option *o, void *field, const char *text, struct err *e);
int item_net(const struct option *o, void *field, const char *text, struct err *e);
void items_print(FILE *out, const void *field);
void items_print_nets(FILE *out, const void *field);
void items_clear(void *field);
void items_clear_nets(void *field);

/* Mistakes, one a line, as far as they fit; the rest is counted. */
struct mistakes {
	const char *path;
	struct err *e; /* may be NULL */
	unsigned n, untold;
	int line; /* of the last one */
};
void mistake(struct mistakes *m, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void mistakes_end(struct mistakes *m);

/* Check the characters of text[0..len], and blank the comments: libconfuse 3.3 counts three lines for each of them.
 * text[len] is NUL. */
void conf_scan(char *text, size_t len, struct mistakes *m);
/* Fill in what the text says.  *c holds policy_defaults(); options that were not set get their defaults. */
void conf_parse(struct conf *c, const char *text, struct mistakes *m);
/* policy's lists as the file alone gives them. */
void conf_lists_of_file(struct conf *c);
/* own_names, own_addrs and postmaster, where the file does not say. */
void conf_own(struct conf *c, bool named);

#endif
