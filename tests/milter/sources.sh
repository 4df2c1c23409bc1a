#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon learns from a file, a FIFO and a syslog socket at once, and says in its status how each of them does.
set -u
srcdir=$(cd "${srcdir:-.}" && pwd)
dir=$(mktemp -d) || exit 99
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT

fail() {
	echo "FAIL: $*"
	cat "$dir/out"
	ctl status
	exit 1
}

ctl() {
	./popauth-milterctl -s "$dir/control" "$@" 2>/dev/null
}

# await WHAT COMMAND PATTERN: until the output of the control command has the pattern
await() {
	tries=0
	until ctl "$2" ${4:+"$4"} | grep -q "$3"; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || fail "waited in vain for $1"
		sleep 0.1
	done
}

# login ADDRESS
login() {
	echo "$(LC_ALL=C date '+%b %e %H:%M:%S') mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=$1," \
	    "lip=203.0.113.1, TLS, session=<q8dYy2sXzsDAAAIH>"
}

# many N TEXT: N lines of dovecot
many() {
	awk -v n="$1" -v line="$(LC_ALL=C date '+%b %e %H:%M:%S') mx dovecot: $2" 'BEGIN { while (n-- > 0) print line }'
}

cat >"$dir/conf" <<END
user = ""
firewall = no
state_dir = "$dir/state"
rules_dir = "$srcdir/rules"
rules_local = ""
logs = { "$dir/mail.log", "fifo:$dir/fifo", "syslog:unix:$dir/syslog" }
milter_socket = "unix:$dir/milter"
map_socket = ""
control_socket = "$dir/control"
END
: >"$dir/mail.log"
mkfifo "$dir/fifo"
./popauth-milter -f -c "$dir/conf" 2>>"$dir/out" &
pid=$!
await "the daemon" status running

login 203.0.113.8 >>"$dir/mail.log"
await "a login in the file" relay 203.0.113.8 list
login 203.0.113.9 >"$dir/fifo"
await "a login in the FIFO" relay 203.0.113.9 list
login 203.0.113.10 >"$dir/fifo"
await "a login in the FIFO, by another writer" relay 203.0.113.10 list
if command -v logger >/dev/null; then
	logger -u "$dir/syslog" -p mail.info -t dovecot "$(login 203.0.113.11 | sed 's/.* dovecot: //')"
	await "a login in the socket" relay 203.0.113.11 list
fi

# What cannot be read is said, and picked up when it is back.
mv "$dir/mail.log" "$dir/mail.log.1"
mkdir "$dir/mail.log"
rm "$dir/fifo"
await "a directory in the log's place" status 'PROBLEM:.*directory'
await "a FIFO that is gone" status 'PROBLEM:.*fifo: No such file'
rmdir "$dir/mail.log"
mkfifo "$dir/fifo"
login 203.0.113.12 >>"$dir/mail.log"
login 203.0.113.13 >"$dir/fifo"
await "the log's return" relay 203.0.113.12 list
await "the FIFO's return" relay 203.0.113.13 list
ctl status | grep -q PROBLEM && fail "something is still said to be wrong"

# A program's lines change.  Of programs without rules there is nothing to tell.
echo "$(LC_ALL=C date '+%b %e %H:%M:%S') mx nosuchprogram: a line" >>"$dir/mail.log"
many 500 'imap-login: Login: user=<anna>, method=PLAIN, rip=203.0.113.8, lip=203.0.113.1, TLS' >>"$dir/mail.log"
many 500 'imap-login: This is how a login is logged today: 203.0.113.8' >>"$dir/mail.log"
await "word of another format" status 'the lines of dovecot are hardly recognised'
[ "$(grep -c 'the lines of dovecot are hardly recognised' "$dir/out")" = 1 ] || fail "it was not said once"
ctl status | grep -q 'unrecognised: dovecot 49 % of 1002' || fail "the share is another one"
many 500 'imap-login: Login: user=<anna>, method=PLAIN, rip=203.0.113.8, lip=203.0.113.1, TLS' >>"$dir/mail.log"
await "word that it is over" status 'lines 1503'
ctl status | grep -q nosuchprogram && fail "a program without rules is listed"
ctl status | grep -q PROBLEM && fail "it is not over"

kill "$pid"
wait "$pid" || fail "it ended with $?"
pid=
exit 0
