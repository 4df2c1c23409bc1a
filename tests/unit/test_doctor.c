/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What doctor finds in texts, and how it gets them.  What real servers' tools print, tests/mta/doctor tries. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/doctor_priv.h"
#include "unit.h"

static struct conf *conf;
static struct doctor_facts facts;

static const char conf_text[] =
	"user = nobody\n"
	"milter_socket = \"unix:/var/spool/postfix/popauth/milter.sock\"\n"
	"map_socket = \"/var/spool/postfix/popauth/map.sock\"\n"
	"relay_map = \"/etc/postfix/popauth.db\"\n"
	"logs = {\"/var/log/mail.log\"}\n";

static int
start(void **state)
{
	char path[] = "/tmp/popauth-test.XXXXXX";
	int fd = mkstemp(path);
	struct err e = { "" };

	(void)state;
	if (fd == -1 || write(fd, conf_text, sizeof conf_text - 1) != sizeof conf_text - 1)
		return -1;
	close(fd);
	conf = conf_read(path, &e);
	unlink(path);
	if (conf == NULL)
		print_error("%s\n", e.text);
	return conf != NULL ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	conf_put(conf);
	return 0;
}

static void
facts_init(void)
{
	facts = (struct doctor_facts){ .conf = conf, .conf_path = "x.conf", .now = 1700000000, .root = true,
		.mail_owner = "postfix", .daemon_uid = 7, .daemon_gid = 7, .mta_uid = 8, .mta_gid = 8 };
}

static void
put(enum capture_id id, const char *text)
{
	facts.captures[id] = (struct capture){ .text = (char *)(uintptr_t)text, .len = strlen(text) };
}

/* Run the check of that name alone. */
static struct doctor_report
run(const char *name)
{
	struct doctor_report r = { .check = name };

	for (unsigned i = 0; i < doctor_n_checks; i++)
		if (strcmp(doctor_checks[i].name, name) == 0)
			doctor_checks[i].run(&facts, &r);
	return r;
}

/* It finds one thing, which says `what`, and advises `change`; NULL: anything.  `what` NULL: it finds nothing. */
static void
expect(const char *row, const char *check, const char *what, const char *change)
{
	struct doctor_report r = run(check);
	unsigned want = what != NULL;

	if (r.n_findings != want)
		fail_msg("%s: got %u findings, want %u: %s", row, r.n_findings, want,
		    r.n_findings > 0 ? r.findings[0].what : "nothing");
	for (unsigned i = 0; i < r.n_findings; i++) {
		if (strstr(r.findings[i].what, what) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\" in it", row, r.findings[i].what, what);
		if (change != NULL && strstr(r.findings[i].change, change) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\" in it", row, r.findings[i].change, change);
		if (r.findings[i].why[0] == '\0' || r.findings[i].change[0] == '\0')
			fail_msg("%s: a finding without why, or without what to change", row);
	}
	doctor_report_free(&r);
}

/* ---- Postfix ---- */

#define SMTPD(chroot) "smtp       inet  n       -       " chroot "       -       -       smtpd\n"
#define MAP	      "socketmap:unix:popauth/map.sock:relay"

static void
postfix_lists(void **state)
{
	static const struct {
		const char *name, *main, *what, *change;
	} rows[] = {
		{ "good", "smtpd_relay_restrictions = permit_mynetworks, permit_auth_destination, check_client_access " MAP
		    ", reject_unauth_destination\n", NULL, NULL },
		{ "blanks for commas", "smtpd_relay_restrictions = permit_mynetworks permit_auth_destination check_client_access " MAP
		    " reject_unauth_destination\n", NULL, NULL },
		{ "capitals", "smtpd_relay_restrictions = PERMIT_AUTH_DESTINATION, Check_Client_Access " MAP
		    ", REJECT_unauth_destination\n", NULL, NULL },
		{ "the words for a trap", "smtpd_relay_restrictions = permit_auth_destination, check_client_access " MAP ", REJECT\n",
		    "behind the relay lookup stands REJECT", MAP ", reject_unauth_destination" },
		{ "what counts for nothing", "smtpd_relay_restrictions = permit_auth_destination, check_client_access " MAP
		    ", defer_unauth_destination\n", "behind the relay lookup stands defer_unauth_destination",
		    MAP ", reject_unauth_destination" },
		{ "no list at all", "", "does not look up",
		    "smtpd_relay_restrictions = permit_auth_destination, check_client_access " MAP ", reject_unauth_destination" },
		{ "nothing but the lookup", "smtpd_relay_restrictions = check_client_access " MAP "\n", "before permit_auth_destination",
		    "= permit_auth_destination, check_client_access " MAP ", reject_unauth_destination" },
		{ "another path", "smtpd_relay_restrictions = permit_auth_destination, check_client_access "
		    "socketmap:unix:other/map.sock:relay, reject\n", "does not look up", NULL },
		{ "another name", "smtpd_relay_restrictions = permit_auth_destination, check_client_access "
		    "socketmap:unix:popauth/map.sock:really, reject\n", "does not look up", NULL },
		{ "others keep their place", "smtpd_relay_restrictions = permit_mynetworks, check_helo_access pcre:/x, "
		    "reject_unauth_destination, check_client_access " MAP ", warn_if_reject\n", "behind what has decided",
		    "= permit_mynetworks, check_helo_access, pcre:/x, warn_if_reject, permit_auth_destination, check_client_access "
		    MAP ", reject_unauth_destination" },
		{ "a class", "smtpd_restriction_classes = a, pop\npop = permit_auth_destination, check_client_access " MAP
		    "\nsmtpd_relay_restrictions = permit_mynetworks, pop, reject_unauth_destination\n", NULL, NULL },
		{ "a class within itself", "smtpd_restriction_classes = a\na = a\nsmtpd_relay_restrictions = a, "
		    "permit_auth_destination, check_client_access " MAP ", reject_unauth_destination\n", NULL, NULL },
		{ "the map file", "smtpd_relay_restrictions = permit_auth_destination, check_client_access "
		    "hash:/etc/postfix/popauth, reject_unauth_destination\n", NULL, NULL },
		{ "another map file", "smtpd_relay_restrictions = permit_auth_destination, check_client_access "
		    "hash:/etc/postfix/access, reject\n", "does not look up", NULL },
		{ "half a map", "smtpd_relay_restrictions = check_client_access socketmap:unix:\n", "does not look up", NULL },
		{ "a brace that never ends", "smtpd_relay_restrictions = { check_client_access " MAP "\n", "does not look up", NULL },
	};
	char text[2000];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		(void)snprintf(text, sizeof text, "queue_directory = /var/spool/postfix\n%s", rows[i].main);
		put(CAPTURE_MAIN, text);
		put(CAPTURE_MASTER, SMTPD("y"));
		expect(rows[i].name, "relay-lookup", rows[i].what, rows[i].change);
	}
}

