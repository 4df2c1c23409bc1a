/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_gather.c - look at everything that the checks want to know */
#include <sys/stat.h>

#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_priv.h"
#include "err.h"
#include "logspec.h"

#define SENDMAIL_CF "/etc/mail/sendmail.cf"

/* ---- the mail server ---- */

static void
ask_postfix(struct doctor_facts *f, const char *dir)
{
	const char *const main_cf[] = { "postconf", "-x", dir != NULL ? "-c" : NULL, dir, NULL };
	const char *const master[] = { "postconf", "-M", dir != NULL ? "-c" : NULL, dir, NULL };
	const char *const overrides[] = { "postconf", "-x", "-P", dir != NULL ? "-c" : NULL, dir, NULL };
	static char owner[64];
	struct str value;

	if (dir == NULL && access("/etc/postfix/main.cf", F_OK) == -1)
		return;
	capture_program(&f->captures[CAPTURE_MAIN], main_cf, PROGRAM_MS);
	if (f->captures[CAPTURE_MAIN].text == NULL)
		return;
	capture_program(&f->captures[CAPTURE_MASTER], master, PROGRAM_MS);
	capture_program(&f->captures[CAPTURE_OVERRIDES], overrides, PROGRAM_MS);
	value = postfix_param(f, NULL, "mail_owner");
	if (value.n > 0)
		f->mail_owner = str_copy(owner, sizeof owner, value);
}

static void
look_at_mta(struct doctor_facts *f, const struct doctor_where *w)
{
	if (w->sendmail_cf == NULL)
		ask_postfix(f, w->postfix);
	if (w->sendmail_cf != NULL || (w->postfix == NULL && !postfix_seen(f)))
		capture_file(&f->captures[CAPTURE_SENDMAIL], w->sendmail_cf != NULL ? w->sendmail_cf : SENDMAIL_CF);
}

/* ---- the firewall ---- */

/* iptables-save is one of the two where there are both: both are asked, then. */
static void
look_at_firewall(struct doctor_facts *f)
{
	static const struct {
		enum capture_id now, legacy;
		const char *name[3]; /* of nf_tables, legacy, the one */
	} families[] = {
		{ CAPTURE_IPTABLES, CAPTURE_LEGACY4, { "iptables-nft-save", "iptables-legacy-save", "iptables-save" } },
		{ CAPTURE_IP6TABLES, CAPTURE_LEGACY6, { "ip6tables-nft-save", "ip6tables-legacy-save", "ip6tables-save" } },
	};

	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		bool both = program_exists(families[i].name[0]) && program_exists(families[i].name[1]);
		const char *const first[] = { families[i].name[both ? 0 : 2], NULL };
		const char *const second[] = { families[i].name[1], NULL };
		struct capture *c = &f->captures[families[i].now];

		if (!f->root) {
			(void)snprintf(c->why, sizeof c->why, "%s: only root can see the firewall's rules", first[0]);
			continue;
		}
		capture_program(c, first, PROGRAM_MS);
		if (both)
			capture_program(&f->captures[families[i].legacy], second, PROGRAM_MS);
	}
}

/* ---- settings of those who log ---- */

static void
append_file(struct capture *c, const char *path)
{
	size_t n = strlen(path);

	if (access(path, R_OK) == -1)
		return;
	c->text = xrealloc(c->text, c->len + n + 8);
	c->len += (size_t)snprintf(c->text + c->len, n + 8, "\n#@ %s\n", path);
	capture_file(c, path);
}

