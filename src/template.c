/* SPDX-License-Identifier: GPL-2.0-or-later */
/* template.c - a text of the administrator's with places to be filled in */
#include "template.h"

#include <stdio.h>
#include <string.h>

#define SHOWN	  100 /* of any one value */
#define SHOWN_OURS 200 /* of one that is the administrator's own */

static const char *const names[PLACES] = {
	[PLACE_CLIENT] = "client",	 [PLACE_EXPLANATION] = "explanation",
	[PLACE_POSTMASTER] = "postmaster", [PLACE_REASON] = "reason",
	[PLACE_REF] = "ref",		 [PLACE_SAID] = "said",
	[PLACE_ZONE] = "zone",
};

/* A place at the beginning of *text: its name, and *text goes behind it.  PLACES: there is none. */
static enum place_name
place_at(const char **text)
{
	for (enum place_name p = 0; (*text)[0] == '%' && (*text)[1] == '{' && p < PLACES; p++) {
		size_t n = strlen(names[p]);

		if (strncmp(*text + 2, names[p], n) == 0 && (*text)[2 + n] == '}') {
			*text += n + 3;
			return p;
		}
	}
	return PLACES;
}

int
template_check(const char *text, struct err *e)
{
	if (strlen(text) > TEMPLATE_MAX)
		return err_set(e, "longer than %d bytes", TEMPLATE_MAX);
	while (*text != '\0') {
		if (*text < ' ' || *text > '~')
			return err_set(e, "holds a character that is not printable ASCII");
		if (text[0] == '%' && text[1] == '{') {
			if (place_at(&text) == PLACES)
				return err_set(e, "\"%.*s\" is none of %%{client}, %%{explanation}, %%{postmaster}, "
				    "%%{reason}, %%{ref}, %%{said}, %%{zone}", (int)strcspn(text, "} ") + 1, text);
		} else
			text++;
	}
	return 0;
}

/* SMTP replies are ASCII (RFC 5321, 4.2; without SMTPUTF8). */
static char *
show_ascii(char *dst, size_t size, struct str s)
{
	str_show(dst, size, s);
	for (char *p = dst; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return dst;
}

/* Returns false when it had to be cut. */
static bool
add(char *dst, size_t size, size_t *used, const char *text, size_t n)
{
	size_t room = size - 1 - *used, take = n < room ? n : room;

	memcpy(dst + *used, text, take);
	*used += take;
	return take == n;
}

bool
template_fill(char *dst, size_t size, const char *text, const struct str values[PLACES])
{
	char shown[SHOWN_OURS];
	bool ref = false, whole;
	size_t used = 0;

	while (*text != '\0') {
		enum place_name p = place_at(&text);

		if (p == PLACES) {
			(void)add(dst, size, &used, text++, 1);
		} else if (values[p].n > 0) {
			show_ascii(shown, p == PLACE_EXPLANATION ? SHOWN_OURS : SHOWN, values[p]);
			whole = add(dst, size, &used, shown, strlen(shown));
			ref = ref || (p == PLACE_REF && whole);
		} else if (used > 0 && dst[used - 1] == ' ')
			used--;
	}
	dst[used] = '\0';
	return ref;
}
