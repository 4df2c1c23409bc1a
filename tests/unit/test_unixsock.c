/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "unixsock.h"

static char dir[64], path[128];

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/popauth-test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/sock", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir); /* fails when a temporary name was left behind */
}

static int
listen_here(struct unixsock_file *file, struct err *e)
{
	return unixsock_listen(path, 0640, (uid_t)-1, (gid_t)-1, file, e);
}

static void
has_the_mode_whatever_the_umask(void **state)
{
	struct unixsock_file file;
	struct err e = { "" };
	struct stat st;
	mode_t old = umask(0);
	int fd = listen_here(&file, &e);

	(void)state;
	umask(old);
	assert_true(fd != -1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_ino, file.ino);
	close(fd);
}

static void
leaves_a_living_socket_alone(void **state)
{
	struct unixsock_file file;
	struct err e = { "" };
	int fd = listen_here(&file, &e), again, client;

	(void)state;
	assert_true(fd != -1);
	again = listen_here(&file, &e);
	assert_int_equal(again, -1);
	assert_non_null(strstr(e.text, "another program is listening"));
	client = unixsock_connect(path, &e);
	assert_true(client != -1);
	close(client);
	close(fd);
}

static void
replaces_a_dead_socket(void **state)
{
	struct unixsock_file file;
	struct err e = { "" };
	int fd, client;

	(void)state;
	close(listen_here(&file, &e)); /* as after kill -9: the file stays */
	fd = listen_here(&file, &e);
	if (fd == -1)
		fail_msg("%s", e.text);
	client = unixsock_connect(path, &e);
	assert_true(client != -1);
	close(client);
	close(fd);
}

/* Files, directories, links: what is not a socket stays. */
static void
leaves_other_things_alone(void **state)
{
	static const char *const kinds[] = { "file", "directory", "link to nowhere", "fifo" };

	(void)state;
	for (size_t i = 0; i < ROWS(kinds); i++) {
		struct unixsock_file file;
		struct err e = { "" };
		struct stat before, after;
		int rc = i == 0 ? close(open(path, O_CREAT | O_WRONLY, 0600)) :
		    i == 1 ? mkdir(path, 0700) :
		    i == 2 ? symlink("/nonexistent", path) :
		    mkfifo(path, 0600);

		row_eq(kinds[i], rc, 0);
		row_eq(kinds[i], lstat(path, &before), 0);
		row_eq(kinds[i], listen_here(&file, &e), -1);
		if (strstr(e.text, "not a socket") == NULL)
			fail_msg("%s: got \"%s\"", kinds[i], e.text);
		row_eq(kinds[i], lstat(path, &after), 0);
		row_eq(kinds[i], after.st_ino, before.st_ino);
		(void)remove(path);
	}
}

static void
removes_only_its_own(void **state)
{
	struct unixsock_file mine, other;
	struct err e = { "" };
	struct stat st;

	(void)state;
	close(listen_here(&mine, &e));
	close(listen_here(&other, &e));
	unixsock_remove(path, &mine);
	assert_int_equal(lstat(path, &st), 0);
	unixsock_remove(path, &other);
	assert_int_equal(lstat(path, &st), -1);
}

static void
says_why_not(void **state)
{
	static char longer[200];
	struct unixsock_file file;
	struct err e = { "" };

	(void)state;
	(void)snprintf(longer, sizeof longer, "%s/%0100d", dir, 0);
	assert_int_equal(unixsock_listen(longer, 0600, (uid_t)-1, (gid_t)-1, &file, &e), -1);
	assert_non_null(strstr(e.text, "at most"));
	assert_int_equal(unixsock_connect(longer, &e), -1);
	assert_non_null(strstr(e.text, "at most"));
	(void)snprintf(longer, sizeof longer, "%s/no/such", dir);
	assert_int_equal(unixsock_listen(longer, 0600, (uid_t)-1, (gid_t)-1, &file, &e), -1);
	assert_non_null(strstr(e.text, "/no/such: its directory is not there; make it, "));
	assert_int_equal(unixsock_connect(path, &e), -1);
	assert_non_null(strstr(e.text, "No such file"));
}

static void
knows_its_own_user(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(unixsock_member(pair[0], (gid_t)-2));
	assert_int_equal(unixsock_uid(pair[0]), geteuid());
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(unixsock_uid(pair[0]), -1);
	assert_false(unixsock_member(pair[0], (gid_t)-2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(has_the_mode_whatever_the_umask, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(leaves_a_living_socket_alone, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(replaces_a_dead_socket, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(leaves_other_things_alone, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(removes_only_its_own, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(says_why_not, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(knows_its_own_user, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
