/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_lists.c - the lists of networks that judgement needs: from the file, from allow_file, from this system
 *
 *	policy.own	own_networks, and this system's own addresses, gateways and resolvers
 *	policy.allow	allow, allow_file, and the clients that those of `own` belong to: where an IPv6 client is a
 *			whole /64, blocking a neighbour would block ourselves
 *
 * A conf never changes, so what changes under it makes another one, which shares all the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_priv.h"
#include "nearby.h"

#define NETWORKS_MAX 1000000
#define FILE_MAX     (64 << 20)

/* Make policy's lists from all that there is. */
static void
build(struct conf *c)
{
	struct netlist *allow = netlist_new(), *own = netlist_new();
	unsigned prefix = c->policy.ipv6_prefix;

	netlist_add_clients(own, c->own, 128);
	netlist_add_clients(own, c->nearby, 128);
	netlist_add_clients(allow, c->allow, prefix);
	netlist_add_clients(allow, c->in_file, prefix);
	netlist_add_clients(allow, c->own, prefix);
	netlist_add_clients(allow, c->nearby, prefix);
	netlist_seal(allow);
	netlist_seal(own);
	netlist_free((struct netlist *)c->policy.allow);
	netlist_free((struct netlist *)c->policy.own);
	c->policy.allow = allow;
	c->policy.own = own;
}

void
conf_lists_of_file(struct conf *c)
{
	build(c);
}

static struct str
bare_line(const char *line, size_t n)
{
	const char *hash = memchr(line, '#', n);

	if (hash != NULL)
		n = (size_t)(hash - line);
	return str_trim((struct str){ line, n });
}

static int
read_networks(FILE *in, const char *path, struct netlist *l, struct err *e)
{
	struct mistakes m = { .path = path, .e = e };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	for (int lineno = 1; (n = getline(&line, &cap, in)) != -1; lineno++) {
		struct str text = bare_line(line, (size_t)n);
		struct err why;

		if (text.n > 0 && netlist_add(l, text, &why) == -1)
			mistake(&m, lineno, "%.300s", why.text);
		if (netlist_size(l) > NETWORKS_MAX) {
			mistake(&m, lineno, "more than %d networks", NETWORKS_MAX);
			break;
		}
	}
	if (ferror(in))
		mistake(&m, 0, "cannot be read: %s", strerror(errno));
	mistakes_end(&m);
	free(line);
	return m.n == 0 ? 0 : -1;
}

/* The networks of a file, unsealed, and which file that was.  O_NONBLOCK: a FIFO in its place must not hold us up. */
static struct netlist *
read_file(const char *path, struct listfile_stamp *seen, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct netlist *l = NULL;
	struct stat st;
	FILE *in;

	if (fd == -1 || fstat(fd, &st) == -1 || (in = fdopen(fd, "r")) == NULL) {
		err_sys(e, "%s: cannot be opened", path);
		if (fd != -1)
			close(fd);
		return NULL;
	}
	*seen = listfile_stamp_of(&st);
	if (!S_ISREG(st.st_mode)) {
		err_set(e, "%s: is not a file", path);
	} else if (st.st_size > FILE_MAX) {
		err_set(e, "%s: is larger than %d MB", path, FILE_MAX >> 20);
	} else {
		l = netlist_new();
		if (read_networks(in, path, l, e) == -1) {
			netlist_free(l);
			l = NULL;
		}
	}
	fclose(in);
	return l;
}

int
conf_lists(struct conf *c, bool protect, struct err *e)
{
	if (*c->allow_file != '\0' && (c->in_file = read_file(c->allow_file, &c->allow_seen, e)) == NULL)
		return listfile_blame(e, "allow_file", c->allow_file);
	c->nearby = protect ? nearby_new() : NULL;
	build(c);
	return 0;
}

/* Another conf with all that this one has, and lists of its own. */
static struct conf *
twin(struct conf *c)
{
	struct conf *t = xcalloc(1, sizeof *t);

	memcpy(t, c, offsetof(struct conf, refs)); /* which others are counting with meanwhile */
	atomic_init(&t->refs, 1);
	t->base = conf_get(c->base == NULL ? c : c->base);
	t->policy.allow = t->policy.own = NULL;
	t->in_file = netlist_share(c->in_file);
	t->nearby = netlist_share(c->nearby);
	return t;
}

static void
replace(const struct netlist **list, struct netlist *by)
{
	netlist_free((struct netlist *)*list);
	*list = by;
}

/* Is there another file than the one we have, that nobody is writing at the moment? */
static bool
is_another(const struct conf *c, struct conf_look *look)
{
	struct listfile_stamp now = listfile_stamp(c->allow_file);
	bool settled;

	if (*c->allow_file == '\0')
		return false;
	settled = listfile_same(&now, &look->last);
	look->last = now;
	if (listfile_same(&now, &c->allow_seen))
		look->is_bad = false;
	return settled && !listfile_same(&now, &c->allow_seen) && !(look->is_bad && listfile_same(&now, &look->bad));
}

struct conf *
conf_refresh(struct conf *c, struct conf_look *look, bool around, struct err *e)
{
	struct netlist *file = NULL, *near = around && c->nearby != NULL ? nearby_new() : NULL;
	bool moved = near != NULL && !netlist_eq(near, c->nearby);
	struct conf *t = NULL;
	struct listfile_stamp seen = { 0 };

	e->text[0] = '\0';
	if (is_another(c, look)) {
		file = read_file(c->allow_file, &seen, e);
		if (file == NULL)
			(void)listfile_blame(e, "allow_file", c->allow_file);
		look->is_bad = file == NULL;
		look->bad = look->last;
	}
	if (file != NULL || moved)
		t = twin(c);
	if (file != NULL) {
		replace(&t->in_file, file);
		t->allow_seen = seen;
	}
	if (moved)
		replace(&t->nearby, netlist_share(near));
	if (t != NULL)
		build(t);
	netlist_free(near);
	return t;
}
