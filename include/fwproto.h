/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fwproto.h - what the daemon and the firewall helper say to each other
 *
 * One SOCK_SEQPACKET pair.  The daemon sends packets of 1 to FW_BATCH requests, the helper packets of one reply.
 * Both are plain structures of fixed size in the machine's own byte order: the two ends are of one build and one
 * machine.  Neither end trusts the other: every field is checked, what does not fit is counted and passed over.
 *
 * The helper keeps no knowledge of its own.  Whenever it says FW_HELLO, it has forgotten everything it was told, and
 * the daemon sends the whole wanted content: FW_SYNC_BEGIN, any number of FW_SYNC_ENTRY, FW_SYNC_END.  FW_ADD and
 * FW_DEL may stand among them; in one connection the later word about an address is the one that holds.
 */
#ifndef FWPROTO_H
#define FWPROTO_H

#include <stdint.h>

#include "addr.h"

#define FW_FD	       3       /* the helper's end of the socket */
#define FW_BATCH       512     /* most requests in one packet */
#define FW_TEXT	       96      /* a message with its NUL */
#define FW_TIMEOUT_MAX 2147483 /* seconds: the kernel counts milliseconds in 31 bits (ipset(8)); longer is cut to it */
#define FW_SETNAME     28      /* a set's name with its NUL: the kernel's 32, less room for the name while rebuilding */

enum fw_set { FW_SET4, FW_SET6, FW_SETS };

enum fw_op {
	FW_ADD = 1,    /* drop packets of `addr` for `timeout` seconds from now, whatever was said before */
	FW_DEL,	       /* drop them no longer */
	FW_SYNC_BEGIN, /* what is wanted follows; ends an unfinished one */
	FW_SYNC_ENTRY, /* as FW_ADD, but takes effect at the end */
	FW_SYNC_END,   /* make the kernel's sets so; answered by FW_STATUS of both sets, then FW_SYNCED */
	FW_QUERY       /* answered by FW_STATUS of both sets */
};

struct fw_request {
	uint8_t op;	  /* enum fw_op */
	uint8_t family;	  /* 4 or 6 where there is an address, else 0 */
	uint16_t zero;
	uint32_t timeout; /* seconds, 1 and up, for FW_ADD and FW_SYNC_ENTRY, else 0 */
	struct addr addr; /* a client: folded */
	uint32_t seq;	  /* comes back in the answer to FW_SYNC_END and FW_QUERY */
	uint32_t zero2;
};

enum fw_reply_op {
	FW_HELLO = 1, /* ready; `a` = generation: 1 at first, one more each time the worker had to be started again */
	FW_STATUS,    /* of `set`: `a` entries, `b` references by rules, `c` FW_SET_ bits; text: what is wrong with it */
	FW_SYNCED,    /* `a` added, `b` removed, `c` timeouts corrected */
	FW_FAILED,    /* the kernel refused `a` changes of one packet; addr is the first, text says why */
	FW_IGNORED,   /* `a` requests made no sense and were passed over */
	FW_RESYNC,    /* a set was gone or wrong and has been made anew, empty: send everything; text says what */
	FW_TROUBLE    /* the helper cannot work; text says why.  It ends, or tries again and says FW_HELLO */
};

enum {
	FW_SET_MISSING = 1 << 0, /* not there, and could not be made */
	FW_SET_WRONG = 1 << 1	 /* of a kind that cannot hold our entries, and in use by somebody's rule */
};

struct fw_reply {
	uint8_t op;	  /* enum fw_reply_op */
	uint8_t set;	  /* enum fw_set where it matters */
	uint16_t zero;
	uint32_t seq;
	uint32_t a, b, c;
	struct addr addr; /* FW_FAILED */
	char text[FW_TEXT];
};

_Static_assert(sizeof(struct fw_request) == 32, "no padding");
_Static_assert(sizeof(struct fw_reply) == 36 + FW_TEXT, "no padding");

#endif
