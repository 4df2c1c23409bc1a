#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon learns from files, a FIFO, syslog sockets and a journal at once, and says in its status and its log how
# each of them does: that it cannot be read, that it can again, that a program's lines are not what they were.
. "${top_srcdir:-.}/tests/milter/common.sh"

learned() {
	await "$1" has "^$2 " ctl relay list
}

word_of() {
	await "word of $1" has "$2" cat "$dir/out"
}

good_login=$(login_text 203.0.113.8)

# line TEXT [PROGRAM]: as a line of dovecot's or another program's
line() {
	stamped "${2:-dovecot}: $1"
}

# many N TEXT [PROGRAM]: so many lines
many() {
	awk -v n="$1" -v line="$(line "$2" "${3:-dovecot}")" 'BEGIN { while (n-- > 0) print line }'
}

# Root reads what nobody else may, so the daemon must be somebody else.
user=
chmod 711 "$dir"
if [ "$(id -u)" = 0 ]; then
	user=nobody
	chown nobody "$dir"
fi

remote=
for path in /usr/lib/systemd/systemd-journal-remote /lib/systemd/systemd-journal-remote; do
	[ ! -x "$path" ] || remote=$path
done
grep -q '^#define HAVE_SYSTEMD 1' config.h || remote=

# journal NAME ADDRESS: a journal file with a login.  In microseconds: entries are put in order by their time.
journal() {
	mkdir -p "$dir/journal"
	now=$(date +%s%N | cut -c 1-16)
	printf '__REALTIME_TIMESTAMP=%s\n__MONOTONIC_TIMESTAMP=%s\n_BOOT_ID=%s\n%s\nMESSAGE=%s\n\n' "$now" "$now" \
	    0123456789abcdef0123456789abcdef SYSLOG_IDENTIFIER=dovecot "$(login_text "$2")" >"$dir/export"
	SYSTEMD_LOG_LEVEL=err "$remote" --output="$dir/journal/$1.journal" "$dir/export" || fail "no journal can be made"
	chmod -R a+rX "$dir/journal"
}

# A port that nobody has: below those that the kernel gives to whoever asks for any.
port=$((20000 + $$ % 10000))
while grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$port") " /proc/net/udp /proc/net/udp6 2>/dev/null; do
	port=$((port + 1))
done
[ -z "$remote" ] || journal 1 203.0.113.14
{
	usual_conf
	cat <<-END
	logs = { "$dir/mail.log", "fifo:$dir/fifo", "syslog:unix:$dir/syslog", "syslog:udp:127.0.0.1:$port" }
	logs += "$dir/elsewhere/mail.log"
	${remote:+logs += "journal:$dir/journal"}
	END
} >"$dir/conf"

mkdir "$dir/elsewhere"
: >"$dir/mail.log"
: >"$dir/elsewhere/mail.log"
mkfifo "$dir/fifo"
start

# Each of them teaches.
line "$(login_text 203.0.113.8)" >>"$dir/mail.log"
learned "a login in the file" 203.0.113.8
line "$(login_text 203.0.113.9)" >"$dir/fifo"
learned "a login in the FIFO" 203.0.113.9
line "$(login_text 203.0.113.10)" >"$dir/fifo"
learned "a login in the FIFO, by another writer" 203.0.113.10
if command -v logger >/dev/null; then
	logger -u "$dir/syslog" -p mail.info -t dovecot "$(login_text 203.0.113.11)"
	learned "a login in the socket" 203.0.113.11
	logger -n 127.0.0.1 -P "$port" -d -p mail.info -t dovecot "$(login_text 203.0.113.12)"
	learned "a login by UDP" 203.0.113.12
	await "what came by UDP in the status" has \
		"\"path\":\"syslog:udp:127.0.0.1:$port\",\"state\":\"reading\",\"lag\":0,\"lines\":1,\"recognised\":1," ctl --json status
fi
if [ -n "$remote" ]; then
	journal 2 203.0.113.13
	learned "a login in the journal" 203.0.113.13
	ctl relay list | grep -q '203\.0\.113\.14' && fail "what was in the journal before the start was read"
	await "the journal's lag" has "log        journal:$dir/journal: reading, 0 seconds behind" ctl status
fi
line "$(login_text 203.0.113.8)" | tr -d '\n' >>"$dir/elsewhere/mail.log"
await "word of a line without its end" has "elsewhere/mail.log: reading, 1[0-9][0-9] bytes behind" ctl status
echo >>"$dir/elsewhere/mail.log"
await "its end" has "elsewhere/mail.log: reading, 0 bytes behind" ctl status
await "its line" has 'lines 1, recognised 1, without a head 0, missed 0' ctl status
echo 'a line without a head' >>"$dir/elsewhere/mail.log"
await "a line without a head" has 'lines 2, recognised 1, without a head 1, missed 0' ctl status
ctl status | grep -q PROBLEM && fail "something is said to be wrong"

