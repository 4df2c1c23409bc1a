/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_listen.c - the socket that the page is reached by */
#include <grp.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "logmsg.h"
#include "web.h"

#define BACKLOG 64

static int
listen_inet(const char *text, struct err *e)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
	char host[64], *port = strrchr(text, ':') == NULL ? NULL : xstrdup(strrchr(text, ':') + 1);
	size_t n = port == NULL ? 0 : (size_t)(strrchr(text, ':') - text);
	struct addrinfo *ai = NULL;
	int fd = -1, one = 1, rc;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
		str_copy(host, sizeof host, (struct str){ text + 1, n - 2 });
	else
		str_copy(host, sizeof host, (struct str){ text, n });
	rc = port == NULL || n == 0 ? EAI_NONAME : getaddrinfo(host, port, &hints, &ai);
	free(port);
	if (rc != 0) {
		err_set(e, "%s: not an address to listen at, like 127.0.0.1:8025, [::1]:8025 or unix:PATH", text);
		return -1;
	}
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd == -1 || bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 || listen(fd, BACKLOG) == -1) {
		err_sys(e, "%s", text);
		if (fd != -1)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(ai);
	return fd;
}

static int
listen_unix(struct listener *l, const struct server_options *o, struct err *e)
{
	const struct group *gr = o->group == NULL ? NULL : getgrnam(o->group);

	if (o->group != NULL && gr == NULL)
		return err_set(e, "group \"%s\" does not exist", o->group);
	l->path = xstrdup(o->listen + 5);
	return unixsock_listen(l->path, o->mode, (uid_t)-1, gr == NULL ? (gid_t)-1 : gr->gr_gid, &l->file, e);
}

void
listener_say(const struct listener *l, const char *text)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	struct addr a;
	char addr[ADDR_TEXT], port[8];

	if (strncmp(text, "unix:", 5) != 0 && getsockname(l->fd, (struct sockaddr *)&sa, &n) == 0 &&
	    addr_from_sockaddr(&a, (struct sockaddr *)&sa) == 0 &&
	    getnameinfo((struct sockaddr *)&sa, n, NULL, 0, port, sizeof port, NI_NUMERICSERV) == 0)
		logmsg(LEVEL_NOTICE, addr_is4(&a) ? "listening at %s:%s" : "listening at [%s]:%s", addr_format(addr, &a), port);
	else
		logmsg(LEVEL_NOTICE, "listening at %s", text);
}

/* Can other machines reach it? */
static bool
for_others(const struct listener *l)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	struct addr a;

	return l->path == NULL && (getsockname(l->fd, (struct sockaddr *)&sa, &n) == -1 ||
	    addr_from_sockaddr(&a, (struct sockaddr *)&sa) == -1 || !addr_is_here(&a));
}

void
listener_warn(const struct listener *l, bool https)
{
	if (for_others(l))
		logmsg(LEVEL_WARNING, "%s", https ?
		    "other machines can reach this page without its proxy: let it listen at 127.0.0.1, or have a firewall let only "
		    "the proxy in, for X-Forwarded-For is believed" :
		    "other machines can reach this page, and passwords would travel in clear: let it listen at 127.0.0.1, behind a "
		    "proxy that does TLS; see --https in popauth-web(8)");
}

int
listener_open(struct listener *l, const struct server_options *o, struct err *e)
{
	l->path = NULL;
	l->fd = strncmp(o->listen, "unix:", 5) == 0 ? listen_unix(l, o, e) : listen_inet(o->listen, e);
	if (l->fd != -1)
		return 0;
	free(l->path);
	return -1;
}

void
listener_gone(struct listener *l)
{
	if (l->path != NULL)
		unixsock_remove(l->path, &l->file);
	free(l->path);
}
