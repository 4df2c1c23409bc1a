/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_files.c - the daemon, its sockets, and who may write and read what */
#include <sys/stat.h>

#include <errno.h>
#include <string.h>

#include "doctor_priv.h"
#include "trouble.h"

void
check_config(const struct doctor_facts *f, struct doctor_report *r)
{
	struct str rest = str_of(f->conf_error), line;

	while (f->conf == NULL && doctor_line(&rest, &line)) {
		struct finding *found = doctor_found(r, "%.*s", (int)line.n, line.p);

		finding_why(found, "The daemon does not start with it, and a reload leaves the old configuration in force");
		finding_change(found, "popauth-milter -t -c %s    # says so after each change", f->conf_path);
	}
}

/* It is there, but not for who asks. */
static bool
hidden_from(const struct doctor_facts *f, const struct knock *k)
{
	return !f->root && strstr(k->why, strerror(EACCES)) != NULL;
}

/* A part of the daemon's status, and what it means when there is trouble with it.  The firewall has a check of
 * its own; what the socketmap was asked in vain is counted since its start, and says nothing of now. */
struct part {
	const char *key, *name, *why, *change;
};

static const struct part parts[] = {
	{ "store", "store", "What it has learned would be lost with its next end",
	    "popauth-milterctl status    # shows when it is better" },
	{ "allowlist", "allowlist", "The list that it read before stays in force; what was written since does not",
	    "popauth-milterctl reload    # when the file is mended" },
	{ "relay_map", "relay map", "Nobody who logs in now can relay by this file, and whose grant ends still can",
	    "popauth-milterctl status    # shows when it is better" },
	{ "gate", "gate", "The mail server relays for all, and the gate alone refuses: should the daemon end, nobody would",
	    "popauth-milterctl status    # shows when it is shut safely" },
};
static const struct part log_part = { "logs", "log", "What is in the log and not understood, or not read, is not known",
	"popauth-milterctl rules try < LOG    # shows which lines are understood" };

struct complaint {
	struct doctor_report *r;
	const struct part *part;
	const char *of; /* which one, where there are several; "" */
};

static void
complain(void *arg, const char *text)
{
	const struct complaint *c = arg;
	struct finding *found = doctor_found(c->r, "the daemon complains of the %s%s%s: %s", c->part->name, *c->of != '\0' ? " " : "",
	    c->of, text);

	finding_why(found, "%s", c->part->why);
	finding_change(found, "%s", c->part->change);
}

/* log-file has found it as well. */
static bool
found_elsewhere(const struct doctor_facts *f, const char *path)
{
	for (unsigned i = 0; i < f->n_paths; i++)
		if (f->paths[i].role == PATH_LOG && strcmp(f->paths[i].path, path) == 0 &&
		    (f->paths[i].error != 0 || f->paths[i].denied > 0))
			return true;
	return false;
}

static void
hear_complaints(const struct doctor_facts *f, struct doctor_report *r)
{
	const struct json *logs = json_get(f->status, "logs");
	struct complaint c = { .r = r, .of = "" };

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		c.part = &parts[i];
		trouble_of(parts[i].key, json_get(f->status, parts[i].key), complain, &c);
	}
	c.part = &log_part;
	for (size_t i = 0; i < json_count(logs); i++) {
		c.of = text_of(json_at(logs, i), "path");
		if (!found_elsewhere(f, c.of))
			trouble_of("logs", json_at(logs, i), complain, &c);
	}
}

void
check_daemon(const struct doctor_facts *f, struct doctor_report *r)
{
	struct finding *found;

	if (f->status != NULL) {
		hear_complaints(f, r);
		return;
	}
	if (!f->control.tried) {
		doctor_skip(r, "without a configuration its control socket is not known: name it with -s");
		return;
	}
	if (hidden_from(f, &f->control)) {
		doctor_skip(r, "%s", f->control.why);
		return;
	}
	found = doctor_found(r, "the daemon does not answer: %s", f->control.why);
	finding_why(found, "Nothing is learned, refused or granted while it is not running");
	finding_change(found, "systemctl enable --now popauth-milter    # or see why it ended: journalctl -u popauth-milter");
}

static void
judge_knock(const struct doctor_facts *f, struct doctor_report *r, const struct knock *k, const char *option, const char *why)
{
	struct finding *found;

	if (!k->tried || k->answered)
		return;
	if (hidden_from(f, k)) {
		doctor_skip(r, "%s", k->why);
		return;
	}
	found = doctor_found(r, "%s: %s", option, k->why);
	finding_why(found, "%s", why);
	finding_change(found, "systemctl restart popauth-milter    # if the path is right; or %s: %s = \"...\"", f->conf_path, option);
}

void
check_milter_socket(const struct doctor_facts *f, struct doctor_report *r)
{
	judge_knock(f, r, &f->milter, "milter_socket", "The mail server can ask nobody, and does what it is told to do then "
	    "(failure-action)");
}

void
check_map_socket(const struct doctor_facts *f, struct doctor_report *r)
{
	judge_knock(f, r, &f->map, "map_socket", "The lookup fails, and whoever wants to relay is put off");
}

