/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapfile_db.c - one Berkeley DB hash file, in the form that postmap(1) and makemap(8) write
 *
 * Both use the library's defaults but for the size of a page.  The byte order and the hash function are in the file.
 */
#include "mapfile_db.h"

#include <db.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

#define PAGE_BYTES  4096
#define CACHE_BYTES (16u << 20)
#define HALF_MADE   "__db."

struct hash {
	DB *db;
	const char *path;
	bool nul;
	char key[HASH_KEY + 1], value[HASH_VALUE + 1]; /* with their NUL */
	char got[HASH_VALUE + 1]; /* longer values are somebody else's, and not wanted */
};

static int
failed(struct hash *h, int rc, const char *doing, struct err *e)
{
	store_writes_again();
	return err_set(e, "%s: %s: %s", h->path, doing, db_strerror(rc));
}

/* What went wrong is in the answer; without this it would be on standard error as well. */
static void
said_nothing(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env;
	(void)prefix;
	(void)text;
}

static struct hash *
make(const char *file, const char *path, bool nul, u_int32_t flags, unsigned n, struct err *e)
{
	struct hash *h = xcalloc(1, sizeof *h);
	int rc;

	h->path = path;
	h->nul = nul;
	rc = db_create(&h->db, NULL, 0);
	if (rc != 0)
		panic("db_create: %s", db_strerror(rc));
	h->db->set_errcall(h->db, said_nothing);
	(void)h->db->set_cachesize(h->db, 0, CACHE_BYTES, 1);
	if (flags & DB_CREATE) {
		(void)h->db->set_pagesize(h->db, PAGE_BYTES);
		(void)h->db->set_h_nelem(h->db, n);
	}
	rc = h->db->open(h->db, NULL, file, NULL, flags & DB_CREATE ? DB_HASH : DB_UNKNOWN, flags, 0600);
	if (rc == 0)
		return h;
	(void)failed(h, rc, "opening it as a Berkeley DB file", e);
	(void)h->db->close(h->db, DB_NOSYNC);
	free(h);
	return NULL;
}

/* Berkeley DB makes a new file as __db.NAME, renames it, and does not go on where that is left from a process that was
 * killed (fop_util.c). */
static void
remove_half_made(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
	char *half = xmalloc(strlen(path) + sizeof HALF_MADE);

	(void)stpcpy(stpcpy(mempcpy(half, path, (size_t)(name - path)), HALF_MADE), name);
	(void)unlink(half);
	free(half);
}

struct hash *
hash_create(const char *path, bool nul, unsigned n, struct err *e)
{
	remove_half_made(path);
	return make(path, path, nul, DB_CREATE | DB_EXCL, n, e);
}

static struct hash *
open_hash(const char *file, const char *path, bool nul, u_int32_t flags, struct err *e)
{
	struct hash *h = make(file, path, nul, flags, 0, e);
	struct err ignored;
	DBTYPE type;

	if (h == NULL || (h->db->get_type(h->db, &type) == 0 && type == DB_HASH))
		return h;
	err_set(e, "%s: is a Berkeley DB file, but not a hash", path);
	(void)hash_close(h, &ignored);
	return NULL;
}

struct hash *
hash_open(const char *path, bool nul, bool write, struct err *e)
{
	return open_hash(path, path, nul, write ? 0 : DB_RDONLY, e);
}

struct hash *
hash_open_as(const char *file, const char *path, struct err *e)
{
	return open_hash(file, path, false, 0, e);
}

int
hash_close(struct hash *h, struct err *e)
{
	int rc = h->db->close(h->db, 0);

	if (rc != 0)
		(void)failed(h, rc, "writing it", e);
	free(h);
	return rc == 0 ? 0 : -1;
}

static DBT
thing(const struct hash *h, char *room, size_t size, struct str s)
{
	DBT t;

	if (s.n >= size)
		panic("mapfile: a key or value of %zu bytes", s.n);
	str_copy(room, size, s);
	memset(&t, 0, sizeof t);
	t.data = room;
	t.size = (u_int32_t)(s.n + h->nul);
	return t;
}

static DBT
key_of(struct hash *h, struct str key)
{
	return thing(h, h->key, sizeof h->key, key);
}

/* Foreign files hold anything. */
static struct str
told(const struct hash *h, const DBT *t)
{
	struct str s = { t->data, t->size };

	if (h->nul && s.n > 0 && s.p[s.n - 1] == '\0')
		s.n--;
	return s;
}

enum hash_answer
hash_add(struct hash *h, struct str key, struct str value, struct err *e)
{
	DBT k = key_of(h, key), v = thing(h, h->value, sizeof h->value, value);
	int rc = h->db->put(h->db, NULL, &k, &v, DB_NOOVERWRITE);

	if (rc == 0)
		return HASH_DONE;
	if (rc == DB_KEYEXIST)
		return HASH_NOT;
	(void)failed(h, rc, "writing it", e);
	return HASH_FAILED;
}

enum hash_answer
hash_get(struct hash *h, struct str key, struct str *value, struct err *e)
{
	DBT k = key_of(h, key), v;
	int rc;

	memset(&v, 0, sizeof v);
	v.data = h->got;
	v.ulen = sizeof h->got;
	v.flags = DB_DBT_USERMEM;
	rc = h->db->get(h->db, NULL, &k, &v, 0);
	if (rc == DB_NOTFOUND)
		return HASH_NOT;
	if (rc != 0 && rc != DB_BUFFER_SMALL) {
		(void)failed(h, rc, "reading it", e);
		return HASH_FAILED;
	}
	if (value != NULL)
		*value = rc == 0 ? told(h, &v) : STR_NONE;
	return HASH_DONE;
}

enum hash_answer
hash_del(struct hash *h, struct str key, struct err *e)
{
	DBT k = key_of(h, key);
	int rc = h->db->del(h->db, NULL, &k, 0);

	if (rc == 0)
		return HASH_DONE;
	if (rc == DB_NOTFOUND)
		return HASH_NOT;
	(void)failed(h, rc, "writing it", e);
	return HASH_FAILED;
}

int
hash_each(struct hash *h, struct str start, hash_fn *fn, void *arg, struct err *e)
{
	DBC *c;
	DBT k, v;
	int rc = h->db->cursor(h->db, NULL, &c, 0);

	if (rc != 0)
		return failed(h, rc, "reading it", e);
	memset(&k, 0, sizeof k);
	memset(&v, 0, sizeof v);
	v.flags = DB_DBT_PARTIAL; /* and of that nothing */
	while ((rc = c->get(c, &k, &v, DB_NEXT)) == 0) {
		struct str key = told(h, &k);

		if (key.n > start.n && memcmp(key.p, start.p, start.n) == 0)
			fn(arg, (struct str){ key.p + start.n, key.n - start.n });
	}
	(void)c->close(c);
	return rc == DB_NOTFOUND ? 0 : failed(h, rc, "reading it", e);
}

int
hash_all(struct hash *h, hash_record_fn *fn, void *arg, struct err *e)
{
	DBC *c;
	DBT k, v;
	int rc = h->db->cursor(h->db, NULL, &c, 0);
	bool stopped = false;

	if (rc != 0)
		return failed(h, rc, "reading it", e);
	memset(&k, 0, sizeof k);
	memset(&v, 0, sizeof v);
	while (!stopped && (rc = c->get(c, &k, &v, DB_NEXT)) == 0)
		stopped = fn(arg, told(h, &k), told(h, &v), e) == -1;
	(void)c->close(c);
	if (stopped)
		return -1;
	return rc == DB_NOTFOUND ? 0 : failed(h, rc, "reading it", e);
}
