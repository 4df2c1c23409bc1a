/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf_options.c - every option of popauth-milter.conf: the master copy
 *
 * The parser, the sample file and the list in popauth-milter.conf(5) are made from these tables.  The help is one
 * sentence or two, without markup; the range, the type and the default are printed from the table's other columns.
 */
#include <string.h>

#include "conf_priv.h"

#define F(field)  offsetof(struct conf, field)
#define P(field)  offsetof(struct conf, policy.field)
#define K(field)  offsetof(struct kind_policy, field)
#define L(field)  offsetof(struct listener, field)
#define Z(field)  offsetof(struct zone_text, field)
#define DAY	  86400
#define COUNT(a)  (sizeof(a) / sizeof(a)[0])

static const struct option file_options[] = {
	{ "user", VALUE_TEXT, true, F(user), 0, 0, "popauth-milter",
	    "The user the daemon runs as when it was started by root. Empty: stay root, which is not advised." },
	{ "socket_group", VALUE_TEXT, true, F(socket_group), 0, 0, "",
	    "Members of this group may use the milter and map sockets: the MTA's group. Empty: the user's own group." },
	{ "state_dir", VALUE_PATH, false, F(state_dir), 0, 0, LOCALSTATEDIR "/lib/popauth-milter",
	    "Where the database lives." },
	{ "rules_dir", VALUE_PATH, false, F(rules_dir), 0, 0, PKGDATADIR "/rules", "The log rules that come with the program." },
	{ "rules_local", VALUE_PATH, true, F(rules_local), 0, 0, SYSCONFDIR "/popauth-milter/rules",
	    "Log rules of your own. It may be missing." },
	{ "logs", VALUE_LOGS, false, F(logs), 0, 0, "/var/log/mail.log",
	    "The mail logs to learn from: the path of a file, fifo:PATH, syslog:unix:PATH (a datagram socket that is made "
	    "here), syslog:udp:ADDRESS:PORT, journal: (this machine's) or journal:DIRECTORY." },
	{ "log_from_start", VALUE_FLAG, false, F(log_from_start), 0, 0, "no",
	    "Read a log that was never read before from its beginning, and not only what comes." },
	{ "log_senders", VALUE_NETS, false, F(log_senders), 0, 0, NULL,
	    "Who may send syslog by UDP. Not set: loopback. The sender of a UDP packet is easily forged: list no address "
	    "that packets from outside could claim." },
	{ "log_group", VALUE_GROUP, true, F(log_group), 0, 0, "",
	    "Members of this group may write to syslog sockets that are made here. Empty: the user's own group." },
	{ "journal_match", VALUE_MATCHES, false, F(journal_match), 0, 0, NULL,
	    "Read only such entries of the journal: FIELD=value as for journalctl(1), like _SYSTEMD_UNIT=dovecot.service "
	    "or SYSLOG_IDENTIFIER=dovecot. Of one field any value may fit, of different fields all must; a + stands "
	    "between alternatives. Not set: all." },
	{ "milter_socket", VALUE_LISTEN, false, F(milter_socket), 0, 0, "unix:" RUNSTATEDIR "/popauth-milter/milter.sock",
	    "Where the MTA finds the milter: unix:PATH, inet:PORT@HOST or inet6:PORT@HOST." },
	{ "map_socket", VALUE_SOCKET, true, F(map_socket), 0, 0, RUNSTATEDIR "/popauth-milter/map.sock",
	    "Where the MTA finds the socketmap. Empty: none." },
	{ "control_socket", VALUE_SOCKET, false, F(control_socket), 0, 0, RUNSTATEDIR "/popauth-milter/control.sock",
	    "Where popauth-milterctl(8) finds the daemon." },
	{ "relay_map", VALUE_PATH, true, F(relay_map), 0, 0, "",
	    "A Berkeley DB file in which the MTA finds who may relay, as its own configuration names it, with or without .db: "
	    "for MTAs that cannot ask the socketmap. A file that is not ours is never overwritten. Empty: none." },
	{ "relay_map_form", VALUE_MAPFORM, false, F(relay_map_form), 0, 0, "postfix",
	    "postfix: as postmap writes a hash: map. sendmail: as makemap writes one for FEATURE(`access_db'). access.db: our "
	    "records are put into sendmail's own access.db, and taken out of it; all others stay as they are." },
	{ "relay_map_static", VALUE_PATH, true, F(relay_map_static), 0, 0, "",
	    "A text file of entries that are always in relay_map, a key and a value on each line; what it says of an address "
	    "outweighs a login, and so does its refusal of the network that the address is in (192.0.2 REJECT, or 192.0.2 "
	    "permit_sasl_authenticated, reject; of several the smallest one counts): by itself the MTA would take the longer key, "
	    "which is the login's. status tells how many keys are left out for that. Not for access.db, where the administrator's own records are heeded in the same way. It is "
	    "read again when it has changed. Empty: none." },
	{ "relay_map_group", VALUE_GROUP, true, F(relay_map_group), 0, 0, "",
	    "The group of a new relay_map, whose mode is 0640 then. Empty: the user's own group, and mode 0644. One that is there "
	    "keeps its group and mode." },
	{ "relay_for", VALUE_TERM, true, P(relay_for), 1, 30 * DAY, NULL,
	    "How long a POP or IMAP login lets its address relay. off: no POP before SMTP; login_credit goes on without it." },
	{ "relay_budget", VALUE_UNSIGNED, false, P(relay_budget), 0, 1000000, NULL,
	    "To how many recipients an hour a client may send by its leave to relay, any hour long; further ones are refused for "
	    "now (450). Recipients known to be ours (gate_domains, gate_file, gate_mailers) do not count. 0: any number." },
	{ "login_credit", VALUE_FLAG, false, P(login_credit), 0, 0, NULL,
	    "While its leave to relay lasts, a client's offences do not count. With relay_for = off: for 15 minutes from its last "
	    "login. popauth-milterctl relay del ends it." },
	{ "bounces_count", VALUE_FLAG, false, P(bounces_count), 0, 0, NULL,
	    "Mail from nobody, MAIL FROM:<>, to people who do not exist counts as unknown-user. So it does for guessers of names, "
	    "who may say <> as well as anybody; but so it does for an honest server that returns mail which somebody else "
	    "sent in forged names of your domain. no: when that happens to you." },
	{ "cache_for", VALUE_TERM, true, P(cache_for), 1, 365 * DAY, NULL,
	    "How long a client that was refused is refused again without asking anybody. off: no cache." },
	{ "block_max", VALUE_TERM, false, P(block_max), 1, BLOCK_TERM_MAX, NULL,
	    "The longest block: its term doubles each time within 30 days, up to this." },
	{ "breaker_blocks", VALUE_THRESHOLD, false, P(breaker_blocks), 0, 0, NULL,
	    "N/SPAN for TERM: when for one kind of event so many clients were newly blocked within any such span, the rule is "
	    "more likely to be wrong than the clients: those blocks are taken back, and none are made for that kind, for this term." },
	{ "breaker_good", VALUE_THRESHOLD, false, P(breaker_good), 0, 0, NULL,
	    "When so many of them have logged in within the last week, and are breaker_good_share of all, the same is done for such "
	    "clients alone: strangers stay blocked, and go on being blocked." },
	{ "breaker_good_share", VALUE_UNSIGNED, false, P(breaker_good_share), 1, 100, NULL, "In percent." },
	{ "breaker_zone", VALUE_THRESHOLD, false, P(breaker_zone), 0, 0, NULL,
	    "When of so many clients within the span one DNSBL lists breaker_zone_share, and leaves far fewer unlisted than it used to: its cache "
	    "entries and blocks since are taken back, and none are made because of it, for this term." },
	{ "breaker_zone_share", VALUE_UNSIGNED, false, P(breaker_zone_share), 50, 100, NULL, "In percent." },
	{ "incident_account", VALUE_THRESHOLD, false, P(incident_account), 0, 0, NULL,
	    "When so many different clients fail to log in to one account within the span, it is a distributed attack: it is "
	    "reported, and lasts for this term beyond the last time they were so many. The account is never locked." },
	{ "incident_login", VALUE_THRESHOLD, false, P(incident_login), 0, 0, NULL,
	    "The same for those that do log in to one account: its password is known to many. It is only reported." },
	{ "incident_domain", VALUE_THRESHOLD, false, P(incident_domain), 0, 0, NULL,
	    "The same for those that write to people who do not exist in one domain; they must be four times as many as usual, too." },
	{ "incident_network", VALUE_THRESHOLD, false, P(incident_network), 0, 0, NULL,
	    "When so many different clients of one network, a /24 of IPv4 or a /48 of IPv6, fail to log in, whatever the account, "
	    "and nobody has logged in from any of them within a week, the network is attacking. It is never blocked as a whole." },
	{ "incident_client", VALUE_THRESHOLD, false, P(incident_client), 0, 0, NULL,
	    "When so many different accounts fail to log in from one client whose login_credit excuses that, and more fail than do log "
	    "in there, somebody who has an account is guessing others' passwords, or many people behind one address have a "
	    "new one. It is only reported." },
	{ "incident_factor", VALUE_UNSIGNED, false, P(incident_factor), 1, 100, NULL,
	    "While an incident lasts, rate thresholds are divided by this for clients that take part in it and have not logged in "
	    "within a week, but never to less than 3. In a network that attacks it takes so many different accounts. 1: incidents "
	    "are only reported." },
	{ "ipv6_prefix", VALUE_UNSIGNED, false, P(ipv6_prefix), 1, 128, NULL,
	    "IPv6 addresses that agree in so many bits are one client." },
	{ "allow", VALUE_NETS, false, F(allow), 0, 0, NULL,
	    "Addresses and networks that are never refused or blocked. This system's own addresses, its default gateways and its "
	    "resolvers never are, whatever stands here." },
	{ "allow_file", VALUE_PATH, true, F(allow_file), 0, 0, "",
	    "A file of more of them, one a line; # begins a comment. It is read again when it has changed; as long as there is a "
	    "mistake in it the networks read before stay. Empty: none." },
	{ "own_networks", VALUE_NETS, false, F(own), 0, 0, NULL,
	    "Our own hosts, proxies and web mail servers: nothing is ever learned about them, not even a login. "
	    "Loopback always belongs to them." },
	{ "log_tags", VALUE_TAGS, false, F(log_tags), 0, 0, NULL,
	    "Names that programs have in your logs and the rules do not know: \"mymail=postfix/smtpd\" has lines of mymail read "
	    "like Postfix's. Instances such as postfix-out/smtpd need no entry." },
	{ "own_names", VALUE_NAMES, false, F(own_names), 0, 0, NULL,
	    "Names and addresses that nobody but us may use in HELO. Not set: the system's host name if it has a dot, "
	    "and its public addresses. What the MTA tells of itself is always added." },
	{ "reject_at", VALUE_STAGE, false, F(reject_at), 0, 0, "mail",
	    "When a client is told that it is refused. connect is cheapest; at mail users have authenticated, and the "
	    "MTA has asked no blocklist yet; at rcpt it has. A client that calls itself us is told at HELO, unless a listener "
	    "says mail or rcpt, or rcpt is said here: then at MAIL, if it has not authenticated." },
	{ "answer", VALUE_REFUSAL, false, F(answer), 0, 0, "reject",
	    "How a client is refused: reject is for good (550), tempfail is milder (450): an honest mail server keeps its "
	    "mail and tries again for days. Each of its tries counts as a connection." },
	{ "postmaster", VALUE_TEXT, true, F(postmaster), 0, 0, "",
	    "The mail address that refused clients are told to write to. Empty: postmaster at the first of own_names." },
	{ "text_listed", VALUE_TEMPLATE, false, F(text_listed), 0, 0,
	    "Your IP address has been blacklisted by %{zone}. Visit their website or write <%{postmaster}> to argue. "
	    "%{explanation} %{ref}",
	    "What a client is told that a DNSBL lists." },
	{ "text_cached", VALUE_TEMPLATE, false, F(text_cached), 0, 0,
	    "Your IP address is refused here: %{reason}. Write <%{postmaster}> to argue. %{ref}",
	    "What a client is told that is in the cache for anything else." },
	{ "text_blocked", VALUE_TEMPLATE, false, F(text_blocked), 0, 0,
	    "Your IP address is blocked here: %{reason}. Write <%{postmaster}> to argue. %{ref}",
	    "What a client is told that is blocked, if the firewall lets it through." },
	{ "text_helo", VALUE_TEMPLATE, false, F(text_helo), 0, 0,
	    "You are not %{said}: that is us. Greet with a name of your own, or write <%{postmaster}> to argue. %{ref}",
	    "What a client is told that says HELO with a name or address of ours." },
	{ "text_sender", VALUE_TEMPLATE, false, F(text_sender), 0, 0,
	    "Mail from %{said} does not come from %{client}. Send it through its own provider, or write <%{postmaster}> "
	    "to argue. %{ref}",
	    "What a client is told whose sender is another provider's." },
	{ "text_recipient", VALUE_TEMPLATE, false, F(text_recipient), 0, 0,
	    "Nobody has ever been at %{said}. Write <%{postmaster}> to argue. %{ref}",
	    "What a client is told that writes to a trap." },
	{ "text_relay", VALUE_TEMPLATE, false, F(text_relay), 0, 0,
	    "Relay access denied: %{said} is not here. Read your mail first, or log in to send. %{ref}",
	    "What a client is told that the gate lets send nothing to elsewhere." },
	{ "text_budget", VALUE_TEMPLATE, false, F(text_budget), 0, 0,
	    "Too many recipients within the hour, try again later. Write <%{postmaster}> if you need more. %{ref}",
	    "What a client is told that has spent its relay_budget." },
	{ "gate", VALUE_GATE, false, F(gate), 0, 0, "off",
	    "fail-closed: the MTA relays for everybody, and the milter alone refuses recipients elsewhere, at RCPT, to whoever has "
	    "no leave to relay, has not authenticated, and is not in own_networks. Without the milter the MTA must then refuse: "
	    "the daemon does not start unless gate_mta says so." },
	{ "gate_domains", VALUE_DOMAINS, false, F(gate_domains), 0, 0, NULL,
	    "Domains that are delivered here, or relayed for everybody: example.org is this one alone, .example.org all below it, "
	    "[192.0.2.25] an address literal." },
	{ "gate_file", VALUE_PATH, true, F(gate_file), 0, 0, "",
	    "A file of more of them, one a line. It is read again when it has changed. Empty: none." },
	{ "gate_mailers", VALUE_NAMES, false, F(gate_mailers), 0, 0, NULL,
	    "Recipients that the MTA delivers by one of these are ours, whatever their domain: {rcpt_mailer}, such as local or "
	    "virtual. Name none that also carries mail elsewhere." },
	{ "gate_mta", VALUE_TEXT, false, F(gate_mta), 0, 0, "/etc/postfix",
	    "Where the MTA's configuration is, to be looked at for how it fails: a directory with main.cf and master.cf, or a "
	    "sendmail.cf. elsewhere: on another machine, which must use milter_socket by TCP; then nothing can be looked at, "
	    "and saying so is your word that it fails closed." },
	{ "freemail", VALUE_FREEMAIL, false, F(freemail), 0, 0, "unnamed",
	    "Senders of freemail providers, from hosts that are not the provider's, are sender-forgery. unnamed: only when "
	    "the client has no name that the DNS confirms. all: also when it has another name than the provider's; then "
	    "every server that forwards mail to you without rewriting its sender must be in allow. off: never." },
	{ "freemail_list", VALUE_PATH, false, F(freemail_list), 0, 0, PKGDATADIR "/freemail.list",
	    "The providers that come with the program, and the names of their hosts." },
	{ "freemail_local", VALUE_PATH, true, F(freemail_local), 0, 0, "",
	    "Providers of your own, in the same form; for a domain that both files have, this one is right. Empty: none." },
	{ "traps", VALUE_PATH, true, F(traps), 0, 0, "",
	    "A file of addresses that nobody has and no honest sender can know, one a line, or patterns of such addresses: "
	    "to write to one is recipient-forgery. Empty: none." },
	{ "firewall", VALUE_FLAG, false, F(firewall), 0, 0, "yes", "Have the kernel drop blocked clients." },
	{ "firewall_helper", VALUE_PATH, false, F(firewall_helper), 0, 0, LIBEXECDIR "/popauth-firewall",
	    "The helper that alone may change kernel sets." },
	{ "set4", VALUE_SETNAME, false, F(set4), 0, 0, "popauth4", "The kernel set for IPv4 clients." },
	{ "set6", VALUE_SETNAME, false, F(set6), 0, 0, "popauth6", "The kernel set for IPv6 clients." },
	{ "max_clients", VALUE_ULONG, false, F(max_clients), 1000, 100000000, "1000000",
	    "How many clients are remembered; beyond that the oldest and least valuable are forgotten." },
	{ "flush_every", VALUE_TERM, false, F(flush_every), 1, 60, "1s",
	    "How often what was learned is written to disk: so much may be lost in a power failure." },
};