static void
append_glob(struct capture *c, const char *pattern)
{
	glob_t g;

	if (glob(pattern, 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		append_file(c, g.gl_pathv[i]);
	globfree(&g);
}

static void
look_at_loggers(struct doctor_facts *f)
{
	struct capture *j = &f->captures[CAPTURE_JOURNALD], *s = &f->captures[CAPTURE_RSYSLOG];

	f->journald = access("/run/systemd/journal/socket", F_OK) == 0;
	append_file(j, "/etc/systemd/journald.conf");
	append_glob(j, "/usr/lib/systemd/journald.conf.d/*.conf");
	append_glob(j, "/run/systemd/journald.conf.d/*.conf");
	append_glob(j, "/etc/systemd/journald.conf.d/*.conf");
	append_file(s, "/etc/rsyslog.conf");
	append_glob(s, "/etc/rsyslog.d/*.conf");
}

/* ---- files and sockets ---- */

static void
name_group(struct path_fact *p)
{
	const struct group *g = getgrgid(p->gid);

	(void)snprintf(p->group, sizeof p->group, "%lu", (unsigned long)p->gid);
	if (g != NULL)
		str_copy(p->group, sizeof p->group, str_of(g->gr_name));
}

static void
note_path(struct doctor_facts *f, enum path_role role, const char *option, const char *path)
{
	bool socket = role == PATH_SOCKET;
	struct path_fact *p;
	struct stat st;

	if (f->n_paths == PATHS_MAX || path[0] == '\0')
		return;
	p = &f->paths[f->n_paths++];
	*p = (struct path_fact){ .role = role, .path = path, .option = option, .denied = -1 };
	if (stat(path, &st) == -1) {
		p->error = errno;
		return;
	}
	p->mode = st.st_mode;
	p->uid = st.st_uid;
	p->gid = st.st_gid;
	name_group(p);
	if (socket && f->mail_owner != NULL)
		p->denied = attempt_as(f->mta_uid, f->mta_gid, f->mail_owner, ATTEMPT_CONNECT, path);
	else if (role != PATH_HELPER && role != PATH_CONTROL && !socket)
		p->denied = attempt_as(f->daemon_uid, f->daemon_gid, f->conf->user, ATTEMPT_READ, path);
	else
		p->denied = 0;
}

/* This machine's journal: the file that is written now, kept over a reboot or not. */
static void
note_journal(struct doctor_facts *f)
{
	static char path[128];
	glob_t g;

	if (glob("/var/log/journal/*/system.journal", 0, NULL, &g) != 0 &&
	    glob("/run/log/journal/*/system.journal", 0, NULL, &g) != 0)
		(void)snprintf(path, sizeof path, "/run/log/journal");
	else
		(void)snprintf(path, sizeof path, "%s", g.gl_pathv[0]);
	globfree(&g);
	note_path(f, PATH_LOG, "logs", path);
}

/* Sockets for syslog are the daemon's own. */
static void
note_log(struct doctor_facts *f, const struct logspec *spec)
{
	if (spec->kind == LOGSPEC_JOURNAL && spec->path[0] == '\0')
		note_journal(f);
	else if (spec->kind == LOGSPEC_FILE || spec->kind == LOGSPEC_FIFO || spec->kind == LOGSPEC_JOURNAL)
		note_path(f, PATH_LOG, "logs", spec->path);
}

static void
note_paths(struct doctor_facts *f)
{
	const struct conf *c = f->conf;
	struct logspec spec;

	note_path(f, PATH_CONFIG, "", f->conf_path);
	note_path(f, PATH_STATE, "state_dir", c->state_dir);
	note_path(f, PATH_RULES, "rules_dir", c->rules_dir);
	note_path(f, PATH_RULES_LOCAL, "rules_local", c->rules_local);
	note_path(f, PATH_LIST, "allow_file", c->allow_file);
	note_path(f, PATH_LIST, "freemail_list", c->freemail_list);
	note_path(f, PATH_LIST, "freemail_local", c->freemail_local);
	note_path(f, PATH_LIST, "traps", c->traps);
	if (c->firewall)
		note_path(f, PATH_HELPER, "firewall_helper", c->firewall_helper);
	note_path(f, PATH_SOCKET, "milter_socket", milter_path(c));
	note_path(f, PATH_SOCKET, "map_socket", c->map_socket);
	note_path(f, PATH_CONTROL, "control_socket", c->control_socket);
	for (unsigned i = 0; c->logs[i] != NULL; i++)
		if (logspec_parse(&spec, c->logs[i], NULL) == 0)
			note_log(f, &spec);
}

static void
look_at_logs(struct doctor_facts *f, const struct rules *rules)
{
	struct logspec spec;

	for (unsigned i = 0; f->conf->logs[i] != NULL && f->n_logs < CONF_LOGS_MAX; i++) {
		if (logspec_parse(&spec, f->conf->logs[i], NULL) == -1)
			continue;
		if (spec.kind == LOGSPEC_JOURNAL)
			f->journald = true;
		if (spec.kind == LOGSPEC_FILE && access(spec.path, F_OK) == 0)
			log_look(&f->logs[f->n_logs++], spec.path, rules, f->now);
	}
}

static void
users(struct doctor_facts *f)
{
	const struct passwd *pw;

	f->daemon_uid = f->mta_uid = (uid_t)-1;
	if (f->conf != NULL && f->conf->user[0] != '\0' && (pw = getpwnam(f->conf->user)) != NULL) {
		f->daemon_uid = pw->pw_uid;
		f->daemon_gid = pw->pw_gid;
	}
	if (f->mail_owner != NULL && (pw = getpwnam(f->mail_owner)) != NULL) {
		f->mta_uid = pw->pw_uid;
		f->mta_gid = pw->pw_gid;
	}
}

void
doctor_gather(struct doctor_facts *f, const struct doctor_where *w)
{
	*f = (struct doctor_facts){ .conf = w->conf, .now = w->now, .root = geteuid() == 0 };
	f->gate = w->conf != NULL && w->conf->gate != GATE_MODE_OFF;
	str_copy(f->conf_path, sizeof f->conf_path, str_of(w->conf_path));
	if (w->conf_error != NULL)
		str_copy(f->conf_error, sizeof f->conf_error, str_of(w->conf_error));
	look_at_mta(f, w);
	users(f);
	look_at_firewall(f);
	look_at_loggers(f);
	if (w->control_socket != NULL)
		knock_control(&f->control, w->control_socket, &f->status);
	if (f->conf == NULL)
		return;
	knock_milter(&f->milter, f->conf->milter_socket);
	if (f->conf->map_socket[0] != '\0')
		knock_map(&f->map, f->conf->map_socket);
	note_paths(f);
	look_at_logs(f, w->rules);
}

void
doctor_forget(struct doctor_facts *f)
{
	for (unsigned i = 0; i < CAPTURES; i++)
		capture_clear(&f->captures[i]);
	json_free(f->status);
}
