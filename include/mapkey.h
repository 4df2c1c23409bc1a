/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapkey.h - a client as the key of a map file, in the form in which its reader looks addresses up
 *
 * Neither MTA knows prefix lengths in a hash file: both look the whole address up, then cut off its last piece, again and
 * again.  A client that is one address is one key.  One that is an IPv6 network is the keys that match every address
 * in it and none outside; there are networks for which a reader's way leaves no such keys, and these have none.
 *
 * Postfix (access(5), check_addr_access() in smtpd_check.c) cuts the compressed text of inet_ntop(3) at its last colon,
 * so that a network has up to two forms: 2001:db8:0:0::/64 is both "2001:db8:0:0" and "2001:db8:" (from "2001:db8::1").
 * Ambiguous are networks with two zero groups in a row that are not at their end, and with three or more at their
 * end: "2001:" would be 2001::/48 as well; hardly anybody has such a one.  But so is a single address with a "::" inside:
 * "2001:db8::1" matches 2001:db8::1:5, too.  With ipv6_prefix = 128 most clients have no key.
 *
 * sendmail since 8.15 writes all eight groups (UseCompressedIPv6Addresses off, the default) behind "IPv6:", and cuts
 * at colons; keys are in small letters, because makemap(8) and the lookup both fold them.
 *
 * Where the client's prefix is not a multiple of 16, there is a key for each value of the bits that are left, 256 at
 * most: /56 and /40 can be written, /49 cannot.
 */
#ifndef MAPKEY_H
#define MAPKEY_H

#include <stdbool.h>

#include "addr.h"

enum map_form {
	MAP_POSTFIX,  /* as postmap(1) writes a hash: map: keys and values end with a NUL */
	MAP_SENDMAIL, /* as makemap(8) writes a hash map for FEATURE(`access_db'): without */
	MAP_ACCESS,   /* records in sendmail's own access.db, which the administrator's makemap writes as well */
	MAP_FORMS
};

const char *map_form_name(enum map_form f);
const char *map_form_value(enum map_form f); /* what a key has for its value: may relay */

#define MAPKEY_TEXT 56 /* room for a key and its NUL */
#define MAPKEY_MAX  512 /* keys of one client */

typedef void mapkey_fn(void *arg, const char *key);
/* Tell the keys of a client.  Returns how many; 0: there are none that match it and nobody else. */
unsigned mapkey_each(enum map_form f, const struct addr *client, unsigned ipv6_prefix, mapkey_fn *fn, void *arg);

#endif
