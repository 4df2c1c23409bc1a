/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper_set.c - one kernel set, by libipset
 *
 * Every command fills the session's data and calls ipset_cmd(), as the ipset program does.  Adds and deletes that carry
 * a "line number" are gathered by the library until a message to the kernel is full (one page: 125 IPv4 entries), or
 * until the set or the command changes; the kernel stops at the first one that it refuses and gives its number back,
 * which is how the rest is known to be still to do.
 *
 * The library's print function is ours and prints nothing: of a listed set's head the values are taken from the session's
 * data while it would be printed.  What a set holds is asked without the library, see helper_list.c.
 *
 * A session can lose step with the kernel: since Linux 6.x the error of a failed listing comes twice, and the second one
 * is taken for the answer to the next command.  So the library is never asked to list a set that is not there, and
 * should it happen all the same, the session is marked as lost; the worker then ends and a new one begins.
 *
 * libipset copies KSET_NAME bytes from whatever is given as a name, so every name here lies in a buffer of that size.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libipset/ipset.h>
#include <libipset/session.h>
#include <libipset/types.h>

#include "helper.h"

#define DEFAULT_TIMEOUT 3600 /* of an entry added by hand without one */
#define HASHSIZE_MIN	1024 /* the kernel's own default */
#define PER_BUCKET	4

struct kset {
	struct ipset_session *session;
	struct klist *lister;
	const struct ipset_type *type;
	char name[KSET_NAME], spare[KSET_NAME];
	uint8_t family; /* NFPROTO_ */
	uint8_t prefix; /* 0: none */
	uint32_t maxelem;
	struct kset_info *head; /* while listing it */
	bool lost; /* the session has lost step */
};

static const char type_name[KSET_NAME] = "hash:ip";

/* The library's last message.  Whatever the kernel refuses has one; a failure without is none of the kernel's. */
static const char *
last_message(struct kset *k)
{
	const char *msg = ipset_session_report_msg(k->session);

	if (msg[0] != '\0' && strncmp(msg, "Internal protocol error", 23) != 0)
		return msg;
	k->lost = true;
	return "the session with the kernel has lost step";
}

static int
kset_err(struct kset *k, struct err *e, const char *doing, const char *name)
{
	const char *msg = last_message(k);

	return err_set(e, "%s %s: %.*s", doing, name, (int)strcspn(msg, "\n"), msg);
}

bool
kset_lost(const struct kset *k)
{
	return k->lost;
}

static uint32_t
head_u32(struct ipset_session *s, enum ipset_opt opt)
{
	const uint32_t *v = ipset_data_test(ipset_session_data(s), opt) ? ipset_session_data_get(s, opt) : NULL;

	return v != NULL ? *v : 0;
}

static uint8_t
head_u8(struct ipset_session *s, enum ipset_opt opt)
{
	const uint8_t *v = ipset_data_test(ipset_session_data(s), opt) ? ipset_session_data_get(s, opt) : NULL;

	return v != NULL ? *v : 0;
}

/* The set's head is in the session: keep it, and judge whether the set is one that we could have made. */
static void
take_head(struct kset *k)
{
	struct ipset_session *s = k->session;
	const char *type = ipset_session_data_get(s, IPSET_OPT_TYPENAME);
	uint8_t full = k->family == NFPROTO_IPV4 ? 32 : 128, mask;

	if (k->head == NULL || !ipset_data_test(ipset_session_data(s), IPSET_OPT_REFERENCES))
		return;
	k->head->references = head_u32(s, IPSET_OPT_REFERENCES);
	k->head->entries = head_u32(s, IPSET_OPT_ELEMENTS);
	k->head->shape = KSET_WRONG;
	mask = head_u8(s, IPSET_OPT_NETMASK);
	if (type == NULL || strcmp(type, type_name) != 0)
		snprintf(k->head->why, FW_TEXT, "its type is %s, not %s", type != NULL ? type : "unknown", type_name);
	else if (head_u8(s, IPSET_OPT_FAMILY) != k->family)
		snprintf(k->head->why, FW_TEXT, "it is of the other address family");
	else if ((mask != 0 ? mask : full) != (k->prefix != 0 ? k->prefix : full))
		snprintf(k->head->why, FW_TEXT, "its netmask is %u", mask != 0 ? mask : full);
	else if (!ipset_data_test(ipset_session_data(s), IPSET_OPT_TIMEOUT))
		snprintf(k->head->why, FW_TEXT, "it has no timeouts");
	else if (head_u32(s, IPSET_OPT_MAXELEM) < k->maxelem)
		snprintf(k->head->why, FW_TEXT, "it holds only %u entries", head_u32(s, IPSET_OPT_MAXELEM));
	else
		k->head->shape = KSET_GOOD;
}

