/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_relay.c - does Postfix look up who may relay, and at the right place
 *
 * The list that decides about relaying is smtpd_relay_restrictions, or smtpd_recipient_restrictions where that is empty
 * (Postfix: SMTPD_ACCESS_README).  It is read from the left until somebody decides.  So the lookup must stand
 *	behind permit_mynetworks and permit_sasl_authenticated, who need no daemon,
 *	behind permit_auth_destination, or a daemon that is not there defers all mail and not only what is to be relayed,
 *	before what refuses the rest, which is to be reject_unauth_destination: see judge_refusal().
 * The corrected list is told whole, to be copied.
 */
#include <string.h>

#include "doctor_priv.h"

#define PATH_BUF 512
#define ITEMS	 128
#define DEPTH	 4 /* of restriction classes within each other */

enum item_kind { ITEM_OTHER, ITEM_OWN_FIRST, ITEM_AUTH_DESTINATION, ITEM_DECIDE, ITEM_LOOKUP, ITEM_CHECK_CLIENT };

struct item {
	struct str word;
	enum item_kind kind;
};

struct list {
	struct item v[ITEMS];
	unsigned n;
};

/* The map file, as postconf(1) names it: without the .db that relay_map may have.  Postfix opens it before it enters its
 * chroot. */
static bool
is_our_file(const struct doctor_facts *f, struct str word)
{
	struct str path = { word.p + 5, word.n - 5 }, ours = str_of(f->conf->relay_map);

	if (!text_starts(word, "hash:") || ours.n == 0 || f->conf->relay_map_form != MAP_POSTFIX)
		return false;
	if (ours.n > 3 && memcmp(ours.p + ours.n - 3, ".db", 3) == 0)
		ours.n -= 3;
	return str_eq(path, ours);
}

/* "socketmap:unix:PATH:NAME" that leads to our map's socket from there. */
static bool
is_our_map(const struct doctor_facts *f, const struct service *s, struct str word, struct str *name)
{
	static const char start[] = "socketmap:unix:";
	struct str path = { word.p + sizeof start - 1, word.n - (sizeof start - 1) };
	const char *colon;
	char theirs[PATH_BUF];

	if (is_our_file(f, word)) {
		*name = STR("relay");
		return true;
	}
	if (!text_starts(word, start) || f->conf->map_socket[0] == '\0')
		return false;
	colon = memrchr(path.p, ':', path.n);
	if (colon == NULL)
		return false;
	*name = (struct str){ colon + 1, (size_t)(path.p + path.n - colon - 1) };
	path.n = (size_t)(colon - path.p);
	postfix_path(f, s, path, theirs, sizeof theirs);
	return postfix_same(theirs, f->conf->map_socket);
}

static enum item_kind
kind_of(const struct doctor_facts *f, const struct service *s, struct str word)
{
	static const struct {
		const char *word;
		enum item_kind kind;
	} words[] = {
		{ "permit_mynetworks", ITEM_OWN_FIRST }, { "permit_sasl_authenticated", ITEM_OWN_FIRST },
		{ "permit_auth_destination", ITEM_AUTH_DESTINATION }, { "check_client_access", ITEM_CHECK_CLIENT },
		{ "reject_unauth_destination", ITEM_DECIDE }, { "defer_unauth_destination", ITEM_DECIDE },
		{ "reject", ITEM_DECIDE }, { "defer", ITEM_DECIDE }, { "permit", ITEM_DECIDE },
	};
	struct str name;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_caseeq(word, str_of(words[i].word)))
			return words[i].kind;
	return is_our_map(f, s, word, &name) && str_eq(name, STR("relay")) ? ITEM_LOOKUP : ITEM_OTHER;
}

static bool
is_class(const struct doctor_facts *f, struct str word)
{
	struct str rest = postfix_param(f, NULL, "smtpd_restriction_classes"), e;

	while (postfix_element(&rest, &e))
		if (str_eq(e, word))
			return true;
	return false;
}

/* The words of a list, those of its restriction classes in their places. */
static void
read_list(const struct doctor_facts *f, const struct service *s, struct str text, struct list *l, unsigned depth)
{
	char name[128];
	struct str e;

	while (l->n < ITEMS && postfix_element(&text, &e)) {
		if (depth < DEPTH && e.n < sizeof name && is_class(f, e))
			read_list(f, s, postfix_param(f, s, str_copy(name, sizeof name, e)), l, depth + 1);
		else
			l->v[l->n++] = (struct item){ e, kind_of(f, s, e) };
	}
}

