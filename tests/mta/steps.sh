# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154  # the clients' world is made by net.sh and servers.sh
# steps.sh - what must be true of the whole, seen from outside
#
# Each step is a function; they run in the order of $steps, and later ones build on earlier ones.

steps='step_mail step_relay step_dnsbl step_drop step_relay_over step_reload step_dictionary step_forgery step_sender
	step_trap step_drop_over step_ipv6 step_mta step_restart step_corrupt step_end'

# The terms of the first steps, short enough to see them end and long enough for all that is to be seen before, and those
# of the other ones.
short_relay=15
short_block=20
long=15m

# --- what a client can find out ---------------------------------------------------------------

relays() {
	rcpt "$1" bob@elsewhere.example
	seen=$(answer RCPT)
	case $seen in
	250*) ;;
	*) false ;;
	esac
}

# Refused, and not just unheard.
denied() {
	! relays "$1" && [ "$spoke" = 0 ]
}

# The same for one who must wait for it: who only tried would be refused, and would be blocked for that in the end.
may_relay() {
	listed_in relay "$(address_of "$1" | sed 's/::.*/::/')" && relays "$1"
}

# promptly CLIENT: it may relay within $prompt s of its login at $login_at.  A machine can be held up in just that
# moment: it has to be so in one login of five.
promptly() {
	took=endless
	for try in 1 2 3 4 5; do
		poll may_relay "$1" || return 1
		took=$(($(now_ms) - login_at))
		[ $took -gt $((prompt * 1000)) ] || return 0
		ctl relay del "$(address_of "$1")" >/dev/null
		login "$1" opensesame
		login_at=$(now_ms)
	done
	return 1
}

# The greeting comes: nothing in the kernel holds the client back.
reachable() {
	speak "$1" 25
	seen=$(answer)
	[ "$spoke" = 0 ]
}

# Not even its SYN is answered.
unanswered() {
	speak "$1" 25
	seen=$(answer)
	[ "$spoke" = 3 ]
}

# guess CLIENT HOWMANY: write to so many people who are not here, never the same twice.
guesses=0

guess() {
	guesser=$1
	last=$((guesses + $2))
	set --
	while [ $guesses -lt $last ]; do
		guesses=$((guesses + 1))
		set -- "$@" "user$guesses@example.org"
	done
	rcpt "$guesser" "$@"
	refusals=$(grep -c '^< 550 5.1.1' "$transcript")
}

# Go on guessing until there is no answer any more.
guess_on() {
	guess "$1" 5
	answered=$((answered + refusals))
	[ "$spoke" = 3 ]
}

# listed_in SET CLIENT, by its name or as an address
listed_in() {
	ctl "$1" list | grep -qwF "$2"
}

in_log() {
	grep -Eq -e "$1" $log
}

# counted CLIENT KIND: how many offences are known of it
counted() {
	ctl --json explain "$(address_of "$1")" |
		sed -n "s/.*\"kind\":\"$2\",\"rate\":{\"have\":\([0-9]*\).*/\1/p"
}

# counted_as CLIENT KIND HOWMANY
counted_as() {
	seen=$(counted "$1" "$2")
	[ "$seen" = "$3" ]
}

# Its own messages are written by a thread that nobody waits for.
in_own_log() {
	seen=$(grep -E -e "$1" $own_log | head -n 1)
	[ -n "$seen" ]
}

# Only the addresses: what is left of a term changes while one looks.
members() {
	ctl --json "$1" list | grep -o '"client": *"[^"]*"' | tr -d ' ' | sort
}

# --- the steps --------------------------------------------------------------------------------

