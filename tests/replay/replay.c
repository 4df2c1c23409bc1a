/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay.c - scenario tests: the whole pipeline on a virtual clock
 *
 * A scenario is a text file; `#` begins a comment.  Times are durations since the scenario's start and never go back,
 * unless `clock` says so.
 *
 *	conf OPTION				a line for popauth-milter.conf; all before the first `at`
 *	at TIME log TAG: TEXT			a log line, written then
 *	at TIME late AGE TAG: TEXT		a log line that is dated AGE before
 *	at TIME ahead TIME TAG: TEXT		a log line that is dated so much after
 *	at TIME milter KIND ADDR [RECIPIENT]	an event of the milter's
 *	at TIME repeat N STEP ...		one of the above N times, STEP apart; %n in it counts 1, 2, 3..., and %a is
 *						an address of its own for each: 10.0.0.0 and as many more
 *	at TIME add SET ADDR TERM | del SET ADDR	an administrator's hand
 *	at TIME send ADDR N WITHIN		to N recipients elsewhere, by its grant: so many of them are let
 *	at TIME expect ADDR nothing		known or not: nothing is in force
 *	at TIME expect ADDR relay USER | cached [ZONE] | blocked KIND BY REST | verdict NAME
 *	at TIME expect ADDR hits KIND N
 *	at TIME expect ADDR lowered KIND N OF	what is lowered for it during attacks, and how much of it there is; 0 0: not
 *	at TIME count SET N			so many clients are in it
 *	at TIME breakers N			so many are open
 *	at TIME reset				they are closed by hand
 *	at TIME incidents N			so many distributed attacks are going on
 *	at TIME restart				all that is kept on disk is written, and read by another process
 *
 * REST is what is left of the term.  Exit 0: all came as expected; 1: not, each said; 2: the scenario itself is wrong.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "correlate.h"
#include "pipeline.h"
#include "rules.h"

#define START 1700000000 /* any moment will do */

static struct {
	const char *file;
	unsigned lineno, failed, expected;
	FILE *conf_text;
	char conf_path[64];
	struct conf *conf;
	struct rules *rules;
	struct rules_scratch *scratch;
	struct correlate *correlate;
	struct stamp stamp;
	struct ledger *ledger;
	struct pipeline pipeline;
	time_t now;
} run;

_Noreturn __attribute__((format(printf, 1, 2))) static void
wrong(const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "%s:%u: ", run.file, run.lineno);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	exit(2);
}

__attribute__((format(printf, 2, 3))) static void
check(bool good, const char *fmt, ...)
{
	va_list ap;

	run.expected++;
	if (good)
		return;
	run.failed++;
	(void)printf("%s:%u: ", run.file, run.lineno);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
}

/* The next word of *line; the rest stays in *line without leading blanks. */
static char *
word(char **line)
{
	char *w = *line, *end = w + strcspn(w, " \t");

	*line = end + strspn(end, " \t");
	*end = '\0';
	return w;
}

static int64_t
duration(char **line)
{
	const char *w = word(line);
	int64_t d = str_duration(str_of(w));

	if (d == -1)
		wrong("\"%s\" is not a duration", w);
	return d;
}

static struct addr
client(char **line)
{
	const char *w = word(line);
	struct addr a;

	if (addr_parse(&a, str_of(w)) == -1)
		wrong("\"%s\" is not an address", w);
	return a;
}

static enum event_kind
kind(char **line)
{
	const char *w = word(line);
	enum event_kind k = event_kind_of(str_of(w));

	if (k == EVENT_KINDS)
		wrong("\"%s\" is not an event kind", w);
	return k;
}

static enum set
set(char **line)
{
	const char *w = word(line);
	unsigned s = 0;

	while (s < SETS && strcmp(set_name((enum set)s), w) != 0)
		s++;
	if (s == SETS)
		wrong("\"%s\" is not a set", w);
	return (enum set)s;
}

static void
log_event(void *arg, const struct event *ev, unsigned times, bool again)
{
	(void)arg;
	while (!again && times-- > 0)
		pipeline_event(&run.pipeline, &run.conf->policy, ev, run.now);
}

