/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What explain tells a client's administrator: what lifts a block, and what else goes on that changes his thresholds. */
#include "control_rig.h"
#include "logmsg.h"

static int
start(void **state)
{
	struct control_setup s = control_begin();

	(void)state;
	return control_up(&s);
}

static void
explained(int fd, const char *client, char *buf, size_t size)
{
	char line[128];

	(void)snprintf(line, sizeof line, "{\"verb\":\"explain\",\"address\":\"%s\"}", client);
	ask(fd, line);
	assert_int_equal(answer(fd, buf, size), 0);
}

static void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("%s\nis not in\n%s", part, text);
}

/* The firewall drops his SMTP, so that no login by it can lift a block. */
static void
explains_what_lifts_a_block(void **state)
{
	static char buf[65536];
	int fd = dial(&f);

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		fake_event(&f, EVENT_PROTOCOL, "192.0.2.11", NULL, NULL);
	ask(fd, "{\"verb\":\"explain\",\"address\":\"192.0.2.11\"}");
	assert_int_equal(answer(fd, buf, sizeof buf), 0);
	assert_non_null(strstr(buf, "popauth-milterctl block del 192.0.2.11\",\"a POP or IMAP login from there\""));
	assert_null(strstr(buf, "SMTP"));
	close(fd);
}

/* What somebody else's list says of a kind is still an administrator's word, and one of no kind is whatever it says. */
static void
explains_what_no_login_lifts(void **state)
{
	static const char *const by_hand[] = { "\"kind\":\"rbl\"", "\"kind\":\"hand\",\"by\":\"rate\"", "\"kind\":\"hand\"" };
	static char buf[65536];
	char line[128], who[32];
	int fd = dial(&f);

	(void)state;
	for (unsigned i = 0; i < ROWS(by_hand); i++) {
		(void)snprintf(who, sizeof who, "192.0.2.%u", 20 + i);
		(void)snprintf(line, sizeof line, "{\"verb\":\"block add\",\"address\":\"%s\",%s}", who, by_hand[i]);
		ask(fd, line);
		assert_int_equal(answer(fd, buf, sizeof buf), 0);
		explained(fd, who, buf, sizeof buf);
		has(buf, "\"by\":\"hand\"");
		assert_null(strstr(buf, "login from there"));
		fake_event(&f, EVENT_LOGIN, who, "anna", NULL);
		explained(fd, who, buf, sizeof buf);
		has(buf, "\"verdict\":\"blocked\"");
	}
	close(fd);
}

/* Of 24 clients and 192.0.2.23, which tries the fourth account twice. */
static void
attack(unsigned n)
{
	char who[32], name[32];

	(void)snprintf(name, sizeof name, "\001victim %u", n);
	for (unsigned i = 0; i < 24; i++) {
		(void)snprintf(who, sizeof who, "10.2.%u.%u", n, i);
		fake_event(&f, EVENT_AUTH_FAILURE, who, name, NULL);
	}
	for (unsigned i = 0; i < (n == 3 ? 2 : 1); i++)
		fake_event(&f, EVENT_AUTH_FAILURE, "192.0.2.23", name, NULL);
}

static void
explains_what_else_goes_on(void **state)
{
	static char buf[65536];
	char who[32];
	int fd = dial(&f);

	(void)state;
	pipeline_guard(&f.pipeline, guard_new(), NULL, NULL);
	f.policy.kind[EVENT_AUTH_FAILURE].total.n = 1000;
	/* Nothing yet. */
	for (unsigned i = 0; i < 3; i++)
		fake_event(&f, EVENT_AUTH_FAILURE, "192.0.2.20", "alice", NULL);
	explained(fd, "192.0.2.20", buf, sizeof buf);
	has(buf, "\"rate\":{\"have\":3,\"of\":10,\"counts\":\"events\",");
	has(buf, "\"lowered\":[],\"held\":[]");
	/* Many are after alice, and he is one of them. */
	for (unsigned i = 1; i < 25; i++) {
		(void)snprintf(who, sizeof who, "10.1.0.%u", i);
		fake_event(&f, EVENT_AUTH_FAILURE, who, "Alice", NULL);
	}
	fake_event(&f, EVENT_AUTH_FAILURE, "192.0.2.20", "bob", NULL);
	explained(fd, "192.0.2.20", buf, sizeof buf);
	has(buf, "\"lowered\":[{\"kind\":\"auth-failure\",\"target\":\"account\",\"name\":\"alice\",\"have\":3,\"of\":4,"
	    "\"usually\":10,\"span\":600,\"term\":3600,\"since\":1750000000,\"until\":1750003600,"
	    "\"text\":\"25 clients fail to log in to alice\"}]");
	/* Of many attacks those are told that it is nearest to being blocked for; the answer fits its line. */
	for (unsigned i = 0; i < 20; i++)
		attack(i);
	explained(fd, "192.0.2.23", buf, sizeof buf);
	has(buf, "\"lowered_left_out\":12,");
	has(buf, "\"name\":\"\\\\x01victim 3\",\"have\":2,\"of\":4,");
	/* Who is after bob is not, nor is who has logged in of late; of him each account counts once. */
	fake_event(&f, EVENT_AUTH_FAILURE, "192.0.2.21", "bob", NULL);
	explained(fd, "192.0.2.21", buf, sizeof buf);
	has(buf, "\"lowered\":[]");
	fake_event(&f, EVENT_LOGIN, "192.0.2.22", "alice", NULL);
	f.now += 3600;
	for (unsigned i = 0; i < 12; i++)
		fake_event(&f, EVENT_AUTH_FAILURE, "192.0.2.22", i == 0 ? "bob" : "alice", NULL);
	explained(fd, "192.0.2.22", buf, sizeof buf);
	has(buf, "\"rate\":{\"have\":2,\"of\":10,\"counts\":\"accounts\",");
	has(buf, "\"total\":{\"have\":12,\"of\":1000,\"counts\":\"events\",");
	has(buf, "\"lowered\":[]");
	close(fd);
}

