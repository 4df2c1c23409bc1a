/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_run.c - other programs' words and files' texts, in bounds
 *
 * Programs are run by their full path with a fixed list of arguments, an environment of ours, nothing on standard
 * input, and a limit of time and of output.  Nobody's text ever becomes an argument but the directory that whoever
 * started us has named.  Root does not run a program that anybody else could have put there.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "doctor_priv.h"
#include "err.h"

#define FILE_MS 10000

static const char *const dirs[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin" };

static bool
find_program(const char *name, char *buf, size_t size)
{
	struct stat st;

	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
		(void)snprintf(buf, size, "%s/%s", dirs[i], name);
		if (stat(buf, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0 &&
		    (geteuid() != 0 || (st.st_uid == 0 && (st.st_mode & 022) == 0)))
			return true;
	}
	return false;
}

bool
program_exists(const char *name)
{
	char path[256];

	return find_program(name, path, sizeof path);
}

void
capture_clear(struct capture *c)
{
	free(c->text);
	c->text = NULL;
	c->len = 0;
}

static void
failed(struct capture *c, const char *who, const char *what)
{
	(void)snprintf(c->why, sizeof c->why, "%.100s: %.150s", who, what);
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Read to the end.  -1, and errno: ETIMEDOUT, EFBIG, or what read() says. */
static int
read_all(struct capture *c, int fd, int64_t until)
{
	size_t cap = c->len;
	ssize_t n;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = until - now_ms();

		if (c->len == CAPTURE_MAX) {
			errno = EFBIG;
			return -1;
		}
		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (c->len + 1 >= cap) {
			cap = cap == 0 ? 16384 : 2 * cap;
			c->text = xrealloc(c->text, cap);
		}
		n = read(fd, c->text + c->len, cap - c->len - 1 < CAPTURE_MAX - c->len ? cap - c->len - 1 : CAPTURE_MAX - c->len);
		if (n == 0)
			break;
		if (n == -1 && errno != EINTR && errno != EAGAIN)
			return -1;
		c->len += n > 0 ? (size_t)n : 0;
	}
	if (c->text != NULL)
		c->text[c->len] = '\0';
	return 0;
}

_Noreturn static void
be_program(const char *path, const char *const *argv, int out, int complaints)
{
	static char *const env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C", NULL };
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	if (null == -1 || dup2(null, 0) == -1 || dup2(out, 1) == -1 || dup2(complaints, 2) == -1)
		_exit(127);
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	execve(path, (char *const *)argv, env);
	_exit(127);
}

/* Who has closed its output is about to end, and must not be killed before it does. */
static int
await_end(pid_t pid, int64_t until)
{
	for (;;) {
		struct timespec pause = { .tv_nsec = 1000000 };
		siginfo_t ended = { .si_pid = 0 };

		if (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT | WNOHANG) == -1 || ended.si_pid != 0)
			return 0;
		if (now_ms() >= until) {
			errno = ETIMEDOUT;
			return -1;
		}
		nanosleep(&pause, NULL);
	}
}

/* End it; what it has left behind in its group goes with it. */
static int
reap(pid_t pid)
{
	int status = 0;

	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return status;
}

/* The first line of what it complained of, when it has failed. */
static void
first_complaint(struct capture *c, const char *name, int fd)
{
	char line[160];
	ssize_t n = pread(fd, line, sizeof line - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	capture_clear(c);
	failed(c, name, line[0] != '\0' ? line : "it failed");
}

static void
run_program(struct capture *c, const char *path, const char *const *argv, int complaints, int64_t until)
{
	int out[2], status, rc;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) == -1)
		panic("pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		be_program(path, argv, out[1], complaints);
	close(out[1]);
	if (pid == -1) {
		failed(c, path, strerror(errno));
		close(out[0]);
		return;
	}
	rc = read_all(c, out[0], until);
	if (rc == 0)
		rc = await_end(pid, until);
	if (rc == -1)
		failed(c, path, errno == ETIMEDOUT ? "it took too long" : errno == EFBIG ? "it said too much" : strerror(errno));
	status = reap(pid);
	close(out[0]);
	if (rc == -1)
		capture_clear(c);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		first_complaint(c, argv[0], complaints);
	else if (c->text == NULL)
		c->text = xstrdup("");
}

void
capture_program(struct capture *c, const char *const *argv, int ms)
{
	char path[256];
	int complaints;

	*c = (struct capture){ 0 };
	if (!find_program(argv[0], path, sizeof path))
		return;
	complaints = memfd_create("complaints", MFD_CLOEXEC);
	if (complaints == -1)
		panic("memfd_create: %s", strerror(errno));
	run_program(c, path, argv, complaints, now_ms() + ms);
	close(complaints);
}

void
capture_file(struct capture *c, const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd == -1) {
		if (errno != ENOENT && errno != ENOTDIR)
			failed(c, path, strerror(errno));
		return;
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		failed(c, path, "it is not a file");
	} else if (read_all(c, fd, now_ms() + FILE_MS) == -1) {
		failed(c, path, errno == EFBIG ? "too long" : strerror(errno));
		capture_clear(c);
	} else if (c->text == NULL) {
		c->text = xstrdup("");
	}
	close(fd);
}

/* ---- as another user ---- */

static int
try_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return errno;
	if (strlen(path) >= sizeof sun.sun_path)
		return ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path));
	/* A full queue is a socket that answers. */
	return connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0 || errno == EAGAIN ? 0 : errno;
}

_Noreturn static void
be_user(uid_t uid, gid_t gid, const char *user, enum attempt what, const char *path)
{
	int fd;

	if (geteuid() == 0 && (initgroups(user, gid) == -1 || setgid(gid) == -1 || setuid(uid) == -1))
		_exit(255);
	if (what == ATTEMPT_CONNECT)
		_exit(try_connect(path));
	fd = open(path, O_RDONLY | O_NONBLOCK);
	_exit(fd == -1 ? errno : 0);
}

int
attempt_as(uid_t uid, gid_t gid, const char *user, enum attempt what, const char *path)
{
	int status;
	pid_t pid;

	if (uid == (uid_t)-1 || (geteuid() != 0 && geteuid() != uid))
		return -1;
	pid = fork();
	if (pid == 0)
		be_user(uid, gid, user, what, path);
	if (pid == -1 || waitpid(pid, &status, 0) == -1 || !WIFEXITED(status) || WEXITSTATUS(status) == 255)
		return -1;
	return WEXITSTATUS(status);
}
