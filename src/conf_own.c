/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_own.c - the names and addresses that are ours when the file does not say
 *
 * Nothing is asked of the DNS: reading a configuration must not wait for the network.  A host name without a dot is
 * not taken, because half the world's laptops say HELO with one like it; the MTA tells its full name in {j} anyhow.
 */
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_priv.h"
#include "helo.h"

static void
add_address(struct conf *c, const struct addr *a)
{
	c->own_addrs = xrealloc(c->own_addrs, (c->n_own_addrs + 1) * sizeof *c->own_addrs);
	c->own_addrs[c->n_own_addrs++] = *a;
}

static void
interface_addresses(struct conf *c)
{
	struct ifaddrs *all, *i;
	struct addr a;

	if (getifaddrs(&all) == -1)
		return;
	for (i = all; i != NULL; i = i->ifa_next)
		if (addr_from_sockaddr(&a, i->ifa_addr) == 0 && helo_is_telling(&a))
			add_address(c, &a);
	freeifaddrs(all);
}

static void
host_name(struct conf *c)
{
	char name[256];

	if (gethostname(name, sizeof name) == -1)
		return;
	name[sizeof name - 1] = '\0';
	if (!helo_is_full_name(str_of(name)))
		return;
	c->own_names = xcalloc(2, sizeof *c->own_names);
	c->own_names[0] = xstrdup(name);
}

static const char *
first_name(const struct conf *c)
{
	struct addr a;

	for (size_t i = 0; c->own_names != NULL && c->own_names[i] != NULL; i++)
		if (addr_parse(&a, str_of(c->own_names[i])) == -1)
			return c->own_names[i];
	return NULL;
}

void
conf_own(struct conf *c, bool named)
{
	const char *name;
	struct addr a;

	if (!named) {
		host_name(c);
		interface_addresses(c);
	}
	for (size_t i = 0; c->own_names != NULL && c->own_names[i] != NULL; i++)
		if (addr_parse(&a, str_of(c->own_names[i])) == 0)
			add_address(c, &a);
	name = first_name(c);
	if (c->postmaster != NULL && *c->postmaster == '\0' && name != NULL) {
		size_t size = strlen(name) + sizeof "postmaster@";

		free(c->postmaster);
		c->postmaster = xmalloc(size);
		(void)snprintf(c->postmaster, size, "postmaster@%s", name);
	} else if (c->postmaster != NULL && *c->postmaster == '\0') {
		free(c->postmaster);
		c->postmaster = xstrdup("postmaster");
	}
}
