/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_main.c - popauth-web: options, start, end
 *
 * It is configured by options alone: what it needs is little, and it need not be able to read the daemon's configuration.
 * Exit codes as popauth-milter's: 64 for bad arguments, 71 for what the system refused; 1 when --add-user failed.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include "logmsg.h"
#include "version.h"
#include "web.h"

#define DEFAULT_LISTEN "127.0.0.1:8025"
#define DEFAULT_SOCKET RUNSTATEDIR "/popauth-milter/control.sock"
#define DEFAULT_PASSWD SYSCONFDIR "/popauth-milter/web.passwd"

struct arguments {
	struct web web;
	struct server_options server;
	const char *add, *del;
	unsigned names;
};

static const struct option longopts[] = {
	{ "listen", required_argument, NULL, 'l' },	{ "socket", required_argument, NULL, 's' },
	{ "passwords", required_argument, NULL, 'p' },	{ "https", no_argument, NULL, 'S' },
	{ "host", required_argument, NULL, 'H' },	{ "group", required_argument, NULL, 'g' },
	{ "mode", required_argument, NULL, 'm' },	{ "add-user", required_argument, NULL, 'a' },
	{ "del-user", required_argument, NULL, 'd' },	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },		{ NULL, 0, NULL, 0 },
};

static void
usage(FILE *out)
{
	fprintf(out, "usage: " WEB_PROGRAM " [options]\n"
	    "  -l, --listen WHERE     127.0.0.1:8025 (the default), [::1]:8025 or unix:PATH; for other\n"
	    "                         machines put a proxy before it that does TLS\n"
	    "      --mode MODE        of that socket, 0660\n"
	    "      --group GROUP      of that socket\n"
	    "  -s, --socket PATH      the daemon's control socket\n"
	    "  -p, --passwords FILE   who may log in\n"
	    "      --https            a proxy in front of it does TLS\n"
	    "      --host NAME        a name that the page has, beside localhost and addresses; up to 8\n"
	    "\n"
	    "  --add-user NAME        set a user's password, read from the terminal or standard input\n"
	    "  --del-user NAME        take a user out\n"
	    "\n"
	    "  -h, --help             print this\n"
	    "  -V, --version          print the version\n");
}

static int
wrong(const char *what, const char *value)
{
	fprintf(stderr, WEB_PROGRAM ": %s: %s\n\n", what, value);
	return EX_USAGE;
}

static int
parse_mode(const char *text, mode_t *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 8);

	if (*text == '\0' || *end != '\0' || n > 0777)
		return -1;
	*out = (mode_t)n;
	return 0;
}

/* EX_OK: go on; -1: done, all is well. */
static int
parse(int argc, char **argv, struct arguments *a)
{
	int ch;

	while ((ch = getopt_long(argc, argv, "l:s:p:hV", longopts, NULL)) != -1) {
		switch (ch) {
		case 'l':
			a->server.listen = optarg;
			break;
		case 's':
			a->web.socket = optarg;
			break;
		case 'p':
			a->web.passwd = optarg;
			break;
		case 'S':
			a->web.https = true;
			break;
		case 'H':
			if (a->names == 8)
				return wrong("more than eight names", optarg);
			a->web.names[a->names++] = optarg;
			break;
		case 'g':
			a->server.group = optarg;
			break;
		case 'm':
			if (parse_mode(optarg, &a->server.mode) == -1)
				return wrong("not a mode such as 0660", optarg);
			break;
		case 'a':
			a->add = optarg;
			break;
		case 'd':
			a->del = optarg;
			break;
		case 'h':
			usage(stdout);
			return -1;
		case 'V':
			printf(WEB_PROGRAM " " POPAUTH_VERSION "\n");
			return -1;
		default:
			return EX_USAGE;
		}
	}
	return optind < argc ? wrong("too many words", argv[optind]) : EX_OK;
}

/* ---- passwords ---- */

static int
read_password(char *buf, size_t size)
{
	bool tty = isatty(STDIN_FILENO);
	struct termios was, quiet;
	size_t n;

	if (tty && tcgetattr(STDIN_FILENO, &was) == 0) {
		fprintf(stderr, "Password: ");
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	buf[0] = '\0';
	if (fgets(buf, (int)size, stdin) == NULL)
		buf[0] = '\0';
	if (tty) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	n = strcspn(buf, "\r\n");
	buf[n] = '\0';
	return n < 10 || n > 500 ? -1 : 0;
}

static int
manage_users(const struct arguments *a)
{
	char password[520];
	struct err e;
	int rc;

	if (a->add != NULL && read_password(password, sizeof password) == -1) {
		fprintf(stderr, WEB_PROGRAM ": a password has 10 to 500 characters\n");
		return 1;
	}
	rc = passwd_set(a->web.passwd, a->add != NULL ? a->add : a->del, a->add != NULL ? password : NULL, &e);
	explicit_bzero(password, sizeof password);
	if (rc == -1)
		fprintf(stderr, WEB_PROGRAM ": %s\n", e.text);
	return rc == 0 ? 0 : 1;
}

/* ---- running ---- */

static int
run(struct arguments *a)
{
	struct web *w = &a->web;
	struct serving *s;
	struct err e;
	sigset_t set;
	int sig;

	logmsg_open(WEB_PROGRAM, true);
	if (geteuid() == 0)
		logmsg(LEVEL_WARNING, "running as root is not needed, and not advised");
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	w->sessions = sessions_new();
	w->attempts = attempts_new();
	w->status = status_new(w->socket);
	w->live = live_new(w->socket);
	if ((s = serve_start(w, &a->server, &e)) == NULL) {
		logmsg(LEVEL_ERROR, "%s", e.text);
		return EX_OSERR;
	}
	do
		(void)sigwait(&set, &sig);
	while (sig == SIGHUP);
	live_stop(w->live);
	serve_stop(s);
	live_free(w->live);
	status_free(w->status);
	attempts_free(w->attempts);
	sessions_free(w->sessions);
	return EX_OK;
}

int
main(int argc, char **argv)
{
	static struct arguments a = { .web = { .socket = DEFAULT_SOCKET, .passwd = DEFAULT_PASSWD },
		.server = { .listen = DEFAULT_LISTEN, .mode = 0660 } };
	int rc = parse(argc, argv, &a);

	if (rc == -1)
		return EX_OK;
	if (rc != EX_OK) {
		usage(stderr);
		return rc;
	}
	return a.add != NULL || a.del != NULL ? manage_users(&a) : run(&a);
}
