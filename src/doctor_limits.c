/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_limits.c - does somebody on the way throw log lines away
 *
 * journald drops what a service says beyond RateLimitBurst= lines in RateLimitIntervalSec= (journald.conf(5): 10000 in
 * 30s).  rsyslogd limits each process that logs to its socket when told so (imuxsock: SysSock.RateLimit.*, off by
 * default), and what it reads from the journal (imjournal: Ratelimit.*, 20000 in 600s by default).  An attack is what
 * makes many lines: a session that is refused has about six.
 */
#include <stdlib.h>
#include <string.h>

#include "doctor_priv.h"

#define ENOUGH 200 /* lines a second */

/* Each file's text is after a line of that name (doctor_gather.c). */
#define FILE_MARK "#@ "

/* "30s", "1min", "500ms", "30": in milliseconds.  -1: not understood. */
static long
interval_ms(struct str s)
{
	static const struct {
		const char *unit;
		long ms;
	} units[] = { { "", 1000 }, { "s", 1000 }, { "sec", 1000 }, { "ms", 1 }, { "m", 60000 }, { "min", 60000 }, { "h", 3600000 } };
	char text[32], *end;
	long n;

	str_copy(text, sizeof text, s);
	n = strtol(text, &end, 10);
	if (end == text || n < 0 || n > 1000000)
		return -1;
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(end, units[i].unit) == 0)
			return n * units[i].ms;
	return -1;
}

static long
number(struct str s)
{
	char text[32], *end;
	long n;

	str_copy(text, sizeof text, s);
	n = strtol(text, &end, 10);
	return end == text || n < 0 ? -1 : n;
}

struct limit {
	long interval_ms, burst; /* 0 of either: none */
	struct str file;
};

static bool
too_low(const struct limit *l)
{
	return l->interval_ms > 0 && l->burst > 0 && l->burst * 1000 < l->interval_ms * ENOUGH;
}

/* ---- journald ---- */

static bool
setting(struct str line, const char *name, struct str *value)
{
	size_t n = strlen(name);

	line = str_trim(line);
	if (!text_starts(line, name))
		return false;
	line = str_trim((struct str){ line.p + n, line.n - n });
	if (line.n == 0 || line.p[0] != '=')
		return false;
	*value = str_trim((struct str){ line.p + 1, line.n - 1 });
	return true;
}

static void
judge_journald(const struct doctor_facts *f, struct doctor_report *r)
{
	struct str rest = capture_text(&f->captures[CAPTURE_JOURNALD]), line, value, file = STR("journald's own defaults");
	struct limit l = { 30000, 10000, file };
	struct finding *found;

	while (doctor_line(&rest, &line)) {
		if (text_starts(line, FILE_MARK)) {
			file = (struct str){ line.p + 3, line.n - 3 };
		} else if (setting(line, "RateLimitIntervalSec", &value) || setting(line, "RateLimitInterval", &value)) {
			l.interval_ms = value.n == 0 ? 30000 : interval_ms(value);
			l.file = file;
		} else if (setting(line, "RateLimitBurst", &value)) {
			l.burst = value.n == 0 ? 10000 : number(value);
			l.file = file;
		}
	}
	if (!too_low(&l))
		return;
	found = doctor_found(r, "%.*s: journald keeps at most %ld lines of a service in %ld seconds", (int)l.file.n, l.file.p,
	    l.burst, l.interval_ms / 1000);
	finding_why(found, "Under an attack, when it matters, lines are thrown away: logins are not seen, and attackers are "
	    "counted too low");
	finding_change(found, "/etc/systemd/journald.conf.d/mail.conf:\n[Journal]\nRateLimitBurst=%ld\n"
	    "then: systemctl restart systemd-journald", ENOUGH * 5 * l.interval_ms / 1000);
}

/* ---- rsyslog ---- */

/* The value of name="value" or name=value in a statement; STR_NONE: it is not there. */
static struct str
parameter(struct str statement, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i + n < statement.n; i++) {
		struct str at = { statement.p + i, n }, value;

		if (!str_caseeq(at, (struct str){ name, n }))
			continue;
		value = str_trim((struct str){ at.p + n, statement.n - i - n });
		if (value.n == 0 || value.p[0] != '=')
			continue;
		value = str_trim((struct str){ value.p + 1, value.n - 1 });
		if (value.n > 0 && (value.p[0] == '"' || value.p[0] == '\'')) {
			value.p++;
			value.n--;
		}
		for (size_t k = 0; k < value.n; k++)
			if (value.p[k] < '0' || value.p[k] > '9')
				value.n = k;
		return value;
	}
	return STR_NONE;
}

