/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nearby.c - the addresses without which this system is cut off */
#include "nearby.h"

#include <ifaddrs.h>
#include <inttypes.h>
#include <string.h>

#define RTF_GATEWAY_BIT 2u /* linux/route.h */

/* Loopback and the like are trusted anyhow. */
static void
add(struct netlist *l, const struct addr *a)
{
	if (!addr_is_special(a))
		netlist_add_addr(l, a);
}

static void
interfaces(struct netlist *l)
{
	struct ifaddrs *all, *i;
	struct addr a;

	if (getifaddrs(&all) == -1)
		return;
	for (i = all; i != NULL; i = i->ifa_next)
		if (addr_from_sockaddr(&a, i->ifa_addr) == 0)
			add(l, &a);
	freeifaddrs(all);
}

/* Iface Destination Gateway Flags ...; addresses are hexadecimal numbers in the machine's own order (proc(5)). */
void
nearby_gateways4(struct netlist *l, FILE *in)
{
	char line[512];

	while (fgets(line, sizeof line, in) != NULL) {
		struct addr a = { .b = { [10] = 0xff, [11] = 0xff } };
		uint32_t to, gateway;
		unsigned flags;

		if (sscanf(line, "%*s %" SCNx32 " %" SCNx32 " %x", &to, &gateway, &flags) != 3 || to != 0 ||
		    (flags & RTF_GATEWAY_BIT) == 0)
			continue;
		memcpy(a.b + 12, &gateway, 4);
		add(l, &a);
	}
}

static int
hex_addr(struct addr *a, const char *hex)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return -1;
		a->b[i] = (uint8_t)byte;
	}
	return 0;
}

/* destination prefix source prefix next-hop metric refs use flags device; all in hexadecimal. */
void
nearby_gateways6(struct netlist *l, FILE *in)
{
	char line[512], hop[33];

	while (fgets(line, sizeof line, in) != NULL) {
		struct addr a;
		unsigned bits, flags;

		if (sscanf(line, "%*32[0-9a-f] %x %*32[0-9a-f] %*x %32[0-9a-f] %*x %*x %*x %x", &bits, hop, &flags) == 3 &&
		    bits == 0 && (flags & RTF_GATEWAY_BIT) != 0 && strlen(hop) == 32 && hex_addr(&a, hop) == 0)
			add(l, &a);
	}
}

void
nearby_resolvers(struct netlist *l, FILE *in)
{
	char line[512], text[128];
	struct addr a;

	while (fgets(line, sizeof line, in) != NULL)
		if (sscanf(line, " nameserver %127s", text) == 1 && addr_parse(&a, str_of(text)) == 0)
			add(l, &a);
}

static void
from_file(struct netlist *l, const char *path, void (*read)(struct netlist *, FILE *))
{
	FILE *in = fopen(path, "re");

	if (in == NULL)
		return;
	read(l, in);
	fclose(in);
}

struct netlist *
nearby_new(void)
{
	struct netlist *l = netlist_new();

	interfaces(l);
	from_file(l, "/proc/net/route", nearby_gateways4);
	from_file(l, "/proc/net/ipv6_route", nearby_gateways6);
	from_file(l, "/etc/resolv.conf", nearby_resolvers);
	netlist_seal(l);
	return l;
}
