/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.c - see rig.h */
#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/unit.h"

#define HANG_MS 60000

static void
write_file(const char *path, const char *text)
{
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	assert_true(fputs(text, fp) >= 0);
	assert_int_equal(fclose(fp), 0);
}

/* What is written to standard error comes out of *err; NULL: it goes where ours goes. */
static pid_t
spawn(const char *const *argv, int in, int *err)
{
	int pipes[2] = { -1, -1 };
	pid_t pid;

	if (err != NULL)
		assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		if (in != -1)
			dup2(in, STDIN_FILENO);
		if (err != NULL)
			dup2(pipes[1], STDERR_FILENO);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (err != NULL) {
		close(pipes[1]);
		*err = pipes[0];
	}
	return pid;
}

static int
ended(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool
show_nothing(void *arg, const struct json *line)
{
	(void)arg;
	(void)line;
	return true;
}

static bool
answers(const struct rig *r)
{
	struct json *request = json_new();
	struct ask_ending end;
	bool yes;

	json_put_cstr(request, "verb", "stats");
	yes = ask(r->control, request, 30, show_nothing, NULL, &end) == ASK_DONE;
	json_free(request);
	return yes;
}

/* A tenth of a second between two looks; false: the process that is waited for has ended. */
static bool
pause_for(pid_t pid)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };

	if (pid > 0 && waitpid(pid, NULL, WNOHANG) != 0)
		return false;
	nanosleep(&tenth, NULL);
	return true;
}

static void
start_daemon(struct rig *r)
{
	const char *src = getenv("top_srcdir");
	char conf[96], text[8000], top[4096];

	assert_non_null(realpath(src != NULL ? src : ".", top));
	(void)snprintf(conf, sizeof conf, "%s/conf", r->dir);
	(void)snprintf(text, sizeof text, "user = \"\"\nfirewall = no\nstate_dir = \"%s/state\"\nrules_dir = \"%s/rules\"\n"
	    "rules_local = \"\"\nfreemail = off\nlogs = { \"%s/mail.log\" }\nmilter_socket = \"unix:%s/milter\"\nmap_socket = \"\"\n"
	    "control_socket = \"%s\"\n", r->dir, top, r->dir, r->dir, r->control);
	write_file(conf, text);
	(void)snprintf(text, sizeof text, "%s/mail.log", r->dir);
	write_file(text, "");
	r->daemon = spawn((const char *const[]){ "./popauth-milter", "-f", "-c", conf, NULL }, -1, NULL);
	for (unsigned i = 0; !answers(r); i++) {
		if (i == 600 || !pause_for(r->daemon)) {
			r->daemon = i == 600 ? r->daemon : 0;
			fail_msg("the daemon does not start");
		}
	}
}

static void
start_web(struct rig *r, const char *const *options)
{
	const char *argv[24] = { "./popauth-web", "-l", "127.0.0.1:0", "-s", r->control, "-p" };
	char passwd[96], line[300], *at;
	unsigned n = 6;
	FILE *err;
	int fd;

	(void)snprintf(passwd, sizeof passwd, "%s/passwd", r->dir);
	argv[n++] = passwd;
	for (; options != NULL && *options != NULL && n < 23; options++)
		argv[n++] = *options;
	r->web = spawn(argv, -1, &fd);
	err = fdopen(fd, "r");
	assert_non_null(err);
	while (fgets(line, sizeof line, err) != NULL && (at = strstr(line, "listening at ")) == NULL)
		(void)strncat(r->said, line, sizeof r->said - strlen(r->said) - 1);
	if (at == NULL)
		fail_msg("popauth-web does not start: %s", line);
	str_copy(r->host, sizeof r->host, (struct str){ at + 13, strcspn(at + 13, "\n") });
	/* It is left open: who writes there must not be killed for it. */
}

int
rig_run(const struct rig *r, const char *const *argv, const char *input)
{
	char path[96];
	int fd, rc;

	(void)snprintf(path, sizeof path, "%s/input", r->dir);
	write_file(path, input);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	rc = ended(spawn(argv, fd, NULL));
	close(fd);
	return rc;
}

void
rig_start(struct rig *r, const char *const *options)
{
	char passwd[96];

	memset(r, 0, sizeof *r);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)strcpy(r->dir, "/tmp/popauth-web.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	(void)snprintf(r->control, sizeof r->control, "%s/control", r->dir);
	(void)snprintf(passwd, sizeof passwd, "%s/passwd", r->dir);
	start_daemon(r);
	assert_int_equal(rig_run(r, (const char *const[]){ "./popauth-web", "-p", passwd, "--add-user", RIG_USER, NULL },
	    RIG_PASSWORD "\n"), 0);
	start_web(r, options);
}

void
rig_stop_daemon(struct rig *r)
{
	if (r->daemon == 0)
		return;
	kill(r->daemon, SIGTERM);
	assert_int_equal(ended(r->daemon), 0);
	r->daemon = 0;
}

void
rig_stop(struct rig *r)
{
	int rc = 0;

	if (r->web > 0) { /* 0 would be ourselves */
		kill(r->web, SIGTERM);
		rc = ended(r->web);
	}
	rig_stop_daemon(r);
	assert_int_equal(ended(spawn((const char *const[]){ "/bin/rm", "-rf", r->dir, NULL }, -1, NULL)), 0);
	assert_int_equal(rc, 0);
}

/* ---- the daemon ---- */

