/* SPDX-License-Identifier: GPL-2.0-or-later */
/* freemail.h - does mail from a freemail provider's domain come from a host of that provider?
 *
 * A table of domains and of the ends that the names of the provider's sending hosts have.  A list file has one domain
 * (or several, with commas between them) a line, and behind it the ends of names:
 *
 *	gmail.com,googlemail.com  google.com
 *
 * A domain without any is not checked.
 *
 * Who sends mail from such an address honestly, and not through its provider?  Servers that forward mail and leave the
 * sender as it is: they have names that the DNS confirms (they would get rid of little mail without), which is why
 * `unnamed` lets them pass.  And hosts behind our own server, in networks of their own: callers ask about them only
 * when helo_is_telling().
 */
#ifndef FREEMAIL_H
#define FREEMAIL_H

#include <stdbool.h>

#include "err.h"
#include "str.h"

enum freemail_mode {
	FREEMAIL_OFF,
	FREEMAIL_UNNAMED, /* only clients without a name are forgers */
	FREEMAIL_ALL,	  /* those with another name are, too */
	FREEMAIL_MODES
};

/* What the DNS says of the client's name. */
enum named {
	NAMED_YES,    /* there is one, and it leads back to the client's address */
	NAMED_NO,     /* there is none that does */
	NAMED_UNSURE, /* it did not answer, or we are not told */
};

struct freemail;

struct freemail *freemail_new(void);
void freemail_free(struct freemail *f); /* NULL is fine */
/* Add a list file to the table; the first to name a domain is right.  Before it is used by anybody. */
int freemail_load(struct freemail *f, const char *path, struct err *e);
unsigned freemail_domains(const struct freemail *f);

/* `sender` as the client wrote it, brackets and all; `name` is looked at only when it is there. */
bool freemail_forged(const struct freemail *f, enum freemail_mode mode, struct str sender, enum named named,
    struct str name);

/* From what MTAs tell: {client_resolve} (sendmail: OK, FAIL, FORGED, TEMP; Postfix the same, smtpd_milter.c) and
 * {client_name}.  Without the former only a name that is none of "unknown" and "[address]" is known to be one. */
enum named freemail_named(struct str resolve, struct str name);

const char *freemail_mode_name(enum freemail_mode m);

#endif
