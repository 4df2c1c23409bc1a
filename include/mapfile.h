/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapfile.h - Berkeley DB files that an MTA reads: a hash file of our own, or our records in somebody else's
 *
 * Beside the store the only user of Berkeley DB: a map file is no state of ours but an effect outside, in a form that
 * others define, and has neither transactions nor an environment.
 *
 * A file of our own (MAP_POSTFIX, MAP_SENDMAIL) is written beside its place and renamed to it.  It has a record that
 * says whose it is; a file at its place without that record is somebody else's work and never replaced, nor is anything
 * that is not a plain file of our own user.  No lock is needed: a reader has the old file or the new one.  To change a few
 * records of many, the one that is there is copied and the copy changed: that is a tenth of the work.
 *	Postfix notices that the file it has open lost its last name, before it takes the next client: there
 * must be no second hard link to it.  sendmail looks at the time of change of the file it has open, in whole seconds,
 * at each lookup: so the old file is given a later one after the new one has its name.
 *	Postfix opens maps as root, wherever they lie.  sendmail reads, as root, only what root could read without being root
 * (safefile.c): the directory must be open to others or to root's group (0711 is enough), and so must be the file, or it
 * belongs to the TrustedUser; and no directory above it may be a group's or everybody's to write in, short of
 * DontBlameSendmail's MapInUnsafeDirPath.
 *
 * In sendmail's access.db (MAP_ACCESS) each of our records has another beside it that says so, "popauth-milter:KEY",
 * which no lookup asks for.  makemap(8) loses both or none; a record without it is the administrator's, and not
 * touched.  While it is read and written the file is locked as makemap and sendmail do it, with flock(2), and, for those
 * built without, as fcntl(2) would.
 */
#ifndef MAPFILE_H
#define MAPFILE_H

#include <sys/types.h>

#include <time.h>

#include "err.h"
#include "listfile.h"
#include "mapkey.h"

struct mapfile_spec {
	const char *path; /* of the file itself, with its .db */
	enum map_form form;
	gid_t group;	  /* of a new file, whose mode is 0640 then; (gid_t)-1: as it comes, and 0644.  One that is replaced keeps
			   * mode and group */
};

/* --- a file of our own --- */

struct mapfile;

/* May it be written?  -1 and the reason: it, or its directory, is not what it should be. */
int mapfile_allowed(const struct mapfile_spec *sp, struct err *e);
/* Begin a new one for about n records.  NULL and the reason when it may not be written.  The spec is borrowed. */
struct mapfile *mapfile_begin(const struct mapfile_spec *sp, unsigned n, struct err *e);
/* Begin one that has what is there already, for who knows what he left there and what is other now.  NULL: it is not as
 * *left says, or cannot be copied, and it takes mapfile_begin() (whose reason is the one to be told). */
struct mapfile *mapfile_again(const struct mapfile_spec *sp, const struct listfile_stamp *left);
/* Add a record; the first of a key stays. */
int mapfile_put(struct mapfile *m, struct str key, struct str value, struct err *e);
int mapfile_del(struct mapfile *m, struct str key, struct err *e);
/* Put it into its place, unless it is just what is there; *stamp is what it is known by.  After a power failure either file may be there, and is whole.
 * Frees m, also on failure, after which all is as before. */
int mapfile_commit(struct mapfile *m, struct listfile_stamp *stamp, struct err *e);
void mapfile_abort(struct mapfile *m); /* NULL is fine */
/* Write the one that is there anew, without the grants, when nobody knows what else belongs into it: what could be a grant
 * is left out (a client's key with the form's value, and there may be such an entry of the administrator's), the rest stays.
 * One that is not there stays so, and is no mistake. */
int mapfile_strip(const struct mapfile_spec *sp, struct listfile_stamp *stamp, struct err *e);

/* --- our records in somebody else's --- */

struct mapfile_counts {
	unsigned ours;	     /* records of ours that are in it now */
	unsigned overruled;  /* keys that the administrator has a record for, or within a network that he refuses */
	unsigned added, removed;
};

enum mapfile_answer { MAPFILE_DONE, MAPFILE_FAILED, MAPFILE_OTHER, MAPFILE_KEPT };
/* Have exactly `keys` (n of them, sorted by strcmp, none twice) as our records there.  *stamp: the file as it was left the
 * last time, with an error in it when there was no last time; then as it is left now.  MAPFILE_OTHER: somebody else has
 * changed it meanwhile, and nothing was done. */
enum mapfile_answer mapfile_sync(const struct mapfile_spec *sp, const char *const *keys, unsigned n, struct mapfile_counts *counts,
    struct listfile_stamp *stamp, struct err *e);

struct mapfile_change {
	const char *const *gone, *const *fresh; /* keys, none twice */
	unsigned n_gone, n_fresh;
};
/* The same for who knows what he left there: these keys out and those in, and *counts, as they were the last time, brought
 * up to date.  MAPFILE_OTHER: the file is not as *stamp says, or these are more than a thousand; nothing was done, and it
 * takes mapfile_sync(); so it does after MAPFILE_FAILED.  MAPFILE_KEPT: it could not be had, as when somebody has it locked, and nothing was done. */
enum mapfile_answer mapfile_update(const struct mapfile_spec *sp, const struct mapfile_change *change,
    struct mapfile_counts *counts, struct listfile_stamp *stamp, struct err *e);

#endif
