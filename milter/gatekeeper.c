/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gatekeeper.c - may the gate be kept with this configuration? */
#include "gatekeeper.h"

#include <string.h>

#include "lists.h"
#include "mtaconf.h"

static bool
knows_any(const struct conf *c)
{
	return (c->gate_domains != NULL && c->gate_domains[0] != NULL) || *c->gate_file != '\0' ||
	    (c->gate_mailers != NULL && c->gate_mailers[0] != NULL);
}

int
gatekeeper_confirm(const struct conf *c, struct err *e)
{
	struct err why;

	if (c->gate == GATE_MODE_OFF)
		return 0;
	if (!knows_any(c))
		return err_set(e, "%s: gate: nothing would be ours; say so in gate_domains, gate_file or gate_mailers", c->path);
	if (strcmp(c->gate_mta, "elsewhere") == 0) {
		if (strncmp(c->milter_socket, "inet", 4) == 0)
			return 0;
		return err_set(e, "%s: gate: whoever uses milter_socket %s is on this machine; gate_mta must say where its "
		    "configuration is", c->path, c->milter_socket);
	}
	if (*c->gate_mta != '/')
		return err_set(e, "%s: gate_mta: \"%s\" is neither an absolute path nor elsewhere", c->path, c->gate_mta);
	if (mtaconf_closed(c->gate_mta, c->milter_socket, &why) == -1)
		return err_set(e, "%s: gate: not without an MTA that fails closed: %.380s", c->path, why.text);
	return 0;
}

struct json *
gatekeeper_status(const struct conf *c)
{
	struct lists *l = lists_current();
	struct json *o = NULL;
	struct err e;

	if (c->gate != GATE_MODE_OFF) {
		o = json_new();
		json_put_int(o, "domains", l == NULL ? 0 : domains_count(l->ours));
		json_put_cstr(o, "mta", c->gate_mta);
		if (gatekeeper_confirm(c, &e) == -1)
			json_put_cstr(o, "error", e.text);
	}
	lists_put(l);
	return o;
}