/* Where the first of that kind stands; the list's length: nowhere. */
static unsigned
first_of(const struct list *l, enum item_kind kind)
{
	unsigned i = 0;

	while (i < l->n && l->v[i].kind != kind)
		i++;
	return i;
}

static unsigned
last_of(const struct list *l, enum item_kind kind)
{
	unsigned i = l->n;

	while (i > 0 && l->v[i - 1].kind != kind)
		i--;
	return i > 0 ? i - 1 : l->n;
}

/* ---- what is right ---- */

static size_t
add(char *buf, size_t size, size_t n, struct str word)
{
	bool argument = n >= 19 && n < size && strcmp(buf + n - 19, "check_client_access") == 0;

	if (n >= size)
		return n;
	return n + (size_t)snprintf(buf + n, size - n, "%s%.*s", n == 0 ? "" : argument ? " " : ", ", (int)word.n, word.p);
}

/* The map as this service must name it; false: from its chroot it cannot. */
static bool
map_name(const struct doctor_facts *f, const struct service *s, char *buf, size_t size)
{
	char path[PATH_BUF];
	bool can = postfix_name_of(f, s, f->conf->map_socket, path, sizeof path);

	if (f->conf->map_socket[0] == '\0' && f->conf->relay_map[0] != '\0') {
		(void)snprintf(buf, size, "hash:%s", f->conf->relay_map);
		return true;
	}
	(void)snprintf(buf, size, "socketmap:unix:%s:relay", can ? path : "popauth/map.sock");
	return can;
}

static bool
is_misplaced(const struct list *l, unsigned i)
{
	return l->v[i].kind == ITEM_AUTH_DESTINATION || l->v[i].kind == ITEM_LOOKUP ||
	    (l->v[i].kind == ITEM_CHECK_CLIENT && i + 1 < l->n && l->v[i + 1].kind == ITEM_LOOKUP);
}

/* All else that the list has, then permit_auth_destination and the lookup, then what decides about the rest. */
static void
corrected(const struct list *l, const char *map, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < l->n; i++)
		if (l->v[i].kind != ITEM_DECIDE && !is_misplaced(l, i))
			n = add(buf, size, n, l->v[i].word);
	n = add(buf, size, n, STR("permit_auth_destination"));
	n = add(buf, size, n, STR("check_client_access"));
	n = add(buf, size, n, str_of(map));
	add(buf, size, n, STR("reject_unauth_destination"));
}

static void
suggest(const struct doctor_facts *f, const struct service *s, struct finding *found, const struct list *l)
{
	struct str queue = postfix_param(f, NULL, "queue_directory");
	char map[PATH_BUF + 32], list[1200];
	bool can = map_name(f, s, map, sizeof map);

	corrected(l, map, list, sizeof list);
	if (!can || (f->conf->map_socket[0] == '\0' && f->conf->relay_map[0] == '\0'))
		finding_change(found, "%s: map_socket = \"%.*s/popauth/map.sock\"\nmain.cf: smtpd_relay_restrictions = %s",
		    f->conf_path, (int)queue.n, queue.p, list);
	else
		finding_change(found, "smtpd_relay_restrictions = %s", list);
}

/* ---- what is wrong ---- */

static const char *
misplaced(const struct list *l)
{
	unsigned at = first_of(l, ITEM_LOOKUP);

	if (at == 0 || l->v[at - 1].kind != ITEM_CHECK_CLIENT)
		return "is not the map of check_client_access: only that asks with the client's address";
	if (first_of(l, ITEM_DECIDE) < at)
		return "stands behind what has decided already, and is never asked";
	if (first_of(l, ITEM_AUTH_DESTINATION) > at)
		return "stands before permit_auth_destination";
	if (last_of(l, ITEM_OWN_FIRST) != l->n && last_of(l, ITEM_OWN_FIRST) > at)
		return "stands before permit_mynetworks or permit_sasl_authenticated";
	return NULL;
}

/* Postfix's words are what we have to go by: `reject' says of who asks for relaying "Recipient address rejected: Access
 * denied", as of a trap, and what is deferred counts for nothing. */