static const struct option kind_options[] = {
	{ "enabled", VALUE_FLAG, false, K(on), 0, 0, NULL, "no: such events are counted in the statistics and nowhere else." },
	{ "cache", VALUE_FLAG, false, K(caches), 0, 0, NULL, "The first offence puts the client into the cache." },
	{ "distinct", VALUE_FLAG, false, K(distinct), 0, 0, NULL, "The same recipient counts once." },
	{ "rate", VALUE_THRESHOLD, false, K(rate), 0, 0, NULL,
	    "N/SPAN for TERM: so many events within any such span block the client for this term. off: never." },
	{ "total", VALUE_THRESHOLD, false, K(total), 0, 0, NULL, "A second threshold of the same form, meant for slow offenders." },
};

static const struct option listener_options[] = {
	{ "reject_at", VALUE_STAGE, false, L(reject_at), 0, 0, NULL, "As above, for this listener: mail or rcpt where users authenticate." },
	{ "answer", VALUE_REFUSAL, false, L(answer), 0, 0, NULL, "As above, for this listener." },
};

static const struct option zone_options[] = {
	{ "explanation", VALUE_ASCII, true, Z(explanation), 0, 0, NULL,
	    "What to say to clients that this list lists: %{explanation} in text_listed." },
	{ "show", VALUE_ASCII, false, Z(show), 0, 0, NULL,
	    "What to call the list, where its real name holds a key that is nobody else's business: %{zone}." },
};

const struct option_group option_groups[GROUPS] = {
	[GROUP_FILE] = { NULL, NULL, file_options, COUNT(file_options) },
	[GROUP_KIND] = { "kind", "What follows from one kind of event.", kind_options, COUNT(kind_options) },
	[GROUP_LISTENER] = { "listener", "A listener of the MTA, by the name the MTA gives it in {daemon_name}: in sendmail the Name= of "
	    "DAEMON_OPTIONS; in Postfix milter_macro_daemon_name, which is the host's name for all services unless master.cf "
	    "says -o milter_macro_daemon_name=submission for one.",
	    listener_options, COUNT(listener_options) },
	[GROUP_ZONE] = { "zone", "A DNSBL, by its name or the end of it.", zone_options, COUNT(zone_options) },
};

/* Every VALUE_TERM field is one of these two types. */
_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "flush_every is set as a uint32_t");

const struct option *
option_find(const struct option_group *g, const char *name)
{
	for (unsigned i = 0; i < g->n; i++)
		if (strcmp(g->options[i].name, name) == 0)
			return &g->options[i];
	return NULL;
}