# Run before there is a daemon: the servers do what the later steps take for granted.
step_servers() {
	title "The mail servers alone: without popauth-milter"
	tell "A mail for alice comes in; a stranger wants one carried elsewhere."
	deliver neighbour carol@neighbour.example.net alice@example.org first
	like "local mail is accepted though the milter does not run" "$(answer .)" '^250'
	eventually "and is in alice's mailbox" grep -q 'Subject: first' /var/mail/alice
	rcpt traveller bob@elsewhere.example
	like "relaying is deferred, not open, though the map does not answer" "$(answer RCPT)" "$says_not_now"
	login traveller wrong
	like "Dovecot refuses a wrong password" "$(answer PASS)" '^-ERR'
	tell "A client that a DNSBL lists is refused, and the DNSBL is asked each time."
	rcpt listed alice@example.org
	like "a listed client is refused" "$(answer RCPT)" "$says_listed"
	first=$(asked_about "$(address_of listed)")
	rcpt listed alice@example.org
	more "rbldnsd's log shows every query" "$(asked_about "$(address_of listed)")" "$first"
	on server iptables -A INPUT -p tcp --dport 25 -s "$(address_of guesser)" -j DROP
	is "a client can tell silence from refusal" "$(unanswered guesser && echo silence)" silence
	more "the rule's counter counts" "$(dropped 4)" 0
	on server iptables -F INPUT
}

step_mail() {
	title "Mail for a user of ours"
	deliver neighbour carol@neighbour.example.net alice@example.org hello
	like "a mail for alice is accepted" "$(answer .)" '^250'
	rcpt neighbour alcie@example.org aliec@example.org alic@example.org alice@example.org
	is "three mistyped names are refused, the right one is taken" \
		"$(grep '^< ' "$transcript" | tail -n 5 | cut -c3-5 | tr '\n' ' ')" "550 550 550 250 221 "
	is "and nobody is shut out for that" "$(reachable neighbour && echo reachable)" reachable
	eventually "the milter and the log tell of them" told_twice neighbour 3
	is "each is counted once" "$(counted neighbour unknown-user)" 3
}

# told_twice CLIENT HOWMANY: of how many offences the other witness has told, too
told_twice() {
	seen="$(ctl explain "$(address_of "$1")" | grep -c -e '-> duplicate') told again"
	[ "$seen" = "$2 told again" ]
}

step_relay() {
	title "POP before SMTP"
	tell "Somebody at $(address_of traveller) wants to send to bob@elsewhere.example."
	rcpt traveller bob@elsewhere.example
	like "a stranger may not relay" "$(answer RCPT)" "$says_denied"
	rcpt traveller alice@example.org
	like "one such attempt shuts nobody out" "$(answer RCPT)" '^250'
	tell "From the same address alice now reads her mail."
	login traveller opensesame
	login_at=$(now_ms)
	like "alice logs in by POP3" "$(answer PASS)" '^\+OK'
	like "and finds her mail" "$(answer STAT)" '^\+OK [1-9]'
	if promptly traveller; then
		pass "the same address may relay within $prompt s"
	else
		fail "the same address may relay within $prompt s" "after $took ms" "one of five logins"
	fi
	saw "after $took ms"
	deliver traveller alice@example.org bob@elsewhere.example relayed
	like "a mail is relayed" "$(answer .)" '^250'
	like "and status says that the relay map is asked" "$(ctl status | grep 'asked')" ' (popauth_)?relay: asked [0-9]+ times, last '
	eventually "and arrives elsewhere" grep -rqs 'Subject: relayed' $elsewhere
}

step_relay_over() {
	title "The grant is over"
	tell "It was for $short_relay s here."
	eventually "the address is a stranger again" denied traveller
	like "and is told so" "$seen" "$says_denied"
}

step_dnsbl() {
	title "A client that a DNSBL lists"
	listed=$(address_of listed)
	before=$(asked_about "$listed")
	rcpt listed alice@example.org
	like "$mta_name refuses it, having asked the DNSBL" "$(answer RCPT)" "$says_listed"
	more "rbldnsd was asked" "$(asked_about "$listed")" "$before"
	eventually "it is in the cache" listed_in cache "$listed"
	before=$(asked_about "$listed")
	rcpt listed alice@example.org
	like "its next connection is refused by the milter, which names the list" "$(answer MAIL)" \
		'^5[0-9][0-9] .*dnsbl\.example'
	eventually "the log says that it was the milter" mta_blames "$listed"
	is "rbldnsd was not asked again" "$(asked_about "$listed")" "$before"
}

