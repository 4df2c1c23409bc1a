/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_firewall.c - does the kernel drop what is in the sets
 *
 * The rules are read as iptables-save(8) prints them, and a packet is walked through them: the first of a connection,
 * from a blocked client that nobody has made an exception for, to one of the mail ports.  It must meet a rule with
 * --match-set and DROP before any that accepts it.  What cannot be known of the packet (its interface, a mark, a limit)
 * may be so: a rule that hangs on it may accept the packet, and then it is said.  A rule for a source network of its
 * own is an exception that somebody has made, and hides nothing.
 *
 * Tables made by nft(8) itself are not looked at: they cannot name an ipset, and what they accept others still drop.
 *
 * A verdict in one table does not keep a later one from dropping, so each table's chain is walked by itself.  The older
 * tables (iptables-legacy) and those of nf_tables are both in force where both are filled.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_priv.h"

#define CHAINS_DEEP 16
#define LINES_READ  3000000 /* per walk, about a second: generators make large rule sets, and jump often */

enum fate {
	FATE_PASSES, /* nothing was decided here */
	FATE_DROPPED,
	FATE_HIDDEN, /* accepted before our rule is reached */
	FATE_RETURN
};

struct walk {
	struct str rules;    /* the table's lines */
	const char *set;
	unsigned port;
	struct str hidden_by; /* that rule */
	unsigned long read;
};

/* ---- one rule ---- */

enum answer { NO, MAYBE, YES };

struct rule {
	struct str chain, target, text;
	bool goes; /* -g: no return */
	enum answer applies;
	bool our_set; /* it matches what is in the set */
};

/* "25", "25,465", "20:30", as --dport and --dports have it. */
static bool
port_in(struct str list, unsigned port)
{
	char text[256], *save = NULL;

	str_copy(text, sizeof text, list);
	for (char *p = strtok_r(text, ",", &save); p != NULL; p = strtok_r(NULL, ",", &save)) {
		char *end;
		unsigned long low = strtoul(p, &end, 10), high = *end == ':' ? strtoul(end + 1, NULL, 10) : low;

		if (*end == ':' && end[1] == '\0')
			high = 65535;
		if (port >= low && port <= high)
			return true;
	}
	return false;
}

static void
need(struct rule *r, bool inverted, enum answer a)
{
	if (inverted)
		a = a == YES ? NO : a == NO ? YES : MAYBE;
	if (a < r->applies)
		r->applies = a;
}

static bool
narrow(struct str net)
{
	return !str_eq(net, STR("0.0.0.0/0")) && !str_eq(net, STR("::/0"));
}

/* One option and its arguments, which are taken from *rest. */
static void
option(const struct walk *w, struct rule *r, struct str word, bool not, struct str *rest)
{
	struct str arg = STR_NONE, flags;

	if (str_eq(word, STR("-m")) || str_eq(word, STR("--comment")) || str_eq(word, STR("--reject-with")) ||
	    text_starts(word, "--log-") || text_starts(word, "--nflog-")) {
		(void)text_word(rest, &arg);
	} else if (str_eq(word, STR("-j")) || str_eq(word, STR("-g"))) {
		(void)text_word(rest, &r->target);
		r->goes = word.p[1] == 'g';
	} else if (str_eq(word, STR("-p"))) {
		(void)text_word(rest, &arg);
		need(r, not, str_eq(arg, STR("tcp")) || str_eq(arg, STR("6")) || str_eq(arg, STR("all")) ? YES : NO);
	} else if (str_eq(word, STR("--dport")) || str_eq(word, STR("--dports"))) {
		(void)text_word(rest, &arg);
		need(r, not, port_in(arg, w->port) ? YES : NO);
	} else if (str_eq(word, STR("-s"))) {
		(void)text_word(rest, &arg);
		need(r, not, narrow(arg) ? NO : YES);
	} else if (str_eq(word, STR("-i"))) {
		(void)text_word(rest, &arg);
		need(r, not, str_eq(arg, STR("lo")) ? NO : MAYBE);
	} else if (str_eq(word, STR("--ctstate")) || str_eq(word, STR("--state"))) {
		(void)text_word(rest, &arg);
		need(r, not, text_has(arg, "NEW") ? YES : NO);
	} else if (str_eq(word, STR("--match-set"))) {
		bool ours, source;

		(void)text_word(rest, &arg);
		(void)text_word(rest, &flags);
		ours = str_eq(arg, str_of(w->set));
		source = str_eq(flags, STR("src"));
		r->our_set = r->our_set || (ours && source && !not);
		need(r, not, ours && source ? YES : NO);
	} else if (text_starts(word, "-") && !str_eq(word, STR("--syn")) && !text_starts(word, "--tcp-flags")) {
		need(r, false, MAYBE);
	}
}

