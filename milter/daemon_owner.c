/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon_owner.c - whose the daemon's files are, and the directories that root makes for him */
#include "daemon_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "daemon.h"

int
owner_find(const struct conf *c, struct owner *o, struct err *e)
{
	const struct passwd *pw;
	const struct group *gr;

	*o = (struct owner){ (uid_t)-1, (gid_t)-1, (gid_t)-1 };
	if (geteuid() == 0 && *c->user != '\0') {
		if ((pw = getpwnam(c->user)) == NULL)
			return err_set(e, "user \"%s\" does not exist; make it (useradd --system %s) or set `user`",
			    c->user, c->user);
		o->uid = pw->pw_uid;
		o->gid = o->socket_gid = pw->pw_gid;
	}
	if (*c->socket_group == '\0')
		return 0;
	if ((gr = getgrnam(c->socket_group)) == NULL)
		return err_set(e, "group \"%s\" (socket_group) does not exist", c->socket_group);
	o->socket_gid = gr->gr_gid;
	return 0;
}

int
daemon_check_owner(const struct conf *c, struct err *e)
{
	struct owner o;

	return owner_find(c, &o, e);
}

/* By descriptor: what stands at the path may have become something else since. */
static int
give(const char *dir, mode_t mode, uid_t uid, gid_t gid)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;

	if (fd == -1)
		return -1;
	rc = fchown(fd, uid, gid) == -1 || fchmod(fd, mode) == -1 ? -1 : 0;
	close(fd);
	return rc;
}

/* Make the directory of `path` when it is missing; its own parent must be there. */
static int
make_dir_of(const char *path, const char *option, mode_t mode, uid_t uid, gid_t gid, struct err *e)
{
	char *copy = xstrdup(path), *dir = dirname(copy);
	int rc = 0;

	if (mkdir(dir, mode) == -1) {
		if (errno == ENOENT)
			rc = err_set(e, "%s: the directory above it is not there; make that, or name another place in %s", dir, option);
		else if (errno != EEXIST)
			rc = err_sys(e, "%s: making the directory", dir);
	} else if (give(dir, mode, uid, gid) == -1)
		rc = err_sys(e, "%s: giving the directory to its owner", dir);
	free(copy);
	return rc;
}

int
owner_make_dirs(const struct conf *c, const struct owner *o, struct err *e)
{
	char *in_state;
	int rc;

	if (geteuid() != 0)
		return 0;
	in_state = xmalloc(strlen(c->state_dir) + 3);
	(void)strcpy(stpcpy(in_state, c->state_dir), "/x");
	rc = make_dir_of(in_state, "state_dir", 0700, o->uid, o->gid, e);
	free(in_state);
	if (rc == 0)
		rc = make_dir_of(c->control_socket, "control_socket", 0755, o->uid, o->gid, e);
	if (rc == 0 && strncmp(c->milter_socket, "unix:", 5) == 0)
		rc = make_dir_of(c->milter_socket + 5, "milter_socket", 0750, o->uid, o->socket_gid, e);
	if (rc == 0 && *c->map_socket != '\0')
		rc = make_dir_of(c->map_socket, "map_socket", 0750, o->uid, o->socket_gid, e);
	return rc;
}