static void
postfix_milters(void **state)
{
	static const struct {
		const char *name, *main, *master, *what, *change;
	} rows[] = {
		{ "relative", "smtpd_milters = unix:popauth/milter.sock\n", SMTPD("y"), NULL, NULL },
		{ "relative, no chroot", "smtpd_milters = unix:popauth/milter.sock\n", SMTPD("n"), NULL, NULL },
		{ "absolute in the chroot", "smtpd_milters = unix:/popauth/milter.sock\n", SMTPD("y"), NULL, NULL },
		{ "absolute, no chroot", "smtpd_milters = unix:/var/spool/postfix/popauth/milter.sock\n", SMTPD("n"), NULL, NULL },
		{ "absolute of the chroot, no chroot", "smtpd_milters = unix:/popauth/milter.sock\n", SMTPD("n"),
		    "which is not chrooted", "smtpd_milters = unix:popauth/milter.sock" },
		{ "chroot by default, long ago", "compatibility_level = 0\nsmtpd_milters = unix:/popauth/milter.sock\n", SMTPD("-"),
		    NULL, NULL },
		{ "no chroot by default", "compatibility_level = 3.6\nsmtpd_milters = unix:/popauth/milter.sock\n", SMTPD("-"),
		    "which is not chrooted", NULL },
		{ "others stay", "smtpd_milters = inet:localhost:8891, { unix:x, a = b }\n", SMTPD("y"), "does not name",
		    "smtpd_milters = unix:popauth/milter.sock, inet:localhost:8891, { unix:x, a = b }" },
		{ "the wrong one goes", "smtpd_milters = unix:/run/popauth/milter.sock, inet:localhost:8891\n", SMTPD("y"), "is /var/spool",
		    "smtpd_milters = unix:popauth/milter.sock, inet:localhost:8891" },
		{ "behind postscreen", "smtpd_milters =\n", "smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n",
		    "service smtpd", NULL },
		{ "for filters on loopback", "smtpd_milters =\n", SMTPD("y") "127.0.0.1:10025 inet n - n - - smtpd\n", "service smtp",
		    NULL },
		{ "short lines of master.cf", "smtpd_milters = unix:popauth/milter.sock\n", "x\n\nsmtp inet\n" SMTPD("y"), NULL, NULL },
	};
	char text[2000];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		(void)snprintf(text, sizeof text, "queue_directory = /var/spool/postfix\n%s", rows[i].main);
		put(CAPTURE_MAIN, text);
		put(CAPTURE_MASTER, rows[i].master);
		expect(rows[i].name, "mta-milter", rows[i].what, rows[i].change);
	}
}

/* The configuration is shared by all tests: what is put in is taken out. */
static void
postfix_listeners(void **state)
{
	static const struct {
		const char *name, *overrides, *what, *change;
	} rows[] = {
		{ "the host's name", "", "listener submission: no smtpd", "postconf -P 'submission/inet/milter_macro_daemon_name=submission'" },
		{ "its own", "submission/inet/milter_macro_daemon_name = Submission\n", NULL, NULL },
		{ "another's", "submission/inet/milter_macro_daemon_name = msa\n", "listener submission: no smtpd", NULL },
	};
	struct listener one = { .name = (char *)(uintptr_t)"submission" };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		put(CAPTURE_MAIN, "queue_directory = /var/spool/postfix\nsmtpd_milters = unix:popauth/milter.sock\n"
		    "milter_macro_daemon_name = mail.example.org\n");
		put(CAPTURE_MASTER, SMTPD("y") "submission inet n - y - - smtpd\n");
		put(CAPTURE_OVERRIDES, rows[i].overrides);
		conf->listeners = &one;
		conf->n_listeners = 1;
		expect(rows[i].name, "mta-milter", rows[i].what, rows[i].change);
		conf->listeners = NULL;
		conf->n_listeners = 0;
	}
}

