/* SPDX-License-Identifier: GPL-2.0-or-later */
/* template.h - a text of the administrator's with places to be filled in: "refused by %{zone}"
 *
 * No format string: the places are names from a fixed list, known when the configuration is read, and everything else
 * stands for itself, a % without { behind it included.  Filling in allocates nothing.
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stdbool.h>

#include "err.h"
#include "str.h"

#define TEMPLATE_MAX 300 /* bytes, places and all */

enum place_name {
	PLACE_CLIENT,	   /* the client's address */
	PLACE_EXPLANATION, /* of the zone */
	PLACE_POSTMASTER,
	PLACE_REASON,	   /* what it has done */
	PLACE_REF,	   /* "(ref ...)" */
	PLACE_SAID,	   /* what was not believed: its HELO, its sender, its recipient */
	PLACE_ZONE,
	PLACES
};

/* 0; or -1 and why it cannot be used: a place that there is not, or what cannot stand in an SMTP reply. */
int template_check(const char *text, struct err *e);

/* Fill in, cut to `size` bytes with the NUL.  Of a place with nothing to say the blank before it goes, too.  Values are
 * made printable ASCII, and cut: the explanation at 200 bytes, others at 100.  Returns whether the reference stands in it as a whole. */
bool template_fill(char *dst, size_t size, const char *text, const struct str values[PLACES]);

#endif