step_drop() {
	title "It does not give up"
	before=$(dropped 4)
	eventually "after some more tries its SYN is not answered" goes_silent listed
	more "the kernel counts the packets it drops" "$(dropped 4)" "$before"
	eventually "it is in the kernel's set" in_kernel popauth4 "$listed"
	is "another client of that network is not concerned" \
		"$(reachable neighbour && echo reachable)" reachable
}

goes_silent() {
	rcpt "$1" alice@example.org
	[ "$spoke" = 3 ] && unanswered "$1"
}

step_drop_over() {
	title "The block is over"
	tell "It was for $short_block s here."
	eventually "the listed client can connect again" reachable listed
}

step_dictionary() {
	title "A dictionary attack"
	before=$(dropped 4)
	answered=0
	eventually "trying one name after the other ends in silence" guess_on guesser
	more "not before ten of them" "$answered" 9
	eventually "it is in the kernel's set" in_kernel popauth4 "$(address_of guesser)"
	more "the kernel counts the packets it drops" "$(dropped 4)" "$before"
}

in_kernel() {
	seen=$(kernel_set "$1" | tr '\n' ' ')
	kernel_set "$1" | grep -qxF "$2"
}

# Postfix, like sendmail, answers HELO with 250 even where a milter refuses it, and gives the refusal
# as the answer to every command that follows, QUIT excepted (milter_helo_event() in smtpd.c).
step_forgery() {
	title "A client that calls itself us"
	for hello in HELO EHLO; do
		impostor=$(echo $hello | tr A-Z a-z)
		smtp "$impostor" "$hello mail.example.org" 'MAIL FROM:<x@example.net>' QUIT
		like "a forged $hello gets it refused" "$(answer MAIL)" '^550 .*mail\.example\.org'
		eventually "it was the milter's answer to $hello" mta_blames "$(address_of "$impostor")" $hello
		is "and it is counted" "$(counted "$impostor" helo-forgery)" 1
	done
	rcpt helo alice@example.org
	like "under another name it is refused too, from the cache" "$(answer MAIL)" '^550 '
	is "which is counted" "$(counted helo helo-forgery)" 2
	on server "$talk" 127.0.0.1 25 'HELO mail.example.org' 'MAIL FROM:<>' QUIT >"$transcript"
	like "we ourselves may call ourselves so" "$(answer MAIL)" '^250'
}

# from CLIENT SENDER: a session with a mail from there to alice, none is sent
from() {
	smtp "$1" "EHLO $1.example.net" "MAIL FROM:<$2>" 'RCPT TO:<alice@example.org>' QUIT
}

# ref_in TEXT: the reference in a refusal
ref_in() {
	printf '%s\n' "$1" | sed -n 's/.*(ref \([0-9A-Z-]*\)).*/\1/p'
}

step_sender() {
	title "A client that sends in a freemail provider's name"
	from provider x@gmail.com
	like "the provider's own host may" "$(answer RCPT)" '^250'
	from nameless x@gmail.com
	like "and a client whose name the DNS does not tell now" "$(answer RCPT)" '^250'
	from pretender x@gmail.com
	like "but not a host with another name" "$(answer MAIL)" "^550 5\.7\.1 ${says_whom}Mail from x@gmail\.com"
	reference=$(ref_in "$(answer MAIL)")
	eventually "it was the milter's answer to MAIL" mta_blames "$(address_of pretender)" MAIL
	is "and it is counted" "$(counted pretender sender-forgery)" 1
	is "$mta_name's line about it is not" "$(counted pretender policy)" ''
	tell "Somebody asks the administrator why, and reads the reference to him: $reference"
	like "which names the client" "$(ctl explain "$reference" | head -n 1)" "^$(address_of pretender) +cached"
	like "and what it did" "$(ctl explain "$reference" | grep -A 1 '^  >' | tail -n 1)" '^ *MAIL FROM:<x@gmail\.com>'
	from pretender carol@pretender.example
	like "it is in the cache" "$(answer MAIL)" "^550 .*sender address of somebody else's provider"
	eventually "the refusal is in our own log, too" \
		in_own_log "$(address_of pretender) refused at MAIL: 550 5\.7\.1 .*$reference"
}

