#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A daemon that never was root: the helper has its one capability from its file, or through the daemon from the unit that
# starts it, as popauth-milter.service does.  In a network namespace of its own.
. "${top_srcdir:-.}/tests/milter/common.sh"

if [ "${1-}" != inside ]; then
	[ "$(id -u)" = 0 ] || skip "needs root, for a network namespace of its own"
	for tool in setcap setpriv ipset ip; do
		command -v $tool >/dev/null || skip "needs $tool"
	done
	unshare -n true 2>/dev/null || skip "no network namespace can be made here"
	unshare -n "$0" inside
	exit
fi

control=$dir/run/control

# start OPTION...: of setpriv.  The user does not exist, but a number needs no name.
start() {
	: >"$dir/out"
	setpriv --reuid 64999 --regid 64999 --clear-groups "$@" "$dir/popauth-milter" -f -c "$dir/conf" 2>>"$dir/out" &
	pid=$!
	await "the daemon" ctl status
}

# status_of PID KEY
status_of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

in_set() {
	ipset -q test popauth4 "$1"
}

cp popauth-milter popauth-firewall "$dir" && cp -r "$srcdir/rules" "$dir/rules" || exit 99
mkdir "$dir/run" && touch "$dir/mail.log" && chmod 755 "$dir" && chown 64999:64999 "$dir/run" || exit 99
chmod 755 "$dir/popauth-milter" "$dir/popauth-firewall" && chmod -R a+rX "$dir/rules"
cat >"$dir/conf" <<END
firewall_helper = "$dir/popauth-firewall"
state_dir = "$dir/run/state"
rules_dir = "$dir/rules"
rules_local = ""
logs = { "$dir/mail.log" }
milter_socket = "unix:$dir/run/milter"
map_socket = ""
control_socket = "$control"
END
# The daemon has nothing, its helper the one capability, and a block comes to the kernel.
all_is_well() {
	await "the helper" said "the helper is ready"
	helper=$(cat "/proc/$pid/task/$pid/children")
	worker=$(cat "/proc/${helper% }/task/${helper% }/children")
	for p in $helper $worker; do
		for cap in CapEff CapPrm; do
			[ "$(status_of "$p" $cap)" = 0000000000001000 ] || fail "$cap of the helper: $(status_of "$p" $cap)"
		done
		[ "$(status_of "$p" CapInh)" = 0000000000000000 ] || fail "CapInh of the helper: $(status_of "$p" CapInh)"
		[ "$(status_of "$p" Uid | cut -f1)" = 64999 ] || fail "the helper's user: $(status_of "$p" Uid)"
		[ "$(status_of "$p" NoNewPrivs)$(status_of "$p" Seccomp)" = 12 ] || fail "the helper is not confined"
	done
	for task in "/proc/$pid/task"/*; do
		cat "$task/status" >"$dir/task" 2>/dev/null || continue # it has ended meanwhile
		[ "$(grep -Ec '^Cap(Inh|Prm|Eff|Amb):.0000000000000000$' "$dir/task")" = 4 ] ||
			fail "a thread of the daemon has one: $(grep ^Cap "$dir/task")"
	done
	[ "$(status_of "$pid" NoNewPrivs)" = 1 ] || fail "the daemon can get privileges"
	ctl block add 203.0.113.9 --for 1h || fail "no block can be added"
	await "the block in the kernel" in_set 203.0.113.9
	# The way that needs root after a death would be of no use here: the keeper has what it takes.
	kill -9 "${worker% }"
	await "a new worker" said "started again"
	ctl block add 203.0.113.10 --for 1h
	await "the block told to the new worker" in_set 203.0.113.10
	stop
	ipset flush popauth4
}

gone() {
	! ctl status
}

# The keeper is killed, after its worker has done well.  Who is watched by a service manager ends, to be started again.
a_loss_for_good() {
	await "the helper" has "firewall *up" ctl status
	sleep 11 # so long it must have worked, or a restart would be no better
	helper=$(cat "/proc/$pid/task/$pid/children")
	kill -9 "${helper% }"
	await "the daemon's end" gone
	wait "$pid"
	got=$?
	pid=
	[ $got = 69 ] || fail "exit status $got, want 69"
}

# As the unit starts it.
start --inh-caps=-all,+net_admin --ambient-caps=-all,+net_admin --bounding-set=-all,+net_admin --no-new-privs
all_is_well
NOTIFY_SOCKET=$dir/nobody start --inh-caps=-all,+net_admin --ambient-caps=-all,+net_admin --bounding-set=-all,+net_admin \
	--no-new-privs
a_loss_for_good

# Nothing is wrong with a set that no rule can name.  One answer tells of both sets.
unnamed4() {
	ctl status >"$dir/status" && unnamed popauth4
}

unnamed() {
	grep -q "PROBLEM.*set $1: no firewall rule names it" "$dir/status"
}
cp tests/firewall/without_ipv6 "$dir" || exit 99
for without in "" "$dir/without_ipv6"; do
	start --inh-caps=-all,+net_admin --ambient-caps=-all,+net_admin --bounding-set=-all,+net_admin --no-new-privs $without
	await "an unnamed set that is a problem" unnamed4
	if [ -z "$without" ]; then
		unnamed popauth6 || fail "an unnamed set is no problem where there is IPv6"
		await "word of it" said "no rule refers to the set of IPv6"
	else
		unnamed popauth6 && fail "a rule is missed where there is no IPv6"
	fi
	stop
done
said "no rule refers to the set of IPv4" || fail "an unnamed set is not told of"
said "no rule refers to the set of IPv6" && fail "the log misses a rule where there is no IPv6"

setcap cap_net_admin=ep "$dir/popauth-firewall" 2>/dev/null || skip "no capability can be given to a file here"
case ",$(findmnt -n -o OPTIONS --target "$dir" 2>/dev/null)," in
*,nosuid,*) skip "$dir is on a file system without set-user-id" ;;
esac
start --inh-caps=-all
all_is_well

# Without it the mail goes on, and the daemon says what is to be done.
setcap -r "$dir/popauth-firewall"
start --inh-caps=-all
await "a word on what is missing" said "setcap cap_net_admin=ep"
ctl status >"$dir/status" || fail "the daemon does not serve"
grep -q 'setcap cap_net_admin' "$dir/status" || fail "status does not say why: $(cat "$dir/status")"
stop
exit 0
