/* SPDX-License-Identifier: GPL-2.0-or-later */
/* requests.c - fuzz target: any bytes to the socketmap and to the control socket
 *
 * Whatever is asked, the answer is one of the protocol's: whole netstrings, lines of JSON.  Input: a byte that picks
 * the socket (bit 0) and who asks (bit 1), one that says where the bytes are cut in two; then the bytes.
 */
#include <stdarg.h>

#include "../fixed_policy.h"
#include "control.h"
#include "fake_server.h"
#include "fuzz.h"
#include "logmsg.h"
#include "netstring.h"
#include "socketmap.h"

#define NOW 1750000000

/* In place of src/logmsg.c: said, but to nobody. */
static void __attribute__((format(printf, 1, 0)))
say(const char *fmt, va_list ap)
{
	char text[4096];

	MUST(vsnprintf(text, sizeof text, fmt, ap) >= 0);
}

void
logmsg(enum level level, const char *fmt, ...)
{
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
logmsg_flood(struct flood *f, enum level level, const char *fmt, ...)
{
	va_list ap;

	(void)level;
	MUST(f->n > 0 && f->span > 0);
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

bool
logmsg_last(const char *text)
{
	(void)text;
	return false;
}

static struct policy policy;
static struct pipeline pipeline;
static struct evidence *evidence;
static struct watch *watch;

static time_t
now_of(void *arg)
{
	(void)arg;
	return NOW;
}

static uint64_t
durable_request(void *arg)
{
	(void)arg;
	return 1;
}

static enum durable
durable_check(void *arg, uint64_t ticket, struct err *e)
{
	(void)arg;
	(void)ticket;
	(void)e;
	return DURABLE_DONE;
}

static int
reload(void *arg, struct json *restart, struct err *e)
{
	(void)arg;
	(void)restart;
	return err_set(e, "no");
}

static void
told(void *arg, const struct event *ev, const struct addr *client, unsigned changes)
{
	(void)arg;
	watch_told(watch, ev, client, changes);
	evidence_told(evidence, ev, client, changes);
}

static void
reject_text(void *arg, const struct addr *a, const struct answer *why, char *buf, size_t size)
{
	(void)arg;
	(void)a;
	(void)why;
	str_copy(buf, size, STR("refused"));
}

static void
learn(enum event_kind kind, const char *client, const char *user, const char *zone)
{
	struct event ev = { .kind = kind, .time = NOW, .user = str_of(user), .zone = str_of(zone), .rule = "fuzz",
		.evidence = STR("a line") };

	MUST(addr_parse(&ev.addr, str_of(client)) == 0);
	(void)pipeline_event(&pipeline, &policy, &ev, NOW);
}

static const struct socketmap_setup map_setup = { .path = "fuzz", .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1,
	.host = { .arg = &policy, .now = now_of, .policy_get = fixed_policy_get, .policy_put = fixed_policy_put,
	    .reject_text = reject_text } };
static const struct control_setup ctl_setup = { .path = "fuzz", .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1,
	.host = { .arg = &policy, .pipeline = &pipeline, .now = now_of, .policy_get = fixed_policy_get,
	    .policy_put = fixed_policy_put, .durable_request = durable_request, .durable_check = durable_check,
	    .reload = reload } };

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct effects fx = { .told = told };

	(void)argc;
	(void)argv;
	policy_defaults(&policy);
	pipeline_init(&pipeline, ledger_new(2000), &fx);
	evidence = evidence_new(256);
	watch = watch_new();
	learn(EVENT_LOGIN, "192.0.2.1", "anna\n3:x,", NULL);
	learn(EVENT_LOGIN, "2001:db8:1:2::5", NULL, NULL);
	learn(EVENT_RBL, "192.0.2.7", NULL, "zen.example.org");
	return 0;
}

static void
ask_map(struct str in, size_t cut)
{
	struct socketmap_setup setup = map_setup;
	struct socketmap *map;
	struct str out, body;

	setup.host.ledger = pipeline.ledger;
	map = socketmap_open(&setup, NULL);
	out = fake_connection(in, cut, false);
	while (out.n > 0) {
		size_t used;

		MUST(netstring_parse(out, 100000, &body, &used) == NETSTRING_WHOLE);
		MUST(body.n >= 4 && memchr(body.p, '\n', body.n) == NULL);
		out.p += used;
		out.n -= used;
	}
	socketmap_close(map);
}

static void
ask_control(struct str in, size_t cut, bool privileged)
{
	struct control_setup setup = ctl_setup;
	struct control *ctl;
	struct str out;
	const char *nl;

	setup.host.evidence = evidence;
	setup.host.watch = watch;
	ctl = control_open(&setup, NULL);
	out = fake_connection(in, cut, privileged);
	for (; (nl = memchr(out.p, '\n', out.n)) != NULL; out.n -= (size_t)(nl + 1 - out.p), out.p = nl + 1) {
		struct json *j = json_parse((struct str){ out.p, (size_t)(nl - out.p) }, NULL);

		MUST(j != NULL);
		json_free(j);
	}
	control_close(ctl);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct str in = { (const char *)data + 2, size - 2 };

	if ((data[0] & 1) == 0)
		ask_map(in, data[1]);
	else
		ask_control(in, data[1], (data[0] & 2) != 0);
	return 0;
}