trapped() {
	rcpt trapped honey@example.org
	seen=$(answer RCPT)
	case $seen in
	550*) ;;
	*) false ;;
	esac
}

step_trap() {
	title "A client that writes to a trap"
	rcpt trapped honey@example.org
	like "an address that is none yet" "$(answer RCPT)" '^250'
	traps honey@example.org '/^q[0-9]+@example\.org$/'
	eventually "becomes one without anybody's doing" trapped
	like "and the milter says so" "$(answer RCPT)" "^550 5\.7\.1 ${says_whom}Nobody has ever been at honey@example\.org"
	is "it is counted" "$(counted trapped recipient-forgery)" 1
	like "a bounce may be sent there" "$(smtp neighbour 'EHLO x' 'MAIL FROM:<>' 'RCPT TO:<honey@example.org>' QUIT
		answer RCPT)" '^250'
	rcpt fooled q17@example.org
	like "a trap that $mta_name itself refuses" "$(answer RCPT)" '^550 5\.1\.1'
	eventually "is one all the same" listed_in cache "$(address_of fooled)"
	is "and nobody else is concerned" "$(reachable neighbour && echo reachable)" reachable
}

step_ipv6() {
	title "The same by IPv6, where a client is a /64"
	if [ -z "$ipv6" ]; then
		skip "a client by IPv6" "this kernel has no IPv6"
		return
	fi
	before=$(dropped 6)
	answered=0
	eventually "a dictionary attack ends in silence" guess_on guesser6
	is "its neighbour in the /64 is the same client" \
		"$(unanswered sibling6 && echo silence)" silence
	more "the kernel counts the packets it drops" "$(dropped 6)" "$before"
	is "a client in another /64 is not concerned" \
		"$(reachable neighbour6 && echo reachable)" reachable
	is "it may not relay" "$(denied neighbour6 && echo denied)" denied
	login neighbour6 opensesame
	eventually "before alice logs in from there" may_relay neighbour6
}

# Nobody may relay and nobody is blocked, whatever the steps before have left.
clean_slate() {
	for set in relay block; do
		ctl $set flush >/dev/null
	done
	poll nobody_blocked
}

nobody_blocked() {
	[ -z "$(kernel_set popauth4)$(kernel_set popauth6)" ]
}

# What only this MTA can show.
step_mta() {
	clean_slate
	for step_of_mta in $mta_steps; do
		$step_of_mta
	done
}

step_reload() {
	title "A new configuration, first a wrong one"
	echo 'relay_fro = 1' >>$conf
	# By its socket: popauth-milterctl -c would read the wrong file itself.
	like "a wrong one is refused with its place" \
		"$(popauth-milterctl -s $control reload 2>&1)" "$conf:[0-9]+:.*relay_fro"
	milter_configure $long $long
	is "a good one is taken" "$(ctl reload >/dev/null && echo taken)" taken
}

