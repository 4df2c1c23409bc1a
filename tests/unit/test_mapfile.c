/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_mapfile.c - what may be written, what is written, and what stays as it was */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/mapfile_db.h"
#include "files.h"
#include "unit.h"

static char dir[64], path[96];

static int
fresh(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/mapfile.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/relay.db", dir);
	return 0;
}

static int
done(void **state)
{
	(void)state;
	return remove_tree(dir);
}

static struct mapfile_spec
spec(enum map_form form)
{
	return (struct mapfile_spec){ path, form, (gid_t)-1 };
}

/* A file with records "key=value", as some other program would write it. */
static void
by_another(const char *const *records, bool nul)
{
	struct err e = { "" };
	struct hash *h;

	(void)unlink(path);
	h = hash_create(path, nul, 10, &e);
	if (h == NULL)
		fail_msg("%s", e.text);
	for (; *records != NULL; records++) {
		const char *eq = strchr(*records, '=');

		assert_int_equal(hash_add(h, (struct str){ *records, (size_t)(eq - *records) }, str_of(eq + 1), &e), HASH_DONE);
	}
	assert_int_equal(hash_close(h, &e), 0);
}

/* What the file has for this key, "" when nothing. */
static const char *
value_of(const char *key, bool nul)
{
	static char value[1024];
	struct err e = { "" };
	struct hash *h = hash_open(path, nul, false, &e);
	struct str s = STR_NONE;

	if (h == NULL)
		fail_msg("%s", e.text);
	assert_int_not_equal(hash_get(h, str_of(key), &s, &e), HASH_FAILED);
	str_copy(value, sizeof value, s);
	assert_int_equal(hash_close(h, &e), 0);
	return value;
}

static void
write_keys(enum map_form form, const char *const *keys, struct listfile_stamp *stamp)
{
	struct mapfile_spec sp = spec(form);
	struct err e = { "" };
	struct mapfile *m = mapfile_begin(&sp, 3, &e);

	if (m == NULL)
		fail_msg("%s", e.text);
	for (; *keys != NULL; keys++)
		assert_int_equal(mapfile_put(m, str_of(*keys), STR("OK"), &e), 0);
	if (mapfile_commit(m, stamp, &e) == -1)
		fail_msg("%s", e.text);
}

#define KEYS(...) ((const char *const[]){ __VA_ARGS__ NULL })

static void
written_and_replaced(void **state)
{
	struct listfile_stamp one, two;
	struct stat st, old;
	int fd;

	(void)state;
	write_keys(MAP_POSTFIX, KEYS("192.0.2.1", "192.0.2.2",), &one);
	assert_string_equal(value_of("192.0.2.2", true), "OK");
	assert_string_equal(value_of("192.0.2.2", false), "");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(chmod(path, 0604), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path, (uid_t)-1, 1), 0);
	fd = open(path, O_RDONLY);
	write_keys(MAP_POSTFIX, KEYS("192.0.2.1",), &two);
	assert_string_equal(value_of("192.0.2.2", true), "");
	assert_string_equal(value_of("192.0.2.1", true), "OK");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	if (geteuid() == 0)
		assert_int_equal(st.st_gid, 1);
	/* Who has the old one open sees that it is over: no name any more, and a later time. */
	assert_int_equal(fstat(fd, &old), 0);
	assert_int_equal(old.st_nlink, 0);
	assert_true(old.st_mtime > one.written.tv_sec);
	close(fd);
}

static void
sendmails_form(void **state)
{
	struct listfile_stamp stamp;

	(void)state;
	write_keys(MAP_SENDMAIL, KEYS("192.0.2.1",), &stamp);
	assert_string_equal(value_of("192.0.2.1", false), "OK");
	assert_string_equal(value_of("192.0.2.1", true), "");
}

static void
first_stays(void **state)
{
	struct mapfile_spec sp = spec(MAP_POSTFIX);
	struct listfile_stamp stamp;
	struct err e = { "" };
	struct mapfile *m = mapfile_begin(&sp, 1, &e);

	(void)state;
	assert_int_equal(mapfile_put(m, STR("k"), STR("REJECT"), &e), 0);
	assert_int_equal(mapfile_put(m, STR("k"), STR("OK"), &e), 0);
	assert_int_equal(mapfile_commit(m, &stamp, &e), 0);
	assert_string_equal(value_of("k", true), "REJECT");
}

