/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl.c - popauth-milterctl: ask the daemon, tell the daemon
 *
 * The command line is made into one request (verbs.h), the answer is shown line by line as it comes.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "conf.h"
#include "ctl.h"
#include "err.h"
#include "unixsock.h"
#include "version.h"

static const struct local {
	const char *name;
	int (*run)(const struct options *o, char **argv);
	unsigned args;
	const char *usage, *help;
} locals[] = {
#define X(name, function, args, usage, help) { name, local_##function, args, usage, help },
	LOCALS_TABLE(X)
#undef X
};

#define LOCALS (sizeof locals / sizeof locals[0])

/* The options: a letter, which but for c, s, h and V only stands for the name; where it goes; and, of those that not every
 * command takes, their bit in `args`. */
#define OPTIONS_TABLE(TEXT, FLAG) \
	TEXT('c', "config", conf, 0) \
	TEXT('s', "socket", socket, 0) \
	FLAG('h', "help", help, 0) \
	FLAG('V', "version", version, 0) \
	FLAG('j', "json", json, 0) \
	TEXT('f', "for", term, ARG_FOR) \
	TEXT('u', "user", user, ARG_USER) \
	TEXT('r', "reason", reason, ARG_REASON) \
	FLAG('p', "prometheus", prometheus, ARG_PROMETHEUS) \
	FLAG('n', "count", count, LOCAL_COUNT) \
	TEXT('a', "against", against, LOCAL_AGAINST) \
	TEXT('m', "match", match, ARG_MATCH) \
	TEXT('o', "offset", offset, ARG_PAGE) \
	TEXT('l', "limit", limit, ARG_PAGE) \
	TEXT('S', "since", since, ARG_SINCE) \
	TEXT('H', "html", html, LOCAL_HTML) \
	TEXT('P', "postfix", postfix, LOCAL_MTA) \
	TEXT('M', "sendmail-cf", sendmail_cf, LOCAL_MTA) \
	TEXT('k', "kind", kind, ARG_FILTER) \
	TEXT('C', "client", client, ARG_FILTER) \
	FLAG('?' + 256, "parse-only", parse_only, 0) /* for tests: is this understood? */

static const struct option longopts[] = {
#define TEXT(letter, name, member, bit) { name, required_argument, NULL, letter },
#define FLAG(letter, name, member, bit) { name, no_argument, NULL, letter },
	OPTIONS_TABLE(TEXT, FLAG)
#undef TEXT
#undef FLAG
	{ NULL, 0, NULL, 0 },
};

static void
usage_line(FILE *out, const char *name, const char *usage_text, const char *help)
{
	int n = fprintf(out, "  %s%s%s", name, *usage_text != '\0' ? " " : "", usage_text);

	fprintf(out, "%*s%s\n", n < 50 ? 50 - n : 2, "", help);
}

static void
usage(FILE *out)
{
	fprintf(out, "usage: " PROGRAM " [-c CONF] [-s SOCKET] [--json] COMMAND\n\n");
	for (unsigned i = 0; i < VERBS; i++)
		usage_line(out, verbs[i].name, verbs[i].usage, verbs[i].help);
	for (unsigned i = 0; i < LOCALS; i++)
		usage_line(out, locals[i].name, locals[i].usage, locals[i].help);
	fprintf(out, "\nTERM is a time such as 90s, 15m, 1h, 7d.  Exit status: 0 yes or done, 1 no or not found,\n"
		     "2 wrong usage or input, 3 the daemon cannot be reached.\n");
}

static bool
parse_options(int argc, char **argv, struct options *o)
{
	int ch;

	while ((ch = getopt_long(argc, argv, "c:s:hV", longopts, NULL)) != -1) {
		switch (ch) {
#define TEXT(letter, name, member, bit) \
		case letter: \
			o->member = optarg; \
			o->args |= bit; \
			break;
#define FLAG(letter, name, member, bit) \
		case letter: \
			o->member = true; \
			o->args |= bit; \
			break;
		OPTIONS_TABLE(TEXT, FLAG)
#undef TEXT
#undef FLAG
		default:
			return false;
		}
	}
	return true;
}

