/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr.h - internet addresses and clients
 *
 * One form for both families: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so that one
 * table holds both.  A *client* is an address folded to the prefix that one customer is given: IPv4 whole, IPv6 /64
 * unless configured otherwise.
 */
#ifndef ADDR_H
#define ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "str.h"

struct addr {
	uint8_t b[16];
};

#define ADDR_TEXT 56 /* room for the longest text form, a /prefix and the NUL */

/* Strict: IPv4 as four decimal numbers without leading zeros (inet_aton's octal and short forms are refused), IPv6 as
 * RFC 4291 writes it, with an optional "IPv6:" before it (RFC 5321, 4.1.3) and an optional %scope behind it, which is
 * dropped.  Returns 0, or -1 and leaves *a alone. */
int addr_parse(struct addr *a, struct str text);
static inline bool
addr_is4(const struct addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(a->b, mapped, sizeof mapped) == 0;
}

static inline bool
addr_eq(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* RFC 5952 text; IPv4 as a.b.c.d.  buf holds ADDR_TEXT bytes.  Returns buf. */
char *addr_format(char *buf, const struct addr *a);

/* From and to a struct sockaddr of either family.  addr_from_sockaddr returns -1 for any other family or NULL. */
struct sockaddr;
int addr_from_sockaddr(struct addr *a, const struct sockaddr *sa);

/* The client an address belongs to.  `ipv6_prefix` is 1..128. */
struct addr addr_client(const struct addr *a, unsigned ipv6_prefix);
/* As addr_format, with "/prefix" behind an IPv6 client when the prefix is below 128. */
char *addr_format_client(char *buf, const struct addr *client, unsigned ipv6_prefix);

/* Loopback, unspecified, multicast, link-local: never a client that could be granted or blocked. */
bool addr_is_special(const struct addr *a);

#endif
