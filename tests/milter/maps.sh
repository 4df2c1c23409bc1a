#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon and its map file: written at start, at a login, at a reload, and left without grants at the end; refused,
# with the reason in the status, where it is not to be written.
set -u
unset NOTIFY_SOCKET
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
	timeout 60 ./popauth-milterctl -s "$dir/control" "$@" 2>/dev/null
}

# await WHAT PATTERN COMMAND...: until the output of the command has the pattern
await() {
	what=$1 pattern=$2 tries=0
	shift 2
	until "$@" | grep -q -e "$pattern"; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || fail "waited in vain for $what"
		sleep 0.1
	done
}

configure() {
	cat >"$dir/conf" <<-END
	user = ""
	firewall = no
	state_dir = "$dir/state"
	rules_dir = "$srcdir/rules"
	rules_local = ""
	logs = { "$dir/mail.log" }
	milter_socket = "unix:$dir/milter"
	map_socket = ""
	control_socket = "$dir/control"
	relay_for = 30d
	$1
	END
}

start() {
	./popauth-milter -f -c "$dir/conf" >>"$dir/out" 2>&1 &
	pid=$!
	await "the daemon" 'running' ctl status
}

stop() {
	kill -TERM "$pid"
	wait "$pid" || fail "the daemon ended with $?"
	pid=
}

# Berkeley DB keeps keys as they are.
in_map() {
	grep -aqsF "$2" "$dir/$1.db" && echo yes || echo no
}

: >"$dir/mail.log"
: >"$dir/out"
configure "relay_map = \"$dir/relay\""
start
await "the map" "relay map .*relay.db (postfix): 0 clients" ctl status
await "its being written" "written 20" ctl status
ctl relay add 203.0.113.1 --user anna >/dev/null
await "a grant in the map" yes in_map relay 203.0.113.1
echo "$(LC_ALL=C date '+%b %e %H:%M:%S') mx dovecot: pop3-login: Login: user=<anna>, method=PLAIN, rip=203.0.113.2, lip=203.0.113.99, TLS" >>"$dir/mail.log"
await "a login in the map" yes in_map relay 203.0.113.2
ctl import relay-list - <<-END >/dev/null
203.0.113.3 - berta
END
await "an import in the map" yes in_map relay 203.0.113.3

# Another file at a reload: the one before has no grants any more.
configure "relay_map = \"$dir/other\"
relay_map_form = sendmail"
ctl reload >/dev/null
await "the other map" yes in_map other 203.0.113.1
[ "$(in_map relay 203.0.113.1)" = no ] || fail "a grant stayed in the file that is not used any more"

# A restart: out of the file at the end, in it again after the start.
stop
[ "$(in_map other 203.0.113.1)" = no ] || fail "a grant stayed in the map of a daemon that has ended"
start
await "the grants after a restart" yes in_map other 203.0.113.2
await "the third of them" yes in_map other 203.0.113.3

# Killed: the grants stay in the file until somebody takes them out, which is not to be done behind a daemon's back.
./popauth-milter --withdraw -c "$dir/conf" >>"$dir/out" 2>&1
[ $? = 75 ] || fail "the map of a running daemon was taken from it"
[ "$(in_map other 203.0.113.2)" = yes ] || fail "a running daemon's grant is gone"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
pid=
[ "$(in_map other 203.0.113.2)" = yes ] || fail "who took the grant out?"
./popauth-milter --withdraw -c "$dir/conf" >>"$dir/out" 2>&1 || fail "--withdraw after a kill"
[ "$(in_map other 203.0.113.2)" = no ] || fail "a grant stayed in the map of a daemon that was killed"
./popauth-milter --withdraw -c "$dir/conf" >>"$dir/out" 2>&1 || fail "--withdraw, again"
start
await "the grants after the kill" yes in_map other 203.0.113.2

# Not to be written.
ln -s nowhere "$dir/link.db"
configure "relay_map = \"$dir/link\""
ctl reload >/dev/null
await "the reason" 'PROBLEM: .*link.db: is a symbolic link' ctl status
[ -L "$dir/link.db" ] || fail "the link is gone"
[ ! -e "$dir/nowhere" ] || fail "the link was followed"
rm "$dir/link.db"
await "the map in its place" yes in_map link 203.0.113.1
stop
grep -c 'is a symbolic link' "$dir/out" | grep -qx 1 || fail "the reason was not logged exactly once"

# A hook in front of a server that only the server's own PATH has.
mkdir "$dir/qmail"
printf '#!/bin/sh\necho "serves $1"\n' >"$dir/qmail/qmail-pop3d"
chmod +x "$dir/qmail/qmail-pop3d"
for hook in tcp-postlogin dovecot-postlogin; do
	said=$(PATH=$dir/qmail:/usr/bin:/bin TCPREMOTEIP='' IP='' USER=anna sh "$srcdir/contrib/hooks/$hook" qmail-pop3d Maildir 2>&1)
	[ "$said" = "serves Maildir" ] || fail "$hook: $said"
done

# A mistake in the configuration.
configure "relay_map_form = dbm"
./popauth-milter -t -c "$dir/conf" >>"$dir/out" 2>&1
[ $? = 78 ] || fail "a form that there is not was accepted"
echo PASS
