#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# popauth-sets.service: a firewall whose rules name our sets loads at boot because the unit came before it.  In a
# network namespace of its own; the unit's command is run with our helper in the place of the installed one.
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

grep -q '@' $unit && fail "an @ is left in $unit"
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

if command -v systemd-analyze >/dev/null; then
	# It wants the program to be where the unit says.
	dir=$(mktemp -d) || exit 99
	trap 'rm -rf "$dir"' EXIT
	sed 's|^ExecStart=/[^ ]*|ExecStart=/bin/true|' $unit >"$dir/popauth-sets.service"
	said=$(SYSTEMD_UNIT_PATH="$dir:" systemd-analyze verify --man=no "$dir/popauth-sets.service" 2>&1 |
	    grep -F popauth-sets)
	[ -z "$said" ] || fail "systemd-analyze: $said"
fi
exit 0