/* Comments are in quotation marks and may hold anything; the words in them are not options of the rule. */
static struct str
skip_quoted(struct str rest)
{
	size_t i = 1;

	while (i < rest.n && rest.p[i] != '"')
		i += rest.p[i] == '\\' ? 2 : 1;
	i = i < rest.n ? i + 1 : rest.n;
	return (struct str){ rest.p + i, rest.n - i };
}

/* "-A CHAIN option..." */
static bool
parse_rule(const struct walk *w, struct str line, struct rule *r)
{
	struct str rest = line, word;
	bool not = false;

	*r = (struct rule){ .applies = YES, .text = line };
	if (!text_word(&rest, &word) || !str_eq(word, STR("-A")) || !text_word(&rest, &r->chain))
		return false;
	while (text_word(&rest, &word)) {
		if (str_eq(word, STR("!"))) {
			not = true;
			continue;
		}
		if (word.p[0] == '"') {
			rest = skip_quoted((struct str){ word.p, (size_t)(rest.p + rest.n - word.p) });
			continue;
		}
		if (str_eq(word, STR("--comment")) && str_trim(rest).n > 0 && str_trim(rest).p[0] == '"')
			rest = skip_quoted(str_trim(rest));
		else
			option(w, r, word, not, &rest);
		not = false;
	}
	return true;
}

/* ---- the walk ---- */

static enum fate walk_chain(struct walk *w, struct str chain, unsigned depth);

static bool
drops(struct str target)
{
	return str_eq(target, STR("DROP")) || str_eq(target, STR("REJECT")) || str_eq(target, STR("TARPIT"));
}

static bool
stays(struct str target)
{
	static const char *const names[] = { "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TCPMSS", "CT", "SET", "TRACE", "AUDIT",
		"SECMARK", "CONNSECMARK", "CLASSIFY", "DSCP", "TOS", "TTL", "HL", "CHECKSUM" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (str_eq(target, str_of(names[i])))
			return true;
	return target.n == 0;
}

static enum fate
follow(struct walk *w, const struct rule *r, unsigned depth)
{
	enum fate fate;

	if (stays(r->target))
		return FATE_PASSES;
	if (drops(r->target))	/* a drop by another rule, if it is certain, is as good */
		return r->applies == YES || r->our_set ? FATE_DROPPED : FATE_PASSES;
	if (str_eq(r->target, STR("ACCEPT"))) {
		w->hidden_by = r->text;
		return FATE_HIDDEN;
	}
	if (str_eq(r->target, STR("RETURN")))
		return r->applies == YES ? FATE_RETURN : FATE_PASSES;
	fate = walk_chain(w, r->target, depth + 1);
	if (fate == FATE_DROPPED && r->applies != YES && !r->our_set)
		return FATE_PASSES;
	if (fate == FATE_RETURN || fate == FATE_PASSES)
		return r->goes && r->applies == YES ? FATE_RETURN : FATE_PASSES;
	return fate;
}

static enum fate
walk_chain(struct walk *w, struct str chain, unsigned depth)
{
	struct str rest = w->rules, line;
	struct rule r;

	if (depth > CHAINS_DEEP)
		return FATE_PASSES;
	while (w->read < LINES_READ && doctor_line(&rest, &line)) {
		enum fate fate;

		w->read++;
		if (!text_starts(line, "-A ") || line.n < 3 + chain.n || memcmp(line.p + 3, chain.p, chain.n) != 0)
			continue;	/* most lines: not worth taking apart */
		if (!parse_rule(w, line, &r) || !str_eq(r.chain, chain) || r.applies == NO)
			continue;
		fate = follow(w, &r, depth);
		if (fate != FATE_PASSES)
			return fate;
	}
	return FATE_PASSES;
}

/* The lines of one table: from "*filter" to "COMMIT". */
static struct str
table(struct str text, const char *name)
{
	struct str line, from = STR_NONE;

	while (doctor_line(&text, &line)) {
		if (line.n > 1 && line.p[0] == '*' && str_eq((struct str){ line.p + 1, line.n - 1 }, str_of(name)))
			from = text;
		else if (from.p != NULL && str_eq(line, STR("COMMIT")))
			return (struct str){ from.p, (size_t)(line.p - from.p) };
	}
	return STR_NONE;
}

/* ---- judging ---- */

static const struct {
	const char *table, *chain;
} places[] = { { "raw", "PREROUTING" }, { "mangle", "PREROUTING" }, { "mangle", "INPUT" }, { "filter", "INPUT" } };

/* What happens to such a packet; *hidden is the rule that accepts it in the last table that has ours. */
static bool
is_dropped(struct str text, const char *set, unsigned port, struct str *hidden, bool *unread)
{
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct walk w = { .rules = table(text, places[i].table), .set = set, .port = port };
		enum fate fate = walk_chain(&w, str_of(places[i].chain), 0);

		if (fate == FATE_DROPPED)
			return true;
		if (fate == FATE_HIDDEN)
			*hidden = w.hidden_by;
		*unread = *unread || w.read >= LINES_READ;
	}
	return false;
}

