/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_export.c - the daemon's entries, in a form that import reads, and older systems may
 *
 * To a directory that is there: a file for each client, as old as its last login or as its offence.  To anything else:
 * lines, into a new file beside FILE that gets its name when all is written, or to standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "ctl.h"
#include "err.h"
#include "import.h"

struct exporting {
	enum import_kind kind;
	FILE *daemon;
	FILE *out; /* NULL: into the directory */
	int dir;
	enum set set; /* being asked for */
};

static int
failed(const char *what)
{
	fprintf(stderr, PROGRAM ": %s: %s\n", what, strerror(errno));
	return EXIT_NO;
}

/* --- one entry --- */

/* Without the prefix: its first address stands for the client, and is folded to it again. */
static const char *
address_of(const struct json *o)
{
	static char text[64];

	str_copy(text, sizeof text, json_get_text(o, "client"));
	text[strcspn(text, "/")] = '\0';
	return text;
}

static const char *
text_or_zone(const struct json *o, enum set set)
{
	return set == SET_RELAY ? text_of(o, "user") : reason_of(o);
}

static int64_t
last_of(const struct json *o)
{
	return json_has(o, "last") ? json_get_int(o, "last", 0) : json_get_int(o, "since", 0);
}

/* One word where the form has columns. */
static const char *
word(const char *text)
{
	static char copy[256];

	str_copy(copy, sizeof copy, str_of(text));
	for (char *p = copy; *p != '\0'; p++)
		if (strchr(" \t,;|", *p) != NULL)
			*p = '_';
	return *copy != '\0' ? copy : "unknown";
}

static void
print_info(FILE *out, const struct json *o)
{
	time_t at = (time_t)last_of(o);
	char date[32] = "-";
	struct tm tm;

	if (localtime_r(&at, &tm) != NULL)
		(void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(out, "%s %s %s %lld\n", date, word(text_of(o, "user")), address_of(o), (long long)at);
}

static void
print_json(const struct exporting *ex, const struct json *o)
{
	static char buf[65536];
	size_t n = json_write(o, buf, sizeof buf);

	/* "set" first, as the reader's eye wants it: the object is never empty. */
	if (n > 1 && n <= sizeof buf)
		fprintf(ex->out, "{\"set\":\"%s\",%.*s\n", set_name(ex->set), (int)(n - 1), buf + 1);
}

static void
print_line(const struct exporting *ex, const struct json *o)
{
	const char *text = text_or_zone(o, ex->set);

	if (ex->kind == IMPORT_JSON)
		print_json(ex, o);
	else if (ex->kind == IMPORT_ACCESS_INFO)
		print_info(ex->out, o);
	else if (import_is_list(ex->kind))
		fprintf(ex->out, "%s %lld%s%s\n", text_of(o, "client"), number_of(o, "until"), *text != '\0' ? " " : "", text);
	else
		fprintf(ex->out, "%s %lld%s%s\n", address_of(o), (long long)last_of(o), *text != '\0' ? " " : "",
		    ex->set == SET_RELAY && *text != '\0' ? word(text) : text);
}

static int
write_file(const struct exporting *ex, const struct json *o)
{
	const struct timespec times[2] = { { .tv_sec = (time_t)last_of(o) }, { .tv_sec = (time_t)last_of(o) } };
	int fd = openat(ex->dir, address_of(o), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	const char *text = text_or_zone(o, ex->set);
	int rc = -1;

	if (fd == -1)
		return failed(address_of(o));
	if ((*text == '\0' || dprintf(fd, "%s\n", ex->set == SET_RELAY ? word(text) : text) > 0) && futimens(fd, times) == 0)
		rc = EXIT_DONE;
	else
		rc = failed(address_of(o));
	close(fd);
	return rc;
}

static int
take(const struct exporting *ex, const struct json *o)
{
	if (ex->out == NULL)
		return write_file(ex, o);
	print_line(ex, o);
	return EXIT_DONE;
}

/* --- all of them --- */

static int
ask_for(const struct exporting *ex)
{
	char request[64];
	int n = snprintf(request, sizeof request, "{\"verb\":\"%s list\"}\n", set_name(ex->set));

	if (send(fileno(ex->daemon), request, (size_t)n, MSG_NOSIGNAL) != n)
		return failed("the daemon");
	return EXIT_DONE;
}

static int
export_set(struct exporting *ex)
{
	static char line[ASK_LINE_MAX]; /* the start of a longer one is not understood */
	int code = ask_for(ex);
	bool end = false;

	while (code == EXIT_DONE && !end && fgets(line, sizeof line, ex->daemon) != NULL) {
		struct err e;
		struct json *j = json_parse(str_of(line), &e);

		if (j == NULL) {
			fprintf(stderr, PROGRAM ": the daemon: an answer that is not understood: %s\n", e.text);
			code = EXIT_UNREACHABLE;
		} else if (json_has(j, "end")) {
			code = (int)json_get_int(j, "end", EXIT_NO);
			end = true;
		} else {
			code = take(ex, j);
		}
		json_free(j);
	}
	if (code == EXIT_DONE && !end) {
		fprintf(stderr, PROGRAM ": the daemon closed the connection before its answer was complete\n");
		code = EXIT_UNREACHABLE;
	}
	return code;
}

static int
export_sets(struct exporting *ex)
{
	int code = EXIT_DONE;

	ex->set = import_set(ex->kind);
	if (ex->set != SETS)
		return export_set(ex);
	for (ex->set = 0; ex->set < SETS && code == EXIT_DONE; ex->set++)
		code = export_set(ex);
	return code;
}

/* Into a file that has its name only when it is complete. */
static int
export_file(struct exporting *ex, const char *path)
{
	char beside[4096];
	int code, fd;

	if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= sizeof beside) {
		errno = ENAMETOOLONG;
		return failed(path);
	}
	fd = mkstemp(beside);
	if (fd == -1 || (ex->out = fdopen(fd, "w")) == NULL)
		return failed(beside);
	code = export_sets(ex);
	if (fflush(ex->out) != 0 || ferror(ex->out) || fsync(fd) == -1)
		code = failed(beside);
	fclose(ex->out);
	if (code == EXIT_DONE && rename(beside, path) == -1)
		code = failed(path);
	if (code != EXIT_DONE)
		(void)unlink(beside);
	return code;
}

static int
export_to(struct exporting *ex, const char *path)
{
	int code;

	if (path == NULL || strcmp(path, "-") == 0) {
		ex->out = stdout;
		return export_sets(ex);
	}
	ex->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ex->dir == -1)
		return export_file(ex, path);
	if (import_is_list(ex->kind) || ex->kind == IMPORT_JSON || ex->kind == IMPORT_ACCESS_INFO) {
		fprintf(stderr, PROGRAM ": %s: is a directory, and %s is lines\n", path, import_kind_name(ex->kind));
		code = EXIT_USAGE;
	} else
		code = export_sets(ex);
	close(ex->dir);
	return code;
}

int
local_export(const struct options *o, char **argv)
{
	struct exporting ex = { .dir = -1 };
	int code;

	if (argv[0] == NULL)
		return complain("export takes a kind", NULL);
	if (argv[1] != NULL && argv[2] != NULL)
		return complain("too many words", argv[2]);
	ex.kind = import_kind_of(argv[0]);
	if (ex.kind == IMPORT_KINDS)
		return complain("not access.info, popips, authenticated, rbl_cache, relay-list, cache-list, block-list or json",
		    argv[0]);
	code = ctl_connect(o, &ex.daemon);
	if (code != EXIT_DONE)
		return code;
	code = export_to(&ex, argv[1]);
	fclose(ex.daemon);
	return code;
}
