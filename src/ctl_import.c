/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_import.c - entries of an older system, or of an export, handed to the daemon
 *
 * Each entry is one request (`relay add` and its like, with the times it had: ARG_HISTORY); a batch of them is sent,
 * then its answers are read, so that neither side waits for the other with full hands.  What cannot be read is named
 * with its place and counted, and the rest goes on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "ctl.h"
#include "err.h"
#include "import.h"
#include "listfile.h"

#define BATCH	 64   /* their answers fit into a socket's buffer */
#define LINE	 8000 /* of json */
#define NAMED	 100  /* mistakes said one by one */

struct counts {
	unsigned long added, known, expired, trusted, wrong;
};

struct importing {
	const struct options *o;
	enum import_kind kind;
	const char *path;
	FILE *daemon;
	struct {
		struct json *request;
		char place[300];
	} batch[BATCH];
	unsigned n;
	struct counts counts;
	int code; /* not EXIT_DONE: it is over */
};

static void
wrong(struct importing *im, const char *place, const char *what)
{
	char shown[300];

	if (im->counts.wrong++ < NAMED)
		fprintf(stderr, PROGRAM ": %s: %s\n", str_show(shown, sizeof shown, str_of(place)), what);
}

/* --- the daemon --- */

static int
over(struct importing *im, const char *what)
{
	fprintf(stderr, PROGRAM ": the daemon: %s\n", what);
	im->code = EXIT_UNREACHABLE;
	return -1;
}

static int
send_one(struct importing *im, struct json *request, bool last)
{
	char line[8192];
	size_t n;

	json_put_int(request, "more", !last);
	n = json_write(request, line, sizeof line - 1);
	if (n > sizeof line - 1)
		panic("import: a request of %zu bytes", n);
	line[n++] = '\n';
	for (size_t done = 0; done < n;) {
		ssize_t k = send(fileno(im->daemon), line + done, n - done, MSG_NOSIGNAL);

		if (k == -1 && errno != EINTR)
			return over(im, strerror(errno));
		if (k > 0)
			done += (size_t)k;
	}
	return 0;
}

/* What became of one entry. */
static int
tally(struct importing *im, const char *place, int64_t code, const char *message)
{
	static const struct {
		const char *message;
		size_t at;
	} words[] = {
		{ "added", offsetof(struct counts, added) },	   { "known", offsetof(struct counts, known) },
		{ "expired", offsetof(struct counts, expired) }, { "trusted", offsetof(struct counts, trusted) },
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(message, words[i].message) == 0) {
			++*(unsigned long *)((char *)&im->counts + words[i].at);
			return 0;
		}
	if (code == EXIT_USAGE) {
		wrong(im, place, message);
		return 0;
	}
	fprintf(stderr, PROGRAM ": %s\n", message);
	im->code = EXIT_NO;
	return -1;
}

static int
read_answer(struct importing *im, const char *place)
{
	char line[4096];
	struct json *j = NULL;
	struct err e = { "it closed the connection" };
	int rc;

	if (fgets(line, sizeof line, im->daemon) == NULL || (j = json_parse(str_of(line), &e)) == NULL)
		return over(im, e.text);
	rc = tally(im, place, json_get_int(j, "end", EXIT_NO), text_of(j, "message"));
	json_free(j);
	return rc;
}

static int
flush(struct importing *im)
{
	int rc = im->code == EXIT_DONE ? 0 : -1;

	for (unsigned i = 0; i < im->n; i++) {
		if (rc == 0)
			rc = send_one(im, im->batch[i].request, i + 1 == im->n);
		json_free(im->batch[i].request);
	}
	for (unsigned i = 0; i < im->n && rc == 0; i++)
		rc = read_answer(im, im->batch[i].place);
	im->n = 0;
	return rc;
}