static int __attribute__((format(printf, 3, 4)))
print(struct ipset_session *s, void *arg, const char *fmt, ...)
{
	(void)s;
	(void)fmt;
	take_head(arg);
	return 0;
}

static void
prepare(struct ipset_session *s, const char *name)
{
	ipset_session_report_reset(s);
	ipset_data_reset(ipset_session_data(s));
	ipset_session_data_set(s, IPSET_SETNAME, name);
}

void
kset_load(void)
{
	ipset_load_types();
}

struct kset *
kset_open(const struct helper_conf *c, enum fw_set set, struct err *e)
{
	struct kset *k = xcalloc(1, sizeof(*k));

	memcpy(k->name, c->name[set], sizeof(k->name));
	snprintf(k->spare, sizeof(k->spare), "%.27s~new", k->name);
	k->family = set == FW_SET4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	k->prefix = set == FW_SET6 && c->ipv6_prefix < 128 ? c->ipv6_prefix : 0;
	k->maxelem = c->maxelem;
	k->session = ipset_session_init(print, k);
	if (k->session == NULL) {
		err_set(e, "libipset gives no session");
		goto fail;
	}
	k->lister = klist_open(e);
	if (k->lister == NULL)
		goto fail;
	/* An entry added twice takes the new timeout; one deleted twice is gone. */
	ipset_envopt_set(k->session, IPSET_ENV_EXIST);
	if (ipset_cmd(k->session, IPSET_CMD_NONE, 0) < 0) {
		kset_err(k, e, "cannot speak to the kernel about", k->name);
		goto fail;
	}
	/* The type as far as both library and kernel know it; asked once, not at every entry. */
	prepare(k->session, k->name);
	ipset_session_data_set(k->session, IPSET_OPT_TYPENAME, type_name);
	ipset_session_data_set(k->session, IPSET_OPT_FAMILY, &k->family);
	k->type = ipset_type_get(k->session, IPSET_CMD_CREATE);
	if (k->type == NULL) {
		kset_err(k, e, "the kernel cannot have a set like", k->name);
		goto fail;
	}
	return k;
fail:
	kset_close(k);
	return NULL;
}

void
kset_close(struct kset *k)
{
	if (k == NULL)
		return;
	if (k->session != NULL)
		ipset_session_fini(k->session);
	klist_close(k->lister);
	free(k);
}

int
kset_look(struct kset *k, struct kset_info *out, struct err *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	out->shape = KSET_MISSING;
	prepare(k->session, k->name);
	if (ipset_cmd(k->session, IPSET_CMD_HEADER, 0) < 0) {
		/* libipset has no error numbers; this is its text for ENOENT. */
		if (strstr(ipset_session_report_msg(k->session), "does not exist") != NULL)
			return 0;
		return kset_err(k, e, "cannot look at", k->name);
	}
	prepare(k->session, k->name);
	ipset_envopt_set(k->session, IPSET_ENV_LIST_HEADER);
	ipset_session_output(k->session, IPSET_LIST_PLAIN);
	k->head = out;
	rc = ipset_cmd(k->session, IPSET_CMD_LIST, 0);
	k->head = NULL;
	ipset_envopt_unset(k->session, IPSET_ENV_LIST_HEADER);
	if (rc < 0)
		k->lost = true; /* the set went just now: see above */
	return rc < 0 ? kset_err(k, e, "cannot look at", k->name) : 0;
}

/* A set that has to grow is copied again and again: filling one with a million took four times as long.  Room for the
 * most it may hold costs 2 bytes per entry that is not there. */
static uint32_t
hashsize_for(uint32_t maxelem)
{
	uint32_t n = HASHSIZE_MIN;

	while (n < maxelem / PER_BUCKET)
		n *= 2;
	return n;
}

static int
create(struct kset *k, const char *name, struct err *e)
{
	uint32_t timeout = DEFAULT_TIMEOUT, hashsize = hashsize_for(k->maxelem);

	prepare(k->session, name);
	ipset_session_data_set(k->session, IPSET_OPT_TYPE, k->type);
	ipset_session_data_set(k->session, IPSET_OPT_FAMILY, &k->family);
	ipset_session_data_set(k->session, IPSET_OPT_TIMEOUT, &timeout);
	ipset_session_data_set(k->session, IPSET_OPT_MAXELEM, &k->maxelem);
	ipset_session_data_set(k->session, IPSET_OPT_HASHSIZE, &hashsize);
	if (k->prefix != 0)
		ipset_session_data_set(k->session, IPSET_OPT_NETMASK, &k->prefix);
	if (ipset_cmd(k->session, IPSET_CMD_CREATE, 0) < 0)
		return kset_err(k, e, "cannot create", name);
	return 0;
}