static void
judge_refusal(const struct doctor_facts *f, struct doctor_report *r, const struct service *s, const struct list *l,
    const char *param)
{
	unsigned at = first_of(l, ITEM_DECIDE);
	struct finding *found;
	char place[256];
	struct str word;

	if (at == l->n || str_caseeq(l->v[at].word, STR("reject_unauth_destination")))
		return;
	word = l->v[at].word;
	found = doctor_found(r, "%s: %s: behind the relay lookup stands %.*s", postfix_place(f, s, param, place, sizeof place),
	    param, (int)word.n, word.p);
	if (str_caseeq(word, STR("reject")))
		finding_why(found, "The log then says of a user who has not read his mail what it says of a forged recipient: one "
		    "attempt to relay puts him into the cache");
	else if (str_caseeq(word, STR("permit")))
		finding_why(found, "Everybody may relay");
	else
		finding_why(found, "A temporary refusal never counts: nobody who probes for relaying is noticed");
	suggest(f, s, found, l);
}

static void
judge_place(const struct doctor_facts *f, struct doctor_report *r, const struct service *s, const struct list *l,
    const char *param)
{
	const char *wrong = misplaced(l);
	struct finding *found;
	char place[256];

	if (wrong == NULL) {
		judge_refusal(f, r, s, l, param);
		return;
	}
	found = doctor_found(r, "%s: %s: the relay lookup %s", postfix_place(f, s, param, place, sizeof place), param, wrong);
	if (strstr(wrong, "before") != NULL)
		finding_why(found, "When the daemon is not there the lookup fails, and Postfix defers what it was to decide: there, %s",
		    strstr(wrong, "permit_auth") != NULL ? "all mail, and not only what is to be relayed" :
		    "also the mail of your own networks and users");
	else
		finding_why(found, "Nobody is let relay for having read his mail");
	suggest(f, s, found, l);
}

static bool
elsewhere(const struct doctor_facts *f, const struct service *s, const char **where)
{
	static const char *const others[] = { "smtpd_recipient_restrictions", "smtpd_client_restrictions",
		"smtpd_helo_restrictions", "smtpd_sender_restrictions" };

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct list l = { .n = 0 };

		read_list(f, s, postfix_param(f, s, others[i]), &l, 0);
		if (first_of(&l, ITEM_LOOKUP) < l.n) {
			*where = others[i];
			return true;
		}
	}
	return false;
}

static void
missing(const struct doctor_facts *f, struct doctor_report *r, const struct service *s, const struct list *l,
    const char *param)
{
	const char *where = NULL;
	struct finding *found;
	char place[256];

	postfix_place(f, s, param, place, sizeof place);
	if (elsewhere(f, s, &where))
		found = doctor_found(r, "%s: the relay lookup stands in %s, but %s decides about relaying", place, where, param);
	else if (f->conf->map_socket[0] == '\0')
		found = doctor_found(r, "%s: map_socket is empty, and Postfix has nothing to look up who may relay", f->conf_path);
	else
		found = doctor_found(r, "%s: %s does not look up in %s who may relay, for the service %.*s", place, param,
		    f->conf->map_socket, (int)s->name.n, s->name.p);
	finding_why(found, "Nobody is let relay for having read his mail");
	suggest(f, s, found, l);
}

static void
judge_service(const struct doctor_facts *f, struct doctor_report *r, const struct service *s)
{
	const char *param = "smtpd_relay_restrictions";
	struct list l = { .n = 0 };

	read_list(f, s, postfix_param(f, s, param), &l, 0);
	if (l.n == 0) {
		struct list other = { .n = 0 };

		read_list(f, s, postfix_param(f, s, "smtpd_recipient_restrictions"), &other, 0);
		if (first_of(&other, ITEM_LOOKUP) < other.n) {
			judge_place(f, r, s, &other, "smtpd_recipient_restrictions");
			return;
		}
	}
	if (first_of(&l, ITEM_LOOKUP) < l.n)
		judge_place(f, r, s, &l, param);
	else
		missing(f, r, s, &l, param);
}

void
postfix_relay_lookup(const struct doctor_facts *f, struct doctor_report *r)
{
	struct str rest = capture_text(&f->captures[CAPTURE_MASTER]);
	struct service s;

	while (postfix_next_smtpd(f, &rest, &s))
		judge_service(f, r, &s);
}

/* ---- postscreen ---- */