static void
rsyslog_found(struct doctor_report *r, const struct limit *l, const char *module, const char *change)
{
	struct finding *found;

	if (!too_low(l))
		return;
	found = doctor_found(r, "%.*s: rsyslogd's %s takes at most %ld lines of a process in %ld seconds", (int)l->file.n,
	    l->file.p, module, l->burst, l->interval_ms / 1000);
	finding_why(found, "Under an attack, when it matters, lines are thrown away: logins are not seen, and attackers are "
	    "counted too low");
	finding_change(found, "%.*s: %s", (int)l->file.n, l->file.p, change);
}

/* module(...) and input(...), which may take several lines. */
static void
judge_statement(struct doctor_report *r, struct str s, struct str file)
{
	bool journal = text_has(s, "imjournal"), sock = text_has(s, "imuxsock"), module = text_starts(s, "module");
	struct str interval = parameter(s, "RateLimit.Interval"), burst = parameter(s, "RateLimit.Burst");
	struct limit l = { journal ? 600000 : 0, journal ? 20000 : 200, file };

	if (!journal && !sock)
		return;
	if (interval.p != NULL)
		l.interval_ms = number(interval) * 1000;
	if (burst.p != NULL)
		l.burst = number(burst);
	if (journal)
		rsyslog_found(r, &l, "imjournal", "module(load=\"imjournal\" Ratelimit.Interval=\"0\")");
	else if (module)
		rsyslog_found(r, &l, "imuxsock", "module(load=\"imuxsock\" SysSock.RateLimit.Interval=\"0\")");
	else
		rsyslog_found(r, &l, "imuxsock", "input(type=\"imuxsock\" ... RateLimit.Interval=\"0\")");
}

static void
legacy(struct str line, const char *name, long *out)
{
	struct str word, value;

	if (text_word(&line, &word) && str_caseeq(word, str_of(name)) && text_word(&line, &value))
		*out = number(value);
}

static void
judge_rsyslog(const struct doctor_facts *f, struct doctor_report *r)
{
	struct str rest = capture_text(&f->captures[CAPTURE_RSYSLOG]), line, file = STR("rsyslog.conf");
	struct limit old = { 0, 200, file };
	long seconds = 0;

	while (doctor_line(&rest, &line)) {
		struct str start = str_trim(line);
		const char *end;

		if (text_starts(line, FILE_MARK))
			file = (struct str){ line.p + 3, line.n - 3 };
		legacy(start, "$SystemLogRateLimitInterval", &seconds);
		legacy(start, "$SystemLogRateLimitBurst", &old.burst);
		if (text_starts(start, "$SystemLog"))
			old.file = file;
		if (!text_starts(start, "module(") && !text_starts(start, "input("))
			continue;
		start.n = (size_t)(rest.p + rest.n - start.p);
		end = memchr(start.p, ')', start.n);
		judge_statement(r, (struct str){ start.p, end != NULL ? (size_t)(end - start.p) : start.n }, file);
	}
	old.interval_ms = seconds * 1000;
	rsyslog_found(r, &old, "imuxsock", "$SystemLogRateLimitInterval 0");
}

void
check_log_limits(const struct doctor_facts *f, struct doctor_report *r)
{
	if (f->journald)
		judge_journald(f, r);
	judge_rsyslog(f, r);
	for (unsigned i = 0; i < f->n_logs; i++) {
		struct finding *found;

		if (f->logs[i].lost == 0)
			continue;
		found = doctor_found(r, "%s: %u times lately the logger says that it has thrown lines away", f->logs[i].path,
		    f->logs[i].lost);
		finding_why(found, "What is not in the log is not learned");
		finding_change(found, "popauth-milterctl rules try is no help here: raise RateLimitBurst= in journald.conf, or "
		    "set SysSock.RateLimit.Interval=\"0\" for rsyslogd's imuxsock");
	}
}