static void
log_line(time_t dated, const char *rest)
{
	char line[8192], stamp[32];
	struct logline head;
	struct tm tm;

	(void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&dated, &tm));
	(void)snprintf(line, sizeof line, "%s mail %s", stamp, rest);
	if (logline_parse(&head, &run.stamp, str_of(line), run.now) != LOGLINE_OK)
		wrong("no log line: %s", line);
	(void)correlate_line(run.correlate, run.rules, run.scratch, &head, run.now, log_event, NULL);
}

static void
milter_event(char *rest)
{
	struct event ev = { .source = SOURCE_MILTER, .time = run.now };

	ev.kind = kind(&rest);
	ev.addr = client(&rest);
	ev.recipient = str_of(word(&rest));
	pipeline_event(&run.pipeline, &run.conf->policy, &ev, run.now);
}

struct expectation {
	char *rest;
	bool is;
};

/* The one that it is nearest to. */
static bool
expect_lowered(const struct addr *a, const struct record *r, enum event_kind k, unsigned have, unsigned of)
{
	static struct incident now[SWARM_LIVE];
	unsigned n = guard_incidents(run.pipeline.guard, &run.conf->policy, run.now, now, SWARM_LIVE);
	struct policy_lowering is, low = { 0, 0 };

	for (unsigned i = 0; i < n; i++)
		if (incident_lowers(&now[i], &run.conf->policy, a, r, k, run.now, &is) &&
		    (low.of == 0 || is.of - is.have < low.of - low.have))
			low = is;
	return low.have == have && low.of == of;
}

static void
expect_record(void *arg, const struct addr *a, const struct record *r)
{
	struct expectation *ex = arg;
	const char *what = word(&ex->rest);
	uint32_t at = (uint32_t)run.now;

	if (strcmp(what, "nothing") == 0)
		ex->is = !record_granted(r, at) && !record_cached(r, at) && !record_blocked(r, at);
	else if (strcmp(what, "relay") == 0)
		ex->is = record_granted(r, at) && strcmp(r->grant->user, word(&ex->rest)) == 0;
	else if (strcmp(what, "cached") == 0)
		ex->is = record_cached(r, at) &&
		    (*ex->rest == '\0' || (r->cached_zone != NULL && strcmp(r->cached_zone, word(&ex->rest)) == 0));
	else if (strcmp(what, "blocked") == 0) {
		enum event_kind k = kind(&ex->rest);
		const char *by = word(&ex->rest);

		ex->is = record_blocked(r, at) && r->blocked_kind == k &&
		    strcmp(threshold_kind_name((enum threshold_kind)r->blocked_by), by) == 0 &&
		    r->blocked_until - at == duration(&ex->rest);
	} else if (strcmp(what, "hits") == 0) {
		const struct tally *t = record_tally(r, kind(&ex->rest));

		ex->is = (t == NULL ? 0 : t->len) == atoi(word(&ex->rest));
	} else if (strcmp(what, "lowered") == 0) {
		enum event_kind k = kind(&ex->rest);
		unsigned have = (unsigned)atoi(word(&ex->rest));

		ex->is = expect_lowered(a, r, k, have, (unsigned)atoi(word(&ex->rest)));
	} else
		wrong("cannot expect \"%s\"", what);
}

static const char *
verdict_name(enum verdict v)
{
	static const char *const names[] = { [VERDICT_CONTINUE] = "continue", [VERDICT_TRUSTED] = "trusted",
		[VERDICT_RELAY] = "relay", [VERDICT_BLOCKED] = "blocked", [VERDICT_CACHED] = "cached" };

	return names[v];
}

static void
expect(char *rest)
{
	char text[256], shown[ADDR_TEXT];
	struct expectation ex = { .rest = text };
	struct answer ans;
	struct addr a = client(&rest);

	(void)snprintf(text, sizeof text, "%s", rest);
	ledger_judge(run.ledger, &run.conf->policy, &a, run.now, &ans);
	if (strncmp(rest, "verdict ", 8) == 0)
		ex.is = strcmp(verdict_name(ans.verdict), rest + 8) == 0;
	else if (!ledger_view(run.ledger, &run.conf->policy, &a, expect_record, &ex))
		ex.is = strcmp(rest, "nothing") == 0 || (strncmp(rest, "hits ", 5) == 0 && strstr(rest, " 0") != NULL);
	check(ex.is, "%s: expected %s; verdict is %s", addr_format(shown, &a), rest, verdict_name(ans.verdict));
}

