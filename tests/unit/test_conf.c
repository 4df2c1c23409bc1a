/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file: what is accepted, what is refused with which words, and the table's other faces. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "unit.h"

static char dir[] = "/tmp/popauth-conf-XXXXXX";
static char path[sizeof dir + 8];

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/conf", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void
write_file(const char *text, size_t n)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
}

static struct conf *
read_text(const char *text, struct err *e)
{
	write_file(text, strlen(text));
	return conf_read(path, e);
}

/* `want` has @: where the error has the file's name. */
static void
row_error(const char *row, const struct err *e, const char *want)
{
	char full[1024] = "";

	for (; *want != '\0'; want++)
		if (want[0] == '@' && want[1] == ':')
			strcat(full, path);
		else
			strncat(full, want, 1);
	row_str_eq(row, e->text, full);
}

static void
refuses_with_file_and_line(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		/* characters */
		{ "user = \"x\n", "@:1: this string is not closed" },
		{ "\n\nuser = 'x", "@:3: this string is not closed" },
		{ "# one\n// two\n/* three\n*/ user = 'x", "@:4: this string is not closed" },
		{ "/* never\n ended", "@:1: this comment is not closed" },
		{ "user = \"${HOME}\"\n",
		    "@:1: ${...}: the environment is not used here; write '...' for a plain ${" },
		{ "user = ${HOME}\n", "@:1: unexpected character '$': put the value into quotes" },
		{ "user = \"a\\nb\"\n", "@:1: in a string \\ may stand before \\ and \" only" },
		{ "user = \"a\\0b\"\n", "@:1: in a string \\ may stand before \\ and \" only" },
		{ "user = \"a\tb\"\n", "@:1: a control character (\\x09) in a string" },
		{ "user = a;\n", "@:1: unexpected character ';': put the value into quotes" },
		{ "relay_for = 1h\nuser = \x01\n", "@:2: unexpected character \\x01" },
		{ "user = \xc3\xa4\n", "@:1: unexpected character \\xc3\n@:1: unexpected character \\xa4" },
		{ "postmaster = a+b@example.org\n", "@:1: unexpected character '+': put the value into quotes" },
		{ "logs = { /var//log }\n", "@:1: // inside a word begins a comment: put the word into quotes" },
		{ "logs = { /var/*/log }\n", "@:1: /* inside a word begins a comment: put the word into quotes" },
		{ "state_dir = /var/\n", "@:1: a word that ends in / must be put into quotes" },
		{ "kind|rate = off\n", "@:1: unexpected character '|': put the value into quotes" },
		/* grammar */
		{ "relay_for 1h\n", "@:1: missing equal sign after option 'relay_for'" },
		{ "own_names = mail.example.org, example.org\n", "@:1: a comma stands outside of braces: a list is written { one, two }" },
		{ "relay_for = { }\n", "@:1: unexpected token '{'" },
		{ "\nkind rbl {\n", "@:2: this { is not closed" },
		{ "kind rbl {\nlogs = {\n}\n", "@:1: this { is not closed" },
		{ "kind rbl {\nlogs = {\n", "@:2: this { is not closed" },
		{ "{{{{\n}", "@:1: this { is not closed" },
		{ "relay_for =\n", "@:2: premature end of file" },
		{ "kind rbl\nrate = off\n", "@:2: missing opening brace for section 'kind'" },
		{ "kind { rate = off }\n", "@:1: missing title for section 'kind'" },
		{ "}\n", "@:1: unexpected closing brace" },
		{ "relay_for += 1h\n", "@:1: attempt to append to non-list option 'relay_for'" },
		/* names */
		{ "\n# a comment\nrealy_for = 15m\n", "@:3: no such option 'realy_for'" },
		{ "include = 'x'\n", "@:1: no such option 'include'" },
		{ "kind rbl { limit = 3 }\n", "@:1: no such option 'limit'" },
		{ "kind rbll { cache = no }\n", "@:1: there is no kind of event called \"rbll\"" },
		{ "kind rbll {\n\tcache = no\n\trate = off\n}\n", "@:1: there is no kind of event called \"rbll\"" },
		{ "kind rbll { }\n", "@:1: there is no kind of event called \"rbll\"" },
		{ "kind '' { }\n", "@:1: kind needs a title" },
		{ "listener '' { reject_at = helo }\n",
		    "@:1: reject_at belongs into a section with a title\n@:1: listener needs a title" },
		{ "kind rbl { }\nkind rbl { }\n", "@:2: found duplicate title 'rbl'" },
		{ "listener a { }\nlistener a { }\n", "@:2: found duplicate title 'a'" },
		{ "thing = x\nrelay_for = 1y\nother = x\n",
		    "@:1: no such option 'thing'\n@:2: relay_for: \"1y\" is not a time from 1s to 30d, nor off\n"
		    "@:3: no such option 'other'" },
		{ "relay {\n}\n", "@:1: no such option 'relay'" },
		/* once only */
		{ "relay_for = 1h\n\nrelay_for = 2h\n", "@:3: relay_for was set in line 1 already" },
		{ "logs = { /a }\nlogs = { /b }\n", "@:2: logs was set in line 1 already" },
		{ "logs = { /a }\nlogs = { }\n", "@:1: logs is set here and emptied below" },
		{ "kind rbl {\n rate = off\n rate = off }\n", "@:3: rate was set in line 2 already" },
		/* values */
		{ "relay_for = soon\n", "@:1: relay_for: \"soon\" is not a time from 1s to 30d, nor off" },
		{ "relay_for = 31d\n", "@:1: relay_for: \"31d\" is not a time from 1s to 30d, nor off" },
		{ "flush_every = 0\n", "@:1: flush_every: \"0\" is not a time from 1s to 1m" },
		{ "flush_every = off\n", "@:1: flush_every: \"off\" is not a time from 1s to 1m" },
		{ "flush_every = 61s\n", "@:1: flush_every: \"61s\" is not a time from 1s to 1m" },
		{ "block_max = 25d\n", "@:1: block_max: \"25d\" is not a time from 1s to 24d" },
		{ "ipv6_prefix = 0\n", "@:1: ipv6_prefix: \"0\" is not a number from 1 to 128" },
		{ "ipv6_prefix = -1\n", "@:1: ipv6_prefix: \"-1\" is not a number from 1 to 128" },
		{ "ipv6_prefix = 0x40\n", "@:1: ipv6_prefix: \"0x40\" is not a number from 1 to 128" },
		{ "max_clients = 99999999999999999999\n",
		    "@:1: max_clients: \"99999999999999999999\" is not a number from 1000 to 100000000" },
		{ "firewall = maybe\n", "@:1: firewall: \"maybe\" is neither yes nor no" },
		{ "reject_at = data\n", "@:1: reject_at: \"data\" is not connect, helo, mail or rcpt" },
		{ "state_dir = ''\n", "@:1: state_dir must not be empty" },
		{ "state_dir = var\n", "@:1: state_dir: \"var\" is not an absolute path" },
		{ "logs = mail.log\n", "@:1: logs: \"mail.log\" is not an absolute path" },
		{ "logs = { /a, /b, /a }\n", "@:1: logs: \"/a\" is listed twice" },
		{ "logs = 'fifo:x'\n", "@:1: logs: \"x\" is not an absolute path" },
		{ "logs = 'syslog:udp:localhost:514'\n",
		    "@:1: logs: \"syslog:udp:localhost:514\" is not syslog:udp:ADDRESS:PORT" },
		{ "log_group = 'no such group'\n", "@:1: log_group: there is no group \"no such group\"" },
		{ "journal_match = 'dovecot'\n",
		    "@:1: journal_match: \"dovecot\" is neither like \"SYSLOG_IDENTIFIER=dovecot\", in quotes, nor +" },
		{ "log_senders = 127.0.0.1/8\n", "@:1: log_senders: \"127.0.0.1/8\": bits are set behind the prefix" },
		{ "milter_socket = /run/x\n",
		    "@:1: milter_socket: \"/run/x\" is not unix:PATH, inet:PORT@HOST or inet6:PORT@HOST" },
		{ "milter_socket = unix:run/x\n",
		    "@:1: milter_socket: \"run/x\" is not an absolute path of at most 107 bytes" },
		{ "milter_socket = inet:0@localhost\n",
		    "@:1: milter_socket: \"inet:0@localhost\" is not unix:PATH, inet:PORT@HOST or inet6:PORT@HOST" },
		{ "milter_socket = inet:65536@localhost\n",
		    "@:1: milter_socket: \"inet:65536@localhost\" is not unix:PATH, inet:PORT@HOST or inet6:PORT@HOST" },
		{ "control_socket = /0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
		  "0123456789/0123456789/0123456789/01234567\n",
		    "@:1: control_socket: longer than a socket's path can be (107)" },
		{ "set4 = popauth6\n", "@:1: set4 and set6 are both \"popauth6\"" },
		{ "\nset6 = popauth4\n", "@:2: set4 and set6 are both \"popauth4\"" },
		{ "milter_socket = 'unix:/run/a'\nmap_socket = /run/a\n", "@:1: milter_socket and map_socket are both \"/run/a\"" },
		{ "map_socket = /run/a\ncontrol_socket = /run/a\n", "@:1: map_socket and control_socket are both \"/run/a\"" },
		{ "set4 = a/b\n", "@:1: set4: \"a/b\" is not a name of at most 27 letters, digits and _-." },
		{ "set4 = a234567890123456789012345678\n",
		    "@:1: set4: \"a234567890123456789012345678\" is not a name of at most 27 letters, digits and _-." },
		{ "allow = { 192.0.2.0/24,\n192.0.2.1/24 }\n",
		    "@:2: allow: \"192.0.2.1/24\": bits are set behind the prefix" },
		{ "allow = 192.0.2.0/33\n",
		    "@:1: allow: \"192.0.2.0/33\": the part behind / must be a number of bits, 0 to 32" },
		{ "own_networks = localhost\n", "@:1: own_networks: \"localhost\" is not an address or a network" },
		{ "log_tags = mymail\n", "@:1: log_tags: \"mymail\" is not like \"mymail=postfix/smtpd\"" },
		{ "log_tags = 'a=b=c'\n", "@:1: log_tags: \"a=b=c\" is not like \"mymail=postfix/smtpd\"" },
		{ "own_names = 'a b'\n", "@:1: own_names: \"a b\" is neither a host name nor an address" },
		{ "own_names = .example.org\n", "@:1: own_names: \".example.org\" is neither a host name nor an address" },
		{ "kind rbl { rate = '10/60s' }\n",
		    "@:1: rate: \"10/60s\" is neither like \"10/60s for 1h\" nor off" },
		{ "kind rbl { rate = '10/60s for' }\n",
		    "@:1: rate: \"10/60s for\" is neither like \"10/60s for 1h\" nor off" },
		{ "kind rbl { rate = '10/60s for 1h x' }\n",
		    "@:1: rate: \"10/60s for 1h x\" is neither like \"10/60s for 1h\" nor off" },
		{ "kind rbl { rate = '10/60s in 1h' }\n",
		    "@:1: rate: \"10/60s in 1h\" is neither like \"10/60s for 1h\" nor off" },
		{ "kind rbl { rate = '10 for 1h' }\n",
		    "@:1: rate: \"10 for 1h\" is neither like \"10/60s for 1h\" nor off" },
		{ "kind rbl { rate = '0/60s for 1h' }\n",
		    "@:1: rate: \"0/60s for 1h\": the number of events must be from 1 to 1000" },
		{ "kind rbl { rate = '1001/60s for 1h' }\n",
		    "@:1: rate: \"1001/60s for 1h\": the number of events must be from 1 to 1000" },
		{ "kind rbl { rate = '1/0s for 1h' }\n", "@:1: rate: \"1/0s for 1h\": the span must be from 1s to 30d" },
		{ "kind rbl { rate = '1/1s for 25d' }\n",
		    "@:1: rate: \"1/1s for 25d\": the term must be from 1s to 24d, the longest a kernel set can hold" },
		{ "kind login { rate = off }\n", "@:1: a login is not an offence: rate has no meaning here" },
		/* libconfuse's paths for names */
		{ "kind rbl { }\n\"kind=rbl|rate\" = off\nrelay_for = 99d\n",
		    "@:2: rate belongs into a section with a title\n"
		    "@:3: relay_for: \"99d\" is not a time from 1s to 30d, nor off" },
		{ "kind rbl { 'kind=rbl|rate' = off }\n",
		    "@:1: no sub-section title/index for 'kind'" },
		{ "listener a { }\n\"listener=a|reject_at\" = helo\n",
		    "@:2: reject_at belongs into a section with a title" },
		{ "'rate' = off\n", "@:1: no such option 'rate'" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct err e = { "" };
		struct conf *c = read_text(rows[i].in, &e);

		if (c != NULL)
			print_error("%s: was accepted\n", rows[i].in);
		assert_null(c);
		row_error(rows[i].in, &e, rows[i].want);
	}
}

