/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_parse.c - the grammar of the configuration file: the only user of libconfuse
 *
 * libconfuse knows all options as texts and calls on_value() for each value that it meets; we turn it into its field at
 * once, because only then is the line known.  A bad value is noted and the parser told that all is well, so that one
 * run finds every bad value.  CFGF_KEYSTRVAL makes it carry on behind an unknown option as well: it complains, and
 * takes `name = value` for a free text.  Only broken syntax and repeated sections end the run.
 *
 * libconfuse's scanner is global and its callbacks carry no argument, hence `now_reading` and the lock.
 */
#include <confuse.h>
#include <pthread.h>
#include <string.h>

#include "conf_priv.h"

#define OPTIONS_MAX 128

struct reading {
	struct conf *conf;
	struct mistakes *m;
	cfg_t *root;
	const cfg_t *section;	  /* the one that `in_section` is about */
	int in_file[OPTIONS_MAX]; /* the line where an option was set; 0: not yet */
	int in_section[OPTIONS_MAX];
	const cfg_t *told; /* a section whose title is bad, and was said to be */
};

static pthread_mutex_t reading_lock = PTHREAD_MUTEX_INITIALIZER; /* held over a whole conf_parse() */
static struct reading *now_reading;				 /* guarded by reading_lock */

static void on_error(cfg_t *cfg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct mistakes *m = now_reading->m;
	char text[256];

	/* What libconfuse stumbles over is often only the consequence of what it has just complained about. */
	if (m->n > 0 && m->line == cfg->line)
		return;
	(void)vsnprintf(text, sizeof text, fmt, ap);
	if (strcmp(text, "unexpected token ','") == 0)
		mistake(m, cfg->line, "a comma stands outside of braces: a list is written { one, two }");
	else
		mistake(m, cfg->line, "%s", text);
}

static struct listener *
listener_of(struct conf *c, const char *name)
{
	struct listener *l;

	for (unsigned i = 0; i < c->n_listeners; i++)
		if (strcmp(c->listeners[i].name, name) == 0)
			return &c->listeners[i];
	c->listeners = xrealloc(c->listeners, (c->n_listeners + 1) * sizeof *c->listeners);
	l = &c->listeners[c->n_listeners++];
	*l = (struct listener){ .name = xstrdup(name), .reject_at = STAGES, .answer = REFUSALS };
	return l;
}

static struct zone_text *
zone_of(struct conf *c, const char *name)
{
	struct zone_text *z;

	for (unsigned i = 0; i < c->n_zones; i++)
		if (strcmp(c->zones[i].name, name) == 0)
			return &c->zones[i];
	c->zones = xrealloc(c->zones, (c->n_zones + 1) * sizeof *c->zones);
	z = &c->zones[c->n_zones++];
	*z = (struct zone_text){ .name = xstrdup(name) };
	return z;
}

/* The struct that a section's options go to; NULL: its title is bad, and a mistake was noted at `line`. */
static void *
section_base(struct reading *r, const cfg_t *cfg, int line)
{
	enum event_kind kind = event_kind_of(str_of(cfg->title));

	if (strcmp(cfg->name, option_groups[GROUP_LISTENER].section) == 0)
		return listener_of(r->conf, cfg->title);
	if (strcmp(cfg->name, option_groups[GROUP_ZONE].section) == 0)
		return zone_of(r->conf, cfg->title);
	if (kind != EVENT_KINDS)
		return &r->conf->policy.kind[kind];
	if (r->told != cfg)
		mistake(r->m, line, "there is no kind of event called \"%s\"", cfg->title);
	r->told = cfg;
	return NULL;
}

static const struct option_group *
group_of(const cfg_t *cfg)
{
	for (unsigned g = 0; g < GROUPS; g++)
		if (option_groups[g].section != NULL && strcmp(option_groups[g].section, cfg->name) == 0)
			return &option_groups[g];
	return &option_groups[GROUP_FILE];
}

/* Where this option was set before, in the same section or the file itself; remembers where it is now. */
static int
set_before(struct reading *r, const struct option_group *g, const struct option *o, const cfg_opt_t *opt, int line)
{
	int *seen = g->section == NULL ? r->in_file : r->in_section;
	int before = seen[o - g->options];

	seen[o - g->options] = line;
	/* The second element of a list, or what += adds to it, is nothing new. */
	return value_is_list(o->type) && opt->nvalues != 1 ? 0 : before;
}

/* A login is not an offence: it has no thresholds. */
static bool
means_nothing(const struct option_group *g, const cfg_t *cfg, const struct option *o)
{
	return g == &option_groups[GROUP_KIND] && strcmp(o->name, "enabled") != 0 &&
	    event_kind_of(str_of(cfg->title)) == EVENT_LOGIN;
}

/* libconfuse takes "kind=rbl|rate" for a name, too, and then finds the option in another section than the one that is
 * being read. */
static bool
stands_in(cfg_t *cfg, const cfg_opt_t *opt)
{
	for (unsigned i = 0; i < cfg_num(cfg); i++)
		if (cfg_getnopt(cfg, i) == opt)
			return true;
	return false;
}

