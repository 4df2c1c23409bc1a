#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The units: popauth-sets.service, so that a firewall whose rules name our sets loads at boot because the unit came before it (in a
# network namespace of its own; the unit's command is run with our helper in the place of the installed one); and both are
# what systemd understands, and as little exposed as they were.
set -u
unit=systemd/popauth-sets.service

skip() {
	echo "SKIP: $*"
	exit 77
}

fail() {
	echo "FAIL: $*"
	exit 1
}

if [ "${1-}" != inside ]; then
	[ "$(id -u)" = 0 ] || skip "needs root, for a network namespace of its own"
	for tool in iptables-restore ip6tables-restore ipset; do
		command -v $tool >/dev/null || skip "needs $tool"
	done
	unshare -n true 2>/dev/null || skip "no network namespace can be made here"
	exec unshare -n "$0" inside
fi

# As systemd would run it with these SETS.
run_unit() {
	command=$(sed -n 's|^ExecStart=/[^ ]*/popauth-firewall|./popauth-firewall|p' $unit)
	[ -n "$command" ] || fail "no ExecStart with popauth-firewall in $unit"
	SETS=$1 sh -c "$command" || fail "$command, with $1, exits with $?"
}

load_rules() {
	printf '*filter\n-A INPUT -p tcp --dport 25 -m set --match-set %s src -j DROP\nCOMMIT\n' "$2" | "$1" 2>/dev/null
}

grep -q '@[a-z]*@' systemd/*.service && fail "an @ is left in a unit"
# The page's unit waits for the password file that popauth-web itself looks for.
etc=$(./popauth-milter --help | sed -n 's|.*instead of \(.*\)/popauth-milter\.conf.*|\1|p')
[ ! -f systemd/popauth-web.service ] || grep -qx "ConditionPathExists=$etc/popauth-milter/web.passwd" systemd/popauth-web.service ||
	fail "popauth-web.service waits for a file other than $etc/popauth-milter/web.passwd"
iptables-restore </dev/null 2>/dev/null || skip "iptables-restore does not work here"
load_rules iptables-restore popauth4 && skip "here rules load without their sets"
run_unit ''
load_rules iptables-restore popauth4 || fail "the IPv4 rules do not load after the unit"
load_rules ip6tables-restore popauth6 || fail "the IPv6 rules do not load after the unit"
ipset add popauth4 192.0.2.1 || fail "the set is none"
run_unit ''
ipset -q test popauth4 192.0.2.1 || fail "what was there was not left alone"
run_unit '--set4 other4 --set6 other6 --maxelem 5000'
load_rules iptables-restore other4 || fail "the rules do not load with sets of another name"

# analyze UNIT [EXPOSURE]: is it right, and no more exposed than that, in tenths of 10?
analyze() {
	# It wants the programs to be where the unit says.
	sed 's|^\(Exec[A-Za-z]*\)=/[^ ]*|\1=/bin/true|' "systemd/$1" >"$dir/$1"
	said=$(SYSTEMD_UNIT_PATH="$dir:" systemd-analyze verify --man=no "$dir/$1" 2>&1 | grep -F "$1")
	[ -z "$said" ] || fail "systemd-analyze: $said"
	systemd-analyze security --offline=true --threshold="$2" "$dir/$1" >"$dir/out" 2>&1 ||
		fail "$1: $(tail -n 1 "$dir/out")"
}

if systemd-analyze security --help 2>/dev/null | grep -q -- --threshold; then
	dir=$(mktemp -d) || exit 99
	trap 'rm -rf "$dir"' EXIT
	analyze popauth-milter.service 20
	analyze popauth-sets.service 20
	[ ! -f systemd/popauth-web.service ] || analyze popauth-web.service 15
fi
exit 0