# What cannot be read is said, and picked up when it is back.
mv "$dir/mail.log" "$dir/mail.log.1"
mkdir "$dir/mail.log"
rm "$dir/fifo"
mv "$dir/elsewhere" "$dir/away"
rm "$dir/syslog"
[ -z "$remote" ] || mv "$dir/journal" "$dir/journal.away"
await "a directory in the log's place" has 'PROBLEM:.*mail\.log.*directory' ctl status
await "a FIFO that is gone" has 'PROBLEM:.*fifo: No such file' ctl status
await "a log whose directory is gone" has 'PROBLEM:.*elsewhere/mail\.log: No such file' ctl status
[ -z "$remote" ] || await "a journal that is gone" has 'PROBLEM:.*journal' ctl status
await "the same in JSON" has "\"path\":\"fifo:$dir/fifo\",\"state\":\"missing\".*\"error\":\"$dir/fifo: No such file" ctl --json status
word_of "the log" 'log cannot be read, nothing is learned from it until it can: .*mail\.log.*directory'
word_of "the FIFO" 'log cannot be read, nothing is learned from it until it can: .*fifo: No such file'
rmdir "$dir/mail.log"
mkfifo "$dir/fifo"
mv "$dir/away" "$dir/elsewhere"
line "$(login_text 203.0.113.15)" >>"$dir/mail.log"
line "$(login_text 203.0.113.16)" >"$dir/fifo"
line "$(login_text 203.0.113.17)" >>"$dir/elsewhere/mail.log"
learned "the log's return" 203.0.113.15
learned "the FIFO's return" 203.0.113.16
learned "the directory's return" 203.0.113.17
word_of "its return" "$dir/mail.log: can be read again"
if [ -n "$remote" ]; then
	mv "$dir/journal.away" "$dir/journal"
	journal 3 203.0.113.18
	learned "the journal's return" 203.0.113.18
fi
if command -v logger >/dev/null; then
	await "the socket made anew" has syslog ls "$dir"
	logger -u "$dir/syslog" -p mail.info -t dovecot "$(login_text 203.0.113.19)"
	learned "a login in it" 203.0.113.19
fi
ctl status | grep -q PROBLEM && fail "something is still said to be wrong"

# A log that it has no leave to read.
mv "$dir/mail.log" "$dir/mail.log.1"
(umask 777 && line "$(login_text 203.0.113.20)" >"$dir/mail.log")
await "a log that may not be read" has 'PROBLEM:.*mail\.log: Permission denied' ctl status
word_of "it" 'log cannot be read, .*mail\.log: Permission denied'
chmod 644 "$dir/mail.log"
learned "leave to read it" 203.0.113.20

# A program's lines change.  Of programs without rules there is nothing to tell.
line "a line" nosuchprogram >>"$dir/mail.log"
many 500 "$good_login" >>"$dir/mail.log"
many 500 'imap-login: This is how a login is logged today: 203.0.113.8' >>"$dir/mail.log"
await "another format" has 'the lines of dovecot are hardly recognised' ctl status
word_of "what was seen" 'the lines of dovecot are hardly recognised'
[ "$(grep -c 'the lines of dovecot are hardly recognised' "$dir/out")" = 1 ] || fail "it was not said once"
await "the share" has 'unrecognised: dovecot 49 % of 1003' ctl status
await "the share in JSON" has '"program":"dovecot","lines":1003,"recognised":503,"drifted":1' ctl --json status
many 500 "$good_login" >>"$dir/mail.log"
word_of "its end" 'the lines of dovecot are recognised again'
await "all lines" has 'lines 1504' ctl status
ctl status | grep -q nosuchprogram && fail "a program without rules is listed"
ctl status | grep -q PROBLEM && fail "it is not over"

# More programs than there is room for are counted all the same.
for log in mail.log elsewhere/mail.log; do
	i=0
	while [ $((i += 1)) -le 70 ]; do
		line "connect from a.example.org[203.0.113.8]" "postfix-$i/smtpd[1]"
	done >>"$dir/$log"
done
await "lines of too many programs" has 'and 7 lines of more programs than are counted' ctl status
await "too many programs" has 'and [0-9]* more programs$' ctl status

# Killed, and its log packed meanwhile: each line is learned from once.
die
line "$(login_text 203.0.113.21)" >>"$dir/mail.log"
mv "$dir/mail.log.1" "$dir/mail.log.2"
mv "$dir/mail.log" "$dir/mail.log.1"
gzip "$dir/mail.log.1"
chmod 644 "$dir/mail.log.1.gz"
line "$(login_text 203.0.113.22)" >>"$dir/mail.log"
start
learned "what was written after the rotation" 203.0.113.22
learned "what was packed" 203.0.113.21
ctl --json relay list | grep '"client":"203\.0\.113\.[12][0-9]"' | grep -v '"logins":1[,}]' && fail "a line was read twice"

# However many logs there are, and however long their names, status answers.
stop
sed '/^logs/d' "$dir/conf" >"$dir/conf.many"
mv "$dir/conf.many" "$dir/conf"
printf 'logs = "%s/mail.log"\n' "$dir" >>"$dir/conf"
i=0
while [ $((i += 1)) -lt 64 ]; do
	printf 'logs += "%s/%0200d/mail.log"\n' "$dir" "$i" >>"$dir/conf"
done
start
await "all logs" has 'and [1-9][0-9]* more logs$' ctl status
await "them in JSON" has '"logs_left_out":[1-9].*"firewall"' ctl --json status

stop
exit 0
