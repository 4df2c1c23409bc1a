/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logspec.c - how a log is named in the configuration */
#include "config.h"

#include "logspec.h"

#include <string.h>
#include <sys/un.h>

#define SUN_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define OUR_TMP	     (sizeof ".4294967295" - 1) /* what unixsock.c puts behind a path for a moment */

static const struct {
	const char *prefix;
	enum logspec_kind kind;
} prefixes[] = {
	{ "fifo:", LOGSPEC_FIFO },
	{ "syslog:unix:", LOGSPEC_UNIX },
	{ "syslog:udp:", LOGSPEC_UDP },
	{ "journal:", LOGSPEC_JOURNAL },
};

/* ADDR:PORT or [ADDR]:PORT. */
static int
read_endpoint(struct logspec *out, const char *text)
{
	struct str host = str_of(text);
	const char *colon = strrchr(text, ':');
	unsigned long port = 0;

	if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) > 5)
		return -1;
	host.n = (size_t)(colon - text);
	for (const char *p = colon + 1; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return -1;
		port = port * 10 + (unsigned long)(*p - '0');
	}
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct str){ host.p + 1, host.n - 2 };
	else if (memchr(host.p, ':', host.n) != NULL)
		return -1;
	if (port < 1 || port > 65535 || addr_parse(&out->addr, host) == -1)
		return -1;
	out->port = (uint16_t)port;
	return 0;
}

int
logspec_parse(struct logspec *out, const char *text, struct err *e)
{
	*out = (struct logspec){ .kind = LOGSPEC_FILE, .path = text };
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (strncmp(text, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0) {
			out->kind = prefixes[i].kind;
			out->path = text + strlen(prefixes[i].prefix);
		}
	if (out->kind == LOGSPEC_UDP) {
		if (read_endpoint(out, out->path) == -1)
			return err_set(e, "\"%s\" is not syslog:udp:ADDRESS:PORT", text);
		out->path = "";
		return 0;
	}
#ifndef HAVE_SYSTEMD
	if (out->kind == LOGSPEC_JOURNAL)
		return err_set(e, "\"%s\": this program was built without libsystemd", text);
#endif
	if (out->path[0] != '/' && (out->kind != LOGSPEC_JOURNAL || out->path[0] != '\0'))
		return err_set(e, "\"%s\" is not an absolute path", out->path);
	if (out->kind == LOGSPEC_UNIX && strlen(out->path) > SUN_PATH_MAX - OUR_TMP)
		return err_set(e, "\"%s\": longer than a socket's path can be (%zu)", text, SUN_PATH_MAX - OUR_TMP);
	return 0;
}
