/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate_mail.h - whose mail was accepted: what logs tell of good clients
 *
 *	postfix/smtpd	QID: client=name[192.0.2.7]			then
 *	postfix/qmgr	QID: from=<...>, ... (queue active)		accepted: it came past all that could refuse it
 *	sm-mta		QID: from=<...>, ..., relay=name [192.0.2.7]	then
 *	sm-mta		QID: to=<...>, ..., stat=Sent (...)		delivered
 *
 * It is no event, changes nothing, and is only counted.  What waits for its second line does so in a table of fixed
 * size, in which the newer takes the older's place.
 */
#ifndef SIMULATE_MAIL_H
#define SIMULATE_MAIL_H

#include "addr.h"
#include "logline.h"

struct mails;

struct mails *mails_new(void);
void mails_free(struct mails *m); /* NULL is fine */

/* true: a message from *client was accepted. */
bool mails_line(struct mails *m, const struct logline *line, struct addr *client);

#endif
