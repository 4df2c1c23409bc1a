/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does an MTA fail closed?  Its configuration, and what is wrong with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "mtaconf.h"
#include "unit.h"

#define SOCK "unix:/var/spool/postfix/popauth/milter.sock"
#define ON   "smtpd_milters = unix:popauth/milter.sock\n"
#define SMTP "smtp inet n - y - - smtpd\n"

static char dir[] = "/tmp/popauth-mtaconf-XXXXXX";

static const char *
file(const char *name)
{
	static char path[sizeof dir + 32];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

/* `want` NULL: closed; or what the reason has in it. */
static void
check(const char *name, const char *where, const char *milter, const char *want)
{
	struct err e = { "" };
	int rc = mtaconf_closed(where, milter, &e);

	if (want == NULL && rc == -1)
		fail_msg("%s: got \"%s\"", name, e.text);
	if (want != NULL && (rc == 0 || strstr(e.text, want) == NULL))
		fail_msg("%s: got %d \"%s\", want \"%s\" in it", name, rc, e.text, want);
}

static void
postfix(void **state)
{
	static const struct {
		const char *name, *main, *master, *milter, *want;
	} rows[] = {
		{ "as it comes", ON, SMTP, SOCK, NULL },
		{ "said", ON "milter_default_action = tempfail\n", SMTP, SOCK, NULL },
		{ "reject", ON "milter_default_action=reject\n", SMTP, SOCK, NULL },
		{ "shutdown", ON "milter_default_action = shutdown\n", SMTP, SOCK, NULL },
		{ "accept", ON "milter_default_action = accept\n", SMTP, SOCK, "\"accept\"" },
		{ "quarantine lets in, too", ON "milter_default_action = quarantine\n", SMTP, SOCK, "\"quarantine\"" },
		{ "who knows", ON "milter_default_action = $other\n", SMTP, SOCK, "\"$other\"" },
		{ "the last one counts", ON "milter_default_action = accept\nmilter_default_action = tempfail\n", SMTP, SOCK,
		    NULL },
		{ "the last one counts, to the worse", ON "milter_default_action = tempfail\nmilter_default_action = accept\n",
		    SMTP, SOCK, "accept" },
		{ "a comment", ON "# milter_default_action = accept\n", SMTP, SOCK, NULL },
		{ "in the next line", ON "milter_default_action =\n# between\n\n\taccept\n", SMTP, SOCK, "accept" },
		{ "no milter", "smtpd_milters =\n", SMTP, SOCK, "does not name our milter" },
		{ "not said", "\n", SMTP, SOCK, "does not name our milter" },
		{ "another milter", "smtpd_milters = unix:opendkim/sock\n", SMTP, SOCK, "does not name our milter" },
		{ "by absolute path", "smtpd_milters = unix:/var/spool/postfix/popauth/milter.sock\n", SMTP, SOCK, NULL },
		{ "by the path in the chroot", "smtpd_milters = unix:/popauth/milter.sock\n", SMTP, SOCK, NULL },
		{ "local for unix", "smtpd_milters = local:popauth/milter.sock\n", SMTP, SOCK, NULL },
		{ "below another queue", "queue_directory = /q\nsmtpd_milters = unix:popauth/milter.sock\n", SMTP, SOCK,
		    "does not name" },
		{ "the other queue", "queue_directory = /q\nsmtpd_milters = unix:p/m\n", SMTP, "unix:/q/p/m", NULL },
		{ "a path that begins like it", "smtpd_milters = unix:popauth/milter.sock2\n", SMTP, SOCK, "does not name" },
		{ "one of several", "smtpd_milters = unix:opendkim/sock, unix:popauth/milter.sock\n", SMTP, SOCK, NULL },
		{ "one of several, blanks", "smtpd_milters = unix:opendkim/sock\n\tunix:popauth/milter.sock\n", SMTP, SOCK, NULL },
		{ "by TCP", "smtpd_milters = inet:127.0.0.1:8891\n", SMTP, "inet:8891@localhost", NULL },
		{ "by TCP, another port", "smtpd_milters = inet:127.0.0.1:8892\n", SMTP, "inet:8891@localhost", "does not name" },
		{ "by TCP, another host", "smtpd_milters = inet:192.0.2.9:8891\n", SMTP, "inet:8891@localhost", "does not name" },
		{ "by TCP, the same host", "smtpd_milters = inet:MX.example:8891\n", SMTP, "inet:8891@mx.example", NULL },
		{ "by TCP, we are another host", "smtpd_milters = inet:127.0.0.1:8891\n", SMTP, "inet:8891@192.0.2.9",
		    "does not name" },
		{ "by TCP, IPv6", "smtpd_milters = inet:[::1]:8891\n", SMTP, "inet6:8891@::1", NULL },
		{ "by TCP, IPv6, another", "smtpd_milters = inet:[2001:db8::1]:8891\n", SMTP, "inet6:8891@::1", "does not name" },
		{ "by TCP, we listen everywhere", "smtpd_milters = inet:localhost:8891\n", SMTP, "inet:8891@0.0.0.0", NULL },
		{ "by TCP, we name no host", "smtpd_milters = inet:127.0.0.1:8891\n", SMTP, "inet:8891", NULL },
		{ "by TCP, everywhere is not elsewhere", "smtpd_milters = inet:192.0.2.9:8891\n", SMTP, "inet:8891@0.0.0.0",
		    "does not name" },
		{ "by TCP, no port", "smtpd_milters = inet:8891\n", SMTP, "inet:8891", "does not name" },
		{ "by TCP, nothing", "smtpd_milters = inet:\n", SMTP, "inet:8891@localhost", "does not name" },
		{ "with its own action", "smtpd_milters = { unix:popauth/milter.sock, default_action = accept }\n", SMTP, SOCK,
		    "accept" },
		{ "with its own good action",
		    "smtpd_milters = {unix:popauth/milter.sock,default_action=tempfail}\nmilter_default_action = accept\n", SMTP,
		    SOCK, NULL },
		{ "others may fail open",
		    "smtpd_milters = { unix:opendkim/sock, default_action = accept }, unix:popauth/milter.sock\n", SMTP, SOCK,
		    NULL },
		{ "maps that switch off", ON "smtpd_milter_maps = cidr:/etc/postfix/off\n", SMTP, SOCK, "smtpd_milter_maps" },
		{ "overrides", ON "receive_override_options = no_address_mappings, no_milters\n", SMTP, SOCK, "switches milters off" },
		{ "other overrides", ON "receive_override_options = no_address_mappings\n", SMTP, SOCK, NULL },
		{ "a service without", ON, SMTP "587 inet n - y - - smtpd\n\t-o smtpd_milters=\n", SOCK, "master.cf:2: 587" },
		{ "a service without, braces", ON, SMTP "587 inet n - y - - smtpd\n\t-o { smtpd_milters = }\n", SOCK, "587" },
		{ "a service without, one word", ON, SMTP "587 inet n - y - - smtpd -osmtpd_milters=\n", SOCK, "587" },
		{ "a service that fails open", ON, "smtp inet n - y - - smtpd -o milter_default_action=accept\n", SOCK,
		    "is \"accept\"" },
		{ "a service that says no_milters", ON, "smtp inet n - y - - smtpd -o receive_override_options=no_milters\n", SOCK,
		    "switches milters off" },
		{ "a service of its own path", ON, "smtp inet n - y - - /usr/lib/postfix/sbin/smtpd -o smtpd_milters=\n", SOCK,
		    "does not name" },
		{ "behind postscreen", ON, "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd -o smtpd_milters=\n", SOCK,
		    "smtpd: smtpd_milters" },
		{ "on loopback nobody comes", ON, SMTP "127.0.0.1:10025 inet n - y - - smtpd\n -o smtpd_milters=\n", SOCK, NULL },
		{ "on IPv6 loopback", ON, SMTP "[::1]:10025 inet n - y - - smtpd -o smtpd_milters=\n", SOCK, NULL },
		{ "on a name that begins like it", ON, SMTP "localhost.example:25 inet n - y - - smtpd -o smtpd_milters=\n", SOCK,
		    "localhost.example" },
		{ "a delivering agent", ON, SMTP "relay unix - - y - - smtp -o smtpd_milters=\n", SOCK, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		write_text(file("main.cf"), rows[i].main);
		write_text(file("master.cf"), rows[i].master);
		check(rows[i].name, dir, rows[i].milter, rows[i].want);
	}
	unlink(file("master.cf"));
	check("no master.cf", dir, SOCK, "master.cf: No such file");
	unlink(file("main.cf"));
	check("no main.cf", dir, SOCK, "main.cf: No such file");
	check("nothing there", "/nonexistent/popauth", SOCK, "No such file");
}

static void
sendmail(void **state)
{
	static const struct {
		const char *name, *cf, *want;
	} rows[] = {
		{ "tempfail", "Xpopauth, S=local:/run/p/m, F=T, T=S:10s\nO InputMailFilters=popauth\n", NULL },
		{ "reject", "Xpopauth, S=unix:/run/p/m, F=R\nO InputMailFilters=other, popauth\n", NULL },
		{ "tempfail and close", "Xpopauth,S=local:/run/p/m,F=4\nO InputMailFilters=popauth\n", NULL },
		{ "in the next line", "Xpopauth, S=local:/run/p/m,\n\tF=T\nO InputMailFilters=popauth\n", NULL },
		{ "not said", "Xpopauth, S=local:/run/p/m\nO InputMailFilters=popauth\n", "F=" },
		{ "nonsense", "Xpopauth, S=local:/run/p/m, F=A\nO InputMailFilters=popauth\n", "F=A" },
		{ "too much", "Xpopauth, S=local:/run/p/m, F=TR\nO InputMailFilters=popauth\n", "F=TR" },
		{ "another milter", "Xdkim, S=local:/run/d/m, F=T\nO InputMailFilters=dkim\n", "no X line" },
		{ "not asked", "Xpopauth, S=local:/run/p/m, F=T\nO InputMailFilters=dkim\n", "InputMailFilters" },
		{ "a comment", "#Xpopauth, S=local:/run/p/m, F=T\nO InputMailFilters=popauth\n", "no X line" },
		{ "asked before it is named", "O InputMailFilters=popauth\nXpopauth, S=local:/run/p/m, F=T\n", NULL },
		{ "a daemon without", "Xpopauth, S=local:/run/p/m, F=T\nO InputMailFilters=popauth\n"
				      "O DaemonPortOptions=Name=MSA, Port=587, InputMailFilters=dkim;clam\n", "does not ask" },
		{ "a daemon with it", "Xpopauth, S=local:/run/p/m, F=T\nO InputMailFilters=popauth\n"
				      "O DaemonPortOptions=Name=MSA, Port=587, I=dkim;popauth\n", NULL },
		{ "a daemon on loopback", "Xpopauth, S=local:/run/p/m, F=T\nO InputMailFilters=popauth\n"
					  "O DaemonPortOptions=Name=MSA, Addr=127.0.0.1, I=\n", NULL },
		{ "a daemon as usual", "Xpopauth, S=local:/run/p/m, F=T\nO InputMailFilters=popauth\n"
				       "O DaemonPortOptions=Name=MTA\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		write_text(file("sendmail.cf"), rows[i].cf);
		check(rows[i].name, file("sendmail.cf"), "unix:/run/p/m", rows[i].want);
	}
	write_text(file("sendmail.cf"), "Xp, S=inet:8891@localhost, F=T\nO InputMailFilters=p\n");
	check("by TCP", file("sendmail.cf"), "inet:8891@localhost", NULL);
}

/* Whatever stands there, it is read to its end and judged. */
static void
noise(void **state)
{
	static const char bytes[] = "X=,{}- \t\n#OS:smtpd_milters";

	(void)state;
	srand(4);
	for (unsigned i = 0; i < 500; i++) {
		char text[200];
		struct err e;

		for (size_t k = 0; k < sizeof text - 1; k++)
			if (rand() % 8 == 0)
				text[k] = (char)(rand() % 255 + 1);
			else
				text[k] = bytes[(unsigned)rand() % (sizeof bytes - 1)];
		text[sizeof text - 1] = '\0';
		write_text(file("main.cf"), text);
		write_text(file("master.cf"), text);
		assert_int_equal(mtaconf_closed(dir, SOCK, &e), -1);
		assert_int_equal(mtaconf_closed(file("main.cf"), SOCK, &e), -1);
	}
}

static int
begin(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
finish(void **state)
{
	static const char *const names[] = { "main.cf", "master.cf", "sendmail.cf" };

	(void)state;
	for (size_t i = 0; i < ROWS(names); i++)
		unlink(file(names[i]));
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(postfix),
		cmocka_unit_test(sendmail),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