void
rig_log(const struct rig *r, const char *line)
{
	char path[96], stamp[40];
	time_t now = time(NULL);
	struct tm tm;
	FILE *fp;

	(void)snprintf(path, sizeof path, "%s/mail.log", r->dir);
	fp = fopen(path, "a");
	assert_non_null(fp);
	assert_non_null(localtime_r(&now, &tm));
	assert_true(strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", &tm) > 0);
	fprintf(fp, "%s mx %s\n", stamp, line);
	assert_int_equal(fclose(fp), 0);
}

struct wanted {
	const char *text;
	bool found;
};

static bool
look_for(void *arg, const struct json *line)
{
	static char buf[65536];
	struct wanted *w = arg;
	size_t n = json_write(line, buf, sizeof buf - 1);

	assert_true(n < sizeof buf);
	buf[n] = '\0';
	if (w->text != NULL && strstr(buf, w->text) != NULL)
		w->found = true;
	return true;
}

static bool
ask_for(const struct rig *r, const char *request, const char *text, struct ask_ending *end)
{
	struct wanted w = { .text = text };
	struct err e = { "" };
	struct json *j = json_parse(str_of(request), &e);

	if (j == NULL)
		fail_msg("%s: %s", request, e.text);
	if (ask(r->control, j, 60, look_for, &w, end) != ASK_DONE)
		fail_msg("%s: %s", request, end->message);
	json_free(j);
	return w.found;
}

void
rig_ask(const struct rig *r, const char *request)
{
	struct ask_ending end;

	(void)ask_for(r, request, NULL, &end);
	if (end.code != 0)
		fail_msg("%s: %s", request, end.message);
}

void
rig_await(const struct rig *r, const char *request, const char *text)
{
	struct ask_ending end;

	for (unsigned i = 0; !ask_for(r, request, text, &end); i++) {
		if (i >= 600)
			fail_msg("%s: waited in vain for %s", request, text);
		(void)pause_for(0);
	}
}

/* ---- HTTP ---- */

static int
dial(const struct rig *r)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_port = htons((uint16_t)atoi(strchr(r->host, ':') + 1));
	assert_true(fd != -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	return fd;
}

int
rig_http(const struct rig *r, const char *request, char *answer, size_t size)
{
	int fd = dial(r);
	size_t n = strlen(request), done = 0, got = 0;
	ssize_t k = 1;

	while (done < n && (k = send(fd, request + done, n - done, MSG_NOSIGNAL)) > 0)
		done += (size_t)k;
	while (got < size - 1) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		if (poll(&pfd, 1, HANG_MS) != 1)
			fail_msg("no answer to %.100s", request);
		k = recv(fd, answer + got, size - 1 - got, 0);
		if (k <= 0)
			break;
		got += (size_t)k;
	}
	answer[got] = '\0';
	close(fd);
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

int
rig_ask_page(const struct rig *r, const char *path, const char *form, const char *cookie, const char *headers, char *answer,
    size_t size)
{
	static char request[70000];
	int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s", form != NULL ? "POST" : "GET",
	    path, r->host, headers);

	if (cookie != NULL)
		n += snprintf(request + n, sizeof request - (size_t)n, "Cookie: %s\r\n", cookie);
	if (form != NULL)
		n += snprintf(request + n, sizeof request - (size_t)n,
		    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n", strlen(form));
	(void)snprintf(request + n, sizeof request - (size_t)n, "\r\n%s", form != NULL ? form : "");
	return rig_http(r, request, answer, size);
}

static unsigned
times_in(const char *answer, const char *text)
{
	unsigned n = 0;

	for (; (answer = strstr(answer, text)) != NULL; answer++)
		n++;
	return n;
}

static long
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

int
rig_stream(const struct rig *r, int fd, const char *cookie, const char *text, unsigned times, char *answer, size_t size)
{
	long until = seconds() + 2 * HANG_MS / 1000;
	char request[400];
	size_t got = 0;
	ssize_t k;
	int n;

	answer[0] = '\0';
	if (fd == -1) {
		fd = dial(r);
		n = snprintf(request, sizeof request, "GET /events HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", r->host, cookie);
		assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
	}
	while (times_in(answer, text) < times && got < size - 1) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		/* Something always comes, if only to keep the connection. */
		if (poll(&pfd, 1, HANG_MS) != 1 || seconds() > until)
			fail_msg("%s does not come, but %.2000s", text, answer);
		k = recv(fd, answer + got, size - 1 - got, 0);
		answer[got += k > 0 ? (size_t)k : 0] = '\0';
		if (k <= 0 || strstr(answer, "\r\n0\r\n\r\n") != NULL) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

void
rig_login(const struct rig *r, char cookie[100], char csrf[60])
{
	static char answer[200000];
	char *at;

	assert_int_equal(rig_ask_page(r, "/login", "user=" RIG_USER "&password=correct+horse+battery", NULL, "", answer,
	    sizeof answer), 303);
	at = strstr(answer, "Set-Cookie: ");
	assert_non_null(at);
	str_copy(cookie, 100, (struct str){ at + 12, strcspn(at + 12, ";\r") });
	assert_int_equal(rig_ask_page(r, "/explain", NULL, cookie, "", answer, sizeof answer), 200);
	at = strstr(answer, "name=\"csrf\" value=\"");
	assert_non_null(at);
	str_copy(csrf, 60, (struct str){ at + 19, strcspn(at + 19, "\"") });
}