static void
counts_mistakes_that_do_not_fit(void **state)
{
	char text[4096] = "", *end;
	struct err e;
	unsigned told = 0, untold = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(text, "relay_for = soon\n");
	assert_null(read_text(text, &e));
	for (const char *p = e.text; (p = strstr(p, "soon")) != NULL; p++)
		told++;
	for (const char *p = e.text; (p = strstr(p, "already")) != NULL; p++)
		told++;
	end = strrchr(e.text, '\n');
	assert_non_null(end);
	assert_int_equal(sscanf(end, "\n(and %u more)", &untold), 1);
	assert_int_equal(told + untold, 100);
	assert_null(conf_read(path, NULL));
}

static void
bounds_the_logs(void **state)
{
	char text[4096] = "";
	struct conf *c;
	struct err e;

	(void)state;
	for (int i = 0; i < CONF_LOGS_MAX; i++)
		(void)sprintf(text + strlen(text), "logs += /log%d\n", i);
	c = read_text(text, &e);
	assert_non_null(c);
	conf_put(c);
	strcat(text, "logs += /one-more\n");
	assert_null(read_text(text, &e));
	assert_non_null(strstr(e.text, ": logs: more than 64"));
}

static void
refuses_what_is_no_file(void **state)
{
	static char big[(1 << 20) + 2];
	struct err e;

	(void)state;
	unlink(path);
	assert_null(conf_read(path, &e));
	row_error("missing", &e, "@: cannot be opened: No such file or directory");
	assert_null(conf_read("/tmp", &e));
	assert_string_equal(e.text, "/tmp: is not a file");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(conf_read(path, &e));
	row_error("FIFO", &e, "@: is not a file");
	unlink(path);
	memset(big, '#', sizeof big);
	write_file(big, sizeof big - 1);
	assert_null(conf_read(path, &e));
	row_error("big", &e, "@: is larger than 1 MB");
	write_file(big, sizeof big - 2);
	conf_put(conf_read(path, &e));
	write_file("user = \"a\0b\"\n", 13);
	assert_null(conf_read(path, &e));
	row_error("NUL", &e, "@:1: a control character (\\x00) in a string");
	write_file("relay_for = 1h\n\0\nrelay_for = 2h", 31);
	assert_null(conf_read(path, &e));
	row_error("NUL", &e, "@:2: unexpected character \\x00");
}