static void
make_ours(void)
{
	struct listfile_stamp stamp;

	write_keys(MAP_POSTFIX, KEYS("192.0.2.1",), &stamp);
}

static void
make_link(void)
{
	char other[128];

	make_ours();
	(void)snprintf(other, sizeof other, "%s/other.db", dir);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
}

static void
make_second_name(void)
{
	char other[128];

	make_ours();
	(void)snprintf(other, sizeof other, "%s/other.db", dir);
	assert_int_equal(link(path, other), 0);
}

static void
make_directory(void)
{
	assert_int_equal(mkdir(path, 0755), 0);
}

static void
make_fifo(void)
{
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void
make_anothers(void)
{
	make_ours();
	assert_int_equal(chown(path, 1, 1), 0);
}

static void
make_text(void)
{
	write_text(path, "192.0.2.1 OK\n");
}

static void
make_empty(void)
{
	write_text(path, "");
}

static void
make_postmaps(void)
{
	by_another(KEYS("192.0.2.1=OK",), true);
}

static void
make_other_form(void)
{
	struct listfile_stamp stamp;

	write_keys(MAP_SENDMAIL, KEYS("192.0.2.1",), &stamp);
}

static void
make_open_to_all(void)
{
	make_ours();
	assert_int_equal(chmod(dir, 01777), 0);
}

static void
make_anothers_directory(void)
{
	assert_int_equal(chown(dir, 1, 1), 0);
}

static void
make_no_directory(void)
{
	(void)snprintf(path, sizeof path, "%s/none/relay.db", dir);
}

static void
not_allowed(void **state)
{
	static const struct {
		const char *name;
		void (*make)(void);
		bool takes_root;
		const char *says; /* NULL: it is allowed */
	} rows[] = {
		{ "ours", make_ours, false, NULL },
		{ "symbolic link", make_link, false, "is a symbolic link" },
		{ "hard link", make_second_name, false, "a second name" },
		{ "directory", make_directory, false, "is a directory" },
		{ "FIFO", make_fifo, false, "is not a file" },
		{ "somebody else's", make_anothers, true, "belongs to somebody else" },
		{ "text", make_text, false, "opening it as a Berkeley DB file" },
		{ "empty", make_empty, false, "relay.db: " },
		{ "made by postmap", make_postmaps, false, "was not written by popauth-milter, and" },
		{ "ours in another form", make_other_form, false, NULL },
		{ "everybody writes there", make_open_to_all, false, "everybody may write in /tmp/" },
		{ "somebody else's directory", make_anothers_directory, true, "neither to us nor to root" },
		{ "no directory", make_no_directory, false, "/none; make it, for us to write in, or name another place in relay_map" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct mapfile_spec sp = spec(MAP_POSTFIX);
		struct stat before = { 0 }, after = { 0 };
		struct err e = { "" };
		struct mapfile *m;
		int rc;

		if (rows[i].takes_root && geteuid() != 0)
			continue;
		rows[i].make();
		(void)lstat(path, &before);
		rc = mapfile_allowed(&sp, &e);
		row_eq(rows[i].name, rc, rows[i].says == NULL ? 0 : -1);
		if (rows[i].says != NULL && strstr(e.text, rows[i].says) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].name, e.text, rows[i].says);
		m = mapfile_begin(&sp, 1, &e);
		row_eq(rows[i].name, m != NULL, rows[i].says == NULL);
		mapfile_abort(m);
		(void)lstat(path, &after);
		row_eq(rows[i].name, after.st_ino, before.st_ino);
		row_eq(rows[i].name, after.st_mtime, before.st_mtime);
		assert_int_equal(done(NULL), 0);
		assert_int_equal(fresh(NULL), 0);
	}
}

/* Somebody ran postmap while ours was being written. */
static void
changed_meanwhile(void **state)
{
	struct mapfile_spec sp = spec(MAP_POSTFIX);
	struct listfile_stamp stamp;
	struct err e = { "" };
	struct mapfile *m;

	(void)state;
	make_ours();
	m = mapfile_begin(&sp, 1, &e);
	assert_non_null(m);
	make_postmaps();
	assert_int_equal(mapfile_commit(m, &stamp, &e), -1);
	assert_non_null(strstr(e.text, "has changed meanwhile"));
	assert_string_equal(value_of("192.0.2.1", true), "OK");
}

static unsigned
files_there(void)
{
	char name[160];

	(void)snprintf(name, sizeof name, "%s.popauth-new", path);
	return access(name, F_OK) == 0 ? 2 : 1;
}

/* What a writer that was killed in the middle has left beside it. */
static void
left_by_the_killed(void **state)
{
	static const char *const names[] = { "relay.db.popauth-new", "__db.relay.db.popauth-new" };
	struct listfile_stamp stamp;
	char left[160];

	(void)state;
	for (size_t i = 0; i < ROWS(names); i++) {
		int fd;

		(void)snprintf(left, sizeof left, "%s/%s", dir, names[i]);
		fd = open(left, O_CREAT | O_WRONLY, 0600);
		assert_int_equal(write(fd, "half", 4), 4);
		close(fd);
		write_keys(MAP_POSTFIX, KEYS("192.0.2.1",), &stamp);
		assert_string_equal(value_of("192.0.2.1", true), "OK");
		assert_int_equal(access(left, F_OK), -1);
	}
}

/* A full disk: the old file stays, nothing is left beside it, and the next attempt succeeds. */
static void
no_room(void **state)
{
	struct rlimit was, little = { 20000, 0 };
	struct mapfile_spec sp = spec(MAP_POSTFIX);
	struct listfile_stamp stamp;
	struct err e = { "" };
	struct mapfile *m;
	int rc = 0;

	(void)state;
	make_ours();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	little.rlim_max = was.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	m = mapfile_begin(&sp, 10000, &e);
	for (unsigned i = 0; m != NULL && i < 10000 && rc == 0; i++) {
		char key[32];

		(void)snprintf(key, sizeof key, "10.0.%u.%u", i / 256, i % 256);
		rc = mapfile_put(m, str_of(key), STR("OK"), &e);
	}
	if (m != NULL && rc == 0)
		rc = mapfile_commit(m, &stamp, &e);
	else
		mapfile_abort(m);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_true(m == NULL || rc == -1);
	assert_string_equal(value_of("192.0.2.1", true), "OK");
	assert_int_equal(files_there(), 1);
	write_keys(MAP_POSTFIX, KEYS("192.0.2.9",), &stamp);
	assert_string_equal(value_of("192.0.2.9", true), "OK");
}

/* Whole, also of more than one piece; into one that has something in it; and not by half when there is less, or no room. */
static void
copied_as_they_are(void **state)
{
	static const off_t sizes[] = { 0, 1, 32767, 32768, 32769, 100001 };
	static char text[100001], copy[sizeof text + 1];
	struct rlimit was, little = { 50000, 0 };
	int from = open(path, O_RDWR | O_CREAT, 0600), to;
	char other[128];

	(void)state;
	(void)snprintf(other, sizeof other, "%s/other", dir);
	to = open(other, O_RDWR | O_CREAT, 0600);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i % 251);
	assert_int_equal(write(from, text, sizeof text), sizeof text);
	for (unsigned i = 0; i < ROWS(sizes); i++) {
		memset(copy, 'x', sizeof copy);
		assert_int_equal(pwrite(to, copy, sizeof copy, 0), sizeof copy);
		assert_int_equal(mapfile_copy(from, to, sizes[i]), 0);
		assert_int_equal(pread(to, copy, sizeof copy, 0), sizeof copy);
		assert_memory_equal(copy, text, (size_t)sizes[i]);
		assert_int_equal(copy[sizes[i]], 'x');
	}
	errno = 0;
	assert_int_equal(mapfile_copy(from, to, sizeof text + 1), -1);
	assert_int_equal(errno, EIO);
	assert_int_equal(ftruncate(to, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	little.rlim_max = was.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_equal(mapfile_copy(from, to, sizeof text), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	close(from);
	close(to);
}

/* The copy of the one that is there, with what is other now. */
static void
changed_in_a_copy(void **state)
{
	static const enum map_form forms[] = { MAP_POSTFIX, MAP_SENDMAIL };

	(void)state;
	for (unsigned i = 0; i < ROWS(forms); i++) {
		struct mapfile_spec sp = spec(forms[i]);
		bool nul = forms[i] == MAP_POSTFIX;
		struct listfile_stamp stamp, left;
		struct err e = { "" };
		struct mapfile *m;

		write_keys(forms[i], KEYS("192.0.2.1", "192.0.2.2",), &stamp);
		left = stamp;
		m = mapfile_again(&sp, &left);
		assert_non_null(m);
		assert_int_equal(mapfile_put(m, STR("192.0.2.3"), STR("OK"), &e), 0);
		assert_int_equal(mapfile_put(m, STR("192.0.2.2"), STR("other"), &e), 0);
		assert_int_equal(mapfile_del(m, STR("192.0.2.1"), &e), 0);
		assert_int_equal(mapfile_del(m, STR("192.0.2.9"), &e), 0);
		assert_string_equal(value_of("192.0.2.1", nul), "OK"); /* a reader sees nothing of it yet */
		assert_int_equal(mapfile_commit(m, &stamp, &e), 0);
		assert_string_equal(value_of("192.0.2.1", nul), "");
		assert_string_equal(value_of("192.0.2.2", nul), "OK");
		assert_string_equal(value_of("192.0.2.3", nul), "OK");
		assert_int_equal(mapfile_allowed(&sp, &e), 0);
		assert_null(mapfile_again(&sp, &left)); /* it is another file now */
		assert_int_equal(unlink(path), 0);
		assert_null(mapfile_again(&sp, &stamp));
	}
	by_another(KEYS("192.0.2.1=OK",), true);
	assert_null(mapfile_again(&(struct mapfile_spec){ path, MAP_POSTFIX, (gid_t)-1 }, &(struct listfile_stamp){ .error = ENOENT }));
}

/* Who has come needs no record, as where the administrator decides: the file that is there stays, which is on the disk. */
static void
copied_and_not_changed(void **state)
{
	struct mapfile_spec sp = spec(MAP_POSTFIX);
	struct listfile_stamp stamp, left, now;
	struct err e = { "" };
	struct mapfile *m;

	(void)state;
	write_keys(MAP_POSTFIX, KEYS("192.0.2.1",), &stamp);
	left = stamp;
	m = mapfile_again(&sp, &left);
	assert_non_null(m);
	assert_int_equal(mapfile_put(m, STR("192.0.2.1"), STR("OK"), &e), 0);
	assert_int_equal(mapfile_del(m, STR("192.0.2.9"), &e), 0);
	assert_int_equal(mapfile_commit(m, &stamp, &e), 0);
	now = listfile_stamp(path);
	assert_true(listfile_same(&now, &left));
	assert_true(listfile_same(&stamp, &left));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0); /* and nothing beside it */
	assert_int_equal(mkdir(dir, 0700), 0);
}

/* --- access.db --- */

static void
sync_keys(const char *const *keys, struct listfile_stamp *stamp, struct mapfile_counts *counts)
{
	struct mapfile_spec sp = spec(MAP_ACCESS);
	struct err e = { "" };
	unsigned n = 0;

	while (keys[n] != NULL)
		n++;
	if (mapfile_sync(&sp, keys, n, counts, stamp, &e) != MAPFILE_DONE)
		fail_msg("%s", e.text);
}

static void
beside_the_administrators(void **state)
{
	struct listfile_stamp stamp = { .error = ENOENT }, before;
	struct mapfile_counts c;

	(void)state;
	by_another(KEYS("connect:198.51.100=REJECT", "192.0.2.5=REJECT", "192.0.2.6=RELAY",), false);
	sync_keys(KEYS("192.0.2.1", "192.0.2.5", "192.0.2.6",), &stamp, &c);
	assert_int_equal(c.added, 1);
	assert_int_equal(c.ours, 1);
	assert_int_equal(c.overruled, 2);
	assert_string_equal(value_of("192.0.2.1", false), "RELAY");
	assert_string_equal(value_of("192.0.2.5", false), "REJECT");
	before = stamp;
	sync_keys(KEYS("192.0.2.1", "192.0.2.5", "192.0.2.6",), &stamp, &c);
	assert_true(listfile_same(&before, &stamp)); /* nothing to do, nothing written */
	sync_keys(KEYS("192.0.2.7",), &stamp, &c);
	assert_int_equal(c.removed, 1);
	assert_int_equal(c.added, 1);
	assert_true(stamp.written.tv_sec > before.written.tv_sec);
	assert_string_equal(value_of("192.0.2.1", false), "");
	assert_string_equal(value_of("popauth-milter:192.0.2.1", false), "");
	sync_keys(KEYS(), &stamp, &c);
	assert_string_equal(value_of("192.0.2.7", false), "");
	assert_string_equal(value_of("192.0.2.6", false), "RELAY");
	assert_string_equal(value_of("192.0.2.5", false), "REJECT");
	assert_string_equal(value_of("connect:198.51.100", false), "REJECT");
}

/* makemap writes the file anew: ours are gone with it, and come back; what he now has himself is his. */
static void
after_makemap(void **state)
{
	struct listfile_stamp stamp = { .error = ENOENT };
	struct mapfile_counts c;
	time_t left;

	(void)state;
	by_another(KEYS("a=OK",), false);
	sync_keys(KEYS("192.0.2.1", "192.0.2.2",), &stamp, &c);
	left = stamp.written.tv_sec;
	by_another(KEYS("a=OK", "192.0.2.2=RELAY",), false);
	sync_keys(KEYS("192.0.2.1", "192.0.2.2",), &stamp, &c);
	assert_int_equal(c.added, 1);
	assert_int_equal(c.overruled, 1);
	assert_true(stamp.written.tv_sec > left);
	left = stamp.written.tv_sec;
	by_another(KEYS("a=REJECT", "192.0.2.1=RELAY", "192.0.2.2=RELAY",), false);
	sync_keys(KEYS("192.0.2.1", "192.0.2.2",), &stamp, &c);
	assert_int_equal(c.overruled, 2);
	assert_true(stamp.written.tv_sec > left); /* sendmail must notice his change, too */
	sync_keys(KEYS(), &stamp, &c);
	assert_int_equal(c.removed, 0);
	assert_string_equal(value_of("192.0.2.2", false), "RELAY");
}

/* He made another record of one of ours, in place. */
static void
value_changed(void **state)
{
	struct listfile_stamp stamp = { .error = ENOENT };
	struct mapfile_counts c;
	struct err e = { "" };
	struct hash *h;

	(void)state;
	by_another(KEYS("a=OK",), false);
	sync_keys(KEYS("192.0.2.1",), &stamp, &c);
	h = hash_open(path, false, true, &e);
	assert_non_null(h);
	assert_int_equal(hash_del(h, STR("192.0.2.1"), &e), HASH_DONE);
	assert_int_equal(hash_add(h, STR("192.0.2.1"), STR("REJECT"), &e), HASH_DONE);
	assert_int_equal(hash_close(h, &e), 0);
	sync_keys(KEYS(), &stamp, &c);
	assert_string_equal(value_of("192.0.2.1", false), "REJECT");
	assert_string_equal(value_of("popauth-milter:192.0.2.1", false), "");
}

static void
locked(void **state)
{
	struct mapfile_spec sp = spec(MAP_ACCESS);
	struct listfile_stamp stamp = { .error = ENOENT };
	struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	const struct mapfile_change more = { .fresh = KEYS("192.0.2.2",), .n_fresh = 1 };
	struct mapfile_counts c;
	struct err e = { "" };
	int fd;

	(void)state;
	by_another(KEYS("a=OK",), false);
	fd = open(path, O_RDWR);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_int_equal(mapfile_sync(&sp, KEYS("192.0.2.1",), 1, &c, &stamp, &e), MAPFILE_FAILED);
	assert_non_null(strstr(e.text, "somebody else has it locked"));
	assert_int_equal(flock(fd, LOCK_UN), 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &whole), 0);
	assert_int_equal(mapfile_sync(&sp, KEYS("192.0.2.1",), 1, &c, &stamp, &e), MAPFILE_FAILED);
	close(fd);
	assert_string_equal(value_of("192.0.2.1", false), "");
	sync_keys(KEYS("192.0.2.1",), &stamp, &c);
	assert_string_equal(value_of("192.0.2.1", false), "RELAY");
	fd = open(path, O_RDWR);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_int_equal(mapfile_update(&sp, &more, &c, &stamp, &e), MAPFILE_KEPT);
	close(fd);
	assert_int_equal(mapfile_update(&sp, &more, &c, &stamp, &e), MAPFILE_DONE);
	assert_int_equal(c.ours, 2);
	assert_string_equal(value_of("192.0.2.2", false), "RELAY");
	stamp.size++;
	assert_int_equal(mapfile_update(&sp, &more, &c, &stamp, &e), MAPFILE_OTHER);
}

/* Who is refused with his network is not let in by a login, whoever came first. */
static void
within_a_refused_network(void **state)
{
	struct listfile_stamp stamp = { .error = ENOENT };
	const struct mapfile_change out = { .gone = KEYS("192.0.2.1",), .n_gone = 1 };
	struct mapfile_counts c;
	struct mapfile_spec sp = spec(MAP_ACCESS);
	struct err e = { "" };
	struct hash *h;

	(void)state;
	by_another(KEYS("192.0.2=REJECT", "connect:198.51=550 No", "198.51.100=OK", "ipv6:2001:db8=ERROR:5.7.1:550 No",), false);
	sync_keys(KEYS("192.0.2.1", "198.51.100.1", "198.51.101.1", "203.0.113.1", "203.0.113.2", "ipv6:2001:db8:1:2",), &stamp, &c);
	assert_string_equal(value_of("192.0.2.1", false), "");
	assert_string_equal(value_of("popauth-milter:192.0.2.1", false), "");
	assert_string_equal(value_of("198.51.100.1", false), "RELAY"); /* the smaller network is not refused */
	assert_string_equal(value_of("198.51.101.1", false), "");
	assert_string_equal(value_of("203.0.113.2", false), "RELAY");
	assert_string_equal(value_of("ipv6:2001:db8:1:2", false), "");
	assert_int_equal(c.overruled, 3);
	assert_int_equal(c.ours, 3);
	assert_int_equal(mapfile_update(&sp, &out, &c, &stamp, &e), MAPFILE_DONE);
	assert_int_equal(c.overruled, 2);
	h = hash_open(path, false, true, &e);
	assert_non_null(h);
	assert_int_equal(hash_add(h, STR("connect:203.0"), STR("DISCARD"), &e), HASH_DONE);
	assert_int_equal(hash_close(h, &e), 0);
	sync_keys(KEYS("198.51.100.1", "203.0.113.1", "203.0.113.2",), &stamp, &c);
	assert_string_equal(value_of("203.0.113.1", false), "");
	assert_string_equal(value_of("popauth-milter:203.0.113.2", false), "");
	assert_int_equal(c.removed, 2);
	assert_int_equal(c.ours, 1);
	assert_int_equal(c.overruled, 2);
}

#define MANY 50000

struct syncing {
	struct listfile_stamp stamp;
	struct mapfile_counts counts;
	char *keys[MANY];
	enum mapfile_answer answer;
};

static void *
sync_many(void *arg)
{
	struct syncing *sy = arg;
	struct mapfile_spec sp = spec(MAP_ACCESS);
	struct err e;

	sy->answer = mapfile_sync(&sp, (const char *const *)sy->keys, MANY, &sy->counts, &sy->stamp, &e);
	return NULL;
}

/* The administrator's change finds the file unlocked while we are at it, and is not written over.  He may also come before
 * we have begun, or behind us: then he tries again. */
static void
not_locked_meanwhile(void **state)
{
	struct syncing *sy = xcalloc(1, sizeof *sy);
	unsigned tries = 1;
	char text[40];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(text, sizeof text, "10.%03u.%03u.%03u", 100 + i / 10000, 100 + i / 100 % 100, 100 + i % 100);
		sy->keys[i] = xstrdup(text);
	}
	do {
		pthread_t thread;
		struct err e = { "" };
		struct hash *h;
		int fd;

		by_another(KEYS("192.0.2.5=REJECT",), false);
		sy->stamp.error = ENOENT;
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_int_equal(pthread_create(&thread, NULL, sync_many, sy), 0);
		(void)poll(NULL, 0, 5 * (int)tries); /* he should have begun, and not be through */
		assert_int_equal(flock(fd, LOCK_EX), 0);
		h = hash_open(path, false, true, &e);
		assert_non_null(h);
		assert_int_equal(hash_add(h, STR("192.0.2.6"), STR("REJECT"), &e), HASH_DONE);
		assert_int_equal(hash_close(h, &e), 0);
		close(fd);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_string_equal(value_of("192.0.2.6", false), "REJECT");
	} while (sy->answer != MAPFILE_OTHER && ++tries < 40);
	assert_int_equal(sy->answer, MAPFILE_OTHER);
	assert_string_equal(value_of(sy->keys[0], false), "");
	assert_ptr_equal(sync_many(sy), NULL);
	assert_int_equal(sy->answer, MAPFILE_DONE);
	assert_string_equal(value_of(sy->keys[MANY - 1], false), "RELAY");
	assert_string_equal(value_of("192.0.2.6", false), "REJECT");
	for (unsigned i = 0; i < MANY; i++)
		free(sy->keys[i]);
	free(sy);
}