static void
postfix_action(void **state)
{
	static const struct {
		const char *name, *milters, *action;
		bool gate;
		const char *what, *change;
	} rows[] = {
		{ "accept", "unix:popauth/milter.sock", "accept", false, NULL, NULL },
		{ "shutdown", "unix:popauth/milter.sock", "shutdown", false, "does this: shutdown", "milter_default_action = accept" },
		{ "own", "{ unix:popauth/milter.sock, connect_timeout=3s, default_action=accept }", "tempfail", false, NULL, NULL },
		{ "own with blanks", "{unix:popauth/milter.sock {default_action = accept}}", "tempfail", false, NULL, NULL },
		{ "own is wrong", "{ unix:popauth/milter.sock default_action=reject }", "accept", false, "does this: reject",
		    "{ unix:popauth/milter.sock, default_action=accept }" },
		{ "gate", "unix:popauth/milter.sock", "tempfail", true, NULL, NULL },
		{ "gate and shutdown", "unix:popauth/milter.sock", "shutdown", true, NULL, NULL },
		{ "open gate", "unix:popauth/milter.sock", "accept", true, "does this: accept", "milter_default_action = tempfail" },
		{ "gate and quarantine", "unix:popauth/milter.sock", "quarantine", true, "does this: quarantine", NULL },
	};
	char text[2000];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		facts.gate = rows[i].gate;
		(void)snprintf(text, sizeof text, "queue_directory = /var/spool/postfix\nsmtpd_milters = %s\n"
		    "milter_default_action = %s\n", rows[i].milters, rows[i].action);
		put(CAPTURE_MAIN, text);
		put(CAPTURE_MASTER, SMTPD("y"));
		expect(rows[i].name, "failure-action", rows[i].what, rows[i].change);
	}
}

static void
postscreen(void **state)
{
	static const struct {
		const char *name, *list, *what, *change;
	} rows[] = {
		{ "not asked", "permit_mynetworks", NULL, NULL },
		{ "asked", "permit_mynetworks, socketmap:unix:popauth/map.sock:postscreen", NULL, NULL },
		{ "by another name", "socketmap:unix:popauth/map.sock:relay", "map.sock:relay is not where", "socketmap:unix:popauth/map.sock:postscreen" },
		{ "elsewhere", "socketmap:unix:/popauth/map.sock:postscreen", "is not where", NULL },
		{ "somebody else", "socketmap:unix:/other.sock:postscreen", NULL, NULL },
	};
	char text[2000];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		(void)snprintf(text, sizeof text, "queue_directory = /var/spool/postfix\npostscreen_access_list = %s\n", rows[i].list);
		put(CAPTURE_MAIN, text);
		put(CAPTURE_MASTER, "smtp inet n - n - 1 postscreen\nsmtpd pass - - y - - smtpd\n");
		expect(rows[i].name, "postscreen", rows[i].what, rows[i].change);
		put(CAPTURE_MASTER, SMTPD("y"));
		expect("without postscreen", "postscreen", NULL, NULL);
	}
}

