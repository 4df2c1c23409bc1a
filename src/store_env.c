/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_env.c - one Berkeley DB environment with our tables
 *
 * The environment is private to the process and used by one thread at a time, so it has no locks and no shared
 * regions; opening it always recovers.  A commit is forced to the disk before it returns.  Checkpoints bound the log:
 * files no longer needed for recovery remove themselves.
 */
#include "store_env.h"

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"
#include "store_io.h"
#include "store_pages.h"
#include "str.h"

#define FORMAT_KEY    "\0format" /* in CUT_META: keys that begin with a NUL are the store's own */
#define FORMAT	      "popauth-milter 1"
#define CACHE_BYTES	(32u << 20)
#define LOG_FILE	(8u << 20)
#define LOG_BUFFER    (1u << 20)
#define CHECKPOINT_KB	8192 /* of log between two checkpoints: recovery goes through that much at most, in about a second */
#define CHECKPOINT_MIN	5    /* or minutes */
#define BULK_BYTES	(1u << 20)
#define OPEN_FLAGS    (DB_CREATE | DB_RECOVER | DB_PRIVATE | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL)

struct env {
	DB_ENV *env;
	DB *db[CUT_TABLES];
	DB_TXN *txn;	/* between two parts of a cut */
	bool failed;	/* nothing more may reach the disk */
	char said[256]; /* Berkeley DB's own first words on what is wrong */
};

static const char *const table_names[CUT_TABLES] = {
	[CUT_CLIENTS] = "clients", [CUT_SOURCES] = "sources", [CUT_META] = "meta"
};

/* --- whose fault --- */

static void
on_error(const DB_ENV *env, const char *prefix, const char *msg)
{
	struct env *v = env->app_private;

	(void)prefix;
	if (v->said[0] == '\0')
		(void)str_copy(v->said, sizeof v->said, str_of(msg));
}

static bool
circumstance(int rc)
{
	static const int codes[] = { ENOSPC, EDQUOT, EFBIG, EROFS, EACCES, EPERM, ENOMEM, EMFILE, ENFILE };

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (rc == codes[i])
			return true;
	return false;
}

/* Put a failure into words and judge it. */
static enum env_answer
judge(struct env *v, int rc, const char *doing, struct err *e)
{
	int cause = io_write_errno();

	if (rc == 0)
		return ENV_DONE;
	v->failed = true;
	if (cause != 0)
		(void)err_set(e, "%s: writing failed: %s", doing, strerror(cause));
	else if (io_refused() != 0)
		(void)err_set(e, "%s: page %u of the database is not what was written", doing, io_refused() - 1);
	else
		(void)err_set(e, "%s: %s%s%s", doing, db_strerror(rc), v->said[0] == '\0' ? "" : ": ", v->said);
	return cause != 0 || circumstance(rc) ? ENV_REFUSED : ENV_DAMAGED;
}

/* --- open and close --- */

static int
open_env(struct env *v, const char *home)
{
	int rc = db_env_create(&v->env, 0);

	if (rc != 0)
		return rc;
	io_reads(PAGES_RECOVERING);
	v->env->app_private = v;
	v->env->set_errcall(v->env, on_error);
	if ((rc = v->env->set_cachesize(v->env, 0, CACHE_BYTES, 1)) != 0 ||
	    (rc = v->env->set_lg_bsize(v->env, LOG_BUFFER)) != 0 ||
	    (rc = v->env->set_lg_max(v->env, LOG_FILE)) != 0 ||
	    (rc = v->env->log_set_config(v->env, DB_LOG_AUTO_REMOVE, 1)) != 0)
		return rc;
	return v->env->open(v->env, home, OPEN_FLAGS, 0600);
}