/* ---- permissions ---- */

/* What it would mean if others could write it; NULL: nobody cares. */
static const char *
if_written(enum path_role role)
{
	static const char *const why[PATH_ROLES] = {
		[PATH_CONFIG] = "Whoever can write the configuration decides who may relay, and which program root starts",
		[PATH_STATE] = "Whoever can write the store can let anybody relay, and can make the daemon stumble",
		[PATH_RULES] = "Whoever can write a rule can have anybody let in or blocked",
		[PATH_RULES_LOCAL] = "Whoever can write a rule can have anybody let in or blocked",
		[PATH_LIST] = "Whoever can write the list decides who is never blocked, or who is",
		[PATH_HELPER] = "Whoever can write the helper has the privilege that it runs with",
		[PATH_LOG] = "Whoever can write the log can write a login into it, and relay",
		[PATH_CONTROL] = "Whoever can connect can look at everybody's logins",
		[PATH_SOCKET] = "Whoever can connect can pretend to be the mail server, and teach the daemon what did not happen",
	};

	return why[role];
}

static void
judge_writers(struct doctor_report *r, const struct path_fact *p)
{
	struct finding *found;

	if ((p->mode & 0002) == 0 || S_ISLNK(p->mode))
		return;
	found = doctor_found(r, "%s: anybody can %s it (mode %04o)", p->path, S_ISSOCK(p->mode) ? "connect to" : "write",
	    (unsigned)(p->mode & 07777));
	finding_why(found, "%s", if_written(p->role));
	finding_change(found, "chmod o-%s %s", S_ISSOCK(p->mode) ? "rwx" : "w", p->path);
}

static bool
is_roots(enum path_role role)
{
	return role == PATH_CONFIG || role == PATH_RULES || role == PATH_RULES_LOCAL || role == PATH_HELPER;
}

static void
judge_owner(const struct doctor_facts *f, struct doctor_report *r, const struct path_fact *p)
{
	struct finding *found = NULL;

	if (is_roots(p->role) && p->uid != 0) {
		found = doctor_found(r, "%s: it belongs to user %lu, and not to root", p->path, (unsigned long)p->uid);
		finding_change(found, "chown root %s", p->path);
	} else if (is_roots(p->role) && p->gid != 0 && (p->mode & 0020) != 0) {
		found = doctor_found(r, "%s: group %s can write it (mode %04o)", p->path, p->group,
		    (unsigned)(p->mode & 07777));
		finding_change(found, "chmod g-w %s", p->path);
	} else if (p->role == PATH_STATE && f->daemon_uid != (uid_t)-1 && p->uid != f->daemon_uid) {
		found = doctor_found(r, "%s: it belongs to user %lu, and not to %s", p->path, (unsigned long)p->uid, f->conf->user);
		finding_change(found, "chown -R %s %s", f->conf->user, p->path);
	}
	if (found != NULL)
		finding_why(found, "%s", p->role == PATH_STATE ? "The daemon cannot keep there what it has learned" :
		    if_written(p->role));
}

static void
judge_readers(const struct doctor_facts *f, struct doctor_report *r, const struct path_fact *p)
{
	struct finding *found;

	if (p->denied <= 0 || p->role == PATH_LOG)	/* log-file tells of logs */
		return;
	if (p->role == PATH_SOCKET) {
		if (p->denied == ENOENT || p->denied == ECONNREFUSED)
			return;	/* that nobody is there, others tell */
		found = doctor_found(r, "%s: the mail server's user %s cannot connect: %s", p->path, f->mail_owner,
		    strerror(p->denied));
		finding_why(found, "The mail server takes it as if nobody were there");
		finding_change(found, "%s: socket_group = \"%s\"    # and the directory must let that group through: "
		    "chgrp %s DIR && chmod 0750 DIR", f->conf_path, f->mail_owner, f->mail_owner);
		return;
	}
	found = doctor_found(r, "%s: the daemon's user %s cannot read it: %s", p->path, f->conf->user, strerror(p->denied));
	finding_why(found, "It is read again at every reload, by then no longer as root");
	finding_change(found, "chmod a+r %s    # a directory also needs a+x", p->path);
}

void
check_permissions(const struct doctor_facts *f, struct doctor_report *r)
{
	unsigned untried = 0;

	if (f->conf != NULL && f->conf->user[0] != '\0' && f->daemon_uid == (uid_t)-1) {
		struct finding *found = doctor_found(r, "%s: user = \"%s\": there is no such user", f->conf_path, f->conf->user);

		finding_why(found, "The daemon does not start as root without a user to become");
		finding_change(found, "useradd --system --no-create-home --shell /usr/sbin/nologin %s", f->conf->user);
	}
	for (unsigned i = 0; i < f->n_paths; i++) {
		const struct path_fact *p = &f->paths[i];

		if (p->error != 0)
			continue;
		untried += p->denied == -1;
		judge_writers(r, p);
		judge_owner(f, r, p);
		judge_readers(f, r, p);
	}
	if (untried > 0 && !f->root)
		doctor_skip(r, "whether %u files can be read by those who must, only root can try", untried);
}
