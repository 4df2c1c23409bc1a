/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logspec.h - how a log is named in the configuration
 *
 *	/var/log/mail.log		a file
 *	fifo:/path			a FIFO
 *	syslog:unix:/path		a datagram socket of our own making
 *	syslog:udp:127.0.0.1:5514	UDP; IPv6 as [::1]:5514
 *	journal:			the systemd journal of this machine
 *	journal:/path/dir		journal files of a directory
 */
#ifndef LOGSPEC_H
#define LOGSPEC_H

#include "addr.h"
#include "err.h"

enum logspec_kind { LOGSPEC_FILE, LOGSPEC_FIFO, LOGSPEC_UNIX, LOGSPEC_UDP, LOGSPEC_JOURNAL };

struct logspec {
	enum logspec_kind kind;
	const char *path; /* absolute, part of the text; "" = this machine's journal */
	struct addr addr; /* LOGSPEC_UDP: where to listen */
	uint16_t port;	  /* 1..65535 */
};

/* -1: not one of these, or not in this build; *e says what is wrong, without a place. */
int logspec_parse(struct logspec *out, const char *text, struct err *e);

#endif
