# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the tests of the daemon as a whole: a directory $dir of the test's own, and a daemon $pid in it, whose
# messages are in $dir/out.  Both are gone when the test ends.
set -u
unset NOTIFY_SOCKET # of a service manager's that runs us: the daemon would say nothing to standard error
srcdir=$(cd "${top_srcdir:-.}" && pwd)
dir=$(mktemp -d) || exit 99
pid=
control=$dir/control
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT

skip() {
	echo "SKIP: $*"
	exit 77
}

fail() {
	echo "FAIL: $*"
	cat "$dir/out"
	for what in status 'relay list' 'cache list' 'block list'; do
		ctl $what
	done
	exit 1
}

# A daemon that hangs fails the test, not the whole suite.
ctl() {
	timeout 60 ./popauth-milterctl -s "$control" "$@" 2>/dev/null
}

# await WHAT COMMAND...: until the command succeeds
await() {
	what=$1 tries=0
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || fail "waited in vain for $what"
		sleep 0.1
	done
}

# has PATTERN COMMAND...: does its output have the pattern?
has() {
	pattern=$1
	shift
	"$@" | grep -q -e "$pattern"
}

# said TEXT: in the daemon's messages
said() {
	grep -qF -e "$1" "$dir/out"
}

# What nearly every configuration here begins with; $user: who the daemon becomes; $map: the map socket.
usual_conf() {
	cat <<-END
	user = "${user-}"
	firewall = no
	state_dir = "$dir/state"
	rules_dir = "$srcdir/rules"
	rules_local = ""
	milter_socket = "unix:$dir/milter"
	map_socket = "${map-}"
	control_socket = "$control"
	END
}

start() {
	./popauth-milter -f -c "$dir/conf" 2>>"$dir/out" &
	pid=$!
	await "the daemon" ctl status
}

stop() {
	kill "$pid"
	wait "$pid" || fail "the daemon's exit status is $?"
	pid=
}

die() {
	kill -9 "$pid"
	wait "$pid"
	pid=
}

# stamped TEXT: as a line of a log, written now
stamped() {
	echo "$(LC_ALL=C date '+%b %e %H:%M:%S') mx $1"
}

# login_text ADDRESS: what Dovecot says of anna's
login_text() {
	echo "imap-login: Login: user=<anna>, method=PLAIN, rip=$1, lip=203.0.113.1, TLS, session=<q8dYy2sXzsDAAAIH>"
}