static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct reading *r = now_reading;
	const struct option_group *g = group_of(cfg);
	const struct option *o = option_find(g, opt->name);
	void *base = r->conf;
	struct err why;
	int before;

	*(const char **)result = value;
	if (cfg != r->root && cfg != r->section) {
		r->section = cfg;
		memset(r->in_section, 0, sizeof r->in_section);
	}
	if (!stands_in(cfg, opt) || (g->section != NULL && *cfg->title == '\0')) {
		mistake(r->m, cfg->line, "%s belongs into a section with a title", opt->name);
		return 0;
	}
	/* While a section is read, the root's line stays at its opening brace. */
	if (g->section != NULL && (base = section_base(r, cfg, r->root->line)) == NULL)
		return 0;
	before = set_before(r, g, o, opt, cfg->line);
	if (before != 0)
		mistake(r->m, cfg->line, "%s was set in line %d already", o->name, before);
	else if (means_nothing(g, cfg, o))
		mistake(r->m, cfg->line, "a login is not an offence: %s has no meaning here", o->name);
	else if (value_set(o, base, value, &why) == -1)
		mistake(r->m, cfg->line, "%s", why.text);
	return 0;
}

/* For sections that hold nothing: on_value() has not seen their title. */
static int
on_section_end(cfg_t *cfg, cfg_opt_t *opt)
{
	const cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);

	if (*section->title == '\0')
		mistake(now_reading->m, cfg->line, "%s needs a title", opt->name);
	else
		(void)section_base(now_reading, section, cfg->line);
	return 0;
}

static void
describe(cfg_opt_t *out, const struct option_group *g)
{
	unsigned i;

	if (g->n >= OPTIONS_MAX)
		panic("conf: more than %d options", OPTIONS_MAX - 1);
	for (i = 0; i < g->n; i++)
		if (value_is_list(g->options[i].type))
			out[i] = (cfg_opt_t)CFG_STR_LIST_CB(g->options[i].name, NULL, CFGF_NODEFAULT, on_value);
		else
			out[i] = (cfg_opt_t)CFG_STR_CB(g->options[i].name, NULL, CFGF_NODEFAULT, on_value);
	out[i] = (cfg_opt_t)CFG_END();
}

/* The defaults of what the file does not set. */
static void
complete(struct reading *r)
{
	const struct option_group *g = &option_groups[GROUP_FILE];
	struct err why;

	for (unsigned i = 0; i < g->n; i++) {
		const struct option *o = &g->options[i];
		bool set = r->in_file[i] != 0 || (cfg_getopt(r->root, o->name)->flags & CFGF_MODIFIED) != 0;

		if (!set && o->fallback != NULL && value_set(o, r->conf, o->fallback, &why) == -1)
			panic("conf: default of %s: %s", o->name, why.text);
		if (r->in_file[i] != 0 && value_is_list(o->type) && cfg_size(r->root, o->name) == 0)
			mistake(r->m, r->in_file[i], "%s is set here and emptied below", o->name);
	}
}

/* Two options that must not have the same value. */
static void
check_apart(struct reading *r, const char *one, const char *other, const char *a, const char *b)
{
	const struct option_group *g = &option_groups[GROUP_FILE];
	int line = r->in_file[option_find(g, one) - g->options];

	if (line == 0)
		line = r->in_file[option_find(g, other) - g->options];
	if (*a != '\0' && strcmp(a, b) == 0)
		mistake(r->m, line, "%s and %s are both \"%s\"", one, other, a);
}

static void
check_all_apart(struct reading *r)
{
	const struct conf *c = r->conf;
	const char *milter = strncmp(c->milter_socket, "unix:", 5) == 0 ? c->milter_socket + 5 : "";

	check_apart(r, "set4", "set6", c->set4, c->set6);
	check_apart(r, "milter_socket", "map_socket", milter, c->map_socket);
	check_apart(r, "milter_socket", "control_socket", milter, c->control_socket);
	check_apart(r, "map_socket", "control_socket", c->map_socket, c->control_socket);
}

/* libconfuse 3.3 complains of unknown options although it takes them; should another version not, we do. */
static void
check_known(struct mistakes *m, cfg_t *cfg)
{
	const struct option_group *g = group_of(cfg);

	for (unsigned i = 0; i < cfg_num(cfg); i++) {
		cfg_opt_t *opt = cfg_getnopt(cfg, i);

		if (opt->type == CFGT_SEC)
			for (unsigned k = 0; k < cfg_opt_size(opt); k++)
				check_known(m, cfg_opt_getnsec(opt, k));
		else if (option_find(g, opt->name) == NULL)
			mistake(m, 0, "no such option '%s'", opt->name);
	}
}

void
conf_parse(struct conf *c, const char *text, struct mistakes *m)
{
	cfg_opt_t file[OPTIONS_MAX + GROUPS], section[GROUPS][OPTIONS_MAX];
	struct reading r = { .conf = c, .m = m };
	unsigned n = option_groups[GROUP_FILE].n;
	const struct option *names = option_find(&option_groups[GROUP_FILE], "own_names");

	pthread_mutex_lock(&reading_lock);
	now_reading = &r;
	describe(file, &option_groups[GROUP_FILE]);
	for (unsigned g = GROUP_FILE + 1; g < GROUPS; g++) {
		describe(section[g], &option_groups[g]);
		file[n] = (cfg_opt_t)CFG_SEC(option_groups[g].section, section[g],
		    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
		file[n++].validcb = on_section_end;
	}
	file[n] = (cfg_opt_t)CFG_END();
	r.root = cfg_init(file, CFGF_KEYSTRVAL);
	if (r.root == NULL)
		panic("conf: cfg_init");
	cfg_set_error_function(r.root, on_error);
	if (cfg_parse_buf(r.root, text) != CFG_SUCCESS && m->n == 0)
		mistake(m, r.root->line, "syntax error");
	complete(&r);
	if (m->n == 0)
		check_known(m, r.root);
	if (m->n == 0)
		check_all_apart(&r);
	conf_own(c, r.in_file[names - option_groups[GROUP_FILE].options] != 0);
	cfg_free(r.root);
	now_reading = NULL;
	pthread_mutex_unlock(&reading_lock);
}
