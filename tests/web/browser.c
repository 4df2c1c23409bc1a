/* SPDX-License-Identifier: GPL-2.0-or-later */
/* browser.c - see browser.h */
#include "browser.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "../unit/unit.h"

#define HANG_MS 120000

static const char *
program(void)
{
	static const char *const paths[] = { "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" };
	const char *named = getenv("CHROMIUM");

	if (named != NULL)
		return access(named, X_OK) == 0 ? named : NULL;
	for (unsigned i = 0; i < 3; i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

bool
browser_there(void)
{
	return program() != NULL;
}

static void
exec_browser(const char *dir, int in, int out)
{
	char profile[100];
	/* Debian's chromium is a script that would read the user's own settings. */
	static char flags[] = "CHROMIUM_FLAGS=";
	int fd = open("/dev/null", O_RDWR);

	putenv(flags);
	(void)snprintf(profile, sizeof profile, "--user-data-dir=%s", dir);
	/* Both may be 3 or 4 themselves. */
	in = fcntl(in, F_DUPFD, 10);
	out = fcntl(out, F_DUPFD, 10);
	dup2(in, 3);
	dup2(out, 4);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	setpgid(0, 0);
	execl(program(), "chromium", "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
	    "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
	    "--disable-sync", "--disable-extensions", "--mute-audio", "--hide-scrollbars", "--password-store=basic",
	    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", profile, (char *)NULL);
	_exit(127);
}

/* ---- the pipe ---- */

static void
send_message(struct browser *b, json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);
	size_t n, done = 0;

	assert_non_null(text);
	n = strlen(text) + 1;
	while (done < n) {
		ssize_t k = write(b->to, text + done, n - done);

		if (k <= 0)
			fail_msg("the browser has gone");
		done += (size_t)k;
	}
	free(text);
	json_decref(j);
}

static json_t *
hear_message(struct browser *b)
{
	struct pollfd pfd = { .fd = b->from, .events = POLLIN };
	char *end;
	json_t *j;
	ssize_t k;

	while ((end = b->n == 0 ? NULL : memchr(b->buf, '\0', b->n)) == NULL) {
		if (b->cap - b->n < 65536) {
			b->cap = b->cap * 2 + 65536;
			b->buf = xrealloc(b->buf, b->cap);
		}
		if (poll(&pfd, 1, HANG_MS) != 1)
			fail_msg("the browser does not answer");
		k = read(b->from, b->buf + b->n, b->cap - b->n);
		if (k <= 0)
			fail_msg("the browser has gone");
		b->n += (size_t)k;
	}
	j = json_loads(b->buf, 0, NULL);
	assert_non_null(j);
	b->n -= (size_t)(end + 1 - b->buf);
	memmove(b->buf, end + 1, b->n);
	return j;
}

static void
take_event(struct browser *b, const json_t *j)
{
	const char *method = json_string_value(json_object_get(j, "method"));

	if (method != NULL && strcmp(method, "Page.loadEventFired") == 0)
		b->loaded = true;
}

json_t *
browser_call(struct browser *b, const char *method, json_t *params)
{
	json_t *j = json_pack("{s:i, s:s, s:o}", "id", ++b->id, "method", method, "params", params != NULL ? params : json_object());
	json_t *result;

	if (b->session[0] != '\0')
		json_object_set_new(j, "sessionId", json_string(b->session));
	send_message(b, j);
	for (;;) {
		j = hear_message(b);
		if (json_integer_value(json_object_get(j, "id")) == b->id)
			break;
		take_event(b, j);
		json_decref(j);
	}
	if (json_object_get(j, "error") != NULL)
		fail_msg("%s: %s", method, json_string_value(json_object_get(json_object_get(j, "error"), "message")));
	result = json_incref(json_object_get(j, "result"));
	json_decref(j);
	return result;
}

static void
call(struct browser *b, const char *method, json_t *params)
{
	json_decref(browser_call(b, method, params));
}

/* ---- life ---- */

void
browser_start(struct browser *b)
{
	int to[2], from[2];
	json_t *target, *session;

	memset(b, 0, sizeof *b);
	(void)strcpy(b->dir, "/tmp/popauth-browser.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	b->pid = fork();
	assert_true(b->pid != -1);
	if (b->pid == 0)
		exec_browser(b->dir, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	b->to = to[1];
	b->from = from[0];
	target = browser_call(b, "Target.createTarget", json_pack("{s:s}", "url", "about:blank"));
	session = browser_call(b, "Target.attachToTarget", json_pack("{s:s, s:b}", "targetId",
	    json_string_value(json_object_get(target, "targetId")), "flatten", 1));
	(void)snprintf(b->session, sizeof b->session, "%s", json_string_value(json_object_get(session, "sessionId")));
	json_decref(target);
	json_decref(session);
	call(b, "Page.enable", NULL);
	call(b, "Runtime.enable", NULL);
}

void
browser_stop(struct browser *b)
{
	int status;
	pid_t rm;

	if (b->pid <= 0)
		return;
	b->session[0] = '\0';
	call(b, "Browser.close", NULL);
	close(b->to);
	close(b->from);
	waitpid(b->pid, &status, 0);
	kill(-b->pid, SIGKILL); /* what may be left of its process group */
	free(b->buf);
	rm = fork();
	if (rm == 0) {
		execl("/bin/rm", "rm", "-rf", b->dir, (char *)NULL);
		_exit(127);
	}
	waitpid(rm, &status, 0);
}

/* ---- pages ---- */

static void
await_load(struct browser *b)
{
	while (!b->loaded) {
		json_t *j = hear_message(b);

		take_event(b, j);
		json_decref(j);
	}
}

void
browser_go(struct browser *b, const char *host, const char *path)
{
	char url[600];

	(void)snprintf(url, sizeof url, "http://%s%s", host, path);
	b->loaded = false;
	call(b, "Page.navigate", json_pack("{s:s}", "url", url));
	await_load(b);
}

void
browser_do(struct browser *b, const char *script)
{
	b->loaded = false;
	json_decref(browser_eval(b, script));
	await_load(b);
}

void
browser_key(struct browser *b, const char *key)
{
	bool enter = strcmp(key, "Enter") == 0;

	json_decref(browser_call(b, "Input.dispatchKeyEvent", json_pack("{s:s, s:s, s:s, s:i, s:s}", "type", enter ? "keyDown" : "rawKeyDown",
	    "key", key, "code", key, "windowsVirtualKeyCode", enter ? 13 : 9, "text", enter ? "\r" : "")));
	json_decref(browser_call(b, "Input.dispatchKeyEvent", json_pack("{s:s, s:s, s:s, s:i}", "type", "keyUp", "key", key, "code", key,
	    "windowsVirtualKeyCode", enter ? 13 : 9)));
}

void
browser_key_loads(struct browser *b, const char *key)
{
	b->loaded = false;
	browser_key(b, key);
	await_load(b);
}

void
browser_type(struct browser *b, const char *text)
{
	json_decref(browser_call(b, "Input.insertText", json_pack("{s:s}", "text", text)));
}

json_t *
browser_eval(struct browser *b, const char *expression)
{
	json_t *r = browser_call(b, "Runtime.evaluate", json_pack("{s:s, s:b, s:b}", "expression", expression, "returnByValue", 1,
	    "userGesture", 1)), *value;

	if (json_object_get(r, "exceptionDetails") != NULL)
		fail_msg("%s: %s", expression, json_dumps(json_object_get(r, "exceptionDetails"), 0));
	value = json_incref(json_object_get(json_object_get(r, "result"), "value"));
	json_decref(r);
	return value;
}

bool
browser_true(struct browser *b, const char *expression)
{
	json_t *value = browser_eval(b, expression);
	bool yes = json_is_true(value);

	json_decref(value);
	return yes;
}

void
browser_await(struct browser *b, const char *expression)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };

	for (unsigned i = 0; !browser_true(b, expression); i++) {
		if (i >= 600)
			fail_msg("waited in vain for %s", expression);
		nanosleep(&tenth, NULL);
	}
}

void
browser_size(struct browser *b, int width, int height, bool phone)
{
	call(b, "Emulation.setDeviceMetricsOverride", json_pack("{s:i, s:i, s:i, s:b}", "width", width, "height", height,
	    "deviceScaleFactor", 1, "mobile", phone));
}

void
browser_dark(struct browser *b, bool dark)
{
	call(b, "Emulation.setEmulatedMedia", json_pack("{s:[{s:s, s:s}]}", "features", "name", "prefers-color-scheme", "value",
	    dark ? "dark" : "light"));
}

void
browser_scripts(struct browser *b, bool on)
{
	call(b, "Emulation.setScriptExecutionDisabled", json_pack("{s:b}", "value", !on));
}

/* ---- pictures ---- */

static int
digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

static void
write_base64(FILE *fp, const char *s)
{
	unsigned bits = 0, n = 0;

	for (; *s != '\0' && digit(*s) != -1; s++) {
		bits = bits << 6 | (unsigned)digit(*s);
		if ((n += 6) >= 8) {
			n -= 8;
			fputc((int)(bits >> n & 0xff), fp);
		}
	}
}

void
browser_shot(struct browser *b, const char *name)
{
	const char *dir = getenv("POPAUTH_SHOTS");
	char path[500];
	json_t *r;
	FILE *fp;

	if (dir == NULL)
		return;
	r = browser_call(b, "Page.captureScreenshot", json_pack("{s:s}", "format", "png"));
	(void)snprintf(path, sizeof path, "%s/%s.png", dir, name);
	fp = fopen(path, "wb");
	assert_non_null(fp);
	write_base64(fp, json_string_value(json_object_get(r, "data")));
	assert_int_equal(fclose(fp), 0);
	json_decref(r);
}
