/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program.h - popauth-milterctl itself, run by a shell as people run it */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "unit.h"

/* Where the programs under test have been built. */
static inline const char *
built_in(void)
{
	const char *dir = getenv("builddir");

	return dir != NULL ? dir : ".";
}

/* What the command prints, as a C string, and its exit status; it is not killed by a signal. */
static inline int
shell(char *buf, size_t size, const char *command)
{
	FILE *p = popen(command, "r");
	size_t n;
	int rc;

	assert_non_null(p);
	n = fread(buf, 1, size - 1, p);
	buf[n] = '\0';
	rc = pclose(p);
	if (!WIFEXITED(rc))
		fail_msg("%s: killed: %s", command, buf);
	return WEXITSTATUS(rc);
}

#endif
