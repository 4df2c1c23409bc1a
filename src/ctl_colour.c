/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_colour.c - what standard output can show */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl.h"

/* https://no-color.org: set and not empty means none. */
static bool
coloured(void)
{
	static int known = -1;
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	if (known == -1)
		known = isatty(STDOUT_FILENO) && (none == NULL || *none == '\0') && term != NULL && strcmp(term, "dumb") != 0;
	return known == 1;
}

const char *
colour_on(enum colour c)
{
	static const char *const codes[] = { [COLOUR_BAD] = "\033[31m", [COLOUR_WARN] = "\033[33m", [COLOUR_GOOD] = "\033[32m",
		[COLOUR_HEAD] = "\033[1m" };

	return coloured() ? codes[c] : "";
}

const char *
colour_off(void)
{
	return coloured() ? "\033[0m" : "";
}

unsigned
terminal_width(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == -1)
		return 0;
	return ws.ws_col != 0 ? ws.ws_col : 80;
}
