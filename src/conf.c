/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf.c - the configuration: from a file to the conf in force */
#include "conf.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_priv.h"

#define CONF_SIZE_MAX (1 << 20)

static pthread_mutex_t in_force_lock = PTHREAD_MUTEX_INITIALIZER; /* leaf */
static struct conf *_Atomic in_force; /* changed under in_force_lock; what it points to is safe only there, or with a reference */

static void
conf_free(struct conf *c)
{
	const struct option_group *g = &option_groups[GROUP_FILE];

	netlist_free((struct netlist *)c->policy.allow);
	netlist_free((struct netlist *)c->policy.own);
	netlist_free((struct netlist *)c->in_file);
	netlist_free((struct netlist *)c->nearby);
	if (c->base != NULL) {
		conf_put(c->base);
		free(c);
		return;
	}
	for (unsigned i = 0; i < g->n; i++)
		value_clear(&g->options[i], c);
	for (unsigned i = 0; i < c->n_listeners; i++)
		free(c->listeners[i].name);
	free(c->listeners);
	for (unsigned i = 0; i < c->n_zones; i++) {
		free(c->zones[i].name);
		free(c->zones[i].show);
		free(c->zones[i].explanation);
	}
	free(c->zones);
	free(c->own_addrs);
	free(c->path);
	free(c);
}

struct conf *
conf_get(struct conf *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void
conf_put(struct conf *c)
{
	/* Release, so that whatever a holder did with it comes before; acquire, so that it comes before the free. */
	if (c != NULL && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
		conf_free(c);
}

struct conf *
conf_current(void)
{
	struct conf *c;

	pthread_mutex_lock(&in_force_lock);
	c = in_force;
	if (c != NULL)
		(void)conf_get(c);
	pthread_mutex_unlock(&in_force_lock);
	return c;
}

bool
conf_is_current(const struct conf *c)
{
	return atomic_load_explicit(&in_force, memory_order_relaxed) == c;
}

void
conf_install(struct conf *c)
{
	struct conf *old;

	pthread_mutex_lock(&in_force_lock);
	old = in_force;
	in_force = c;
	pthread_mutex_unlock(&in_force_lock);
	conf_put(old);
}

void
mistake(struct mistakes *m, int line, const char *fmt, ...)
{
	size_t used = m->n == 0 || m->e == NULL ? 0 : strlen(m->e->text) + 1;
	size_t room = m->e == NULL ? 0 : sizeof m->e->text - sizeof "\n(and 4294967295 more)";
	char text[sizeof m->e->text];
	int n, k;
	va_list ap;

	n = line == 0 ? snprintf(text, sizeof text, "%s: ", m->path)
		      : snprintf(text, sizeof text, "%s:%d: ", m->path, line);
	if (n < 0 || (size_t)n >= sizeof text)
		n = 0;
	va_start(ap, fmt);
	k = vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
	va_end(ap);
	m->line = line;
	m->n++;
	if (m->e == NULL || k < 0)
		return;
	if (used > 0 && (m->untold > 0 || used + strlen(text) >= room)) {
		m->untold++;
		return;
	}
	if (used > 0)
		m->e->text[used - 1] = '\n';
	str_copy(m->e->text + used, room - used, str_of(text));
}

void
mistakes_end(struct mistakes *m)
{
	if (m->untold > 0) {
		size_t used = strlen(m->e->text);

		(void)snprintf(m->e->text + used, sizeof m->e->text - used, "\n(and %u more)", m->untold);
	}
}

/* The whole file with a NUL behind it, to be freed; *len is its length.  NULL and an error without line if it cannot
 * be had.  O_NONBLOCK: a FIFO in its place must not hold us up. */
static char *
slurp(const char *path, size_t *len, struct err *e)
{
	char *text = NULL;
	struct stat st;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1 || fstat(fd, &st) == -1) {
		err_sys(e, "%s: cannot be opened", path);
		goto done;
	}
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
		err_set(e, "%s: is not a file", path);
		goto done;
	}
	text = xmalloc(CONF_SIZE_MAX + 1);
	for (*len = 0; *len <= CONF_SIZE_MAX && (n = read(fd, text + *len, CONF_SIZE_MAX + 1 - *len)) > 0;)
		*len += (size_t)n;
	if (n >= 0 && *len <= CONF_SIZE_MAX) {
		text[*len] = '\0';
		goto done;
	}
	if (n < 0)
		err_sys(e, "%s: cannot be read", path);
	else
		err_set(e, "%s: is larger than 1 MB", path);
	free(text);
	text = NULL;
done:
	if (fd != -1)
		close(fd);
	return text;
}

struct conf *
conf_read(const char *path, struct err *e)
{
	struct mistakes m = { .path = path, .e = e };
	struct conf *c;
	size_t len;
	char *text = slurp(path, &len, e);

	if (text == NULL)
		return NULL;
	c = xcalloc(1, sizeof *c);
	atomic_init(&c->refs, 1);
	c->path = xstrdup(path);
	policy_defaults(&c->policy);
	conf_scan(text, len, &m);
	if (m.n == 0)
		conf_parse(c, text, &m);
	mistakes_end(&m);
	free(text);
	if (m.n > 0) {
		conf_free(c);
		return NULL;
	}
	conf_lists_of_file(c);
	return c;
}

static const struct listener *
listener_of(const struct conf *c, const char *daemon_name)
{
	for (unsigned i = 0; daemon_name != NULL && i < c->n_listeners; i++)
		if (str_caseeq(str_of(c->listeners[i].name), str_of(daemon_name)))
			return &c->listeners[i];
	return NULL;
}

enum stage
conf_reject_at(const struct conf *c, const char *daemon_name)
{
	const struct listener *l = listener_of(c, daemon_name);

	return l != NULL && l->reject_at != STAGES ? l->reject_at : c->reject_at;
}

/* By default mail comes from servers, and whoever calls himself us is none of ours.  Where an administrator lets clients come
 * to MAIL or RCPT on purpose, users authenticate before that, and their mail programs may call themselves what they like. */
enum stage
conf_forgery_at(const struct conf *c, const char *daemon_name)
{
	const struct listener *l = listener_of(c, daemon_name);
	bool said = l != NULL && l->reject_at != STAGES;

	return (said ? l->reject_at >= STAGE_MAIL : c->reject_at == STAGE_RCPT) ? STAGE_MAIL : STAGE_HELO;
}

enum refusal
conf_answer(const struct conf *c, const char *daemon_name)
{
	const struct listener *l = listener_of(c, daemon_name);

	return l != NULL && l->answer != REFUSALS ? l->answer : c->answer;
}

const struct zone_text *
conf_zone(const struct conf *c, struct str zone)
{
	const struct zone_text *best = NULL;
	size_t most = 0;

	for (unsigned i = 0; i < c->n_zones; i++) {
		struct str name = str_of(c->zones[i].name), tail = zone;

		if (zone.n < name.n || name.n <= most)
			continue;
		tail = (struct str){ zone.p + zone.n - name.n, name.n };
		if (str_caseeq(tail, name) && (zone.n == name.n || tail.p[-1] == '.')) {
			best = &c->zones[i];
			most = name.n;
		}
	}
	return best;
}

const char *
stage_name(enum stage s)
{
	static const char *const names[STAGES] = { "connect", "helo", "mail", "rcpt" };

	return names[s];
}