static void
by_hand(bool add, char *rest)
{
	enum set s = set(&rest);
	struct addr a = client(&rest);

	if (add)
		pipeline_add(&run.pipeline, &run.conf->policy, s, &a, run.now, (uint32_t)duration(&rest), STR("by hand"));
	else
		pipeline_del(&run.pipeline, &run.conf->policy, s, &a, run.now);
}

static void
send_to(char *rest)
{
	struct addr a = client(&rest);
	int n = atoi(word(&rest)), want = atoi(word(&rest)), let = 0;

	for (int i = 0; i < n; i++)
		let += ledger_spend(run.ledger, &run.conf->policy, &a, run.now) == SPEND_WITHIN;
	check(let == want, "%d recipients were let, expected %d", let, want);
}

static void act(char *rest);

/* %n in the text becomes the number of the round, %a an address made of it. */
static void
fill_in(char *to, size_t size, const char *text, unsigned i)
{
	const char *mark = strchr(text, '%');

	while (mark != NULL && mark[1] != 'n' && mark[1] != 'a')
		mark = strchr(mark + 1, '%');
	if (mark == NULL) {
		(void)snprintf(to, size, "%s", text);
		return;
	}
	if (mark[1] == 'n')
		(void)snprintf(to, size, "%.*s%u", (int)(mark - text), text, i);
	else
		(void)snprintf(to, size, "%.*s10.%u.%u.%u", (int)(mark - text), text, i >> 16 & 255, i >> 8 & 255, i & 255);
	fill_in(to + strlen(to), size - strlen(to), mark + 2, i);
}

static void
repeat(char *rest)
{
	unsigned n = (unsigned)atoi(word(&rest));
	time_t step = (time_t)duration(&rest);

	for (unsigned i = 1; i <= n; i++) {
		char text[8192];

		fill_in(text, sizeof text, rest, i);
		act(text);
		if (i < n)
			run.now += step;
	}
}

static void
tally_up(void *arg, const struct addr *a, const struct record *r)
{
	unsigned *in = arg;

	(void)a;
	for (enum set s = 0; s < SETS; s++)
		in[s] += record_in(r, s, run.now);
}

static void
count_set(char *rest)
{
	unsigned in[SETS] = { 0 };
	enum set s = set(&rest);

	ledger_walk(run.ledger, tally_up, in);
	check(in[s] == (unsigned)atoi(word(&rest)), "%u clients in %s", in[s], set_name(s));
}

static void
count_breakers(char *rest)
{
	struct trip open[BREAKER_OPEN_MAX];
	char text[256];
	unsigned n = guard_trips(run.pipeline.guard, run.now, open, BREAKER_OPEN_MAX);

	check(n == (unsigned)atoi(word(&rest)), "%u breakers are open; the first: %s", n,
	    n == 0 ? "none" : trip_text(text, sizeof text, &open[0]));
}

static void
count_incidents(char *rest)
{
	static struct incident now[SWARM_LIVE];
	char text[256];
	unsigned n = guard_incidents(run.pipeline.guard, &run.conf->policy, run.now, now, SWARM_LIVE);

	check(n == (unsigned)atoi(word(&rest)), "%u incidents; the first: %s", n,
	    n == 0 ? "none" : incident_text(text, sizeof text, &now[0]));
}

static void
start(void)
{
	run.ledger = ledger_new(100000);
	pipeline_init(&run.pipeline, run.ledger, NULL);
	pipeline_guard(&run.pipeline, guard_new(), NULL, NULL);
}

static void
stop(void)
{
	guard_free(run.pipeline.guard);
	ledger_free(run.ledger);
}

static void
restart(void)
{
	struct cut c;
	struct cut_item it;
	size_t at = 0;
	struct err e;

	cut_init(&c);
	ledger_cut(run.ledger, &c, true);
	guard_cut(run.pipeline.guard, &c, run.now, true);
	stop();
	start();
	while (cut_next(&c, &at, &it)) {
		int rc = it.deleted ? 0 : it.table == CUT_META ?
		    guard_restore(run.pipeline.guard, it.key, it.klen, it.val, it.vlen, &e) :
		    ledger_restore(run.ledger, &run.conf->policy, it.key, it.klen, it.val, it.vlen, run.now, &e);

		if (rc == -1)
			wrong("%s", e.text);
	}
	ledger_restored(run.ledger, run.now);
	cut_clear(&c);
	pipeline_tend(&run.pipeline, &run.conf->policy, run.now);
}

