/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_reply.c - answers, and the headers that all of them have */
#include <stdint.h>
#include <stdio.h>

#include "web_serve.h"

static const struct {
	const char *name, *value;
} always[] = {
	/* Everything of this page is its own file; no script or style stands in it. */
	{ "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
	  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
	  "trusted-types 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "same-origin" }, /* with none, browsers would send forms with Origin: null */
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Permissions-Policy", "camera=(), geolocation=(), microphone=()" },
};

enum MHD_Result
send_response(struct MHD_Connection *c, const struct visit *v, struct MHD_Response *r, const char *cache)
{
	enum MHD_Result rc;
	char number[24];

	if (r == NULL)
		return MHD_NO;
	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
		(void)MHD_add_response_header(r, always[i].name, always[i].value);
	(void)MHD_add_response_header(r, "Content-Type", v->type);
	(void)MHD_add_response_header(r, "Cache-Control", cache);
	if (v->location[0] != '\0')
		(void)MHD_add_response_header(r, "Location", v->location);
	if (v->set_cookie[0] != '\0')
		(void)MHD_add_response_header(r, "Set-Cookie", v->set_cookie);
	if (v->status == 405)
		(void)MHD_add_response_header(r, "Allow", "GET, HEAD, POST");
	if (v->retry > 0) {
		(void)snprintf(number, sizeof number, "%u", v->retry);
		(void)MHD_add_response_header(r, "Retry-After", number);
	}
	rc = MHD_queue_response(c, v->status, r);
	MHD_destroy_response(r);
	return rc;
}

enum MHD_Result
send_page(struct MHD_Connection *c, struct visit *v)
{
	struct MHD_Response *r = v->out.n > 0 ?
	    MHD_create_response_from_buffer(v->out.n, v->out.p, MHD_RESPMEM_MUST_FREE) :
	    MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);

	if (r != NULL)
		html_init(&v->out); /* the response's now */
	return send_response(c, v, r, "no-store");
}

enum MHD_Result
send_asset(struct MHD_Connection *c, struct visit *v, const struct asset *a)
{
	bool tagged = form_get(&v->query, a->tag) != NULL;

	v->status = 200;
	v->type = a->type;
	return send_response(c, v, MHD_create_response_from_buffer(a->n, (void *)(uintptr_t)a->text,
	    MHD_RESPMEM_PERSISTENT), tagged ? "public, max-age=31536000, immutable" : "no-cache");
}

enum MHD_Result
send_refusal(struct MHD_Connection *c, struct visit *v, unsigned status, const char *what)
{
	page_refuse(v, status, what, "");
	return send_page(c, v);
}
