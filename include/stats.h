/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.h - what was done, and what could not be: every drop in the program is counted here
 *
 * Counters since start, any thread, no lock.  This table is the list: status, stats and the manual take name and help
 * from it.
 */
#ifndef STATS_H
#define STATS_H

#include <stdint.h>

#define STATS_TABLE(X) \
	X(LINES, "lines", "log lines read") \
	X(LINES_HEADLESS, "lines_headless", "log lines whose head could not be read") \
	X(LINES_MATCHED, "lines_matched", "log lines that a rule recognised") \
	X(LINES_LONG, "lines_long", "log lines passed over because they were longer than 64 kB") \
	X(LINES_PARTIAL, "lines_partial", "log lines whose writer stopped in the middle") \
	X(LINES_FUTURE, "lines_future", "log lines dated more than 5 minutes ahead, taken as now") \
	X(LINES_REFUSED, "lines_refused", "syslog datagrams from senders that are not allowed") \
	X(LINES_OVERFLOWN, "lines_overflown", "syslog datagrams that the kernel dropped because they came too fast") \
	X(LOG_LOST, "log_lost", "times a log was replaced and what had not been read of it could not be found") \
	X(RULES_LIMIT, "rules_limit", "matches of log rules and traps given up because of PCRE2's limits") \
	X(HALVES_PAIRED, "halves_paired", "events put together from two log lines") \
	X(HALVES_ALONE, "halves_alone", "log lines of events whose client no other line told in time") \
	X(HALVES_DROPPED, "halves_dropped", "halves of events forgotten because too many were waiting") \
	X(EVENTS, "events", "events learned") \
	X(EVENTS_TRUSTED, "events_trusted", "events about allowlisted or own addresses, passed over") \
	X(EVENTS_FORGIVEN, "events_forgiven", "offences not counted because the client has just logged in") \
	X(EVENTS_DUPLICATE, "events_duplicate", "rejections seen by the milter and in the log, counted once") \
	X(EVENTS_EXPIRED, "events_expired", "events too old to matter") \
	X(EVENTS_HELD, "events_held", "offences not counted, or not cached, because a breaker was open") \
	X(BREAKER_TRIPS, "breaker_trips", "times a breaker opened") \
	X(BREAKER_WITHDRAWN, "breaker_withdrawn", "clients from which blocks or cache entries were taken back") \
	X(INCIDENTS, "incidents", "distributed attacks noticed") \
	X(INCIDENTS_DROPPED, "incidents_dropped", "distributed attacks no longer followed because too many bigger ones were going on") \
	X(TARGETS_DROPPED, "targets_dropped", "accounts and domains no longer watched because too many were being attacked") \
	X(NOTICES_DROPPED, "notices_dropped", "notices of breakers and incidents lost because too many came at once") \
	X(CLIENTS_EVICTED, "clients_evicted", "clients forgotten because max_clients was reached") \
	X(STRINGS_REFUSED, "strings_refused", "zones and reasons shown as (other) because there were too many") \
	X(SESSIONS, "sessions", "SMTP sessions seen by the milter") \
	X(SESSIONS_UNKNOWN, "sessions_unknown", "SMTP sessions without an internet address") \
	X(SESSIONS_TRUSTED, "sessions_trusted", "sessions of allowlisted clients") \
	X(SESSIONS_RELAY, "sessions_relay", "sessions of clients with a relay grant") \
	X(REJECTED_CACHE, "rejected_cache", "SMTP commands refused because of the cache") \
	X(REJECTED_BLOCK, "rejected_block", "SMTP commands refused because of a block") \
	X(REJECTED_FORGERY, "rejected_forgery", "SMTP commands refused as forgeries") \
	X(REJECTED_RELAY, "rejected_relay", "recipients refused by the gate because they are not ours") \
	X(REJECTED_BUDGET, "rejected_budget", "recipients refused for now because a grant's budget was spent") \
	X(MAP_LOOKUPS, "map_lookups", "socketmap requests answered") \
	X(MAP_FOUND, "map_found", "socketmap requests answered OK") \
	X(MAP_REFUSED, "map_refused", "socketmap connections closed for breaking the protocol") \
	X(MAP_UNKNOWN, "map_unknown", "socketmap requests for maps that there are not") \
	X(MAP_FILE_WRITTEN, "map_file_written", "times the relay map file was written") \
	X(MAP_FILE_FAILED, "map_file_failed", "times the relay map file could not be written") \
	X(CONTROL_REQUESTS, "control_requests", "control requests") \
	X(CONTROL_REFUSED, "control_refused", "control connections or requests refused") \
	X(CONNECTIONS_FULL, "connections_full", "connections to our sockets refused because too many were open") \
	X(WATCH_DROPPED, "watch_dropped", "live events that a watcher was too slow for") \
	X(FLUSHES, "flushes", "transactions committed") \
	X(FLUSH_FAILED, "flush_failed", "transactions that failed and were tried again") \
	X(FIREWALL_SENT, "firewall_sent", "changes sent to the firewall helper") \
	X(FIREWALL_FAILED, "firewall_failed", "changes the kernel refused") \
	X(FIREWALL_SYNCS, "firewall_syncs", "kernel sets rebuilt from the ledger") \
	X(FIREWALL_RESTARTS, "firewall_restarts", "times the firewall helper had to be started again") \
	X(MESSAGES_LOST, "messages_lost", "messages to our own log lost because they came faster than they were taken") \
	X(MESSAGES_LEFT_OUT, "messages_left_out", "messages not logged because there were too many of their kind") \
	X(RELOADS, "reloads", "successful reloads, of a changed list, too") \
	X(RELOADS_FAILED, "reloads_failed", "reloads refused because of a mistake in a file")

enum counter {
#define X(id, name, help) STAT_##id,
	STATS_TABLE(X)
#undef X
	STATS
};

void stat_add(enum counter c, uint64_t n);
uint64_t stat_get(enum counter c);
const char *stat_name(enum counter c);
const char *stat_help(enum counter c);

#endif
