/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor.h - is everything wired up as it must be, and if not, which line to change
 *
 * In two steps.  doctor_gather() looks: it runs postconf and the firewall's list programs, reads files, and knocks at
 * sockets.  The checks (the table below) judge what was seen and touch nothing, so that a test can feed them any text.
 *
 * A finding says what is wrong, why it matters, and what to change, as a line that can be copied.  What a check could
 * not look at is told as well: silence means that it was looked at and found good.
 *
 * Texts of facts and findings may hold bytes of other people's files: whoever prints them uses str_show().
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "conf.h"
#include "json.h"
#include "rules.h"

/* ---- what was seen ---- */

/* What a program printed, or a file held.  `text` NULL: nothing was to be had, and `why` says why; with `why` "",
 * there is no such program or file. */
struct capture {
	char *text;
	size_t len;
	char why[256];
};

enum capture_id {
	CAPTURE_MAIN,	    /* postconf -x: name = value */
	CAPTURE_MASTER,	    /* postconf -M: the services */
	CAPTURE_OVERRIDES,  /* postconf -x -P: service/type/name = value */
	CAPTURE_SENDMAIL,   /* sendmail.cf */
	CAPTURE_IPTABLES,   /* iptables-save, of the kernel's nf_tables where there are both */
	CAPTURE_IP6TABLES,
	CAPTURE_LEGACY4,    /* the same of the older tables, where both are at hand */
	CAPTURE_LEGACY6,
	CAPTURE_JOURNALD,   /* journald.conf and its drop-ins, in the order in which they count */
	CAPTURE_RSYSLOG,    /* rsyslog.conf and what it includes */
	CAPTURES
};

/* A socket that was knocked at. */
struct knock {
	bool tried;
	bool answered; /* as what it should be */
	char why[256]; /* if it did not */
};

enum path_role {
	PATH_CONFIG, PATH_STATE, PATH_RULES, PATH_RULES_LOCAL, PATH_LIST, PATH_HELPER, PATH_SOCKET, PATH_LOG,
	PATH_CONTROL, PATH_ROLES
};

/* A file, directory or socket that the configuration names. */
struct path_fact {
	enum path_role role;
	const char *path; /* the configuration's */
	const char *option;
	int error;	  /* errno of stat(); 0: it is there */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char group[32];	  /* its name, or the number */
	int denied; /* errno when the daemon's user opens it (PATH_SOCKET: the MTA's user connects); -1: not tried */
};

#define PATHS_MAX 96

/* The end of a log file, as the rules see it. */
struct log_fact {
	const char *path;
	time_t written;	 /* when the file was last changed; 0: not readable by whoever asks */
	time_t newest;	 /* the stamp of the last line that has one; 0: none */
	unsigned lines;	 /* of programs that there are rules for, in what was read */
	unsigned recognised, headless, all;
	unsigned lost;	 /* lines in which a logger says that it has dropped others */
	unsigned unreasoned; /* logins by SMTP that failed, of which nobody says whether the password was wrong */
};

struct doctor_facts {
	const struct conf *conf; /* NULL: conf_error */
	char conf_path[256], conf_error[512];
	time_t now;
	bool root;		 /* who asks may look at everything */
	const char *mail_owner;	 /* the MTA's user; NULL: not known */
	uid_t daemon_uid, mta_uid; /* (uid_t)-1: no such user */
	gid_t daemon_gid, mta_gid;
	struct knock control, milter, map;
	struct json *status;	 /* the daemon's; NULL: none */
	struct capture captures[CAPTURES];
	struct path_fact paths[PATHS_MAX];
	unsigned n_paths;
	struct log_fact logs[CONF_LOGS_MAX];
	unsigned n_logs;
	bool journald;		 /* this system's log goes through journald */
	bool gate;		 /* the milter alone refuses relaying */
};

struct doctor_where {
	const struct conf *conf;
	const char *conf_path, *conf_error; /* the latter: why there is no conf */
	const char *control_socket;
	const char *postfix;	 /* the directory of main.cf; NULL: Postfix's own */
	const char *sendmail_cf; /* NULL: the usual place, when there is no Postfix */
	const struct rules *rules; /* NULL: none could be loaded */
	time_t now;
};

/* Look.  What is not there is a fact like any other. */
void doctor_gather(struct doctor_facts *f, const struct doctor_where *w);
void doctor_forget(struct doctor_facts *f);

/* ---- what follows ---- */

struct finding {
	const char *check; /* its name */
	char what[512], why[512], change[1536];
};

struct skipped {
	const char *check;
	char why[300];
};

struct doctor_report {
	const char *check; /* that is at work */
	struct finding *findings;
	unsigned n_findings;
	struct skipped *skipped;
	unsigned n_skipped;
	unsigned checks;
};

/* Name, function, what it looks at: the list that the manual has, too. */
#define DOCTOR_CHECKS(X) \
	X("config", config, "the configuration file is read without a mistake") \
	X("daemon", daemon, "the daemon answers at its control socket, and complains of nothing") \
	X("milter-socket", milter_socket, "a milter answers at milter_socket") \
	X("map-socket", map_socket, "a socketmap answers at map_socket") \
	X("mta-milter", mta_milter, "the mail server asks the milter, at the path that it sees from its chroot") \
	X("failure-action", failure_action, "what the mail server does when the milter is not there") \
	X("milter-protocol", milter_protocol, "the mail server speaks the milter protocol with all that is needed") \
	X("relay-lookup", relay_lookup, "the relay lookup is there, in the right place and order") \
	X("lookup-deferral", lookup_deferral, "no lookup defers all mail when the daemon is not there") \
	X("postscreen", postscreen, "postscreen finds the daemon, if it is to ask it, and refuses whom it logs as listed") \
	X("log-file", log_file, "the logs are there, readable by the daemon, and the ones that the mail server writes") \
	X("log-lines", log_lines, "the rules recognise lines of the logs") \
	X("log-clock", log_clock, "the logs' clock and time zone are this system's") \
	X("log-limits", log_limits, "neither journald nor rsyslogd throws lines away") \
	X("firewall", firewall, "the helper runs, and the sets are there") \
	X("firewall-rule", firewall_rule, "a firewall rule drops what is in the sets, before anything accepts it") \
	X("permissions", permissions, "nobody but who must can write the files, and who must can read them")

/* The next line of a text; false at its end. */
bool doctor_line(struct str *rest, struct str *line);

void doctor_judge(const struct doctor_facts *f, struct doctor_report *r);
void doctor_report_free(struct doctor_report *r);

struct doctor_check {
	const char *name;
	void (*run)(const struct doctor_facts *f, struct doctor_report *r);
	const char *about;
};
extern const struct doctor_check doctor_checks[];
extern const unsigned doctor_n_checks;

#endif
