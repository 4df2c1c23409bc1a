/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nearby.h - the addresses without which this system is cut off: its own, its default gateways, its resolvers
 *
 * They are never blocked, whatever a log says.  Gateways are read from /proc/net, which is Linux's own; elsewhere there
 * are none to be found, and the rest works.
 */
#ifndef NEARBY_H
#define NEARBY_H

#include <stdio.h>

#include "netlist.h"

/* All of them, sealed.  What cannot be read is left out: a system without IPv6 has no /proc/net/ipv6_route. */
struct netlist *nearby_new(void);

/* Its parts, for tests; each adds what it finds in the open file. */
void nearby_gateways4(struct netlist *l, FILE *in); /* /proc/net/route */
void nearby_gateways6(struct netlist *l, FILE *in); /* /proc/net/ipv6_route */
void nearby_resolvers(struct netlist *l, FILE *in); /* /etc/resolv.conf */

#endif
