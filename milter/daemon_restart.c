/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon_restart.c - see daemon_restart.h */
#include "daemon_restart.h"

#include <string.h>

#include "conf.h"
#include "logmsg.h"

void
restart_wanted(const struct conf *started, const struct conf *new, unsigned prefix, struct json *names)
{
	const struct {
		const char *name;
		bool changed;
	} fixed[] = {
		{ "user", strcmp(started->user, new->user) != 0 },
		{ "state_dir", strcmp(started->state_dir, new->state_dir) != 0 },
		{ "milter_socket", strcmp(started->milter_socket, new->milter_socket) != 0 },
		{ "map_socket", strcmp(started->map_socket, new->map_socket) != 0 },
		{ "control_socket", strcmp(started->control_socket, new->control_socket) != 0 },
		{ "socket_group", strcmp(started->socket_group, new->socket_group) != 0 },
		{ "firewall", started->firewall != new->firewall },
		{ "firewall_helper", strcmp(started->firewall_helper, new->firewall_helper) != 0 },
		{ "set4", strcmp(started->set4, new->set4) != 0 },
		{ "set6", strcmp(started->set6, new->set6) != 0 },
		{ "ipv6_prefix", started->policy.ipv6_prefix != prefix },
		{ "max_clients", started->max_clients != new->max_clients },
		{ "flush_every", started->flush_every != new->flush_every },
	};

	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		if (!fixed[i].changed)
			continue;
		logmsg(LEVEL_WARNING, "%s: %s has changed; restart to use the new value", new->path, fixed[i].name);
		if (names != NULL)
			json_add_text(names, str_of(fixed[i].name));
	}
}
