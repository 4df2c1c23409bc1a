#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Nobody takes the daemon's messages: its standard error is a pipe that is full.  It goes on answering and learning, says
# afterwards what is missing, and can be stopped.
. "${top_srcdir:-.}/tests/milter/common.sh"

{
	usual_conf
	echo "logs = { \"$dir/mail.log\" }"
} >"$dir/conf"
: >"$dir/mail.log"
: >"$dir/out"
mkfifo "$dir/pipe" || exit 99
exec 3<>"$dir/pipe"

fill() {
	for size in 4096 1; do
		yes '' | dd of="$dir/pipe" bs=$size oflag=nonblock 2>/dev/null
	done
}

begin() {
	./popauth-milter -f -c "$dir/conf" 2>"$dir/pipe" 3<&- &
	pid=$!
	await "the daemon" ctl status
}

# Each change by hand is a message.
changes() {
	n=0
	while [ $((n += 1)) -le "$1" ]; do
		ctl block add 203.0.113.7 --for 1h >/dev/null || fail "change $n was not made while nobody read messages"
	done
}

begin
await "all threads" ctl block add 203.0.113.6 --for 1h
fill
changes 300
stamped "dovecot: $(login_text 203.0.113.9)" >>"$dir/mail.log"
await "a login learned from while nobody reads messages" has '^203\.0\.113\.9 ' ctl relay list
ctl stats --prometheus | grep -q '^popauth_messages_lost_total [1-9]' || fail "no message is lost"
lost=$(ctl status | sed -n 's/^LOST.* messages_lost \([0-9]*\).*/\1/p')
[ "${lost:-0}" -ge 40 ] || fail "of 300 messages $lost are lost"

# What waits is read; the place where messages are missing is told.
cat <&3 >"$dir/out" &
reader=$!
await "word of what is missing" said "messages are missing here"
changes 1
said_n=$(sed -n 's/^popauth-milter: \([0-9]*\) messages are missing here.*/\1/p' "$dir/out" | awk '{ n += $1 } END { print n }')
[ "$said_n" = "$lost" ] || fail "$lost are lost, but $said_n are missing"
await "the last change" eval '[ "$(grep -c "control: block add 203.0.113.7" "$dir/out")" = $((301 - lost)) ]'
kill "$reader"
wait "$reader"

# It need not be listened to in order to end, and when it is, it says all it has to say.
fill
stop
exec 3<&-
rm "$dir/pipe" && mkfifo "$dir/pipe" || exit 99
cat "$dir/pipe" >"$dir/last" &
reader=$!
begin
changes 50
stop
wait "$reader"
[ "$(grep -c "control: block add" "$dir/last")" = 50 ] || fail "messages before the end are missing: $(cat "$dir/last")"
tail -n 1 "$dir/last" | grep -q 'stopped$' || fail "the last message is not that it stopped"
exit 0