int
complain(const char *what, const char *detail)
{
	char shown[200];

	fprintf(stderr, PROGRAM ": %s%s%s; try " PROGRAM " --help\n", what, detail != NULL ? ": " : "",
	    detail != NULL ? str_show(shown, sizeof(shown), str_of(detail)) : "");
	return EXIT_USAGE;
}

/* Two words before one. */
static const char *
command_name(int argc, char **argv, char *buf, size_t size, int words)
{
	int n = argc < words ? -1 : snprintf(buf, size, "%s%s%s", argv[0], words > 1 ? " " : "", words > 1 ? argv[1] : "");

	return n < 0 || (size_t)n >= size ? "" : buf;
}

static const struct verb *
find_verb(int argc, char **argv, int *words)
{
	const struct verb *v = NULL;
	char name[64];

	for (*words = 2; v == NULL && *words > 0; --*words)
		v = verb_of(str_of(command_name(argc, argv, name, sizeof name, *words)));
	++*words;
	return v;
}

static const struct local *
find_local(int argc, char **argv, int *words)
{
	char name[64];

	for (*words = 2; *words > 0; --*words)
		for (size_t i = 0; i < LOCALS; i++)
			if (strcmp(command_name(argc, argv, name, sizeof name, *words), locals[i].name) == 0)
				return &locals[i];
	return NULL;
}

int
ctl_conf(const struct options *o, struct conf **out)
{
	const char *path = o->conf != NULL ? o->conf : CONF_FILE;
	struct err e;

	*out = NULL;
	if (o->conf == NULL && access(path, F_OK) == -1)
		return 0;
	*out = conf_read(path, &e);
	if (*out != NULL)
		return 0;
	fprintf(stderr, PROGRAM ": %s\n", e.text);
	return -1;
}

/* What is no number is left to the daemon to complain about. */
static void
put_number(struct json *j, const char *key, const char *text)
{
	char *end;
	long long n;

	if (text == NULL)
		return;
	n = strtoll(text, &end, 10);
	json_put_int(j, key, *text != '\0' && *end == '\0' ? n : -1);
}

/* NULL, after a complaint, when the words do not fit the verb. */
static struct json *
make_request(const struct verb *v, const struct options *o, int argc, char **argv)
{
	struct json *j;
	int wanted = v->args & ARG_ADDRESS ? 1 : 0;

	if (o->args & ~v->args) {
		complain("an option that this command does not take", v->name);
		return NULL;
	}
	if (argc != wanted) {
		complain(argc < wanted ? "an address is missing" : "too many words", argc < wanted ? NULL : argv[wanted]);
		return NULL;
	}
	j = json_new();
	json_put_cstr(j, "verb", v->name);
	if (wanted)
		json_put_cstr(j, "address", argv[0]);
	json_put_cstr(j, "for", o->term);
	json_put_cstr(j, "user", o->user);
	json_put_cstr(j, "reason", o->reason);
	json_put_cstr(j, "match", o->match);
	json_put_cstr(j, "since", o->since);
	put_number(j, "offset", o->offset);
	put_number(j, "limit", o->limit);
	json_put_cstr(j, "kind", o->kind);
	json_put_cstr(j, "client", o->client);
	return j;
}

static int
unreachable(const char *cause, int error)
{
	const char *next = error == EACCES ? "try as root, or become a member of the socket's group" :
	    error == ENOENT || error == ECONNREFUSED ?
	    "is popauth-milter running?  If so, name its control socket with -s, or its configuration with -c" :
	    "see the daemon's log";

	fprintf(stderr, PROGRAM ": the daemon cannot be reached: %s\n" PROGRAM ": %s\n", cause, next);
	return EXIT_UNREACHABLE;
}

/* The last line's message; done in JSON, it would be one object too many. */
static void
say_message(const char *message, int code, bool json)
{
	if (*message != '\0' && code != EXIT_DONE)
		fprintf(stderr, PROGRAM ": %s\n", message);
	else if (*message != '\0' && !json)
		printf("%s\n", message);
}

static bool
show_line(void *arg, const struct json *line)
{
	struct view *v = arg;

	show_of(v)(v, line);
	return true;
}

