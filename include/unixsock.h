/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unixsock.h - unix sockets: listening safely, and who is at the other end */
#ifndef UNIXSOCK_H
#define UNIXSOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

/* What stands at a path, so that no other's file is removed. */
struct unixsock_file {
	dev_t dev;
	ino_t ino;
	gid_t gid;
};

/* A non-blocking listener at `path`, whatever the umask.  A socket file that nobody answers on is replaced; anything
 * else in its place is an error.  uid and gid of -1: as they come.  Fills *file.  Returns the descriptor, or -1. */
int unixsock_listen(const char *path, mode_t mode, uid_t uid, gid_t gid, struct unixsock_file *file, struct err *e);
/* The same for datagrams. */
int unixsock_receiver(const char *path, mode_t mode, gid_t gid, struct unixsock_file *file, struct err *e);
bool unixsock_stands(const char *path, const struct unixsock_file *file); /* is it still that socket? */
/* Remove the socket if it is still that one; a file of zeroes is none. */
void unixsock_remove(const char *path, const struct unixsock_file *file);
/* A blocking connection, or -1 with errno kept. */
int unixsock_connect(const char *path, struct err *e);
/* The same, but neither connecting nor sending waits longer than this; 0: for ever.  Who listens may be stopped. */
int unixsock_connect_within(const char *path, unsigned seconds, struct err *e);
/* Is the peer root, our own user, or a member of group `gid` (by SO_PEERCRED and SO_PEERGROUPS, as it was when it
 * connected)? */
bool unixsock_member(int fd, gid_t gid);
long unixsock_uid(int fd); /* of the peer; -1: not known */

#endif
