/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lists.h - the lists that sessions ask: freemail providers, traps, and the domains that are ours
 *
 * Like a conf, a value that never changes: whoever works with the lists holds a reference, and a session keeps those
 * it began with.  They are read again when the configuration is, and when one of their files has changed: a thread of
 * their own looks once a second, because no callback of the milter may wait for a disk.  A file with a mistake is
 * reported once and changes nothing.
 */
#ifndef LISTS_H
#define LISTS_H

#include "conf.h"
#include "domains.h"
#include "freemail.h"
#include "listfile.h"
#include "traps.h"

#define LISTS_FILES 4

struct lists {
	struct freemail *freemail;
	struct traps *traps;
	struct domains *ours; /* gate_domains and gate_file */
	struct listfile_stamp stamps[LISTS_FILES]; /* of the files, taken just before they were read */
	_Atomic unsigned refs;
};

/* Read what the conf names; NULL and "FILE:LINE: what" on a mistake.  The caller owns one reference. */
struct lists *lists_read(const struct conf *c, struct err *e);
void lists_put(struct lists *l); /* NULL is fine */

/* As conf_current() and conf_install(): a reference of the caller's, NULL if there are none; takes over the caller's. */
struct lists *lists_current(void);
void lists_install(struct lists *l);

/* Has a file changed that the conf in force names, and is as it was at the look before?  Then read all of them again.  Not by two threads at once, nor
 * during a reload: tend_lock(). */
void lists_look(void);

#endif
