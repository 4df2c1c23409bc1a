/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon_owner.h - whose the daemon's files are; for daemon.c only */
#ifndef DAEMON_OWNER_H
#define DAEMON_OWNER_H

#include <sys/types.h>

#include "err.h"

struct conf;

/* The owner that files made by root must have, so that the daemon's own user can use them. */
struct owner {
	uid_t uid;
	gid_t gid, socket_gid;
};

/* (uid_t)-1, (gid_t)-1: as whoever makes them. */
int owner_find(const struct conf *c, struct owner *o, struct err *e);
/* Only root can give directories away; any other user is expected to have been given his. */
int owner_make_dirs(const struct conf *c, const struct owner *o, struct err *e);

#endif