int
kset_create(struct kset *k, struct err *e)
{
	return create(k, k->name, e);
}

/* Put one change into the message; `line` is its number there, from 1. */
static int
put_change(struct kset *k, const char *name, const struct kset_change *c, uint32_t line)
{
	const void *ip = k->family == NFPROTO_IPV4 ? c->addr.b + 12 : c->addr.b;
	enum ipset_cmd cmd = c->timeout != 0 ? IPSET_CMD_ADD : IPSET_CMD_DEL;
	uint32_t timeout = c->timeout < FW_TIMEOUT_MAX ? c->timeout : FW_TIMEOUT_MAX;

	ipset_session_data_set(k->session, IPSET_SETNAME, name);
	ipset_session_data_set(k->session, IPSET_OPT_TYPE, k->type);
	ipset_session_data_set(k->session, IPSET_OPT_FAMILY, &k->family);
	if (ipset_session_data_set(k->session, IPSET_OPT_IP, ip) < 0)
		return -1;
	if (c->timeout != 0)
		ipset_session_data_set(k->session, IPSET_OPT_TIMEOUT, &timeout);
	return ipset_cmd(k->session, cmd, line);
}

static void
refuse(struct kset_refusal *r, const struct kset_change *c, uint32_t count, const char *msg)
{
	if (r->count == 0) {
		r->first = c->addr;
		snprintf(r->text, sizeof(r->text), "%.*s", (int)strcspn(msg, "\n"), msg);
	}
	r->count += count;
}

/* From changes[0] on until one is refused; returns how many are dealt with, that one included. */
static size_t
apply_run(struct kset *k, const char *name, const struct kset_change *c, size_t n, struct kset_refusal *r)
{
	const char *msg;
	unsigned line;
	size_t i;
	int rc = 0, skip = 0;

	ipset_session_report_reset(k->session);
	ipset_data_reset(ipset_session_data(k->session));
	for (i = 0; i < n && rc == 0; i++)
		rc = put_change(k, name, &c[i], (uint32_t)i + 1);
	if (rc == 0)
		rc = ipset_commit(k->session);
	if (rc == 0)
		return n;
	msg = last_message(k);
	if (sscanf(msg, "Error in line %u: %n", &line, &skip) == 1 && skip > 0 && line >= 1 && line <= n) {
		refuse(r, &c[line - 1], 1, msg + skip);
		return line;
	}
	refuse(r, &c[0], (uint32_t)n, msg); /* not about one entry: the set or the kernel is at fault */
	return n;
}

static void
apply(struct kset *k, const char *name, const struct kset_change *c, size_t n, struct kset_refusal *r)
{
	size_t done;

	memset(r, 0, sizeof(*r));
	for (done = 0; done < n;)
		done += apply_run(k, name, c + done, n - done, r);
}

void
kset_apply(struct kset *k, const struct kset_change *c, size_t n, struct kset_refusal *r)
{
	apply(k, k->name, c, n, r);
}

int
kset_dump(struct kset *k, kset_fn *fn, void (*breathe)(void *arg), void *arg, struct err *e)
{
	return klist_dump(k->lister, k->name, k->family, fn, breathe, arg, e);
}

static int
command(struct kset *k, enum ipset_cmd cmd, const char *name, const char *other)
{
	prepare(k->session, name);
	if (other != NULL)
		ipset_session_data_set(k->session, IPSET_OPT_SETNAME2, other);
	return ipset_cmd(k->session, cmd, 0);
}

int
kset_replace(struct kset *k, const struct kset_change *c, size_t n, struct kset_refusal *r, struct err *e)
{
	command(k, IPSET_CMD_DESTROY, k->spare, NULL); /* one left over from a worker that died; mostly there is none */
	if (create(k, k->spare, e) == -1)
		return -1;
	apply(k, k->spare, c, n, r);
	if (command(k, IPSET_CMD_SWAP, k->spare, k->name) == 0) {
		command(k, IPSET_CMD_DESTROY, k->spare, NULL);
		return 0;
	}
	if (command(k, IPSET_CMD_DESTROY, k->name, NULL) == 0 &&
	    command(k, IPSET_CMD_RENAME, k->spare, k->name) == 0)
		return 0;
	kset_err(k, e, "cannot replace", k->name);
	command(k, IPSET_CMD_DESTROY, k->spare, NULL);
	return -1;
}