static void
act(char *rest)
{
	const char *verb = word(&rest);

	if (strcmp(verb, "log") == 0)
		log_line(run.now, rest);
	else if (strcmp(verb, "late") == 0) {
		time_t age = (time_t)duration(&rest);

		log_line(run.now - age, rest);
	} else if (strcmp(verb, "ahead") == 0) {
		time_t more = (time_t)duration(&rest);

		log_line(run.now + more, rest);
	} else if (strcmp(verb, "milter") == 0)
		milter_event(rest);
	else if (strcmp(verb, "repeat") == 0)
		repeat(rest);
	else if (strcmp(verb, "add") == 0 || strcmp(verb, "del") == 0)
		by_hand(*verb == 'a', rest);
	else if (strcmp(verb, "send") == 0)
		send_to(rest);
	else if (strcmp(verb, "expect") == 0)
		expect(rest);
	else if (strcmp(verb, "count") == 0)
		count_set(rest);
	else if (strcmp(verb, "breakers") == 0)
		count_breakers(rest);
	else if (strcmp(verb, "incidents") == 0)
		count_incidents(rest);
	else if (strcmp(verb, "reset") == 0)
		(void)guard_reset(run.pipeline.guard, run.now);
	else if (strcmp(verb, "restart") == 0)
		restart();
	else
		wrong("no such verb: \"%s\"", verb);
}

static void
begin(void)
{
	const char *src = getenv("top_srcdir");
	char dir[512];
	const char *const paths[] = { dir, NULL };
	struct err e;

	if (run.conf != NULL)
		return;
	(void)snprintf(dir, sizeof dir, "%s/rules", src == NULL ? "." : src);
	(void)fclose(run.conf_text);
	if ((run.conf = conf_read(run.conf_path, &e)) == NULL || rules_load(paths, &run.rules, &e) == -1)
		wrong("%s", e.text);
	(void)unlink(run.conf_path);
	run.scratch = rules_scratch_new(run.rules);
	run.correlate = correlate_new();
	stamp_init(&run.stamp);
	start();
}

static void
scenario_line(char *line)
{
	const char *verb;
	time_t at;

	line[strcspn(line, "\n")] = '\0';
	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return;
	verb = word(&line);
	if (strcmp(verb, "conf") == 0 && run.conf == NULL) {
		(void)fprintf(run.conf_text, "%s\n", line);
		return;
	}
	begin();
	if (strcmp(verb, "clock") == 0) {
		run.now = START + (time_t)duration(&line);
		ledger_settle(run.ledger, &run.conf->policy, run.now);
		return;
	}
	if (strcmp(verb, "at") != 0)
		wrong("no such verb here: \"%s\"", verb);
	at = START + (time_t)duration(&line);
	if (at < run.now)
		wrong("time goes back; say `clock` if that is meant");
	run.now = at;
	pipeline_tend(&run.pipeline, &run.conf->policy, run.now);
	act(line);
}

int
main(int argc, char **argv)
{
	char *line = NULL;
	size_t cap = 0;
	FILE *in;
	int fd;

	if (argc != 2 || (in = fopen(argv[1], "r")) == NULL) {
		(void)fprintf(stderr, "usage: replay SCENARIO\n");
		return 2;
	}
	run.file = argv[1];
	(void)strcpy(run.conf_path, "/tmp/replay.XXXXXX");
	if ((fd = mkstemp(run.conf_path)) == -1 || (run.conf_text = fdopen(fd, "w")) == NULL)
		wrong("no temporary file");
	for (run.lineno = 1; getline(&line, &cap, in) != -1; run.lineno++)
		scenario_line(line);
	begin();
	free(line);
	(void)fclose(in);
	rules_scratch_free(run.scratch);
	correlate_free(run.correlate);
	rules_free(run.rules);
	stop();
	conf_put(run.conf);
	(void)printf("%s: %u expectations, %u failed\n", run.file, run.expected, run.failed);
	return run.failed == 0 && run.expected > 0 ? 0 : 1;
}
