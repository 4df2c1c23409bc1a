/* SPDX-License-Identifier: GPL-2.0-or-later */
/* phrase.c - see phrase.h */
#include "phrase.h"

#include <stdio.h>
#include <string.h>

const char *
phrase_sent(char buf[PHRASE_SENT], const struct json *grant)
{
	int n = snprintf(buf, PHRASE_SENT, "%lld", number_of(grant, "sent"));

	if (json_has(grant, "budget"))
		n += snprintf(buf + n, PHRASE_SENT - (size_t)n, " of %lld", number_of(grant, "budget"));
	if (json_has(grant, "beyond"))
		(void)snprintf(buf + n, PHRASE_SENT - (size_t)n, ", %lld refused", number_of(grant, "beyond"));
	return buf;
}

const char *
phrase_counted(const struct json *threshold)
{
	const char *of = text_of(threshold, "counts");

	return strcmp(of, "recipients") == 0 ? " different recipients" :
	    strcmp(of, "accounts") == 0 ? " different accounts" : strcmp(of, "sessions") == 0 ? " sessions" : "";
}
