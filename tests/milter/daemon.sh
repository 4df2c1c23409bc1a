#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon as a whole, without MTA and firewall: starting, dying, stopping.
. "${top_srcdir:-.}/tests/milter/common.sh"

# Its exit status is in $?
ended() {
	wait "$pid"
	set -- $?
	pid=
	return "$1"
}

may_relay() {
	ctl relay list | grep -qF "$1"
}

blocked() {
	ctl block list | grep -qF "$1"
}

not_blocked() {
	! blocked "$1"
}

status_says() {
	ctl status | grep -qF "$1"
}

login() {
	stamped "dovecot: $(login_text "$1")" >>"$dir/mail.log"
}

map=$dir/map
{
	usual_conf
	cat <<-END
	logs = { "$dir/mail.log" }
	flush_every = 60s
	allow_file = "$dir/allow"
	breaker_blocks = "3/10m for 30m"
	incident_account = "3/1h for 1h"
	END
} >"$dir/conf"
echo '203.0.113.50 # a friend' >"$dir/allow"
login 203.0.113.8

# Without its rules it does not start, and says where they should be.
sed "s,^rules_dir.*,rules_dir = \"$dir/rules\"," "$dir/conf" >"$dir/conf.bad"
for how in -t -f; do
	./popauth-milter "$how" -c "$dir/conf.bad" >"$dir/out" 2>&1
	[ $? = 78 ] || fail "$how: another exit status without rules"
	grep -q "$dir/rules: No such file or directory; the rules that come with" "$dir/out" || fail "$how: another message"
done

# Nor without a list that an option names: it says which option, and what to do.
for option in allow_file traps gate_file freemail_local freemail_list; do
	{
		grep -v "^$option " "$dir/conf"
		[ "$option" = freemail_list ] && echo "$option = '$dir'" || echo "$option = '$dir/none'"
	} >"$dir/conf.bad"
	./popauth-milter -t -c "$dir/conf.bad" >"$dir/out" 2>&1
	[ $? = 78 ] || fail "$option: another exit status without its file"
	case $option in
	freemail_list) want="$option: $dir: is not a file; it must be a file that uid $(id -u) can read" ;;
	*) want="$option: $dir/none: cannot be opened: No such file or directory; make the file, or say $option = \"\"" ;;
	esac
	said "$want" || fail "$option: another message without its file: $(cat "$dir/out")"
done
: >"$dir/out"

# Nor where a socket's directory cannot be: root makes the last one of its path, and no more.
for option in control_socket milter_socket map_socket; do
	{
		grep -v "^$option " "$dir/conf"
		[ $option = milter_socket ] && echo "$option = 'unix:$dir/none/deeper/s'" || echo "$option = '$dir/none/deeper/s'"
	} >"$dir/conf.bad"
	timeout 60 ./popauth-milter -f -c "$dir/conf.bad" >"$dir/out" 2>&1 && fail "$option: it starts without a directory for it"
	[ "$(id -u)" != 0 ] || said "$dir/none/deeper: the directory above it is not there; make that, or name another place in $option" ||
		fail "$option: another message without its directory: $(cat "$dir/out")"
	said "or name another place" || fail "$option: what to do is not said: $(cat "$dir/out")"
done
: >"$dir/out"

# Killed before the first minute is over, and the log rotated meanwhile: what came since the start is read again, what
# was there before is not.
start
login 203.0.113.9
await "the login" may_relay 203.0.113.9
die
mv "$dir/mail.log" "$dir/mail.log.1"
login 203.0.113.10
start
await "the login after the rotation" may_relay 203.0.113.10
may_relay 203.0.113.9 || fail "a login before the rotation was lost"
may_relay 203.0.113.8 && fail "what was there before the start was read"

# Nobody has asked its maps.
status_says "never asked: relay popauth_relay verdict postscreen" || fail "it does not say that no MTA asks its maps"

# A mistake in a rule file is named with its place, and the old rules stay; then it is mended.
mkdir "$dir/local"
printf 'program mypopd\nrule mine login\nmatch login of {user} from {cliemt}\n' >"$dir/local/my.rules"
sed "s,^rules_local.*,rules_local = \"$dir/local\"," "$dir/conf" >"$dir/conf.new"
mv "$dir/conf.new" "$dir/conf"
said=$(./popauth-milterctl -s "$dir/control" reload 2>&1) && fail "rules with a mistake were taken"
case $said in
*"$dir/local/my.rules:3:28: there is no field type {cliemt}"*) ;;
*) fail "the mistake is told as: $said" ;;
esac
login 203.0.113.11
await "a login by the old rules" may_relay 203.0.113.11
printf "program mypopd\nrule mine login\nmatch login of {user} from {client}\n" >"$dir/local/my.rules"
ctl reload || fail "good rules were not taken"
stamped "mypopd: login of anna from 203.0.113.12" >>"$dir/mail.log"
await "a login by the new rules" may_relay 203.0.113.12

