# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154  # $voice, $talk and $work are the caller's
# lib.sh - assertions in two voices, waiting, and speaking to the mail server
#
# $voice is "tap" (for a test: one line per assertion) or "tell" (for a reader: what is done, what was
# seen, and what that shows).  The steps are the same.

passed=0
failed=0
skipped=0
titles=0

# --- the two voices ---------------------------------------------------------------------------

title() {
	titles=$((titles + 1))
	if [ "$voice" = tell ]; then
		printf '\n%s. %s\n' $titles "$*"
	else
		printf '# %s. %s\n' $titles "$*"
	fi
}

# A sentence for the reader, and something that was observed.
tell() {
	[ "$voice" != tell ] || printf '   %s\n' "$*"
}

saw() {
	[ "$voice" != tell ] || printf '      %s\n' "$*"
}

count() {
	echo $((passed + failed + skipped))
}

pass() {
	passed=$((passed + 1))
	if [ "$voice" = tell ]; then
		printf '   ok: %s\n' "$1"
	else
		printf 'ok %s - %s\n' "$(count)" "$1"
	fi
}

# fail WHAT GOT WANT
fail() {
	failed=$((failed + 1))
	if [ "$voice" = tell ]; then
		printf '   NOT OK: %s (got %s, want %s)\n' "$1" "$2" "$3"
	else
		printf 'not ok %s - %s (got %s, want %s)\n' "$(count)" "$1" "$2" "$3"
	fi
	blame
}

# skip WHAT REASON
skip() {
	skipped=$((skipped + 1))
	if [ "$voice" = tell ]; then
		printf '   skipped: %s (%s)\n' "$1" "$2"
	else
		printf 'ok %s - %s # SKIP %s\n' "$(count)" "$1" "$2"
	fi
}

# --- assertions -------------------------------------------------------------------------------

# is WHAT GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "\"$2\"" "\"$3\""
	fi
}

# like WHAT GOT PATTERN: an extended regular expression
like() {
	saw "$2"
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then
		pass "$1"
	else
		fail "$1" "\"$2\"" "/$3/"
	fi
}

# more WHAT GOT THAN
more() {
	if [ "$2" -gt "$3" ]; then
		pass "$1"
	else
		fail "$1" "$2" "more than $3"
	fi
}

# eventually WHAT COMMAND...: the command is to succeed in the end.
# A command that has something to show leaves it in $seen.
eventually() {
	what=$1
	shift
	seen=
	if poll "$@"; then
		[ -z "$seen" ] || saw "$seen"
		pass "$what"
	else
		fail "$what" "\"$seen\" after $patience s" "$*"
	fi
}

# By a clock that nobody sets.
now_ms() {
	read -r up _ </proc/uptime
	echo "${up%.*}${up#*.}0"
}

# poll COMMAND...: try until it succeeds; false when that takes longer than anything does that works, on a machine however
# busy.  Where much has failed already nobody wants to wait so long for the rest.
patience=90

poll() {
	[ $failed -lt 5 ] || patience=10
	poll_until=$(($(now_ms) + patience * 1000))
	until "$@" >/dev/null; do
		[ "$(now_ms)" -lt $poll_until ] || return 1
		sleep 0.1
	done
}

# --- speaking to the server -------------------------------------------------------------------

# speak CLIENT PORT LINE...: what is said stays in $transcript, talk's exit status in $spoke.
transcript=$work/transcript

speak() {
	who=$1
	port=$2
	shift 2
	on "$who" "$talk" "$(server_for "$who")" "$port" "$@" >"$transcript"
	spoke=$?
}

smtp() {
	who=$1
	shift
	speak "$who" 25 "$@"
}

pop3() {
	who=$1
	shift
	speak "$who" 110 "$@"
}

# answer TEXT: the (last line of the) answer to the last line sent that begins with TEXT;
# without TEXT, the greeting.
answer() {
	awk -v text="${1-}" '
		BEGIN { asked = text == "" }
		/^> / { asked = text != "" && index($0, "> " text) == 1 }
		/^[<!] / && asked { said = substr($0, 3) }
		END { print said }' "$transcript"
}

# rcpt CLIENT RECIPIENT...: a session that asks for recipients, in one mail, and sends none
rcpt() {
	who=$1
	shift
	for recipient; do
		set -- "$@" "RCPT TO:<$recipient>"
		shift
	done
	smtp "$who" "EHLO $who.example.net" "MAIL FROM:<someone@$who.example.net>" "$@" QUIT
}

# deliver CLIENT SENDER RECIPIENT SUBJECT: a whole mail
deliver() {
	smtp "$1" "EHLO $1.example.net" "MAIL FROM:<$2>" "RCPT TO:<$3>" DATA \
		"From: <$2>" "To: <$3>" "Subject: $4" "" "Good day." . QUIT
}

# login CLIENT PASSWORD
login() {
	pop3 "$1" 'USER alice' "PASS $2" STAT QUIT
}
