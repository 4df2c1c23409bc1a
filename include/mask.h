/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mask.h - passwords out of log lines
 *
 * Some daemons write the password that was tried: vpopmail "(pass: 'secret')", Dovecot "(given password: secret)";
 * others repeat a client's command, `PASS secret`, or what a form brought, `"passwd": "secret"`; and clients type it
 * where a user name is asked for.  No line is kept or shown before it has been through here.
 */
#ifndef MASK_H
#define MASK_H

#include "str.h"

/* Copy `line` into dst as str_show() does (printable, cut to fit), each password in it replaced by "***".
 * `size` >= 4.  Returns dst. */
char *mask_line(char *dst, size_t size, struct str line);

#endif
