/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gate.h - is a recipient ours, for an MTA that would relay for everybody?
 *
 * Pure functions.  The answer is OURS only when every MTA would read the address so: a plain mailbox (RFC 5321, 4.1.2)
 * in a domain of the list.  Whatever names another host on the way is not, however its end looks:
 *
 *	@a.example,@b.example:user@ours		source route (RFC 5321, appendix C)
 *	user%other.example@ours			percent hack: Postfix allow_percent_hack, sendmail's $* % $* @ $=w
 *	other.example!user@ours			bang path: Postfix swap_bangpath
 *	"user@other.example"@ours		the same in quotes: Postfix resolve_dequoted_address
 *	user\@other.example@ours		the same behind a backslash
 *	user@other.example@ours			two of them
 *	user@other.example (@ours)		a comment (RFC 5322), which an MTA may take out
 *
 * and an address without a domain is ours only if it is postmaster, who must be there (RFC 5321, 4.5.1).
 */
#ifndef GATE_H
#define GATE_H

#include "domains.h"

enum gate {
	GATE_OURS,
	GATE_FOREIGN,  /* another domain */
	GATE_ROUTED,   /* names another host beside its domain */
	GATE_MALFORMED /* no mailbox as RFC 5321 has it */
};

/* `recipient` as the client wrote it, with or without <>. */
enum gate gate_recipient(const struct domains *ours, struct str recipient);

#endif
