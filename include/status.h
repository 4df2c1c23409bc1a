/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.h - the running daemon's parts, described for `popauth-milterctl status`
 *
 * The keys are those that control.h lists.  All parts are borrowed and have locks of their own.
 */
#ifndef STATUS_H
#define STATUS_H

#include "firewall.h"
#include "json.h"
#include "learner.h"
#include "relaymap.h"
#include "socketmap.h"
#include "store.h"
#include "tend.h"
#include "writer.h"

struct status_parts {
	time_t started;
	const struct store *store;
	enum store_state store_state;
	const char *store_note; /* what happened to a store that was set aside; "" = nothing */
	struct writer *writer;
	struct learner *learner;
	struct firewall *firewall; /* NULL: off */
	struct tend *tend;
	struct relaymap *relaymap;
	struct socketmap *map; /* NULL: not configured */
};

void status_fill(struct json *o, const struct status_parts *p);

#endif
