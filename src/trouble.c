/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trouble.c - see trouble.h */
#include "trouble.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void
own_error(const struct json *o, trouble_fn *fn, void *arg)
{
	if (json_has(o, "error"))
		fn(arg, text_of(o, "error"));
}

/* A program whose lines were recognised, and are not any more. */
static void
of_log(const struct json *o, trouble_fn *fn, void *arg)
{
	const struct json *programs = json_get(o, "programs");
	char text[TROUBLE_TEXT], since[40];

	own_error(o, fn, arg);
	for (size_t i = 0; i < json_count(programs); i++) {
		const struct json *p = json_at(programs, i);
		time_t at = (time_t)number_of(p, "drifted");
		struct tm tm;

		if (at == 0 || localtime_r(&at, &tm) == NULL || strftime(since, sizeof since, "%F %T", &tm) == 0)
			continue;
		(void)snprintf(text, sizeof text, "the lines of %.200s are hardly recognised any more since %s: did its format "
		    "change?", text_of(p, "program"), since);
		fn(arg, text);
	}
}

/* What cannot be looked at names no rule either: that would be a second trouble for one cause. */
static void
of_set(const struct json *set, trouble_fn *fn, void *arg)
{
	char text[TROUBLE_TEXT];

	if (json_has(set, "error"))
		(void)snprintf(text, sizeof text, "set %.40s: %.340s", text_of(set, "name"), text_of(set, "error"));
	else if (!json_get_bool(set, "referenced", true))
		(void)snprintf(text, sizeof text, "set %.40s: no firewall rule names it, nobody in it is dropped",
		    text_of(set, "name"));
	else
		return;
	fn(arg, text);
}

static void
of_firewall(const struct json *o, trouble_fn *fn, void *arg)
{
	const struct json *sets = json_get(o, "sets");
	const char *state = text_of(o, "state");

	if (strcmp(state, "dead") == 0)
		fn(arg, "there is no helper: new blocks are not enforced until the daemon is restarted");
	if (strcmp(state, "up") == 0 && !json_get_bool(o, "fresh", true))
		fn(arg, "no answer from the helper within a second; what it is told waits");
	own_error(o, fn, arg);
	for (size_t i = 0; i < json_count(sets); i++)
		of_set(json_at(sets, i), fn, arg);
}

static void
of_socketmap(const struct json *o, trouble_fn *fn, void *arg)
{
	char text[TROUBLE_TEXT];

	own_error(o, fn, arg);
	if (number_of(o, "unknown") == 0)
		return;
	(void)snprintf(text, sizeof text, "asked %lld times for maps that are not there", number_of(o, "unknown"));
	fn(arg, text);
}

void
trouble_of(const char *part, const struct json *o, trouble_fn *fn, void *arg)
{
	static const struct {
		const char *part;
		void (*look)(const struct json *o, trouble_fn *fn, void *arg);
	} others[] = {
		{ "logs", of_log }, { "firewall", of_firewall }, { "socketmap", of_socketmap },
	};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (strcmp(part, others[i].part) == 0) {
			others[i].look(o, fn, arg);
			return;
		}
	}
	own_error(o, fn, arg);
}

static void
count(void *arg, const char *text)
{
	(void)text;
	++*(unsigned *)arg;
}

unsigned
trouble_count(const struct json *status)
{
	static const char *const parts[] = { "store", "firewall", "allowlist", "socketmap", "gate", "relay_map" };
	const struct json *logs = json_get(status, "logs");
	unsigned n = 0;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		trouble_of(parts[i], json_get(status, parts[i]), count, &n);
	for (size_t i = 0; i < json_count(logs); i++)
		trouble_of("logs", json_at(logs, i), count, &n);
	return n;
}
