/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conffile.c - fuzz target: any bytes as popauth-milter.conf
 *
 * What is wrong with it is said with its place; what is not, is a whole conf.
 */
#include "conf.h"
#include "fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file((struct str){ (const char *)data, size });
	struct err e = { "" };
	struct conf *c = conf_read(path, &e);

	if (c == NULL) {
		MUST(strncmp(e.text, path, strlen(path)) == 0 && memchr(e.text, '\0', sizeof e.text) != NULL);
		return 0;
	}
	MUST(c->milter_socket != NULL && c->control_socket != NULL && c->logs != NULL && c->max_clients > 0);
	(void)conf_reject_at(c, "MTA");
	conf_put(c);
	return 0;
}