# What takes a restart is named, as long as it is not as it was at the start.
flush_every() {
	sed "s,^flush_every.*,flush_every = $1," "$dir/conf" >"$dir/conf.new"
	mv "$dir/conf.new" "$dir/conf"
}
flush_every 59s
for round in 1 2; do
	said=$(./popauth-milterctl -s "$dir/control" reload)
	case $said in
	*"until a restart: flush_every
reloaded") ;;
	*) fail "reload $round of what takes a restart says: $said" ;;
	esac
done
flush_every 60s
said=$(./popauth-milterctl -s "$dir/control" reload)
[ "$said" = reloaded ] || fail "with nothing left to restart for it says: $said"

# The allowlist's file: what is in it is not blocked; what comes into it is freed; a mistake in it changes nothing.
allowlist() {
	printf '%s\n' "$@" >"$dir/allow.new"
	mv "$dir/allow.new" "$dir/allow"
}
ctl block add 203.0.113.50 && fail "an allowlisted client was blocked"
await "the refusal in the log" said "control: block add 203.0.113.50, by uid $(id -u): not done"
ctl block add 203.0.113.51 --reason 'a guess' || fail "a client could not be blocked"
await "the change in the log" said "control: block add 203.0.113.51 (a guess), by uid $(id -u)"
allowlist 203.0.113.50 203.0.113.51
await "the client that was allowlisted to be freed" not_blocked 203.0.113.51
allowlist 203.0.113.52/33
await "the mistake to be told" status_says "$dir/allow:1: "
ctl block add 203.0.113.51 && fail "a mistake in the allowlist's file took clients off it"
ctl reload && fail "reloaded with a mistake in the allowlist's file"
await "the mistake in the log" said "$dir/allow:1: "
allowlist 203.0.113.50
await "the mistake to be mended" ctl block add 203.0.113.51

# A rule goes wrong: the third client that it blocks is one too many.  What it brought is taken back and none is blocked
# for it, also after being killed, until told otherwise.
noisy() {
	line=$(stamped "postfix/smtpd[7]: too many errors after RCPT from x.example[$1]")
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		echo "$line"
	done >>"$dir/mail.log"
}
noisy 203.0.113.61
await "a block" blocked 203.0.113.61
noisy 203.0.113.62
noisy 203.0.113.63
await "the breaker to open" status_says "BREAKER"
await "what it brought to be taken back" not_blocked 203.0.113.61
blocked 203.0.113.51 || fail "the breaker took back what an administrator had said"
await "the breaker in the log" said "BREAKER OPEN: protocol: 3 clients newly blocked within 10m"
ctl relay add 203.0.113.70 || fail "nothing was made durable"
die
start
ctl breaker list | grep -q "^protocol: 3 clients" || fail "a restart closed the breaker"
ctl breaker reset || fail "the breaker could not be closed"
ctl breaker list | grep -q protocol && fail "the breaker is still open"
noisy 203.0.113.64
await "a block after that" blocked 203.0.113.64

# Three clients after one account.
for n in 71 72 73; do
	stamped "postfix/smtpd[7]: warning: x.example[203.0.113.$n]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, \
sasl_username=carla" >>"$dir/mail.log"
done
await "the incident" status_says "INCIDENTS  1"
ctl incidents | grep -q "^3 clients fail to log in to carla" || fail "no such incident"

# Told to reload while it stops.  To be stopped before its loop has begun is a failure to libmilter, which is not what
# this is about.
libmilter_serves() {
	./popauth-milterctl -s "$control" -c "$dir/conf" doctor >"$dir/doctor" 2>&1
	grep -q ' checks, ' "$dir/doctor" && ! grep -q ' milter-socket: ' "$dir/doctor"
}
for round in 1 2; do
	[ -n "$pid" ] || start
	await "libmilter" libmilter_serves
	(while kill -USR1 "$pid" 2>/dev/null; do :; done) &
	storm=$!
	kill -TERM "$pid"
	ended || fail "round $round: exit status $? of a daemon told to reload while it stops"
	wait "$storm"
done
exit 0
