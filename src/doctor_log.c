/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_log.c - are the logs there, understood, complete, and in our time
 *
 * Of each log file the last LOOK_BACK bytes are read with the daemon's own rules.  When the file was last written the
 * system's clock says, and what time the line had that was written then, its stamp: the two should agree.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_priv.h"
#include "err.h"
#include "logline.h"
#include "logspec.h"

#define LOOK_BACK   (512 * 1024)
#define CLOCK_SLACK 120	  /* seconds between a line's stamp and the file's date */
#define QUIET	    86400 /* a mail server's log has a line a day */
#define LINES_FEW   100
#define SHARE	    50	  /* one line in so many should be recognised */
#define REASONS_FEW 3

/* ---- looking ---- */

struct reader {
	struct log_fact *l;
	const struct rules *rules;
	struct rules_scratch *scratch;
	struct stamp stamp;
	time_t now;
};

/* Postfix writes it of a wrong password, and of a password store that failed. */
static bool
unreasoned(struct str text)
{
	return text_has(text, " authentication failed: (reason unavailable), sasl_username=") &&
	    !text_has(text, "sasl_username=(unavailable)");
}

static void
one_line(struct reader *rd, struct str text)
{
	struct logline line;
	struct event ev;

	rd->l->all++;
	if (logline_parse(&line, &rd->stamp, text, rd->now) == LOGLINE_HEADLESS) {
		rd->l->headless++;
		return;
	}
	if (line.time != -1)
		rd->l->newest = line.time;
	if ((str_eq(line.tag, STR("rsyslogd")) && text_has(line.text, "rate-limit")) ||
	    (str_eq(line.tag, STR("systemd-journald")) && text_has(line.text, "Suppressed")))
		rd->l->lost++;
	if (unreasoned(line.text))
		rd->l->unreasoned++;
	if (rd->rules == NULL || !rules_know_tag(rd->rules, rd->scratch, line.tag))
		return;
	rd->l->lines++;
	rd->l->recognised += rules_match(rd->rules, rd->scratch, &line, &ev) != RULES_NOTHING;
}

/* The end of the file, from a line's beginning. */
static struct str
read_tail(int fd, off_t size, char *buf)
{
	off_t from = size > LOOK_BACK ? size - LOOK_BACK : 0;
	ssize_t n = pread(fd, buf, LOOK_BACK, from);
	struct str text = { buf, n > 0 ? (size_t)n : 0 }, line;

	if (from > 0)
		(void)doctor_line(&text, &line);
	return text;
}

void
log_look(struct log_fact *l, const char *path, const struct rules *rules, time_t now)
{
	struct reader rd = { .l = l, .rules = rules, .now = now };
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct str text, line;
	struct stat st;
	char *buf;

	*l = (struct log_fact){ .path = path };
	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		l->written = st.st_mtime;
		stamp_init(&rd.stamp);
		if (rules != NULL)
			rd.scratch = rules_scratch_new(rules);
		buf = xmalloc(LOOK_BACK);
		text = read_tail(fd, st.st_size, buf);
		while (doctor_line(&text, &line))
			one_line(&rd, line);
		free(buf);
		rules_scratch_free(rd.scratch);
	}
	close(fd);
}

/* ---- judging ---- */

static void
judge_file(const struct doctor_facts *f, struct doctor_report *r, const struct path_fact *p)
{
	struct finding *found;

	if (p->error == EACCES) {
		doctor_skip(r, "%s: only root can look there", p->path);
	} else if (p->error != 0) {
		found = doctor_found(r, "%s: %s", p->path, strerror(p->error));
		finding_why(found, "Nothing is learned from a log that is not there: no login lets anybody relay, and no "
		    "attack is noticed but what the milter sees itself");
		finding_change(found, "%s: logs = {\"(the path of the log that your mail server writes)\"}", f->conf_path);
	} else if (p->denied > 0) {
		found = doctor_found(r, "%s: the daemon's user %s cannot read it: %s", p->path, f->conf->user,
		    strerror(p->denied));
		finding_why(found, "Nothing is learned from a log that cannot be read");
		if (p->gid != 0 && (p->mode & 0040) != 0)
			finding_change(found, "usermod -aG %s %s    # and start the daemon anew", p->group, f->conf->user);
		else
			finding_change(found, "chgrp adm %s && chmod g+r %s && usermod -aG adm %s    # and the same in "
			    "logrotate's \"create\" line; then start the daemon anew", p->path, p->path, f->conf->user);
	} else if (p->denied == -1 && !f->root) {
		doctor_skip(r, "%s: whether the daemon can read it, only root can try", p->path);
	}
}

static void
judge_quiet(const struct doctor_facts *f, struct doctor_report *r, const struct log_fact *l)
{
	struct finding *found;

	if (l->written == 0 || f->now - l->written < QUIET)
		return;
	found = doctor_found(r, "%s: nothing was written to it for %lld hours", l->path,
	    (long long)(f->now - l->written) / 3600);
	finding_why(found, "The mail server seems to write its log elsewhere, and nothing is learned from it");
	finding_change(found, "%s: logs = {\"(the path of the log that your mail server writes)\"}, or logs = {\"journal:\"} "
	    "where there is only the systemd journal", f->conf_path);
}

