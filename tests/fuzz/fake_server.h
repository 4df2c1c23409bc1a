/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake_server.h - server.h without sockets and threads: one connection, whose peer is the caller
 *
 * It takes the place of src/server.c and src/conn.c when a target is linked, so that what stands on them, the
 * protocols, can be given bytes as fast as they take them.
 */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include "server.h"

/* A new connection to the server opened last; `privileged` is what conn_privileged() says.  All of `in` is sent, cut
 * in two at `cut`, then the peer goes.  Returns what was answered, good until the next call. */
struct str fake_connection(struct str in, size_t cut, bool privileged);

#endif
