/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netlist.h - a list of networks (CIDR), read-only once built
 *
 * Built by one thread with netlist_add() and netlist_seal(); then any thread may ask.  Sealed, it answers by binary
 * search over disjoint ranges: a hundred thousand networks cost 17 comparisons.
 */
#ifndef NETLIST_H
#define NETLIST_H

#include <stdbool.h>

#include "addr.h"
#include "err.h"

struct netlist;

struct netlist *netlist_new(void);
struct netlist *netlist_share(const struct netlist *l); /* a sealed one, for one more owner; NULL is fine */
void netlist_free(struct netlist *l); /* the last owner's frees it; NULL is fine */
/* "192.0.2.0/24", "2001:db8::/32" or one address; host bits must be zero. */
int netlist_add(struct netlist *l, struct str text, struct err *e);
void netlist_add_addr(struct netlist *l, const struct addr *a);
/* All of `from` (NULL: nothing), where no IPv6 network is smaller than a client of `ipv6_prefix` bits. */
void netlist_add_clients(struct netlist *l, const struct netlist *from, unsigned ipv6_prefix);
/* Make it quick to ask.  What is added later is found as well, slowly, until it is sealed again. */
void netlist_seal(struct netlist *l);
bool netlist_has(const struct netlist *l, const struct addr *a); /* NULL list: false */
/* The i-th range of a sealed one, 0.., as "first" or "first-last"; NULL behind the end.  buf: NETLIST_TEXT bytes. */
#define NETLIST_TEXT (2 * ADDR_TEXT)
char *netlist_text(const struct netlist *l, unsigned i, char *buf);
unsigned netlist_size(const struct netlist *l); /* how many networks were added */
bool netlist_eq(const struct netlist *a, const struct netlist *b); /* of sealed ones: the same addresses; NULL is empty */

#endif
