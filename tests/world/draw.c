/* SPDX-License-Identifier: GPL-2.0-or-later */
/* draw.c - chance, names, addresses, memory
 *
 * Addresses are from the ranges that are no host's on the internet: 198.18.0.0/15 (RFC 2544) and 2001:db8::/32; each
 * is given out once.  Names are from RFC 2606.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct client **clients;
size_t clients_n;

static uint64_t state;

void
draw_seed(uint64_t seed)
{
	state = seed;
}

/* SplitMix64: the same world on every machine. */
uint32_t
any(uint32_t below)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ z >> 31) >> 16) % below;
}

uint32_t
between(uint32_t least, uint32_t most)
{
	return least + any(most - least + 1);
}

bool
one_in(uint32_t n)
{
	return any(n) == 0;
}

const char *
one_of(const char *const *list)
{
	uint32_t n = 0;

	while (list[n] != NULL)
		n++;
	return list[any(n)];
}

void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("world: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

/* Pieces of 1 MB, each with a pointer to the one before it. */
void *
keep(size_t size)
{
	enum { PIECE = 1 << 20, ALIGN = 16 };
	static char *piece;
	static size_t used = PIECE;
	char *p;

	size = (size + ALIGN - 1) / ALIGN * ALIGN;
	if (size > PIECE - ALIGN)
		die("%zu bytes at once", size);
	if (used + size > PIECE) {
		if ((p = calloc(1, PIECE)) == NULL)
			die("out of memory");
		memcpy(p, &piece, sizeof piece);
		piece = p;
		used = ALIGN;
	}
	p = piece + used;
	used += size;
	return p;
}

const char *
keepf(const char *fmt, ...)
{
	va_list ap;
	char *text, *p;
	int n;

	va_start(ap, fmt);
	if ((n = vasprintf(&text, fmt, ap)) == -1)
		die("out of memory");
	va_end(ap);
	p = memcpy(keep((size_t)n + 1), text, (size_t)n + 1);
	free(text);
	return p;
}

void *
grow(void *array, size_t n, size_t size)
{
	if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
		return array;
	if ((array = realloc(array, (n < 8 ? 8 : 2 * n) * size)) == NULL)
		die("out of memory");
	return array;
}

const char *
some_user(void)
{
	const char *name = ONE_OF("anna", "bob", "carla", "d.smith", "info", "office", "web-1", "o_neil", "li", "joe");

	return one_in(2) ? keepf("%s%u", name, any(400)) : keepf("%s%u@example.org", name, any(400));
}

const char *
some_recipient(void)
{
	const char *name = ONE_OF("sales", "john", "mary", "admin", "a", "b.c", "test+x", "peter", "kim", "zoe_k");

	return keepf("%s%u@%s", name, any(1000000), ONE_OF("example.org", "example.com", "mail.example.org"));
}

const char *
some_zone(void)
{
	return ONE_OF("zen.example.net", "bl.example.com", "dnsbl-1.example.org");
}

const char *
some_host(void)
{
	return keepf("%s%u.%s", ONE_OF("mail", "dsl-", "host-", "a.b-c.", "12-34-", "x--"), any(100000),
	    ONE_OF("example.net", "example.com", "dyn.example.net", "198.51.100.66.example.com"));
}

static struct peer *
peer_of(struct client *c, const char *ip, bool v4)
{
	struct peer *p = keep(sizeof *p);

	*p = (struct peer){ c, ip, one_in(4) ? "unknown" : some_host(), v4 };
	return p;
}

static struct client *
client_new(const char *name, const char *role, unsigned is)
{
	struct client *c = keep(sizeof *c);

	*c = (struct client){ .name = name, .role = role, .is = is };
	clients = grow(clients, clients_n, sizeof(struct client *));
	clients[clients_n++] = c;
	return c;
}

/* Odd numbers are coprime to powers of two, so that no address is drawn twice. */
static const char *
next4(void)
{
	static uint32_t n;
	uint32_t host = n++ * 48271u & 0x1ffff;

	if (n > 0x1ffff)
		die("too many actors: no IPv4 address is left");
	return keepf("198.%u.%u.%u", 18 + (host >> 16), host >> 8 & 255, host & 255);
}

struct peer *
peer_new(const char *role, enum family f, unsigned is)
{
	static uint32_t n6;

	if (f == V4 || (f == EITHER && !one_in(4))) {
		const char *ip = next4();

		return peer_of(client_new(ip, role, is), ip, true);
	}
	if (n6++ == 65521u * 65535)
		die("too many actors");
	/* No group is 0, which :: would swallow.  65521 is a prime: no two are the same. */
	return peer_in(keepf("2001:db8:%x", 1 + n6 * 30011u % 65521), 1 + (n6 * 7919u + n6 / 65521) % 65521, role, is);
}

struct peer *
peer_in(const char *net, unsigned n, const char *role, unsigned is)
{
	const char *ip;

	if (strchr(net, ':') == NULL)
		return peer_fixed(role, keepf("%s.%u", net, n), is);
	ip = keepf("%s:%x", net, n);
	return peer_of(client_new(keepf("%s::/64", ip), role, is), keepf("%s::%x", ip, 1 + any(65535)), false);
}

struct peer *
peer_fixed(const char *role, const char *ip, unsigned is)
{
	return peer_of(client_new(ip, role, is), ip, strchr(ip, ':') == NULL);
}

struct peer *
peer_beside(const struct peer *p)
{
	size_t n = strlen(p->client->name);

	if (p->v4)
		return peer_of(p->client, p->ip, true);
	return peer_of(p->client, keepf("%.*s:%x:%x:%x:%x", (int)(n - strlen("::/64")), p->client->name, between(1, 65535),
	    between(1, 65535), between(1, 65535), between(1, 65535)), false);
}