step_restart() {
	title "The daemon is killed in the middle of an attack"
	clean_slate
	login traveller opensesame
	eventually "alice's address may relay" may_relay traveller
	guess intruder 5
	is "an attacker has tried five names" $refusals 5
	is "an address is blocked by hand" \
		"$(ctl block add 203.0.113.9 --for 10m >/dev/null && echo done)" done
	eventually "and is in the kernel's set, alone" only_blocked 203.0.113.9
	is "five names are held against the attacker" "$(counted intruder unknown-user)" 5
	for set in relay cache block; do
		members $set >"$work/$set.before"
	done
	kernel_set popauth4 >"$work/kernel.before"

	tell "kill -9, and the kernel's sets are emptied too."
	milter_kill
	eventually "the firewall helper goes with it" no_helper
	on server ipset flush
	guess intruder 3
	is "the attacker has tried three names more" $refusals 3
	deliver neighbour carol@neighbour.example.net alice@example.org meanwhile
	like "$mta_name goes on taking local mail" "$(answer .)" '^250'
	rcpt traveller bob@elsewhere.example
	like "relaying is deferred, not open" "$(answer RCPT)" '^4'
	on server "$talk" 127.0.0.1 25 'EHLO localhost' 'MAIL FROM:<alice@example.org>' \
		'RCPT TO:<bob@elsewhere.example>' QUIT >"$transcript"
	like "but not for the server itself" "$(answer RCPT)" '^250'

	milter_start
	is "the daemon starts again" $? 0
	for set in relay cache block; do
		eventually "$set entries are as before" as_before $set
	done
	eventually "the kernel's set is as before" kernel_as_before
	eventually "alice's address may relay" may_relay traveller
	like "a reference from before finds its client" "$(ctl explain "$reference" | head -n 1)" \
		"^$(address_of pretender) +cached"
	is "the forger's offences are not forgotten" "$(counted helo helo-forgery)" 2
	eventually "the attacker's names count, with those of the meantime" counted_as intruder unknown-user 8
	guess intruder 1
	is "the attacker's ninth name is refused" $refusals 1
	is "that was not enough to be dropped" "$(reachable intruder && echo reachable)" reachable
	guess intruder 1
	eventually "the tenth was" unanswered intruder
}

only_blocked() {
	seen=$(kernel_set popauth4 | tr '\n' ' ')
	[ "$(members block)" = "\"client\":\"$1\"" ] && [ "$seen" = "$1 " ]
}

no_helper() {
	! pidof popauth-firewall
}

as_before() {
	members "$1" >"$work/$1.after"
	seen=$(tr '\n' ' ' <"$work/$1.after")
	cmp -s "$work/$1.before" "$work/$1.after"
}

kernel_as_before() {
	seen=$(kernel_set popauth4 | tr '\n' ' ')
	kernel_set popauth4 | cmp -s "$work/kernel.before" -
}

step_corrupt() {
	title "The database is destroyed"
	milter_kill
	for file in "$state"/store/*; do
		yes 'This is no page.' | dd of="$file" bs=4096 count=4 iflag=fullblock conv=notrunc
	done 2>/dev/null
	milter_start
	is "the daemon starts nevertheless" $? 0
	like "and says in its status that it knows nothing, and why" "$(ctl status | grep 'set aside')" \
		'set aside'
	is "the old database is kept" "$(find "$state" -maxdepth 1 -name 'corrupt-*' | wc -l)" 1
	eventually "and named in the log" in_own_log "$state/corrupt-"
	rcpt traveller bob@elsewhere.example
	like "a grant that is lost is not taken for one" "$(answer RCPT)" "$says_denied"
	login traveller opensesame
	eventually "a new login grants relaying" may_relay traveller
}

wrong='Sanitizer|runtime error:|panic:'

step_end() {
	title "The end"
	milter_stop
	is "the daemon ends when asked to" $? 0
	eventually "with its helper" no_helper
	is "nothing went wrong inside" "$(grep -Ec "$wrong" $own_log)" 0
	sed -En "/$wrong/,+30p" $own_log | head -n 100
	deliver neighbour carol@neighbour.example.net alice@example.org last
	like "local mail is taken without it" "$(answer .)" '^250'
}
