/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mtaconf.h - what an MTA does when its milter does not answer, from the MTA's own configuration files
 *
 * Only files are read: nothing is run.  What cannot be understood is not good: a value with a $ in it, a milter in a form
 * that is not known.
 */
#ifndef MTACONF_H
#define MTACONF_H

#include "err.h"

/* Does the MTA refuse when our milter is dead, on every way by which mail comes in from outside?  `where` is a directory
 * with main.cf and master.cf (Postfix), or a sendmail.cf; `milter` is our socket in libmilter's form.
 *
 * Postfix	milter_default_action, for our milter and wherever it is set, is tempfail, reject or shutdown, or not
 *		set at all; every smtpd in master.cf that does not listen on loopback alone has our milter; and nothing
 *		switches milters off (smtpd_milter_maps, no_milters).  One by TCP is ours when port and host are: the same
 *		word for the host, or loopback on both sides, or there and none in particular here
 * sendmail	the X line of our milter says F=T, F=R or F=4, and InputMailFilters names it, as does every daemon that has
 *		filters of its own
 *
 * 0; or -1 and the reason, with the file and where possible the line. */
int mtaconf_closed(const char *where, const char *milter, struct err *e);

#endif
