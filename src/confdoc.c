/* SPDX-License-Identifier: GPL-2.0-or-later */
/* confdoc.c - print what the documentation takes from the option table; runs while building
 *
 *	confdoc sample		popauth-milter.conf.sample
 *	confdoc mdoc PAGE	the manual page PAGE, with the list of options in place of its line @OPTIONS@
 */
#include <stdlib.h>
#include <string.h>

#include "conf.h"

static int
page(const char *path)
{
	char line[1024];
	FILE *in = fopen(path, "r");

	if (in == NULL) {
		perror(path);
		return 1;
	}
	while (fgets(line, sizeof line, in) != NULL)
		if (strcmp(line, "@OPTIONS@\n") == 0)
			conf_print_mdoc(stdout);
		else
			fputs(line, stdout);
	return fclose(in) == 0 && fflush(stdout) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "sample") == 0) {
		conf_print_sample(stdout);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	if (argc == 3 && strcmp(argv[1], "mdoc") == 0)
		return page(argv[2]);
	fputs("usage: confdoc sample | mdoc page\n", stderr);
	return 2;
}
