/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helo.h - does a client claim to be us?
 *
 * Pure functions.  Own names are ours alone; own addresses are so only when they are public: every home network has a
 * 192.168.1.1, and people's mail programs greet with such an address honestly.  What an administrator lists in
 * own_names counts as it stands.
 */
#ifndef HELO_H
#define HELO_H

#include "conf.h"

/* What the MTA says of itself; STR_NONE where it does not. */
struct mta_self {
	struct str name;    /* {j} */
	struct str addr[2]; /* {daemon_addr}, {if_addr}; sendmail writes IPv6 with "IPv6:" before it */
};

/* HELO's argument is one of our names, or one of our addresses and not the client's own.  Brackets, a dot behind it and
 * the case of ASCII letters do not matter.  A name that is not ASCII is known in the form in which it is listed. */
bool helo_forged(const struct conf *c, const struct mta_self *self, const struct addr *client, struct str helo);

/* A name that tells hosts apart: has a dot inside, and is not localhost's. */
bool helo_is_full_name(struct str name);
/* An address that tells hosts apart: neither special nor private (RFC 1918, RFC 6598, RFC 4193). */
bool helo_is_telling(const struct addr *a);

#endif