/* Takes over the request. */
static int
queue(struct importing *im, enum set set, struct json *request, const char *place)
{
	char verb[16];

	(void)snprintf(verb, sizeof verb, "%s add", set_name(set));
	json_put_cstr(request, "verb", verb);
	im->batch[im->n].request = request;
	str_copy(im->batch[im->n].place, sizeof im->batch[im->n].place, str_of(place));
	return ++im->n == BATCH ? flush(im) : 0;
}

/* --- entries --- */

/* Without any time it is now, by the daemon's clock. */
static int
take_row(struct importing *im, const struct import_row *row, const char *place)
{
	struct json *j = json_new();
	enum set set = import_set(im->kind);

	json_put_text(j, "address", row->client);
	json_put_text(j, set == SET_RELAY ? "user" : "reason", row->text);
	if (row->until != 0)
		json_put_int(j, "until", row->until);
	else
		json_put_cstr(j, "for", im->o->term);
	if (row->last != 0)
		json_put_int(j, "last", row->last);
	return queue(im, set, j, place);
}

/* The keys that a list has; the daemon says what is wrong with what they hold. */
static struct json *
request_of(const struct json *entry)
{
	static const char *const texts[] = { "user", "zone", "reason", "kind", "by" };
	static const char *const numbers[] = { "since", "last", "until", "logins", "hits", "blocks" };
	struct json *j = json_new();

	json_put_text(j, "address", json_get_text(entry, "client"));
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		json_put_text(j, texts[i], json_get_text(entry, texts[i]));
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (json_has(entry, numbers[i]))
			json_put_int(j, numbers[i], json_get_int(entry, numbers[i], 0));
	return j;
}

static int
take_json(struct importing *im, struct str line, const char *place)
{
	struct err e;
	struct json *entry = json_parse(line, &e);
	enum set set = 0;
	int rc = 0;

	if (entry == NULL) {
		wrong(im, place, e.text);
		return 0;
	}
	while (set < SETS && strcmp(text_of(entry, "set"), set_name(set)) != 0)
		set++;
	if (set == SETS)
		wrong(im, place, "\"set\" is not relay, cache or block");
	else
		rc = queue(im, set, request_of(entry), place);
	json_free(entry);
	return rc;
}

static int
take_line(struct importing *im, struct str line, const char *place)
{
	struct import_row row;
	struct err e;

	if (im->kind == IMPORT_JSON)
		return line.n == 0 ? 0 : take_json(im, line, place);
	switch (import_line(im->kind, line, &row, &e)) {
	case 1:
		return take_row(im, &row, place);
	case -1:
		wrong(im, place, e.text);
		return 0;
	default:
		return 0;
	}
}

/* --- files --- */

/* The next line, cut to `size`; what is behind is passed over.  -1: the end. */
static ssize_t
next_line(FILE *in, char *buf, size_t size, bool *cut)
{
	size_t n = 0;
	int c;

	*cut = false;
	while ((c = getc(in)) != EOF && c != '\n') {
		if (n == size)
			*cut = true;
		else
			buf[n++] = (char)c;
	}
	return c == EOF && n == 0 && !*cut ? -1 : (ssize_t)n;
}

static void
import_lines(struct importing *im, FILE *in)
{
	char line[LINE], place[300];
	unsigned long lineno = 0;
	bool cut;
	ssize_t n;

	while (im->code == EXIT_DONE && (n = next_line(in, line, sizeof line, &cut)) != -1) {
		(void)snprintf(place, sizeof place, "%.250s:%lu", im->path, ++lineno);
		if (cut)
			wrong(im, place, "far too long a line");
		else
			(void)take_line(im, (struct str){ line, (size_t)n }, place);
	}
	if (ferror(in))
		wrong(im, im->path, "cannot be read");
}

