/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.h - what must survive, on disk: the only user of Berkeley DB
 *
 * STATE_DIR/store is a transactional Berkeley DB environment, STATE_DIR/lock says who uses it.  Every commit is one
 * transaction, on the disk when store_commit() returns.  Pages and log records carry checksums: what is damaged is
 * found out, never trusted.  A damaged store is renamed to STATE_DIR/corrupt-YYYYMMDD-HHMMSS and a new one begun, for
 * a filter that starts with nothing learned is better than none; the newest three of them are kept.  One that was removed
 * or replaced while it was open is made anew as well.  A store that somebody else uses, that we may not read or write,
 * or whose disk is full, is not damaged: that is an error, and nothing is touched.
 *
 * One thread at a time; it need not always be the same.
 */
#ifndef STORE_H
#define STORE_H

#include "cut.h"
#include "err.h"

struct store;

enum store_state {
	STORE_OPENED,	/* as it was left */
	STORE_CREATED,	/* there was none */
	STORE_SET_ASIDE /* there was one, but damaged: a new one was begun */
};

/* `dir` is made (mode 0700) when missing; its parent is not.  NULL: failed, e says why; otherwise *state is set, and
 * with STORE_SET_ASIDE e says what was wrong with the old store and what it is called now. */
struct store *store_open(const char *dir, enum store_state *state, struct err *e);
void store_close(struct store *s); /* NULL is fine */

enum store_answer {
	STORE_DONE,
	STORE_FAILED, /* nothing was changed: try again later; e says why */
	STORE_EMPTIED /* the store turned out to be damaged and was set aside; the new one is empty.  e says what was
		       * wrong and what the old one is called now.  From store_load(): forget what it told.  From
		       * store_commit(): the cut is not in it; hand over everything there is, as one new cut. */
};

/* Tell every record, table by table.  fn: -1 stops and is handed on as STORE_FAILED, with e as fn left it. */
typedef int store_fn(void *arg, enum cut_table table, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen,
    struct err *e);
enum store_answer store_load(struct store *s, store_fn *fn, void *arg, struct err *e);

/* All of the cut or, after a failure, nothing.  Later items of the same key win.  Keys of CUT_META that begin with a NUL
 * are the store's own: not to be used, and not told by store_load().  A part of a cut is on the disk when the last one is;
 * after a failure of any of them none is in the store, and all must come again. */
enum store_answer store_commit(struct store *s, const struct cut *c, struct err *e);

/* Can anything be written at present?  Before a cut of everything is made in vain.  STORE_EMPTIED as above. */
enum store_answer store_probe(struct store *s, struct err *e);

/* Where the last damaged store was put by this process, for `status`; "" = none was.  Any thread may ask; the text is
 * good until store_close(). */
const char *store_aside(const struct store *s);

/* Berkeley DB's writes in this process go through the store's, which let nothing more of a thread reach the disk once a
 * write of it failed.  For a thread that writes other files than the store: that was it, the next one may try. */
void store_writes_again(void);

#endif
