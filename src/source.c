/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c - where log lines come from: what all kinds have in common */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "source_parts.h"
#include "stats.h"

static const struct source_kind *const kinds[] = {
	[LOGSPEC_FILE] = &source_file,
	[LOGSPEC_FIFO] = &source_fifo,
	[LOGSPEC_UNIX] = &source_unix,
	[LOGSPEC_UDP] = &source_udp,
#ifdef HAVE_SYSTEMD
	[LOGSPEC_JOURNAL] = &source_journal,
#endif
};

struct source *
source_new(const char *name, const struct source_setup *setup, const uint8_t *position, size_t len, struct err *e)
{
	struct logspec spec;
	struct source *s;

	if (logspec_parse(&spec, name, e) == -1)
		return NULL;
	s = kinds[spec.kind]->alloc();
	s->kind = kinds[spec.kind];
	s->name = xstrdup(name);
	s->setup = *setup;
	s->status.name = s->name;
	stamp_init(&s->stamp);
	(void)logspec_parse(&s->spec, s->name, NULL); /* again: it borrows */
	if (len > 0 && s->kind->position == NULL)
		(void)err_set(e, "%s: such a log has no position", name);
	else if (s->kind->init == NULL || s->kind->init(s, position, len, e) == 0)
		return s;
	source_free(s);
	return NULL;
}

void
source_free(struct source *s)
{
	if (s == NULL)
		return;
	s->kind->release(s);
	free(s->name);
	free(s);
}

void
source_configure(struct source *s, const struct source_setup *setup)
{
	s->setup = *setup;
	if (s->kind->configure != NULL)
		s->kind->configure(s);
}

const char *
source_name(const struct source *s)
{
	return s->name;
}

int
source_fd(const struct source *s)
{
	return s->kind->fd(s);
}

enum source_result
source_read(struct source *s, size_t max_bytes, time_t now, source_line_fn *fn, void *arg, struct err *e)
{
	uint64_t lines = s->status.lines, headless = s->status.headless;
	enum source_result is;
	struct err ours;

	if (e == NULL)
		e = &ours;
	s->now = now;
	s->fn = fn;
	s->arg = arg;
	is = s->kind->read(s, max_bytes, e);
	s->status.present = is != SOURCE_LOST;
	str_copy(s->status.why, sizeof s->status.why, is == SOURCE_LOST ? str_of(e->text) : STR(""));
	stat_add(STAT_LINES, s->status.lines - lines);
	stat_add(STAT_LINES_HEADLESS, s->status.headless - headless);
	return is;
}

size_t
source_position(const struct source *s, uint8_t buf[SOURCE_POSITION_MAX])
{
	return s->kind->position == NULL ? 0 : s->kind->position(s, buf);
}

void
source_status(const struct source *s, struct source_status *st)
{
	*st = s->status;
	if (s->kind->status != NULL)
		s->kind->status(s, st);
}

/* --- for the kinds --- */

void
source_head(struct source *s, const struct logline *line, size_t bytes)
{
	s->status.lines++;
	s->status.bytes += bytes;
	s->fn(s->arg, line);
}

void
source_headless(struct source *s, size_t bytes)
{
	s->status.lines++;
	s->status.bytes += bytes;
	s->status.headless++;
}

void
source_line(struct source *s, struct str line)
{
	struct logline head;

	if (logline_parse(&head, &s->stamp, line, s->now) == LOGLINE_OK)
		source_head(s, &head, line.n + 1);
	else
		source_headless(s, line.n + 1);
}

void
source_drop(struct source *s, enum source_drop why, uint64_t n)
{
	static const enum counter counters[] = {
		[SOURCE_TOO_LONG] = STAT_LINES_LONG,
		[SOURCE_PARTIAL] = STAT_LINES_PARTIAL,
		[SOURCE_REFUSED] = STAT_LINES_REFUSED,
		[SOURCE_OVERFLOWN] = STAT_LINES_OVERFLOWN,
	};

	s->status.dropped += n;
	stat_add(counters[why], n);
}