/* What it finds listed it may let in all the same. */
static void
postscreen_lets_in(void **state)
{
	static const struct {
		const char *name, *main, *overrides, *what;
	} rows[] = {
		{ "nobody is asked", "postscreen_dnsbl_sites =\npostscreen_dnsbl_action = ignore\n", "", NULL },
		{ "ignored", "postscreen_dnsbl_sites = zen.example*2\npostscreen_dnsbl_action = ignore\n", "", "main.cf: postscreen_dnsbl_action" },
		{ "enforced", "postscreen_dnsbl_sites = zen.example*2\npostscreen_dnsbl_action = enforce\n", "", NULL },
		{ "dropped", "postscreen_dnsbl_sites = zen.example\npostscreen_dnsbl_action = drop\n", "", NULL },
		{ "by the service", "postscreen_dnsbl_sites = zen.example\npostscreen_dnsbl_action = drop\n",
		    "smtp/inet/postscreen_dnsbl_action = ignore\n", "service smtp/inet: postscreen_dnsbl_action" },
		{ "too old", "postscreen_dnsbl_sites = zen.example\n", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		put(CAPTURE_MAIN, rows[i].main);
		put(CAPTURE_OVERRIDES, rows[i].overrides);
		put(CAPTURE_MASTER, "smtp inet n - n - 1 postscreen\nsmtpd pass - - y - - smtpd\n");
		expect(rows[i].name, "postscreen", rows[i].what, rows[i].what == NULL ? NULL : "postscreen_dnsbl_action = enforce");
	}
}

/* ---- the firewall ---- */

#define DROP "-A INPUT -p tcp -m multiport --dports 25,465,587 -m set --match-set popauth4 src -j DROP\n"

static void
firewall_rules(void **state)
{
	static const struct {
		const char *name, *rules, *what;
	} rows[] = {
		{ "the rule", DROP, NULL },
		{ "no rule", "-A INPUT -p tcp --dport 25 -j ACCEPT\n", "no rule names" },
		{ "all is dropped anyhow", "-A INPUT -j DROP\n", NULL },
		{ "behind RELATED", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n" DROP, NULL },
		{ "behind NEW", "-A INPUT -m state --state NEW,ESTABLISHED -j ACCEPT\n" DROP, "accepts them first" },
		{ "behind not NEW", "-A INPUT -m conntrack ! --ctstate NEW -j ACCEPT\n" DROP, NULL },
		{ "behind loopback", "-A INPUT -i lo -j ACCEPT\n" DROP, NULL },
		{ "behind not loopback", "-A INPUT ! -i lo -j ACCEPT\n" DROP, "accepts them first" },
		{ "behind an interface", "-A INPUT -i eth0 -j ACCEPT\n" DROP, "accepts them first" },
		{ "behind a network", "-A INPUT -s 192.0.2.0/24 -j ACCEPT\n" DROP, NULL },
		{ "behind all networks", "-A INPUT -s 0.0.0.0/0 -j ACCEPT\n" DROP, "accepts them first" },
		{ "behind UDP", "-A INPUT -p udp -j ACCEPT\n" DROP, NULL },
		{ "behind TCP", "-A INPUT -p tcp -m tcp -j ACCEPT\n" DROP, "accepts them first" },
		{ "behind another port", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n" DROP, NULL },
		{ "behind a range", "-A INPUT -p tcp -m tcp --dport 20:30 -j ACCEPT\n" DROP, "accepts them first" },
		{ "behind an open range", "-A INPUT -p tcp -m tcp --dport 20: -j ACCEPT\n" DROP, "accepts them first" },
		{ "behind not the port", "-A INPUT -p tcp -m tcp ! --dport 25 -j ACCEPT\n" DROP, "to port 465" },
		{ "behind an exception's set", "-A INPUT -m set --match-set friends src -j ACCEPT\n" DROP, NULL },
		{ "behind who is not in our set", "-A INPUT -m set ! --match-set popauth4 src -j ACCEPT\n" DROP, NULL },
		{ "behind a limit", "-A INPUT -m limit --limit 5/sec -j ACCEPT\n" DROP, "accepts them first" },
		{ "behind submission", "-A INPUT -p tcp -m tcp --dport 587 -j ACCEPT\n" DROP, "to port 587" },
		{ "only for 25", "-A INPUT -p tcp --dport 25 -m set --match-set popauth4 src -j DROP\n", NULL },
		{ "our set as the destination", "-A INPUT -m set --match-set popauth4 dst -j DROP\n", "drops no connections" },
		{ "a longer name", "-A INPUT -m set --match-set popauth44 src -j DROP\n", "no rule names" },
		{ "a log first", "-A INPUT -j LOG --log-prefix \"-j ACCEPT \"\n" DROP, NULL },
		{ "words in a comment", "-A INPUT -p udp -m comment --comment \"a \\\" -p tcp\" -j ACCEPT\n" DROP, NULL },
		{ "a quotation mark in a comment", "-A INPUT -m comment --comment \"a \\\" -p udp \" -j ACCEPT\n" DROP, "accepts them first" },
		{ "a chain", "-A INPUT -j mail\n-A mail -m set --match-set popauth4 src -j DROP\n", NULL },
		{ "a chain that drops what is sent there", "-A INPUT -m set --match-set popauth4 src -j bad\n-A bad -j LOG\n-A bad -j REJECT "
		    "--reject-with icmp-port-unreachable\n", NULL },
		{ "a chain that lets go", "-A INPUT -j mail\n-A mail -p tcp -j RETURN\n-A mail -m set --match-set popauth4 src -j DROP\n"
		    "-A INPUT -p tcp -j ACCEPT\n", "accepts them first" },
		{ "goto and back", "-A INPUT -g mail\n-A mail -p udp -j DROP\n" DROP, "drops no connections" },
		{ "a chain within itself", "-A INPUT -j a\n-A a -j a\n" DROP, NULL },
		{ "two chains at each other", "-A INPUT -j a\n-A a -j b\n-A a -j b\n-A b -j a\n-A b -j a\n" DROP, NULL },
		{ "cut off", "-A INPUT -m set --match-set\n-A\n-A INPUT -j\n", "no rule names" },
	};
	char text[4000];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		(void)snprintf(text, sizeof text, "# made\n*filter\n:INPUT ACCEPT [0:0]\n%sCOMMIT\n", rows[i].rules);
		put(CAPTURE_IPTABLES, text);
		put(CAPTURE_IP6TABLES, "*filter\n-A INPUT -m set --match-set popauth6 src -j DROP\nCOMMIT\n");
		expect(rows[i].name, "firewall-rule", rows[i].what, NULL);
	}
}

static void
firewall_tables(void **state)
{
	(void)state;
	facts_init();
	put(CAPTURE_IP6TABLES, "*filter\n-A INPUT -m set --match-set popauth6 src -j DROP\nCOMMIT\n");
	put(CAPTURE_IPTABLES, "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n*raw\n-A PREROUTING -m set --match-set popauth4 src -j DROP\nCOMMIT\n");
	expect("raw", "firewall-rule", NULL, NULL);
	put(CAPTURE_IPTABLES, "*nat\n-A INPUT -m set --match-set popauth4 src -j DROP\nCOMMIT\n");
	expect("a table that is not asked", "firewall-rule", "drops no connections to port 25", NULL);
	put(CAPTURE_IPTABLES, "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n");
	put(CAPTURE_LEGACY4, "*filter\n" DROP "COMMIT\n");
	expect("the older tables", "firewall-rule", NULL, NULL);
	put(CAPTURE_IPTABLES, "");
	put(CAPTURE_LEGACY4, "*filter\n" DROP);
	expect("a table without an end", "firewall-rule", "drops no connections", NULL);
}

/* ---- logs ---- */

static void
logs(void **state)
{
	static const struct {
		const char *name, *check;
		struct log_fact l;
		const char *what, *change;
	} rows[] = {
		{ "good", "log-clock", { "l", 1699999990, 1699999988, 9, 9, 0, 9, 0, 0 }, NULL, NULL },
		{ "empty", "log-clock", { "l", 1699999990, 0, 0, 0, 0, 0, 0, 0 }, NULL, NULL },
		{ "an hour ahead", "log-clock", { "l", 1699999990, 1700003590, 9, 9, 0, 9, 0, 0 }, "3600 seconds after", "time zone" },
		{ "Nepal", "log-clock", { "l", 1699999990, 1699979290, 9, 9, 0, 9, 0, 0 }, "20700 seconds before", "time zone" },
		{ "slow", "log-clock", { "l", 1699999990, 1699999590, 9, 9, 0, 9, 0, 0 }, "400 seconds before", "set-ntp" },
		{ "years", "log-clock", { "l", 1699999990, 1600000090, 9, 9, 0, 9, 0, 0 }, "seconds before", "set-ntp" },
		{ "all from the future", "log-clock", { "l", 1700003590, 1700003590, 9, 9, 0, 9, 0, 0 }, "3590 seconds after", NULL },
		{ "a day", "log-file", { "l", 1699900000, 0, 9, 9, 0, 9, 0, 0 }, "for 27 hours", NULL },
		{ "few lines", "log-lines", { "l", 1, 1, 50, 0, 0, 50, 0, 0 }, NULL, NULL },
		{ "few known", "log-lines", { "l", 1, 1, 1000, 19, 0, 1000, 0, 0 }, "only 19 of the last 1000", "rules try < l" },
		{ "enough known", "log-lines", { "l", 1, 1, 1000, 20, 0, 1000, 0, 0 }, NULL, NULL },
		{ "no heads", "log-lines", { "l", 1, 1, 0, 0, 501, 1000, 0, 0 }, "501 of the last 1000", "Template" },
		{ "lost", "log-limits", { "l", 1, 1, 0, 0, 0, 0, 3, 0 }, "3 times", NULL },
		{ "few without a reason", "log-lines", { "l", 1, 1, 50, 50, 0, 50, 0, 2 }, NULL, NULL },
		{ "some without a reason", "log-lines", { "l", 1, 1, 50, 50, 0, 50, 0, 3 }, "3 failed logins without", "auth_verbose = yes" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		facts.logs[0] = rows[i].l;
		facts.n_logs = 1;
		expect(rows[i].name, rows[i].check, rows[i].what, rows[i].change);
	}
}

static void
limits(void **state)
{
	static const struct {
		const char *name;
		enum capture_id id;
		const char *text, *what;
	} rows[] = {
		{ "journald's defaults", CAPTURE_JOURNALD, "", NULL },
		{ "comments", CAPTURE_JOURNALD, "#RateLimitBurst=1\n;RateLimitBurst=1\n", NULL },
		{ "few", CAPTURE_JOURNALD, "#@ /a\n[Journal]\nRateLimitBurst=1000\n", "/a: journald keeps at most 1000 lines of a service in 30" },
		{ "long", CAPTURE_JOURNALD, "RateLimitIntervalSec=5min\n", "10000 lines of a service in 300" },
		{ "the last one counts", CAPTURE_JOURNALD, "RateLimitBurst=10\n RateLimitBurst = 20000 \n", NULL },
		{ "back to the default", CAPTURE_JOURNALD, "RateLimitBurst=10\nRateLimitBurst=\n", NULL },
		{ "off", CAPTURE_JOURNALD, "RateLimitBurst=10\nRateLimitIntervalSec=0\n", NULL },
		{ "nonsense", CAPTURE_JOURNALD, "RateLimitBurst=x\nRateLimitIntervalSec=7 fortnights\n", NULL },
		{ "rsyslogd's defaults", CAPTURE_RSYSLOG, "module(load=\"imuxsock\")\n", NULL },
		{ "a limit", CAPTURE_RSYSLOG, "#@ /b\nmodule(load=\"imuxsock\" SysSock.RateLimit.Interval=\"5\")", "/b: rsyslogd's imuxsock takes at most 200" },
		{ "a high one", CAPTURE_RSYSLOG, "module(load=\"imuxsock\"\n SysSock.RateLimit.Interval=\"5\"\n SysSock.RateLimit.Burst=\"5000\")", NULL },
		{ "a comment", CAPTURE_RSYSLOG, "#module(load=\"imuxsock\" SysSock.RateLimit.Interval=\"5\")", NULL },
		{ "of another module", CAPTURE_RSYSLOG, "module(load=\"imfile\" RateLimit.Interval=\"5\")", NULL },
		{ "imjournal's defaults", CAPTURE_RSYSLOG, "module(load=\"imjournal\" StateFile=\"x\")", "20000 lines of a process in 600" },
		{ "imjournal, off", CAPTURE_RSYSLOG, "module(load=\"imjournal\" Ratelimit.Interval=\"0\")", NULL },
		{ "as of old", CAPTURE_RSYSLOG, "$SystemLogRateLimitInterval 2\n$SystemLogRateLimitBurst 10\n", "10 lines of a process in 2" },
		{ "never closed", CAPTURE_RSYSLOG, "module(load=\"imuxsock\" RateLimit.Interval=", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		facts.journald = true;
		put(rows[i].id, rows[i].text);
		expect(rows[i].name, "log-limits", rows[i].what, NULL);
	}
}

/* ---- files, daemon ---- */

static void
files(void **state)
{
	static const struct {
		const char *name, *check;
		struct path_fact p;
		const char *what, *change;
	} rows[] = {
		{ "a log", "permissions", { PATH_LOG, "/l", "logs", 0, S_IFREG | 0640, 0, 4, "g", 0 }, NULL, NULL },
		{ "a log for all", "permissions", { PATH_LOG, "/l", "logs", 0, S_IFREG | 0666, 0, 4, "g", 0 }, "anybody can write", "chmod o-w /l" },
		{ "no log", "log-file", { PATH_LOG, "/l", "logs", ENOENT, 0, 0, 0, "", -1 }, "No such file", "logs = {" },
		{ "a log of a group", "log-file", { PATH_LOG, "/l", "logs", 0, S_IFREG | 0640, 0, 4, "adm", EACCES }, "cannot read it", "usermod -aG adm nobody" },
		{ "a secret log", "log-file", { PATH_LOG, "/l", "logs", 0, S_IFREG | 0600, 0, 4, "g", EACCES }, "cannot read it", "chgrp adm /l" },
		{ "rules of somebody", "permissions", { PATH_RULES, "/r", "rules_dir", 0, S_IFDIR | 0755, 9, 0, "g", 0 }, "belongs to user 9", "chown root /r" },
		{ "rules of a group", "permissions", { PATH_RULES_LOCAL, "/r", "", 0, S_IFDIR | 0775, 0, 9, "g", 0 }, "group g can write", "chmod g-w /r" },
		{ "root's group", "permissions", { PATH_RULES_LOCAL, "/r", "", 0, S_IFDIR | 0775, 0, 0, "g", 0 }, NULL, NULL },
		{ "the store", "permissions", { PATH_STATE, "/s", "", 0, S_IFDIR | 0700, 7, 7, "g", 0 }, NULL, NULL },
		{ "a store of another", "permissions", { PATH_STATE, "/s", "", 0, S_IFDIR | 0700, 9, 7, "g", EACCES }, NULL, NULL },
		{ "a socket", "permissions", { PATH_SOCKET, "/m", "", 0, S_IFSOCK | 0660, 7, 8, "g", 0 }, NULL, NULL },
		{ "a socket for all", "permissions", { PATH_SOCKET, "/m", "", 0, S_IFSOCK | 0666, 7, 8, "g", 0 }, "anybody can connect", "chmod o-rwx" },
		{ "a socket out of reach", "permissions", { PATH_SOCKET, "/m", "", 0, S_IFSOCK | 0660, 7, 7, "g", EACCES }, "postfix cannot connect", "socket_group = \"postfix\"" },
		{ "nobody listens", "permissions", { PATH_SOCKET, "/m", "", 0, S_IFSOCK | 0660, 7, 7, "g", ECONNREFUSED }, NULL, NULL },
		{ "no helper", "firewall", { PATH_HELPER, "/h", "", ENOENT, 0, 0, 0, "", 0 }, "/h: No such", "firewall_helper" },
		{ "a dull helper", "firewall", { PATH_HELPER, "/h", "", 0, S_IFREG | 0644, 0, 0, "g", 0 }, "cannot be executed", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct doctor_report r;

		facts_init();
		facts.paths[0] = rows[i].p;
		facts.n_paths = 1;
		if (strcmp(rows[i].name, "a store of another") != 0) {
			expect(rows[i].name, rows[i].check, rows[i].what, rows[i].change);
			continue;
		}
		r = run("permissions");	/* two things are wrong with it */
		row_eq(rows[i].name, r.n_findings, 2);
		doctor_report_free(&r);
	}
}

static void
daemon_says(void **state)
{
	static const struct {
		const char *name, *check, *status, *what, *change; /* NULL: whatever is to be changed */
	} rows[] = {
		{ "well", "daemon", "{\"store\":{\"state\":\"opened\"}}", NULL, NULL },
		{ "its store", "daemon", "{\"store\":{\"error\":\"disk full\"}}", "the store: disk full", NULL },
		{ "its allowlist", "daemon", "{\"allowlist\":{\"error\":\"a:3: what\"}}", "the allowlist: a:3: what", NULL },
		{ "its relay map", "daemon", "{\"relay_map\":{\"error\":\"/m: is a directory\"}}", "the relay map: /m: is a directory", NULL },
		{ "its gate", "daemon", "{\"gate\":{\"error\":\"\\\"accept\\\"\"}}", "the gate: \"accept\"", NULL },
		{ "a journal", "daemon", "{\"logs\":[{\"path\":\"a\"},{\"path\":\"journal:\",\"error\":\"gone\"}]}", "the log journal:: gone", NULL },
		{ "a program", "daemon", "{\"logs\":[{\"path\":\"/l\",\"programs\":[{\"program\":\"dovecot\",\"drifted\":1700000000}]}]}",
		    "the log /l: the lines of dovecot are hardly recognised", "rules try" },
		{ "a log that log-file finds", "daemon", "{\"logs\":[{\"path\":\"/gone\",\"error\":\"No such file\"}]}", NULL, NULL },
		{ "of another kind", "daemon", "{\"store\":[],\"allowlist\":7,\"logs\":{},\"gate\":null}", NULL, NULL },
		{ "helper", "firewall", "{\"firewall\":{\"state\":\"up\"}}", NULL, NULL },
		{ "no helper", "firewall", "{\"firewall\":{\"state\":\"dead\",\"error\":\"no privilege\"}}", "is dead: no privilege", "as root" },
		{ "a helper killed", "firewall", "{\"firewall\":{\"state\":\"dead\",\"generation\":1,\"error\":\"killed by signal 9\"}}",
		    "is dead: killed by signal 9", "systemctl restart" },
		{ "a set", "firewall", "{\"firewall\":{\"state\":\"up\",\"sets\":[{\"name\":\"popauth4\",\"error\":\"its type is list\"}]}}",
		    "the set popauth4: its type is list", NULL },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		facts.paths[facts.n_paths++] = (struct path_fact){ PATH_LOG, "/gone", "logs", ENOENT, 0, 0, 0, "", -1 };
		facts.status = json_parse(str_of(rows[i].status), &e);
		assert_non_null(facts.status);
		expect(rows[i].name, rows[i].check, rows[i].what, rows[i].change);
		json_free(facts.status);
	}
	facts_init();
	facts.control = (struct knock){ .tried = true, .why = "/x: nobody" };
	expect("nobody", "daemon", "does not answer: /x: nobody", "systemctl");
	facts_init();
	facts.conf = NULL;
	strcpy(facts.conf_error, "x.conf:3: what\nx.conf:4: what else");
	expect("without a configuration", "relay-lookup", NULL, NULL);
	{
		struct doctor_report r = run("config");

		row_eq("each mistake", r.n_findings, 2);
		row_str_eq("the second", r.findings[1].what, "x.conf:4: what else");
		doctor_report_free(&r);
	}
}

/* The daemon's status, with those sets; to be freed. */
static void
daemon_tells_of(const char *sets)
{
	char text[300];
	struct err e;

	(void)snprintf(text, sizeof text, "{\"firewall\":{\"state\":\"up\",\"sets\":[%s]}}", sets);
	facts.status = json_parse(str_of(text), &e);
	assert_non_null(facts.status);
}

/* Where the rules cannot be read, the daemon knows whether the kernel has any for a set. */
static void
asks_the_daemon_about_rules_unseen(void **state)
{
	static const struct {
		const char *name, *sets, *what;
	} rows[] = {
		{ "named", "{\"name\":\"popauth4\",\"referenced\":true},{\"name\":\"popauth6\",\"referenced\":true}", NULL },
		{ "not named", "{\"name\":\"popauth4\",\"referenced\":false},{\"name\":\"popauth6\",\"referenced\":true}",
		    "iptables: no rule names the set popauth4" },
		{ "the other", "{\"name\":\"popauth4\",\"referenced\":true},{\"name\":\"popauth6\",\"referenced\":false}",
		    "ip6tables: no rule names the set popauth6" },
		{ "not there", "{\"name\":\"popauth4\",\"referenced\":false,\"error\":\"it is not there\"}", NULL },
		{ "of others", "{\"name\":\"friends\",\"referenced\":false}", NULL },
		{ "not told", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		facts.root = false;
		strcpy(facts.captures[CAPTURE_IPTABLES].why, "iptables-save: only root");
		strcpy(facts.captures[CAPTURE_IP6TABLES].why, "ip6tables-save: only root");
		daemon_tells_of(rows[i].sets);
		expect(rows[i].name, "firewall-rule", rows[i].what, rows[i].what == NULL ? NULL : "-I INPUT -p tcp");
		json_free(facts.status);
	}
}

/* ip6tables of nftables answers without IPv6, too. */
static void
misses_no_rule_without_ipv6(void **state)
{
	static const struct {
		const char *name, *sets, *what;
	} rows[] = {
		{ "IPv6", "{\"name\":\"popauth6\",\"referenced\":false}", "ip6tables: no rule names the set popauth6" },
		{ "no IPv6", "{\"name\":\"popauth6\"}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		strcpy(facts.captures[CAPTURE_IPTABLES].why, "not asked for");
		put(CAPTURE_IP6TABLES, "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n");
		daemon_tells_of(rows[i].sets);
		expect(rows[i].name, "firewall-rule", rows[i].what, NULL);
		json_free(facts.status);
	}
}

/* What was not looked at is told. */
static void
tells_what_it_could_not_see(void **state)
{
	struct doctor_report r;

	(void)state;
	facts_init();
	facts.root = false;
	strcpy(facts.captures[CAPTURE_IPTABLES].why, "iptables-save: only root");
	r = run("firewall-rule");
	row_eq("firewall", r.n_skipped, 2);
	row_str_eq("why", r.skipped[0].why, "iptables-save: only root");
	row_str_eq("not installed", r.skipped[1].why, "ip6tables-save is not installed: whether a rule names popauth6 cannot be seen");
	doctor_report_free(&r);
	strcpy(facts.captures[CAPTURE_MAIN].why, "postconf: fatal: what");
	r = run("mta-milter");
	row_eq("postfix", r.n_skipped, 1);
	row_str_eq("why", r.skipped[0].why, "Postfix: postconf: fatal: what");
	doctor_report_free(&r);
}

/* ---- sendmail ---- */

static void
sendmail_cf(void **state)
{
	static const char x[] = "Xpopauth, S=local:/var/spool/postfix/popauth/milter.sock, T=S:10s;R:10s\n";
	static const char k[] = "Kpopauth_relay socket -T<TMPF> unix:/var/spool/postfix/popauth/map.sock\n";
	static const char r[] = "SLocal_check_rcpt\nR$*\t$: $(popauth_relay $1 $: NO $)\n";
	static const struct {
		const char *name, *check, *options, *x, *k, *r, *what;
	} rows[] = {
		{ "good", "mta-milter", "O InputMailFilters=other, popauth\n", x, k, r, NULL },
		{ "good map", "relay-lookup", "", x, k, r, NULL },
		{ "good action", "failure-action", "", x, k, r, NULL },
		{ "capitals", "mta-milter", "O inputmailfilters = popauth\n", x, k, r, NULL },
		{ "a comment", "mta-milter", "#O InputMailFilters=popauth\n", x, k, r, "not listed" },
		{ "a longer name", "mta-milter", "O InputMailFilters=popauth2\n", x, k, r, "not listed" },
		{ "an empty list", "mta-milter", "O InputMailFilters\n", x, k, r, "not listed" },
		{ "no X", "mta-milter", "O InputMailFilters=popauth\n", "X\nXa\nX,\n", k, r, "no X line" },
		{ "deferring", "failure-action", "", "Xp, S=unix:/var/spool/postfix/popauth/milter.sock, F=T\n", k, r, "p has F=T" },
		{ "no K", "relay-lookup", "", x, "K\nKa\nKa b\nKa socket\n", r, "no K line" },
		{ "not asked", "relay-lookup", "", x, k, "R$*\t$: $(popauth $1 $)\n", "no ruleset asks" },
		{ "by another ruleset", "relay-lookup", "", x, k, "SPopauth\nR$*\t$: $(popauth_relay $1 $)\nSRelay_ok\nR$*\t$: $>Popauth\n", NULL },
		{ "by one that nobody calls", "relay-lookup", "", x, k, "SPopauth\nR$*\t$: $(popauth_relay $1 $)\nSRelay_ok\nR$*\t$: $>Popa\n",
		    "in the ruleset Popauth" },
		{ "by itself", "relay-lookup", "", x, k, "Sa\nR$*\t$: $(popauth_relay $1 $)\nR$*\t$>a\nSb\nR$*\t$>a\nR$*\t$>b\n", "in the ruleset" },
		{ "a file", "relay-lookup", "", x, "Kpopauth_relay hash /etc/mail/popauth\n", r, NULL },
		{ "good when nobody is there", "lookup-deferral", "", x, k, r, NULL },
		{ "no -T", "lookup-deferral", "", x, "Kpopauth_relay socket local:/var/spool/postfix/popauth/map.sock\n", r, "has no -T" },
		{ "no -T, for relaying alone", "lookup-deferral", "", x, "Kpopauth_relay socket local:/var/spool/postfix/popauth/map.sock\n",
		    "SRelay_ok\nR$*\t$: $(popauth_relay $1 $)\n", NULL },
		{ "elsewhere", "relay-lookup", "", x, k, "Scheck_relay\nR$*\t$(popauth_relay $1 $)\n", "in the ruleset check_relay" },
	};
	char text[2000];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		facts_init();
		(void)snprintf(text, sizeof text, "%s%s%s%s", rows[i].options, rows[i].x, rows[i].k, rows[i].r);
		put(CAPTURE_SENDMAIL, text);
		expect(rows[i].name, rows[i].check, rows[i].what, NULL);
	}
	facts.gate = true;
	put(CAPTURE_SENDMAIL, x);
	expect("open gate", "failure-action", "has F=", "`T')dnl");
}

/* Every check stands in the manual. */
static void
is_in_the_manual(void **state)
{
	const char *top = getenv("top_srcdir");
	struct capture manual = { 0 };
	char path[500], want[100];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/doc/popauth-milterctl.8", top != NULL ? top : ".");
	capture_file(&manual, path);
	for (unsigned i = 0; i < doctor_n_checks; i++) {
		(void)snprintf(want, sizeof want, "\n.It Li %s\n", doctor_checks[i].name);
		if (!text_has(capture_text(&manual), want))
			fail_msg("the manual lacks \"%s\"", doctor_checks[i].name);
	}
	capture_clear(&manual);
}

/* ---- running programs ---- */

static void
runs_programs(void **state)
{
	const char *const env[] = { "env", NULL }, *const yes[] = { "yes", NULL }, *const no[] = { "false", NULL };
	const char *const nowhere[] = { "no-such-program", NULL }, *const wait[] = { "sleep", "1000", NULL };
	const char *const ls[] = { "ls", "/nonexistent", NULL }, *const cat[] = { "cat", NULL };
	struct capture c;

	(void)state;
	setenv("IFS", "x", 1);
	capture_program(&c, env, 60000);
	row_str_eq("environment", c.text != NULL ? c.text : c.why, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
	capture_clear(&c);
	capture_program(&c, yes, 60000);
	assert_null(c.text);
	row_str_eq("too much", strrchr(c.why, '/') + 1, "yes: it said too much");
	capture_program(&c, wait, 50);
	assert_null(c.text);
	row_str_eq("too long", strrchr(c.why, '/') + 1, "sleep: it took too long");
	capture_program(&c, no, 60000);
	row_str_eq("failed", c.why, "false: it failed");
	capture_program(&c, ls, 60000);
	row_str_eq("complained", c.why, "ls: ls: cannot access '/nonexistent': No such file or directory");
	capture_program(&c, nowhere, 60000);
	assert_null(c.text);
	row_str_eq("not there", c.why, "");
	capture_program(&c, cat, 60000);
	row_str_eq("nothing to read", c.text != NULL ? c.text : c.why, "");
	capture_clear(&c);
}

static void
reads_files(void **state)
{
	char path[] = "/tmp/popauth-test.XXXXXX";
	struct capture c = { 0 };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd != -1);
	assert_int_equal(write(fd, "one\n", 4), 4);
	capture_file(&c, path);
	capture_file(&c, path);
	row_str_eq("twice", c.text, "one\none\n");
	capture_clear(&c);
	assert_int_equal(ftruncate(fd, CAPTURE_MAX + 1), 0);
	capture_file(&c, path);
	assert_null(c.text);
	assert_non_null(strstr(c.why, "too long"));
	capture_file(&c, "/tmp");
	assert_non_null(strstr(c.why, "not a file"));
	row_eq("attempt", attempt_as(geteuid(), getegid(), "root", ATTEMPT_READ, path), 0);
	row_eq("attempt at nothing", attempt_as(geteuid(), getegid(), "root", ATTEMPT_READ, "/nonexistent"), ENOENT);
	row_eq("attempt to connect", attempt_as(geteuid(), getegid(), "root", ATTEMPT_CONNECT, path), ECONNREFUSED);
	row_eq("attempt of nobody", attempt_as((uid_t)-1, 0, "root", ATTEMPT_READ, path), -1);
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(postfix_lists),
		cmocka_unit_test(postfix_milters),
		cmocka_unit_test(postfix_listeners),
		cmocka_unit_test(postfix_action),
		cmocka_unit_test(postscreen),
		cmocka_unit_test(postscreen_lets_in),
		cmocka_unit_test(sendmail_cf),
		cmocka_unit_test(firewall_rules),
		cmocka_unit_test(firewall_tables),
		cmocka_unit_test(asks_the_daemon_about_rules_unseen),
		cmocka_unit_test(misses_no_rule_without_ipv6),
		cmocka_unit_test(logs),
		cmocka_unit_test(limits),
		cmocka_unit_test(files),
		cmocka_unit_test(daemon_says),
		cmocka_unit_test(tells_what_it_could_not_see),
		cmocka_unit_test(is_in_the_manual),
		cmocka_unit_test(runs_programs),
		cmocka_unit_test(reads_files),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