/* maillog_file: Postfix 3.4 and later can write a log of its own. */
static void
maillog_file(const struct doctor_facts *f, struct doctor_report *r)
{
	struct str file = postfix_param(f, NULL, "maillog_file");
	struct finding *found;
	struct logspec spec;
	char path[512];

	if (file.n == 0 || str_eq(file, STR("/dev/stdout")))
		return;
	str_copy(path, sizeof path, file);
	for (unsigned i = 0; f->conf->logs[i] != NULL; i++)
		if (logspec_parse(&spec, f->conf->logs[i], NULL) == 0 && spec.kind == LOGSPEC_FILE &&
		    postfix_same(spec.path, path))
			return;
	found = doctor_found(r, "Postfix, main.cf: maillog_file = %s, which is not among the logs of %s", path, f->conf_path);
	finding_why(found, "Postfix does not write to the system's log, but there");
	finding_change(found, "%s: logs += {\"%s\"}", f->conf_path, path);
}

static void
judge_lines(struct doctor_report *r, const struct log_fact *l)
{
	struct finding *found;

	if (l->written == 0) {
		doctor_skip(r, "%s: it cannot be read", l->path);
	} else if (l->all >= LINES_FEW && l->headless * 2 > l->all) {
		found = doctor_found(r, "%s: %u of the last %u lines do not begin with a time and a program's name", l->path,
		    l->headless, l->all);
		finding_why(found, "Without its program's name no line is believed");
		finding_change(found, "/etc/rsyslog.conf: $ActionFileDefaultTemplate RSYSLOG_TraditionalFileFormat");
	} else if (l->all >= LINES_FEW && l->lines == 0) {
		found = doctor_found(r, "%s: none of the last %u lines is of a program that there are rules for", l->path, l->all);
		finding_why(found, "Nothing can be learned from this log");
		finding_change(found, "popauth-milter.conf: log_tags = {\"mymail=postfix/smtpd\"}, if your programs log by other "
		    "names; or name another log in logs");
	} else if (l->lines >= LINES_FEW && l->recognised * SHARE < l->lines) {
		found = doctor_found(r, "%s: the rules recognise only %u of the last %u lines of programs that they are for",
		    l->path, l->recognised, l->lines);
		finding_why(found, "A program may say the same in other words than the rules know");
		finding_change(found, "popauth-milterctl rules try < %s    # and write a rule, see popauth-milter.rules(5)",
		    l->path);
	}
}

/* Where Dovecot tells the reason, it does so in a line of its own, and that one counts. */
static void
judge_reasons(struct doctor_report *r, const struct log_fact *l)
{
	struct finding *found;

	if (l->unreasoned < REASONS_FEW)
		return;
	found = doctor_found(r, "%s: Postfix tells of %u failed logins without the reason", l->path, l->unreasoned);
	finding_why(found, "Wrong passwords and a password store that failed look alike, so these count for nobody: who "
	    "guesses passwords by SMTP is not noticed, unless Dovecot writes lines of its own about it");
	finding_change(found, "/etc/dovecot/conf.d/10-logging.conf: auth_verbose = yes    # then doveadm reload; elsewhere see "
	    "\"Wrong passwords by SMTP\" in the guide pop-imap.md");
}

void
check_log_lines(const struct doctor_facts *f, struct doctor_report *r)
{
	for (unsigned i = 0; i < f->n_logs; i++) {
		judge_lines(r, &f->logs[i]);
		judge_reasons(r, &f->logs[i]);
	}
}

/* ---- clock ---- */

static long long
size_of(long long n)
{
	return n < 0 ? -n : n;
}

/* Time zones differ by quarters of hours. */
static bool
by_zone(long long diff)
{
	long long rest = size_of(diff) % 900;

	return size_of(diff) > 900 - CLOCK_SLACK && size_of(diff) <= 26 * 3600 && (rest < CLOCK_SLACK || rest > 900 - CLOCK_SLACK);
}

static void
judge_clock(const struct doctor_facts *f, struct doctor_report *r, const struct log_fact *l)
{
	long long diff = (long long)l->newest - l->written;
	struct finding *found;

	if (l->written == 0 || l->newest == 0)
		return;
	if (size_of(diff) <= CLOCK_SLACK && l->newest <= f->now + CLOCK_SLACK)
		return;
	if (size_of(diff) <= CLOCK_SLACK)
		diff = (long long)l->newest - f->now;
	found = doctor_found(r, "%s: its last line is dated %lld seconds %s when it was written", l->path, size_of(diff),
	    diff > 0 ? "after" : "before");
	finding_why(found, "Terms are counted from the time in the log: %s", diff > 0 ?
	    "a stamp from the future counts as now, and what happened cannot be put in order" :
	    "a login lets nobody relay, if by its date its term is over");
	if (by_zone(diff))
		finding_change(found, "That is a time zone's difference: start the logger anew after a change of zone, let it "
		    "write the zone ($ActionFileDefaultTemplate RSYSLOG_FileFormat), and give chroots the system's: "
		    "cp -L /etc/localtime /var/spool/postfix/etc/localtime");
	else
		finding_change(found, "timedatectl set-ntp true    # on this host, and on the one that the log comes from");
}

void
check_log_clock(const struct doctor_facts *f, struct doctor_report *r)
{
	for (unsigned i = 0; i < f->n_logs; i++)
		judge_clock(f, r, &f->logs[i]);
}

void
check_log_file(const struct doctor_facts *f, struct doctor_report *r)
{
	if (f->conf == NULL) {
		doctor_skip(r, "without a configuration it is not known which logs there are");
		return;
	}
	for (unsigned i = 0; i < f->n_paths; i++)
		if (f->paths[i].role == PATH_LOG)
			judge_file(f, r, &f->paths[i]);
	for (unsigned i = 0; i < f->n_logs; i++)
		judge_quiet(f, r, &f->logs[i]);
	if (postfix_seen(f))
		maillog_file(f, r);
}
