/* SPDX-License-Identifier: GPL-2.0-or-later */
/* privilege.h - the daemon gives up whatever it was started with
 *
 * It may have been started as root, by a unit as its own user with one ambient capability, or by anybody: afterwards it
 * is no longer root (but for an empty `user`), has no capability, and can get none.
 */
#ifndef PRIVILEGE_H
#define PRIVILEGE_H

#include "err.h"

/* Become `user`, when root, and drop every capability.  Before there are threads: on Linux each has its own.  The
 * firewall helper, which needs one, must be running already. */
int privilege_drop(const char *user, struct err *e);

#endif