static int
take_file(struct importing *im, int dir, const char *name, const char *place)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[IMPORT_LINE + 2];
	struct import_row row;
	struct str line = { text, 0 };
	struct err e = { "" };
	struct stat st;
	ssize_t n = -1;

	if (fd == -1 || fstat(fd, &st) == -1)
		err_set(&e, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		err_set(&e, "is not a file");
	else if ((n = read(fd, text, sizeof text)) == -1)
		err_set(&e, "%s", strerror(errno));
	if (fd != -1)
		close(fd);
	if (n >= 0) {
		const char *end = memchr(text, '\n', (size_t)n);

		line.n = end != NULL ? (size_t)(end - text) : (size_t)n;
		if (import_file(im->kind, str_of(name), line, st.st_mtime, &row, &e) == 1)
			return take_row(im, &row, place);
	}
	wrong(im, place, e.text);
	return 0;
}

static void
import_directory(struct importing *im, int fd)
{
	DIR *d = fdopendir(fd);
	struct dirent *de;
	char place[300];

	if (d == NULL)
		panic("fdopendir: %s", strerror(errno));
	while (im->code == EXIT_DONE && (de = readdir(d)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		(void)snprintf(place, sizeof place, "%.150s/%.120s", im->path, de->d_name);
		(void)take_file(im, dirfd(d), de->d_name, place);
	}
	closedir(d);
}

/* false after a complaint. */
static bool
import_path(struct importing *im)
{
	bool named = strcmp(im->path, "-") != 0;
	struct stat st;
	FILE *in;
	int fd;

	if (named && listfile_is_fifo(im->path)) {
		fprintf(stderr, PROGRAM ": %s: is a FIFO, which does not end; give a file, or - and the lines on standard "
		    "input\n", im->path);
		return false;
	}
	fd = named ? open(im->path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (fd == -1 || fstat(fd, &st) == -1) {
		fprintf(stderr, PROGRAM ": %s: %s\n", im->path, strerror(errno));
		if (fd != -1)
			close(fd);
		return false;
	}
	if (S_ISDIR(st.st_mode) && (import_is_list(im->kind) || im->kind == IMPORT_JSON)) {
		fprintf(stderr, PROGRAM ": %s: is a directory, and %s is lines\n", im->path, import_kind_name(im->kind));
		close(fd);
		return false;
	}
	if (S_ISDIR(st.st_mode)) {
		import_directory(im, fd);
	} else if ((in = fdopen(fd, "r")) != NULL) {
		import_lines(im, in);
		fclose(in);
	} else
		panic("fdopen: %s", strerror(errno));
	return true;
}

static void
say_counts(const struct importing *im)
{
	const struct counts *c = &im->counts;

	if (c->wrong > NAMED)
		fprintf(stderr, PROGRAM ": more mistakes, which are not named: %lu\n", c->wrong - NAMED);
	if (im->o->json)
		printf("{\"added\":%lu,\"known\":%lu,\"expired\":%lu,\"trusted\":%lu,\"wrong\":%lu}\n", c->added, c->known,
		    c->expired, c->trusted, c->wrong);
	else
		printf("added %lu, known already %lu, expired %lu, trusted and left out %lu, not understood %lu\n", c->added,
		    c->known, c->expired, c->trusted, c->wrong);
}

int
local_import(const struct options *o, char **argv)
{
	struct importing *im;
	int code;

	if (argv[0] == NULL || argv[1] == NULL)
		return complain("import takes a kind and a file", NULL);
	if (argv[2] != NULL)
		return complain("too many words", argv[2]);
	if (import_kind_of(argv[0]) == IMPORT_KINDS)
		return complain("not access.info, popips, authenticated, rbl_cache, relay-list, cache-list, block-list or json",
		    argv[0]);
	im = xcalloc(1, sizeof *im);
	im->o = o;
	im->kind = import_kind_of(argv[0]);
	im->path = argv[1];
	im->code = ctl_connect(o, &im->daemon);
	if (im->code == EXIT_DONE) {
		if (!import_path(im))
			im->code = EXIT_USAGE;
		(void)flush(im);
		say_counts(im);
		fclose(im->daemon);
	}
	code = im->code != EXIT_DONE ? im->code : im->counts.wrong > 0 ? EXIT_USAGE : EXIT_DONE;
	free(im);
	return code;
}