static void
access_not_allowed(void **state)
{
	static const struct {
		const char *name;
		void (*make)(void);
		const char *says;
	} rows[] = {
		{ "nothing there", NULL, "it is made with makemap" },
		{ "symbolic link", make_link, "is a symbolic link" },
		{ "directory", make_directory, "is a directory" },
		{ "FIFO", make_fifo, "is not a file" },
		{ "text", make_text, "opening it as a Berkeley DB file" },
		{ "everybody writes there", make_open_to_all, "everybody may write in" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct listfile_stamp stamp = { .error = ENOENT };
		struct mapfile_counts c;
		struct mapfile_spec sp = spec(MAP_ACCESS);
		struct err e = { "" };

		if (rows[i].make != NULL)
			rows[i].make();
		row_eq(rows[i].name, mapfile_sync(&sp, KEYS("192.0.2.1",), 1, &c, &stamp, &e), MAPFILE_FAILED);
		if (strstr(e.text, rows[i].says) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].name, e.text, rows[i].says);
		assert_int_equal(done(NULL), 0);
		assert_int_equal(fresh(NULL), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(written_and_replaced, fresh, done),
		cmocka_unit_test_setup_teardown(sendmails_form, fresh, done),
		cmocka_unit_test_setup_teardown(first_stays, fresh, done),
		cmocka_unit_test_setup_teardown(not_allowed, fresh, done),
		cmocka_unit_test_setup_teardown(changed_meanwhile, fresh, done),
		cmocka_unit_test_setup_teardown(left_by_the_killed, fresh, done),
		cmocka_unit_test_setup_teardown(no_room, fresh, done),
		cmocka_unit_test_setup_teardown(beside_the_administrators, fresh, done),
		cmocka_unit_test_setup_teardown(after_makemap, fresh, done),
		cmocka_unit_test_setup_teardown(value_changed, fresh, done),
		cmocka_unit_test_setup_teardown(locked, fresh, done),
		cmocka_unit_test_setup_teardown(copied_as_they_are, fresh, done),
		cmocka_unit_test_setup_teardown(changed_in_a_copy, fresh, done),
		cmocka_unit_test_setup_teardown(copied_and_not_changed, fresh, done),
		cmocka_unit_test_setup_teardown(within_a_refused_network, fresh, done),
		cmocka_unit_test_setup_teardown(not_locked_meanwhile, fresh, done),
		cmocka_unit_test_setup_teardown(access_not_allowed, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
