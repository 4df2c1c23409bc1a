/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forms.c - fuzz target: any bytes as what a browser sends, and as text on a page
 *
 * Input: a byte that picks the thing, then its bytes.
 */
#include "../../web/web.h"
#include "fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static char *
copy(struct str in)
{
	char *text = malloc(in.n + 1);

	MUST(text != NULL);
	if (in.n > 0)
		memcpy(text, in.p, in.n);
	text[in.n] = '\0';
	return text;
}

/* What was understood, written again, is understood as the same. */
static void
a_form(struct str in)
{
	struct form f, again;
	char *text = malloc(3 * in.n + 2 * FORM_FIELDS + 1);
	size_t n = 0;

	MUST(text != NULL);
	if (form_parse(&f, copy(in), in.n) == -1) {
		form_clear(&f);
		free(text);
		return;
	}
	MUST(f.n <= FORM_FIELDS);
	for (unsigned i = 0; i < f.n; i++) {
		MUST(form_get(&f, f.field[i].name) == f.field[i].value);
		html_query(text + n, 3 * strlen(f.field[i].name) + 1, str_of(f.field[i].name));
		n += strlen(text + n);
		text[n++] = '=';
		html_query(text + n, 3 * strlen(f.field[i].value) + 1, str_of(f.field[i].value));
		n += strlen(text + n);
		text[n++] = '&';
	}
	MUST(form_parse(&again, text, n) == 0 && again.n == f.n);
	for (unsigned i = 0; i < f.n; i++)
		MUST(strcmp(form_get(&again, f.field[i].name), f.field[i].value) == 0);
	form_clear(&f);
	form_clear(&again);
}

static void
a_header(struct str in)
{
	static const char *const names[] = { "mail.example.org", NULL };
	char *text = copy(in), value[TOKEN_TEXT], address[64];
	const char *back = path_back(text, "/");

	if (cookie_get(text, "popauth", value, sizeof value))
		MUST(strlen(value) < sizeof value && strchr(value, ';') == NULL && strstr(text, value) != NULL);
	if (host_ours(text, names))
		MUST(strpbrk(text, "/@\\ \r\n") == NULL);
	MUST(back[0] == '/' && back[1] != '/' && strpbrk(back, "\\ \r\n") == NULL);
	(void)origin_same(text, "127.0.0.1:8025");
	forwarded_client(text, address, sizeof address);
	MUST(strspn(address, "0123456789abcdef.:") == strlen(address));
	free(text);
}

static void
a_text(struct str in)
{
	struct html h;

	html_init(&h);
	html_put(&h, "%s", "");
	html_text(&h, in);
	MUST(strlen(h.p) == h.n && strpbrk(h.p, "<>\"'\033\x7f") == NULL);
	html_clear(&h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const things[])(struct str) = { a_form, a_header, a_text };

	if (size == 0 || size > 4096)
		return 0;
	things[data[0] % 3]((struct str){ (const char *)data + 1, size - 1 });
	return 0;
}