static void
an_empty_file_works(void **state)
{
	struct policy p;
	struct err e;
	struct conf *c = read_text("", &e);

	(void)state;
	policy_defaults(&p);
	assert_non_null(c);
	assert_int_equal(c->policy.relay_for, p.relay_for);
	assert_memory_equal(c->policy.kind, p.kind, sizeof p.kind);
	assert_string_equal(c->user, "popauth-milter");
	assert_string_equal(c->logs[0], "/var/log/mail.log");
	assert_null(c->logs[1]);
	assert_int_equal(c->reject_at, STAGE_MAIL);
	assert_int_equal(c->flush_every, 1);
	assert_int_equal(c->max_clients, 1000000);
	assert_true(c->firewall);
	assert_false(c->log_from_start);
	assert_int_equal(netlist_size(c->policy.allow), 0);
	assert_true(strncmp(c->postmaster, "postmaster", 10) == 0);
	conf_put(c);
}

static void
values_arrive(void **state)
{
	static const char text[] =
	    "user = ''\r\n"
	    "logs = { /var/log/a, \"/var/log/b c\" } // two\n"
	    "logs += /var/log/d\n"
	    "logs += { 'fifo:/run/f', \"syslog:udp:[::1]:514\" }\n"
	    "log_senders = { 192.0.2.0/24 } log_group = root\n"
	    "journal_match = { 'SYSLOG_IDENTIFIER=dovecot', '+', '_SYSTEMD_UNIT=x=y' }\n"
	    "/* a\n comment */ log_from_start = Yes\n"
	    "milter_socket = inet:8891@127.0.0.1\n"
	    "map_socket = \"\"\n"
	    "relay_for = off cache_for = 0\n"
	    "block_max = 2d\n"
	    "login_credit = no\n"
	    "ipv6_prefix = 56\n"
	    "allow = { 198.51.100.0/24, 2001:db8::/32 }\n"
	    "own_networks = 203.0.113.1\n"
	    "own_names = { mail.example.org, 192.0.2.25, Example.ORG }\n"
	    "reject_at = helo\n"
	    "listener submission { reject_at = rcpt }\n"
	    "listener 'in' { reject_at = connect }\n"
	    "kind rbl { rate = '3/10s  for  20s' total = off cache = no }\n"
	    "kind 'policy' { enabled = no }\n"
	    "firewall = false\n"
	    "flush_every = 60\n"
	    "max_clients = 1000";
	struct err e;
	struct conf *c = read_text(text, &e);
	struct addr a;

	(void)state;
	if (c == NULL)
		print_error("%s\n", e.text);
	assert_non_null(c);
	assert_string_equal(c->user, "");
	assert_string_equal(c->logs[1], "/var/log/b c");
	assert_string_equal(c->logs[2], "/var/log/d");
	assert_string_equal(c->logs[3], "fifo:/run/f");
	assert_string_equal(c->logs[4], "syslog:udp:[::1]:514");
	assert_null(c->logs[5]);
	assert_int_equal(addr_parse(&a, STR("192.0.2.9")), 0);
	assert_true(netlist_has(c->log_senders, &a));
	assert_string_equal(c->log_group.name, "root");
	assert_int_equal(c->log_group.gid, 0);
	assert_string_equal(c->journal_match[2], "_SYSTEMD_UNIT=x=y");
	assert_null(c->journal_match[3]);
	assert_true(c->log_from_start);
	assert_string_equal(c->milter_socket, "inet:8891@127.0.0.1");
	assert_string_equal(c->map_socket, "");
	assert_int_equal(c->policy.relay_for, 0);
	assert_int_equal(c->policy.cache_for, 0);
	assert_int_equal(c->policy.block_max, 2 * 86400);
	assert_false(c->policy.login_credit);
	assert_int_equal(c->policy.ipv6_prefix, 56);
	assert_int_equal(addr_parse(&a, STR("198.51.100.7")), 0);
	assert_true(netlist_has(c->policy.allow, &a));
	assert_int_equal(addr_parse(&a, STR("203.0.113.1")), 0);
	assert_true(netlist_has(c->policy.own, &a));
	assert_int_equal(c->n_own_addrs, 1);
	assert_string_equal(c->postmaster, "postmaster@mail.example.org");
	assert_int_equal(conf_reject_at(c, NULL), STAGE_HELO);
	assert_int_equal(conf_reject_at(c, "smtpd"), STAGE_HELO);
	assert_int_equal(conf_reject_at(c, "Submission"), STAGE_RCPT);
	assert_int_equal(conf_reject_at(c, "in"), STAGE_CONNECT);
	assert_int_equal(conf_forgery_at(c, "smtpd"), STAGE_HELO);
	assert_int_equal(conf_forgery_at(c, "submission"), STAGE_MAIL);
	assert_int_equal(conf_forgery_at(c, "in"), STAGE_HELO);
	assert_int_equal(c->policy.kind[EVENT_RBL].rate.n, 3);
	assert_int_equal(c->policy.kind[EVENT_RBL].rate.span, 10);
	assert_int_equal(c->policy.kind[EVENT_RBL].rate.term, 20);
	assert_int_equal(c->policy.kind[EVENT_RBL].total.n, 0);
	assert_false(c->policy.kind[EVENT_RBL].caches);
	assert_true(c->policy.kind[EVENT_RBL].on);
	assert_false(c->policy.kind[EVENT_POLICY].on);
	assert_int_equal(c->policy.kind[EVENT_UNKNOWN_USER].rate.n, 10);
	assert_false(c->firewall);
	assert_int_equal(c->flush_every, 60);
	assert_int_equal(c->max_clients, 1000);
	conf_put(c);
}

