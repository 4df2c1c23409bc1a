/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netlist.h - a list of networks (CIDR), read-only once built */
#ifndef NETLIST_H
#define NETLIST_H

#include <stdbool.h>

#include "addr.h"
#include "err.h"

struct netlist;

struct netlist *netlist_new(void);
void netlist_free(struct netlist *l); /* NULL is fine */
/* "192.0.2.0/24", "2001:db8::/32" or one address; host bits must be zero. */
int netlist_add(struct netlist *l, struct str text, struct err *e);
bool netlist_has(const struct netlist *l, const struct addr *a); /* NULL list: false */
unsigned netlist_size(const struct netlist *l);

#endif
