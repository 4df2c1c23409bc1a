/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gatekeeper.h - may the gate be kept with this configuration?
 *
 * Where the MTA relays for everybody, a daemon that is not there must not mean an open relay.  So a conf with a gate is
 * taken, at the start and at a reload, only when something can be ours at all, and when the MTA's own configuration says
 * that it fails closed.
 */
#ifndef GATEKEEPER_H
#define GATEKEEPER_H

#include "conf.h"
#include "json.h"

/* 0, also without a gate; or -1 and the reason.  Reads the MTA's files. */
int gatekeeper_confirm(const struct conf *c, struct err *e);
/* For `status`: { "domains": of ours that are listed, "mta": gate_mta, "error": why it would not be taken now }; NULL: there
 * is no gate. */
struct json *gatekeeper_status(const struct conf *c);

#endif