static int
open_tables(struct env *v, u_int32_t flags)
{
	for (int t = 0; t < CUT_TABLES; t++) {
		int rc = db_create(&v->db[t], v->env, 0);

		if (rc != 0)
			return rc;
		if ((flags & DB_CREATE) != 0 && ((rc = v->db[t]->set_flags(v->db[t], DB_CHKSUM)) != 0 ||
		    (rc = v->db[t]->set_pagesize(v->db[t], STORE_PAGE)) != 0))
			return rc;
		rc = v->db[t]->open(v->db[t], NULL, STORE_DB, table_names[t], DB_BTREE, flags | DB_AUTO_COMMIT, 0600);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
check_format(struct env *v)
{
	char text[sizeof FORMAT];
	DBT key = { .data = FORMAT_KEY, .size = sizeof FORMAT_KEY - 1 };
	DBT val = { .data = text, .ulen = sizeof text, .flags = DB_DBT_USERMEM };
	int rc = v->db[CUT_META]->get(v->db[CUT_META], NULL, &key, &val, 0);

	if (rc == 0 && (val.size != sizeof text - 1 || memcmp(text, FORMAT, val.size) != 0))
		rc = DB_NOTFOUND;
	if (rc == DB_NOTFOUND || rc == DB_BUFFER_SMALL)
		on_error(v->env, NULL, "not of the form \"" FORMAT "\"");
	return rc;
}

static int
put_format(struct env *v, DB_TXN *txn)
{
	DBT key = { .data = FORMAT_KEY, .size = sizeof FORMAT_KEY - 1 };
	DBT val = { .data = FORMAT, .size = sizeof FORMAT - 1 };

	return v->db[CUT_META]->put(v->db[CUT_META], txn, &key, &val, txn == NULL ? DB_AUTO_COMMIT : 0);
}

static void
drop(struct env *v)
{
	if (v->txn != NULL)
		(void)v->txn->abort(v->txn);
	v->txn = NULL;
}

/* The first failure, 0 if none.  Whatever happens everything is closed and freed. */
static int
close_all(struct env *v)
{
	int first = 0, rc;

	if (v->failed)
		io_stop();
	io_reads(PAGES_OURS);
	drop(v);
	for (int t = 0; t < CUT_TABLES; t++) {
		rc = v->db[t] == NULL ? 0 : v->db[t]->close(v->db[t], DB_NOSYNC);
		first = first == 0 ? rc : first;
	}
	rc = v->env == NULL ? 0 : v->env->close(v->env, 0);
	free(v);
	io_forget();
	return first == 0 ? rc : first;
}

void
env_close(struct env *v)
{
	if (v == NULL)
		return;
	io_reads(PAGES_OURS);
	drop(v);
	if (!v->failed)
		(void)v->env->txn_checkpoint(v->env, 0, 0, 0); /* so that the next start has nothing to recover */
	(void)close_all(v);
}

void
env_abandon(struct env *v)
{
	v->failed = true;
	(void)close_all(v);
}

/* --- recovery --- */

/* The number of the log's last record; all zero: there is none. */
static int
last_record(struct env *v, const char *home, DB_LSN *last)
{
	DB_LOGC *logc;
	DBT data = { 0 };
	int rc = db_env_create(&v->env, 0), rc2;

	*last = (DB_LSN){ 0, 0 };
	if (rc != 0)
		return rc;
	v->env->app_private = v;
	v->env->set_errcall(v->env, on_error);
	rc = v->env->open(v->env, home, DB_CREATE | DB_PRIVATE | DB_INIT_LOG, 0600);
	if (rc == 0 && (rc = v->env->log_cursor(v->env, &logc, 0)) == 0) {
		rc = logc->get(logc, last, &data, DB_LAST);
		rc2 = logc->close(logc, 0);
		rc = rc == DB_NOTFOUND ? 0 : rc == 0 ? rc2 : rc;
	}
	return rc;
}

static enum env_answer
check_log(const char *home, int fd, struct err *e)
{
	struct env *v = xcalloc(1, sizeof *v);
	enum env_answer is;
	DB_LSN last;

	is = judge(v, last_record(v, home, &last), home, e);
	(void)close_all(v);
	if (is != ENV_DONE)
		return is;
	return pages_after(fd, last.file, last.offset, e) == -1 ? ENV_DAMAGED : ENV_DONE;
}

/* Recover and open, with the database file open in fd as well. */
static enum env_answer
recover(struct env *v, const char *home, int fd, struct err *e)
{
	enum env_answer is;
	int rc;

	if ((is = check_log(home, fd, e)) != ENV_DONE || (is = judge(v, open_env(v, home), home, e)) != ENV_DONE)
		return is;
	if (pages_lost(fd, e) == -1)
		return ENV_DAMAGED;
	io_reads(PAGES_OURS);
	if ((rc = open_tables(v, 0)) == 0)
		rc = check_format(v);
	return judge(v, rc, home, e);
}

enum env_answer
env_create(const char *home, struct err *e)
{
	struct env *v = xcalloc(1, sizeof *v);
	enum env_answer is;
	int rc;

	io_hook();
	if ((rc = open_env(v, home)) == 0 && (rc = open_tables(v, DB_CREATE)) == 0 && (rc = put_format(v, NULL)) == 0)
		rc = v->env->txn_checkpoint(v->env, 0, 0, DB_FORCE);
	is = judge(v, rc, home, e);
	(void)close_all(v);
	return is;
}

enum env_answer
env_open(const char *home, struct env **out, struct err *e)
{
	struct env *v = xcalloc(1, sizeof *v);
	char path[PATH_MAX];
	enum env_answer is;
	int fd;

	io_hook();
	(void)snprintf(path, sizeof path, "%s/" STORE_DB, home);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1) {
		is = circumstance(errno) ? ENV_REFUSED : ENV_DAMAGED;
		(void)err_sys(e, "%s", path);
	} else {
		is = recover(v, home, fd, e);
		(void)close(fd);
	}
	io_reads(PAGES_FOREIGN);
	if (is == ENV_DONE)
		*out = v;
	else
		(void)close_all(v);
	return is;
}

/* --- load --- */

/* What one filled bulk buffer holds.  -1: fn said no. */
static int
tell(enum cut_table t, DBT *bulk, store_fn *fn, void *arg, struct err *e)
{
	void *at;

	DB_MULTIPLE_INIT(at, bulk);
	for (;;) {
		const uint8_t *key = NULL, *val = NULL;
		size_t klen = 0, vlen = 0;

		DB_MULTIPLE_KEY_NEXT(at, bulk, key, klen, val, vlen);
		if (at == NULL)
			return 0;
		if (t == CUT_META && klen > 0 && key[0] == '\0')
			continue;
		if (fn(arg, t, key, klen, val, vlen, e) == -1)
			return -1;
	}
}

/* Berkeley DB's code; or 0 with *stopped when fn said no. */
static int
load_table(struct env *v, enum cut_table t, DBT *bulk, store_fn *fn, void *arg, bool *stopped, struct err *e)
{
	DBT key = { 0 };
	DBC *dbc;
	int rc = v->db[t]->cursor(v->db[t], NULL, &dbc, DB_CURSOR_BULK), rc2;

	if (rc != 0)
		return rc;
	while (!*stopped && (rc = dbc->get(dbc, &key, bulk, DB_NEXT | DB_MULTIPLE_KEY)) != DB_NOTFOUND) {
		if (rc == DB_BUFFER_SMALL) {
			bulk->ulen = (bulk->size + BULK_BYTES) / BULK_BYTES * BULK_BYTES;
			bulk->data = xrealloc(bulk->data, bulk->ulen);
			continue;
		}
		if (rc != 0)
			break;
		*stopped = tell(t, bulk, fn, arg, e) == -1;
	}
	rc2 = dbc->close(dbc);
	return rc == DB_NOTFOUND || rc == 0 ? rc2 : rc;
}

enum env_answer
env_load(struct env *v, store_fn *fn, void *arg, struct err *e)
{
	DBT bulk = { .data = xmalloc(BULK_BYTES), .ulen = BULK_BYTES, .flags = DB_DBT_USERMEM };
	bool stopped = false;
	int rc = 0;

	io_reads(PAGES_OURS);
	for (int t = 0; t < CUT_TABLES && rc == 0 && !stopped; t++)
		rc = load_table(v, (enum cut_table)t, &bulk, fn, arg, &stopped, e);
	io_reads(PAGES_FOREIGN);
	free(bulk.data);
	return stopped ? ENV_REFUSED : judge(v, rc, "reading the store", e);
}

/* --- commit --- */

/* In the order of the tables' keys, so that neighbours are written together; equal keys in the cut's own order. */
static int
by_key(const void *pa, const void *pb)
{
	const struct cut_item *a = pa, *b = pb;
	size_t n = a->klen < b->klen ? a->klen : b->klen;
	int order = a->table != b->table ? (a->table < b->table ? -1 : 1) : memcmp(a->key, b->key, n);

	if (order == 0 && a->klen != b->klen)
		order = a->klen < b->klen ? -1 : 1;
	return order != 0 ? order : a->key < b->key ? -1 : a->key > b->key;
}

static int
write_item(struct env *v, const struct cut_item *item)
{
	DB *db = v->db[item->table];
	DBT key = { .data = (void *)(uintptr_t)item->key, .size = (u_int32_t)item->klen };
	DBT val = { .data = (void *)(uintptr_t)item->val, .size = (u_int32_t)item->vlen };
	int rc;

	if (!item->deleted)
		return db->put(db, v->txn, &key, &val, 0);
	rc = db->del(db, v->txn, &key, 0);
	return rc == DB_NOTFOUND ? 0 : rc;
}

/* Make room for a cut of everything. */
static int
empty_tables(struct env *v)
{
	u_int32_t n;
	int rc = v->db[CUT_CLIENTS]->truncate(v->db[CUT_CLIENTS], v->txn, &n, 0);

	if (rc == 0)
		rc = v->db[CUT_META]->truncate(v->db[CUT_META], v->txn, &n, 0);
	return rc == 0 ? put_format(v, v->txn) : rc;
}

static int
begin(struct env *v, bool whole)
{
	/* Before and not after the commit: when this fails, nothing was changed. */
	int rc = v->env->txn_checkpoint(v->env, CHECKPOINT_KB, CHECKPOINT_MIN, 0);

	if (rc == 0)
		rc = v->env->txn_begin(v->env, NULL, &v->txn, 0);
	return rc == 0 && whole ? empty_tables(v) : rc;
}

static int
end(struct env *v)
{
	int rc = v->txn->commit(v->txn, 0);

	v->txn = NULL;
	/* 5.3 has been seen to return 0 when a new log file could not be written. */
	return rc == 0 ? io_write_errno() : rc;
}

static int
write_items(struct env *v, const struct cut *c, const struct cut_item *items, size_t n)
{
	int rc = v->txn == NULL ? begin(v, c->whole) : 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = write_item(v, &items[i]);
	if (rc == 0 && !c->more)
		rc = end(v);
	if (rc != 0)
		drop(v);
	return rc;
}

enum env_answer
env_commit(struct env *v, const struct cut *c, struct err *e)
{
	struct cut_item *items = xmalloc(c->items * sizeof *items + 1);
	size_t n = 0, at = 0;
	int rc;

	v->said[0] = '\0';
	while (cut_next(c, &at, &items[n]))
		n++;
	qsort(items, n, sizeof *items, by_key);
	io_reads(PAGES_OURS);
	rc = write_items(v, c, items, n);
	io_reads(PAGES_FOREIGN);
	free(items);
	return judge(v, rc, "writing the store", e);
}