/* Its network attacks: different accounts count.  Or it is an attack by itself. */
static void
explains_networks_and_insiders(void **state)
{
	static char buf[65536];
	char text[32];
	int fd = dial(&f);

	(void)state;
	pipeline_guard(&f.pipeline, guard_new(), NULL, NULL);
	for (unsigned i = 1; i <= 30; i++) {
		(void)snprintf(text, sizeof text, "203.0.113.%u", i);
		fake_event(&f, EVENT_AUTH_FAILURE, text, "", NULL);
	}
	for (unsigned i = 0; i < 3; i++)
		fake_event(&f, EVENT_AUTH_FAILURE, "203.0.113.40", i == 0 ? "alice" : "bob", NULL);
	explained(fd, "203.0.113.40", buf, sizeof buf);
	has(buf, "\"lowered\":[{\"kind\":\"auth-failure\",\"target\":\"network\",\"name\":\"203.0.113.0/24\",\"have\":2,\"of\":4,"
	    "\"usually\":10,\"span\":600,\"term\":3600,\"since\":1750000000,\"until\":1750003600,"
	    "\"text\":\"31 clients fail to log in from 203.0.113.0/24, none of which has logged in\"}]");
	assert_null(strstr(buf, "\"incident\""));
	fake_event(&f, EVENT_AUTH_FAILURE, "203.0.112.40", "alice", NULL); /* the network beside it */
	explained(fd, "203.0.112.40", buf, sizeof buf);
	has(buf, "\"lowered\":[]");
	fake_event(&f, EVENT_LOGIN, "203.0.112.1", "mallory", NULL);
	for (unsigned i = 0; i < 30; i++) {
		(void)snprintf(text, sizeof text, "u%u", i);
		fake_event(&f, EVENT_AUTH_FAILURE, "203.0.112.1", text, NULL);
	}
	explained(fd, "203.0.112.1", buf, sizeof buf);
	has(buf, "\"verdict\":\"relay\"");
	has(buf, "\"lowered\":[],");
	has(buf, "\"incident\":{\"target\":\"client\",\"name\":\"203.0.112.1\",\"since\":1750000000,");
	has(buf, "\"accounts\":30,\"most\":30,\"text\":\"30 accounts fail to log in from 203.0.112.1, where another login "
	    "excuses it\",\"sample\":[]}");
	explained(fd, "203.0.113.40", buf, sizeof buf);
	assert_null(strstr(buf, "\"incident\""));
	close(fd);
}

/* A breaker is told of to whom it keeps from being blocked. */
static void
explains_what_a_breaker_holds(void **state)
{
	static char buf[65536];
	int fd = dial(&f);

	(void)state;
	pipeline_guard(&f.pipeline, guard_new(), NULL, NULL);
	f.policy.breaker_blocks.n = 2;
	for (unsigned i = 0; i < 40; i++)
		fake_event(&f, EVENT_PROTOCOL, i % 2 == 0 ? "192.0.2.31" : "192.0.2.32", NULL, NULL);
	fake_event(&f, EVENT_RBL, "192.0.2.33", NULL, "zen.example");
	explained(fd, "192.0.2.33", buf, sizeof buf);
	has(buf, "\"held\":[]");
	/* Nothing of him is counted, but there is evidence. */
	fake_event(&f, EVENT_PROTOCOL, "192.0.2.33", NULL, NULL);
	explained(fd, "192.0.2.33", buf, sizeof buf);
	has(buf, "\"held\":[{\"cause\":\"blocks\",\"kind\":\"protocol\",\"since\":1750000000,\"until\":1750001800,"
	    "\"holds\":\"blocks\",\"text\":\"protocol: 2 clients newly blocked within 1m\"}]");
	f.now += 1800;
	explained(fd, "192.0.2.33", buf, sizeof buf);
	has(buf, "\"held\":[]");
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(explains_what_lifts_a_block, start, control_down),
		cmocka_unit_test_setup_teardown(explains_what_no_login_lifts, start, control_down),
		cmocka_unit_test_setup_teardown(explains_what_else_goes_on, start, control_down),
		cmocka_unit_test_setup_teardown(explains_networks_and_insiders, start, control_down),
		cmocka_unit_test_setup_teardown(explains_what_a_breaker_holds, start, control_down),
	};

	logmsg_open("test_control_explain", false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