/* Nothing is set, and an error in any line of it would be found by the comment signs being taken away. */
static void
the_sample_is_the_default(void **state)
{
	char *text, *plain, *out;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	struct err e;
	struct conf *c;

	(void)state;
	conf_print_sample(f);
	fclose(f);
	c = read_text(text, &e);
	assert_non_null(c);
	conf_put(c);
	plain = out = xmalloc(n + 1);
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		if (line[0] == '#' && line[1] != ' ' && line[1] != '\0')
			out += sprintf(out, "%s\n", line + 1);
	*out = '\0';
	c = read_text(plain, &e);
	if (c == NULL)
		print_error("%s\n", e.text);
	assert_non_null(c);
	assert_string_equal(c->user, "popauth-milter");
	assert_int_equal(c->policy.kind[EVENT_AUTH_FAILURE].rate.span, 600);
	conf_put(c);
	free(plain);
	free(text);
}

/* Readers take and return references while the conf is replaced under them. */
static void *
read_always(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		struct conf *c = conf_current();

		if (c->policy.relay_for != 3600 && c->policy.relay_for != 7200)
			*(bool *)arg = true;
		conf_put(conf_get(c));
		conf_put(c);
	}
	return NULL;
}

static void
can_be_replaced_while_in_use(void **state)
{
	pthread_t t[3];
	bool bad[3] = { false, false, false };
	struct err e;

	(void)state;
	assert_null(conf_current());
	conf_install(read_text("relay_for = 1h", &e));
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, read_always, &bad[i]), 0);
	for (int i = 0; i < 200; i++)
		conf_install(read_text(i % 2 == 0 ? "relay_for = 2h" : "relay_for = 1h", &e));
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], NULL);
		assert_false(bad[i]);
	}
	conf_install(NULL);
	assert_null(conf_current());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_with_file_and_line),
		cmocka_unit_test(counts_mistakes_that_do_not_fit),
		cmocka_unit_test(bounds_the_logs),
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(an_empty_file_works),
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(the_sample_is_the_default),
		cmocka_unit_test(can_be_replaced_while_in_use),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
