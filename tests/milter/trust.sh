#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Loopback, our own addresses and proxies, and allowlisted clients, in every form that logs write addresses in: the
# daemon grants and blocks none of them, and takes back what it did to those who are trusted only since a reload.
. "${top_srcdir:-.}/tests/milter/common.sh"

line() {
	stamped "$1" >>"$dir/mail.log"
}

# As Dovecot, Courier and sendmail write it.
login() {
	line "dovecot: $(login_text "$1")"
	line "imapd-ssl: LOGIN, user=anna, ip=[$1], port=[4711], protocol=IMAP"
	case $1 in
	*:*) line "sm-mta[7]: AUTH=server, relay=a.example.org [IPv6:$1], authid=anna, mech=PLAIN, bits=0" ;;
	*) line "sm-mta[7]: AUTH=server, relay=a.example.org [$1], authid=anna, mech=PLAIN, bits=0" ;;
	esac
}

offend() {
	i=0
	while [ $((i += 1)) -le 12 ]; do
		line "postfix/smtpd[$i]: NOQUEUE: reject: RCPT from unknown[$1]: 554 5.7.1 Service unavailable; Client host [$1] blocked using zen.example; from=<x@example.net> to=<a@example.org> proto=ESMTP helo=<x>"
		line "dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<anna>, method=PLAIN, rip=$1, lip=203.0.113.1, TLS"
	done
}

# only SET ADDRESS...: these and nobody else are in it
only() {
	set=$1
	shift
	now=$(ctl "$set" list | awk 'NR > 1 { print $1 }' | sort | tr '\n' ' ')
	want=$(printf "%s\n" "$@" | sed "/^$/d" | sort | tr "\n" " ")
	[ "$now" = "$want" ] || fail "in $set are: $now"
}

configure() {
	{
		usual_conf
		cat <<-END
		logs = { "$dir/mail.log" }
		own_networks = { 198.51.100.25, 198.51.100.64/28, 2001:db8:5::/48 }
		allow = { 192.0.2.0/28, 2001:db8:7::/48 }
		$1
		END
	} >"$dir/conf"
}

configure ''
: >"$dir/mail.log"
start

own='127.0.0.1 127.0.0.53 ::1 ::ffff:127.0.0.1 fe80::1%eth0 198.51.100.25 ::ffff:198.51.100.25 198.51.100.70
	::ffff:198.51.100.79 2001:db8:5::1 2001:DB8:5:6::9'
allowed='192.0.2.3 ::ffff:192.0.2.4 2001:db8:7:1::2'
n=0
for addr in $own; do
	login "$addr"
	offend "$addr"
	n=$((n + 27))
done
for addr in $allowed; do
	offend "$addr"
	n=$((n + 24))
done
offend 203.0.113.66
offend 2001:db8:8::66
login 203.0.113.8
login ::ffff:203.0.113.9
login 2001:db8:8::9
await "the last line" has '2001:db8:8::/64' ctl relay list
only relay 203.0.113.8 203.0.113.9 2001:db8:8::/64
only block 203.0.113.66
ctl cache list | grep -q '198\.51\.100\|192\.0\.2\|2001:db8:[57]\|127\.' && fail "one that is trusted is cached"
ctl stats | grep -q "^events_trusted  *$n " || fail "not $n events about the trusted: $(ctl stats | grep events_trusted)"

# Nor by hand.
for addr in 127.0.0.1 ::1 ::ffff:127.0.0.1 198.51.100.25 ::ffff:198.51.100.79 2001:db8:5::2 192.0.2.3; do
	ctl block add "$addr" && fail "$addr was blocked by hand"
	ctl cache add "$addr" && fail "$addr was cached by hand"
done
only block 203.0.113.66

# A line that shows a password does so nowhere else.
timeout 600 ./popauth-milterctl -s "$control" --json watch >"$dir/watched" 2>/dev/null & # not ctl: a shell would be killed, and not it
watcher=$!
await "the watcher" has '"watchers":1' ctl --json status
line "vchkpw-pop3: password fail (pass: 'hunter2') anna@example.org:203.0.113.70"
await "the line" has "pass: '\*\*\*'" ctl explain 203.0.113.70
await "it with the watcher" has 203.0.113.70 cat "$dir/watched"
kill "$watcher"
wait "$watcher"
ctl explain 203.0.113.70 | grep -q hunter2 && fail "a password is explained"
await "a flush" has 'last flush' ctl status
grep -rq hunter2 "$dir/state" "$dir/out" "$dir/watched" && fail "a password is kept"

# Who is trusted from now on is free at once.
configure 'allow += 203.0.113.66
own_networks += 203.0.113.8'
ctl reload >/dev/null || fail "not reloaded"
await "word of it" has '2 clients are trusted now' cat "$dir/out"
only relay 203.0.113.9 2001:db8:8::/64
only block
ctl cache list | grep -q 203.0.113.66 && fail "it is still cached"

# So is who was made one of them while it did not run.
offend 203.0.113.67
await "the last block" has 203.0.113.67 ctl block list
stop
configure 'allow += 203.0.113.67'
start
only relay 203.0.113.9 2001:db8:8::/64
only block
stop
grep -rq hunter2 "$dir/state" "$dir/out" && fail "a password is kept"
exit 0