/* Does any rule name the set? */
static bool
is_named(struct str text, const char *set)
{
	char what[96];
	struct str line;

	(void)snprintf(what, sizeof what, "--match-set %s ", set);
	while (doctor_line(&text, &line))
		if (text_starts(line, "-A ") && text_has(line, what))
			return true;
	return false;
}

struct family {
	const char *program, *set;
	const struct capture *now, *legacy;
	const struct json *status; /* the daemon's; NULL: none */
};

#define THE_RULE "%s -I INPUT -p tcp -m multiport --dports 25,465,587 -m set --match-set %s src -j DROP"

static void
not_dropped(struct doctor_report *r, const struct family *fam, unsigned port, bool named, struct str hidden)
{
	struct finding *found;

	if (!named)
		found = doctor_found(r, "%s: no rule names the set %s", fam->program, fam->set);
	else if (hidden.p != NULL)
		found = doctor_found(r, "%s: the rule for the set %s is not reached by connections to port %u: \"%.*s\" accepts "
		    "them first", fam->program, fam->set, port, (int)hidden.n, hidden.p);
	else
		found = doctor_found(r, "%s: the rule for the set %s drops no connections to port %u", fam->program, fam->set, port);
	finding_why(found, "The kernel lets through who is blocked; then each connection costs the mail server an answer");
	finding_change(found, THE_RULE "    # before what accepts; and the same where your firewall keeps its rules",
	    fam->program, fam->set);
}

/* What the daemon says of a set that it can use; NULL: nothing.  The kernel counts the rules that name it, also those that
 * we may not read; only the daemon's helper may ask for that. */
static const struct json *
daemon_set(const struct family *fam)
{
	const struct json *sets = json_get(json_get(fam->status, "firewall"), "sets");

	for (size_t i = 0; i < json_count(sets); i++) {
		const struct json *set = json_at(sets, i);

		if (str_eq(json_get_text(set, "name"), str_of(fam->set)) && !json_has(set, "error"))
			return set;
	}
	return NULL;
}

static void
judge_unseen(struct doctor_report *r, const struct family *fam)
{
	if (!json_get_bool(daemon_set(fam), "referenced", true))
		not_dropped(r, fam, 0, false, STR_NONE);
	else if (fam->now->why[0] != '\0')
		doctor_skip(r, "%s", fam->now->why);
	else
		doctor_skip(r, "%s-save is not installed: whether a rule names %s cannot be seen", fam->program, fam->set);
}

/* The submission ports only when something accepts what the rule was meant for. */
static void
judge_family(struct doctor_report *r, const struct family *fam)
{
	static const unsigned ports[] = { 25, 465, 587 };
	struct str text = capture_text(fam->now), old = capture_text(fam->legacy), hidden;
	const struct json *set = daemon_set(fam);
	bool named, unread = false;

	if (set != NULL && !json_has(set, "referenced"))
		return; /* none is needed: there is no IPv6 */
	if (fam->now->text == NULL) {
		judge_unseen(r, fam);
		return;
	}
	named = is_named(text, fam->set) || is_named(old, fam->set);
	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
		hidden = STR_NONE;
		if (is_dropped(text, fam->set, ports[i], &hidden, &unread) ||
		    is_dropped(old, fam->set, ports[i], &hidden, &unread))
			continue;
		if (unread) {
			doctor_skip(r, "%s: too many rules and jumps to follow them all", fam->program);
			return;
		}
		if (i > 0 && (!named || hidden.p == NULL))
			continue;
		not_dropped(r, fam, ports[i], named, hidden);
		return;
	}
}

