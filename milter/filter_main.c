/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter_main.c - the milter's socket and libmilter's main loop
 *
 * What libmilter does by itself: a backlog of SOMAXCONN, keepalive and close-on-exec on every connection, and polling
 * on when descriptors have run out, until some are free again.
 */
#include "filter.h"

#include <errno.h>
#include <grp.h>
#include <libmilter/mfapi.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unixsock.h"

/* The path of a UNIX socket in libmilter's form, or NULL. */
static const char *
unix_path(const char *conn)
{
	if (strncmp(conn, "unix:", 5) == 0)
		return conn + 5;
	return strncmp(conn, "local:", 6) == 0 ? conn + 6 : NULL;
}

/* Two mistakes that libmilter would tell syslog alone, or not at all: the directory is missing or not ours, and another
 * program listens there already (libmilter removes whatever socket it finds). */
static int
check_free(const char *path, struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char dir[sizeof sun.sun_path];
	int fd, rc;

	str_copy(dir, sizeof dir, (struct str){ path, (size_t)(strrchr(path, '/') - path) + 1 });
	if (access(dir, W_OK | X_OK) == -1)
		return errno != ENOENT ? err_sys(e, "%s: no socket can be made in %s", path, dir) :
		    err_set(e, "%s: there is no directory %s; make it, for us to write in, or name another place in milter_socket", path,
			dir);
	str_copy(sun.sun_path, sizeof sun.sun_path, str_of(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return err_sys(e, "socket");
	rc = connect(fd, (const struct sockaddr *)&sun, sizeof sun);
	close(fd);
	if (rc == 0 || errno == EAGAIN)
		return err_set(e, "%s: another program is listening there", path);
	return 0;
}

static int
hand_over(const struct conf *c, const char *path, struct err *e)
{
	const struct passwd *pw = NULL;
	const struct group *gr = NULL;

	if (*c->user != '\0' && geteuid() == 0 && (pw = getpwnam(c->user)) == NULL)
		return err_set(e, "%s: there is no user \"%s\"", c->path, c->user);
	if (*c->socket_group != '\0' && (gr = getgrnam(c->socket_group)) == NULL)
		return err_set(e, "%s: there is no group \"%s\"", c->path, c->socket_group);
	if (pw == NULL && gr == NULL)
		return 0;
	if (lchown(path, pw == NULL ? (uid_t)-1 : pw->pw_uid, gr != NULL ? gr->gr_gid : pw->pw_gid) == -1)
		return err_sys(e, "%s: cannot be given to its user and group", path);
	return 0;
}

/* The socket file that is ours: another's in its place is not to be removed. */
static char own_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
static struct unixsock_file own_file;

static void
remember(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == -1 || strlen(path) >= sizeof own_path)
		return;
	str_copy(own_path, sizeof own_path, str_of(path));
	own_file = (struct unixsock_file){ .dev = st.st_dev, .ino = st.st_ino };
}

int
filter_open_socket(const struct conf *c, struct err *e)
{
	const char *path = unix_path(c->milter_socket);
	mode_t mask;
	int rc;

	if (path != NULL && check_free(path, e) == -1)
		return -1;
	if (smfi_setconn(c->milter_socket) == MI_FAILURE)
		return err_set(e, "%s: libmilter does not accept this socket", c->milter_socket);
	mask = umask(0117);
	rc = smfi_opensocket(true);
	umask(mask);
	if (rc == MI_FAILURE)
		return err_set(e, "%s: cannot listen there (libmilter has told syslog why)", c->milter_socket);
	if (path == NULL)
		return 0;
	remember(path);
	return hand_over(c, path, e);
}

void
filter_remove_socket(void)
{
	unixsock_remove(own_path, &own_file);
}

int
filter_run(struct err *e)
{
	struct conf *c = conf_current();

	if (c == NULL)
		panic("filter_run: no conf is in force");
	conf_put(c);
	/* libmilter's own timeout stays: two hours and ten seconds are more than any MTA lets a client wait, and we
	 * hear nothing while a message comes in. */
	if (smfi_main() == MI_FAILURE)
		return err_set(e, "libmilter gave up (it has told syslog why)");
	return 0;
}