/* A service that is not asked about milters: by its command. */
static bool
find_command(const struct doctor_facts *f, const char *command, struct service *s)
{
	struct str rest = capture_text(&f->captures[CAPTURE_MASTER]), line;

	while (doctor_line(&rest, &line))
		if (postfix_service(f, line, s) && str_eq(s->command, str_of(command)))
			return true;
	return false;
}

/* postscreen_access_list = ... socketmap:unix:PATH:postscreen: whoever names our socket means that. */
static void
judge_screen_list(const struct doctor_facts *f, struct doctor_report *r, const struct service *s)
{
	struct str rest = postfix_param(f, s, "postscreen_access_list"), e, name;
	char path[PATH_BUF];

	while (postfix_element(&rest, &e)) {
		bool ours = is_our_map(f, s, e, &name);
		struct finding *found;

		if (!text_starts(e, "socketmap:unix:") || (ours && str_eq(name, STR("postscreen"))))
			continue;
		if (!ours && !text_has(e, "popauth"))
			continue;	/* somebody else's */
		found = doctor_found(r, "Postfix, main.cf: postscreen_access_list: %.*s is not where the daemon answers to postscreen",
		    (int)e.n, e.p);
		finding_why(found, "postscreen takes a lookup that fails as no answer: nobody is let through or refused by it");
		if (postfix_name_of(f, s, f->conf->map_socket, path, sizeof path))
			finding_change(found, "postscreen_access_list = ... socketmap:unix:%s:postscreen ...", path);
		else
			finding_change(found, "%s: map_socket = \"(a path below queue_directory)\"", f->conf_path);
	}
}

/* "DNSBL rank 3 for [192.0.2.9]:40112" is logged whatever is then done, and with `drop' it is all that is logged. */
static void
judge_screen_action(const struct doctor_facts *f, struct doctor_report *r, const struct service *s)
{
	struct str rest = postfix_param(f, s, "postscreen_dnsbl_sites"), e;
	struct finding *found;
	char place[256];

	if (!f->conf->policy.kind[EVENT_RBL].on || !postfix_element(&rest, &e) ||
	    !str_caseeq(postfix_param(f, s, "postscreen_dnsbl_action"), STR("ignore")))
		return;
	found = doctor_found(r, "%s: postscreen_dnsbl_action = ignore, and the daemon counts as refused whom postscreen finds "
	    "listed", postfix_place(f, s, "postscreen_dnsbl_action", place, sizeof place));
	finding_why(found, "postscreen lets these clients in and logs them as if it did not: the daemon then has them refused "
	    "from its cache, and those that keep coming blocked");
	finding_change(found, "postscreen_dnsbl_action = enforce    # or an empty postscreen_dnsbl_sites");
}

void
check_postscreen(const struct doctor_facts *f, struct doctor_report *r)
{
	struct service s;

	if (f->conf == NULL || !postfix_seen(f) || !find_command(f, "postscreen", &s))
		return;
	judge_screen_list(f, r, &s);
	judge_screen_action(f, r, &s);
}

/* ---- other lookups that hang on the daemon ---- */

static void
judge_list(const struct doctor_facts *f, struct doctor_report *r, const struct service *s, const char *param)
{
	struct str rest = postfix_param(f, s, param), e, name;
	struct finding *found;
	char place[256];

	while (postfix_element(&rest, &e)) {
		if (!is_our_map(f, s, e, &name))
			continue;
		found = doctor_found(r, "%s: %s asks the daemon: %.*s",
		    postfix_place(f, s, param, place, sizeof place), param, (int)e.n, e.p);
		finding_why(found, "When the daemon is not there the lookup fails, and Postfix defers all mail. The milter "
		    "refuses the same clients, and is passed over when it is not there");
		finding_change(found, "%s = (what is there now, without check_client_access %.*s)", param, (int)e.n, e.p);
		return;
	}
}

void
postfix_lookup_deferral(const struct doctor_facts *f, struct doctor_report *r)
{
	static const char *const params[] = { "smtpd_client_restrictions", "smtpd_helo_restrictions",
		"smtpd_sender_restrictions" };
	struct str rest = capture_text(&f->captures[CAPTURE_MASTER]);
	struct service s;

	while (postfix_next_smtpd(f, &rest, &s))
		for (size_t i = 0; i < sizeof params / sizeof params[0]; i++)
			judge_list(f, r, &s, params[i]);
}
