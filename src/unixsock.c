/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unixsock.c - see unixsock.h */
#include "unixsock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int
sun_of(struct sockaddr_un *sun, const char *path, struct err *e)
{
	if (strlen(path) >= sizeof(sun->sun_path))
		return err_set(e, "%s: a socket's path has at most %zu bytes", path, sizeof(sun->sun_path) - 1);
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	strcpy(sun->sun_path, path);
	return 0;
}

static int
connect_to(const char *path, int type, unsigned seconds, struct err *e)
{
	const struct timeval limit = { .tv_sec = seconds };
	struct sockaddr_un sun;
	int fd;

	if (sun_of(&sun, path, e) == -1)
		return -1;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return err_sys(e, "%s: socket", path);
	if (seconds > 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		err_sys(e, "%s", path);
		close(fd);
		return -1;
	}
	return fd;
}

int
unixsock_connect(const char *path, struct err *e)
{
	return connect_to(path, SOCK_STREAM, 0, e);
}

int
unixsock_connect_within(const char *path, unsigned seconds, struct err *e)
{
	return connect_to(path, SOCK_STREAM, seconds, e);
}

/* Whatever stands at the path, may a socket of ours take its place?  Only a socket may go, and only when nobody
 * listens on it: another daemon's socket must not be stolen. */
static int
may_replace(const char *path, int type, struct err *e)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, "%s: there is something that is not a socket; move it away", path);
	fd = connect_to(path, type, 0, NULL);
	if (fd == -1)
		return errno == ECONNREFUSED ? 0 : err_sys(e, "%s: an old socket that cannot be tried", path);
	close(fd);
	return err_set(e, "%s: another program is listening here; is the daemon already running?", path);
}

/* Under another name first, so that the socket never stands at its path with the wrong owner or mode. */
static int
bind_at(int fd, const char *path, const char *tmp, mode_t mode, uid_t uid, gid_t gid, struct err *e)
{
	struct sockaddr_un sun;

	if (sun_of(&sun, tmp, e) == -1)
		return -1;
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return errno != ENOENT ? err_sys(e, "%s: bind", tmp) :
		    err_set(e, "%s: its directory is not there; make it, for the socket's owner to write in, or name another place",
			path);
	if (((uid != (uid_t)-1 || gid != (gid_t)-1) && lchown(tmp, uid, gid) == -1) || chmod(tmp, mode) == -1 ||
	    (listen(fd, SOMAXCONN) == -1 && errno != EOPNOTSUPP) || rename(tmp, path) == -1) {
		err_sys(e, "%s", path);
		unlink(tmp);
		return -1;
	}
	return 0;
}

static int
identify(const char *path, struct unixsock_file *file, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return err_sys(e, "%s", path);
	*file = (struct unixsock_file){ st.st_dev, st.st_ino, st.st_gid };
	return 0;
}

static int
make(const char *path, int type, mode_t mode, uid_t uid, gid_t gid, struct unixsock_file *file, struct err *e)
{
	char tmp[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd;

	if (may_replace(path, type, e) == -1)
		return -1;
	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.%ld", path, (long)getpid()) >= sizeof(tmp))
		return err_set(e, "%s: a socket's path has at most %zu bytes", path, sizeof(tmp) - 9);
	fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return err_sys(e, "%s: socket", path);
	unlink(tmp);
	if (bind_at(fd, path, tmp, mode, uid, gid, e) == -1 || identify(path, file, e) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

int
unixsock_listen(const char *path, mode_t mode, uid_t uid, gid_t gid, struct unixsock_file *file, struct err *e)
{
	return make(path, SOCK_STREAM, mode, uid, gid, file, e);
}

int
unixsock_receiver(const char *path, mode_t mode, gid_t gid, struct unixsock_file *file, struct err *e)
{
	return make(path, SOCK_DGRAM, mode, (uid_t)-1, gid, file, e);
}

bool
unixsock_stands(const char *path, const struct unixsock_file *file)
{
	struct unixsock_file there;

	return identify(path, &there, NULL) == 0 && there.ino == file->ino && there.dev == file->dev;
}

void
unixsock_remove(const char *path, const struct unixsock_file *file)
{
	if (unixsock_stands(path, file))
		unlink(path);
}

bool
unixsock_member(int fd, gid_t gid)
{
	struct ucred cred;
	gid_t groups[1024];
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return false;
	if (cred.uid == 0 || cred.uid == geteuid() || cred.gid == gid)
		return true;
	len = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == -1)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

long
unixsock_uid(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1 ? -1 : (long)cred.uid;
}
