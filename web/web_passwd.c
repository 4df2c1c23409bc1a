/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_passwd.c - the password file: a line "name:hash" for each user, hashes as crypt(5) has them
 *
 * It is read at each login and each page, so that who was taken out of it is out at once.  It is small.
 */
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "web.h"

#define FILE_MAX 65536

bool
passwd_name_ok(const char *user)
{
	size_t n = strlen(user);

	return n > 0 && n <= PASSWD_USER &&
	    strspn(user, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-") == n && user[0] != '-';
}

/* The whole file, to be freed; NULL with errno. */
static char *
read_file(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = NULL;
	size_t n = 0;
	ssize_t got = 1;

	if (fd == -1)
		return NULL;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode)) {
		text = xmalloc(FILE_MAX + 1);
		while (n < FILE_MAX && (got = read(fd, text + n, FILE_MAX - n)) > 0)
			n += (size_t)got;
		text[n] = '\0';
		if (got == -1 || strlen(text) != n) {
			free(text);
			text = NULL;
		}
	}
	close(fd);
	if (text == NULL)
		errno = EINVAL;
	return text;
}

/* The user's line, from its name to its end. */
static char *
line_of(char *text, const char *user)
{
	size_t n = strlen(user);

	for (char *line = text; line != NULL && *line != '\0';) {
		char *end = strchr(line, '\n');

		if (strncmp(line, user, n) == 0 && line[n] == ':')
			return line;
		line = end == NULL ? NULL : end + 1;
	}
	return NULL;
}

bool
passwd_find(const char *path, const char *user, char hash[PASSWD_HASH], struct err *e)
{
	struct stat st;
	char *text = read_file(path, &st), *line;

	e->text[0] = hash[0] = '\0';
	if (text == NULL)
		return err_sys(e, "%s", path) == 0;
	line = passwd_name_ok(user) ? line_of(text, user) : NULL;
	if (line != NULL) {
		line += strlen(user) + 1;
		str_copy(hash, PASSWD_HASH, (struct str){ line, strcspn(line, ":\r\n") });
	}
	explicit_bzero(text, strlen(text));
	free(text);
	return hash[0] != '\0';
}

bool
passwd_fits(const char *hash, const char *password)
{
	/* A hash that nothing fits, of the usual cost: how long it takes must not tell who is there. */
	static const char nobody[] = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7";
	struct crypt_data *data = xcalloc(1, sizeof *data);
	const char *got;
	unsigned differs;

	got = crypt_rn(password, *hash != '\0' ? hash : nobody, data, sizeof *data);
	differs = got == NULL || *hash == '\0' || strlen(got) != strlen(hash);
	for (size_t i = 0; differs == 0 && hash[i] != '\0'; i++)
		differs |= (unsigned)(unsigned char)got[i] ^ (unsigned char)hash[i];
	explicit_bzero(data, sizeof *data);
	free(data);
	return differs == 0;
}

/* ---- changing it ---- */

static int
make_hash(const char *password, char hash[PASSWD_HASH], struct err *e)
{
	struct crypt_data *data = xcalloc(1, sizeof *data);
	char *salt = crypt_gensalt_ra(NULL, 0, NULL, 0); /* the best method there is, at its usual cost */
	const char *got = salt == NULL ? NULL : crypt_rn(password, salt, data, sizeof *data);
	int rc = 0;

	if (got == NULL || strlen(got) >= PASSWD_HASH)
		rc = err_set(e, "the password cannot be hashed: %s", strerror(errno));
	else
		str_copy(hash, PASSWD_HASH, str_of(got));
	explicit_bzero(data, sizeof *data);
	free(data);
	free(salt);
	return rc;
}

static int
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k == -1)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* As the file was; one that is new is for the page's group to read, which is not ours when root adds the first user. */
static int
set_owner(int fd, const struct stat *st)
{
	const struct group *gr;

	if (st != NULL)
		return fchown(fd, st->st_uid, st->st_gid) == -1 || fchmod(fd, st->st_mode & 0777) == -1 ? -1 : 0;
	if (geteuid() != 0 || (gr = getgrnam(WEB_PROGRAM)) == NULL)
		return 0;
	return fchown(fd, (uid_t)-1, gr->gr_gid) == -1 || fchmod(fd, 0640) == -1 ? -1 : 0;
}

/* `st` NULL: there was no file. */
static int
replace(const char *path, const struct stat *st, const char *text, struct err *e)
{
	char *temp = xmalloc(strlen(path) + 8);
	int fd, rc = 0;

	(void)strcpy(stpcpy(temp, path), ".XXXXXX");
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd == -1) {
		rc = err_sys(e, "%s: no file can be made beside it", path);
		free(temp);
		return rc;
	}
	if (set_owner(fd, st) == -1 || write_all(fd, text, strlen(text)) == -1 || fsync(fd) == -1 || rename(temp, path) == -1) {
		rc = err_sys(e, "%s", path);
		(void)unlink(temp);
	}
	close(fd);
	free(temp);
	return rc;
}

static int
compose(const char *path, char *old, const char *user, const char *hash, struct html *out, struct err *e)
{
	char *line = line_of(old, user), *rest = NULL;

	if (line == NULL && hash == NULL)
		return err_set(e, "%s: there is no user %s", path, user);
	if (line != NULL) {
		rest = strchr(line, '\n');
		rest = rest == NULL ? line + strlen(line) : rest + 1;
	}
	if (strlen(old) + PASSWD_USER + PASSWD_HASH + 3 > FILE_MAX)
		return err_set(e, "%s: too long", path);
	out->p = xmalloc(FILE_MAX + 1);
	if (line != NULL)
		*line = '\0';
	out->n = (size_t)sprintf(out->p, "%s%s", old, rest == NULL ? "" : rest);
	if (hash != NULL)
		(void)sprintf(out->p + out->n, "%s%s:%s\n", out->n > 0 && out->p[out->n - 1] != '\n' ? "\n" : "", user, hash);
	return 0;
}

int
passwd_set(const char *path, const char *user, const char *password, struct err *e)
{
	char hash[PASSWD_HASH], nothing[1] = "", *old;
	struct html out = { 0 };
	struct stat st;
	bool there;
	int rc;

	if (!passwd_name_ok(user))
		return err_set(e, "a name has 1 to %d letters, digits or ._@-", PASSWD_USER);
	if (password != NULL && make_hash(password, hash, e) == -1)
		return -1;
	old = read_file(path, &st);
	there = old != NULL;
	if (!there && errno != ENOENT)
		return err_sys(e, "%s", path);
	rc = compose(path, there ? old : nothing, user, password != NULL ? hash : NULL, &out, e);
	if (rc == 0)
		rc = replace(path, there ? &st : NULL, out.p, e);
	free(old);
	free(out.p);
	return rc;
}