/* Show the answer; the last line's code is the exit status. */
static int
show_answer(const char *path, struct view *v, const struct json *request)
{
	struct ask_ending end;
	enum ask_answer is = ask(path, request, 0, show_line, v, &end);

	if (is == ASK_UNREACHABLE)
		return unreachable(end.message, errno);
	show_of(v)(v, NULL); /* what came of it */
	if (is == ASK_BROKEN)
		return unreachable(end.message, 0);
	fflush(stdout);
	say_message(end.message, end.code, v->json);
	return end.code;
}

int
ctl_connect(const struct options *o, FILE **out)
{
	struct conf *c = NULL;
	struct err e;
	int fd, code = EXIT_DONE;

	if (o->socket == NULL && ctl_conf(o, &c) == -1)
		return EXIT_USAGE;
	fd = unixsock_connect(o->socket != NULL ? o->socket : c != NULL ? c->control_socket : CTL_SOCKET, &e);
	if (fd == -1)
		code = unreachable(e.text, errno);
	else if ((*out = fdopen(fd, "r")) == NULL)
		panic("fdopen: %s", strerror(errno));
	conf_put(c);
	return code;
}

static int
run_verb(const struct verb *verb, const struct options *o, int argc, char **argv)
{
	struct view v = { .json = o->json, .prometheus = o->prometheus, .verb = verb };
	struct json *request = make_request(verb, o, argc, argv);
	struct conf *c = NULL;
	int code = EXIT_USAGE;

	if (request != NULL && o->parse_only)
		code = EXIT_DONE;
	else if (request != NULL && o->socket == NULL && ctl_conf(o, &c) == -1)
		fprintf(stderr, PROGRAM ": the daemon can be asked without this file: -s SOCKET\n");
	else if (request != NULL)
		do {
			v.table = NULL;
			code = show_answer(o->socket != NULL ? o->socket : c != NULL ? c->control_socket : CTL_SOCKET, &v,
			    request);
		} while (code == EXIT_DONE && top_is_live(verb, o) && top_again());
	json_free(request);
	conf_put(c);
	return code;
}

static int
run_local(const struct local *l, const struct options *o, int argc, char **argv)
{
	if (o->args & ~l->args)
		return complain("an option that this command does not take", l->name);
	if (!(l->args & LOCAL_FILES) && argc > (l->args & LOCAL_FILE ? 1 : 0))
		return complain("too many words", argv[argc - 1]);
	return o->parse_only ? EXIT_DONE : l->run(o, argv);
}

/* No such command; but perhaps the first word of some. */
static int
which(const char *word)
{
	char start[32];
	bool any = false;

	if ((size_t)snprintf(start, sizeof start, "%s ", word) < sizeof start) {
		for (unsigned i = 0; i < VERBS + LOCALS; i++) {
			const char *name = i < VERBS ? verbs[i].name : locals[i - VERBS].name;

			if (strncmp(name, start, strlen(start)) != 0)
				continue;
			fprintf(stderr, "%s%s", any ? ", " : PROGRAM ": which of these: ", name);
			any = true;
		}
	}
	if (!any)
		return complain("no such command", word);
	fputs("?\n", stderr);
	return EXIT_USAGE;
}

static int
run(const struct options *o, int argc, char **argv)
{
	const struct verb *v;
	const struct local *l;
	int words;

	if (argc == 0)
		return complain("a command is missing", NULL);
	if ((v = find_verb(argc, argv, &words)) != NULL)
		return run_verb(v, o, argc - words, argv + words);
	if ((l = find_local(argc, argv, &words)) != NULL)
		return run_local(l, o, argc - words, argv + words);
	return which(argv[0]);
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	int code;

	if (!parse_options(argc, argv, &o))
		return complain("wrong usage", NULL);
	if (o.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (o.version) {
		printf(PROGRAM " " POPAUTH_VERSION "\n");
		return EXIT_DONE;
	}
	code = run(&o, argc - optind, argv + optind);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror(PROGRAM ": standard output");
		return EXIT_NO;
	}
	return code;
}