void
check_firewall_rule(const struct doctor_facts *f, struct doctor_report *r)
{
	struct family v4, v6;

	if (f->conf == NULL || !f->conf->firewall)
		return;
	v4 = (struct family){ "iptables", f->conf->set4, &f->captures[CAPTURE_IPTABLES], &f->captures[CAPTURE_LEGACY4],
	    f->status };
	v6 = (struct family){ "ip6tables", f->conf->set6, &f->captures[CAPTURE_IP6TABLES], &f->captures[CAPTURE_LEGACY6],
	    f->status };
	judge_family(r, &v4);
	judge_family(r, &v6);
}

/* ---- the helper and its sets ---- */

/* Where the helper is installed is a mend only for a configuration that names another place. */
static void
change_helper(const struct doctor_facts *f, const struct path_fact *p, struct finding *found)
{
	static const char installed[] = LIBEXECDIR "/popauth-firewall";

	if (p->error == 0)
		finding_change(found, "chmod 755 %s", p->path);
	else if (strcmp(p->path, installed) != 0)
		finding_change(found, "%s: firewall_helper = \"%s\"    # or firewall = no", f->conf_path, installed);
	else
		finding_change(found, "%s: firewall = no    # or install popauth-milter again: the helper belongs to it",
		    f->conf_path);
}

static void
judge_helper(const struct doctor_facts *f, struct doctor_report *r)
{
	for (unsigned i = 0; i < f->n_paths; i++) {
		const struct path_fact *p = &f->paths[i];
		struct finding *found;

		if (p->role != PATH_HELPER || (p->error == 0 && (p->mode & 0111) != 0))
			continue;
		found = doctor_found(r, "%s: %s", p->path, p->error != 0 ? strerror(p->error) : "it cannot be executed");
		finding_why(found, "Without its helper the daemon can change no kernel set: nobody is dropped");
		change_helper(f, p, found);
	}
}

static void
judge_sets(struct doctor_report *r, const struct json *sets)
{
	for (size_t i = 0; i < json_count(sets); i++) {
		struct str name = json_get_text(json_at(sets, i), "name"), error = json_get_text(json_at(sets, i), "error");
		struct finding *found;

		if (error.n == 0)
			continue;
		found = doctor_found(r, "the set %.*s: %.*s", (int)name.n, name.p, (int)error.n, error.p);
		finding_why(found, "What the set cannot hold is not dropped");
		finding_change(found, "ipset destroy %.*s    # after taking out the firewall rules that name it; the daemon makes it "
		    "anew within a minute", (int)name.n, name.p);
	}
}

void
check_firewall(const struct doctor_facts *f, struct doctor_report *r)
{
	const struct json *fw = f->status != NULL ? json_get(f->status, "firewall") : NULL;
	struct finding *found;
	struct str state, error;
	bool lost;

	if (f->conf == NULL || !f->conf->firewall)
		return;
	judge_helper(f, r);
	if (fw == NULL) {
		doctor_skip(r, "the daemon does not tell of its helper");
		return;
	}
	state = json_get_text(fw, "state");
	error = json_get_text(fw, "error");
	judge_sets(r, json_get(fw, "sets"));
	if (str_eq(state, STR("up")) && error.n == 0)
		return;
	lost = str_eq(state, STR("dead")) && json_get_int(fw, "generation", 0) > 0;
	found = doctor_found(r, "the firewall helper is %.*s%s%.*s", (int)state.n, state.p, error.n > 0 ? ": " : "",
	    (int)error.n, error.n > 0 ? error.p : "");
	finding_why(found, "Nobody is dropped by the kernel as long as the sets cannot be changed");
	if (lost)
		finding_change(found, "systemctl restart popauth-milter    # the helper worked, and was killed; no other can be "
		    "made by a daemon that has given its privilege away");
	else
		finding_change(found, "Start popauth-milter as root, or by its unit: it gives the privilege away to the helper "
		    "alone (CAP_NET_ADMIN)    # or firewall = no");
}
