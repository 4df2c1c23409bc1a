/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask.h - a program's side of the control socket: one request, and what comes of it
 *
 * Blocking, with a limit of time and of memory: who listens at the socket may be another program than ours, or one that is
 * stopped or drips.  Any thread.
 */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>

#include "json.h"

#define ASK_LINE_MAX 65536 /* bytes of a line of the answer; the daemon's have half of that at most */

enum ask_answer {
	ASK_DONE,	 /* and the last line's code and message are in the ending */
	ASK_UNREACHABLE, /* nobody answers at that socket; the ending's message says why, and errno */
	ASK_BROKEN	 /* the answer ended too early or is not understood; likewise */
};

#define ASK_NO_CODE (-1)

struct ask_ending {
	int code; /* 0 done, 1 no or not found, 2 bad input; ASK_NO_CODE: not ASK_DONE */
	char message[512];
};

/* Called for each line of the answer but the last.  false: enough, and the connection is closed: ASK_DONE, code 0. */
typedef bool ask_fn(void *arg, const struct json *line);

/* Send `request` to the daemon at `path` and hear the answer; fn may be NULL.  `seconds`: for all of it together; 0: for
 * ever. */
enum ask_answer ask(const char *path, const struct json *request, unsigned seconds, ask_fn *fn, void *arg,
    struct ask_ending *end);

#endif
