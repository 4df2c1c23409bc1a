# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154,SC2034  # the world is made by net.sh and servers.sh; the steps are run by e2e
# maps.sh - Postfix asks the maps; the gate refuses for a Postfix that relays for everybody; Dovecot's hook
#
# These steps come when the daemon of steps.sh has ended, and start it with configurations of their own.
# Further smtpds, on ports of their own, have the map in question and no milter.

map_steps='step_maps_up step_map_relay step_map_verdict step_map_postscreen step_map_idle step_map_dead
	step_hook step_gate_closed step_gate step_gate_tricks step_budget step_gate_dead step_maps_end'

verdict_port=2601
postscreen_port=2602

# --- the servers of these steps ---------------------------------------------------------------

# with CONF-LINE...: the daemon's configuration, with these lines behind it
with() {
	milter_configure $long $long
	printf '%s\n' "$@" >>$conf
}

# Postfix with further services, and main.cf with these lines behind it
maps_postfix() {
	cat "$here/etc/master.cf" "$here/etc/$1" >/etc/postfix/master.cf
	shift
	{
		cat "$here/etc/main.cf"
		printf '%s\n' "$@"
	} >/etc/postfix/main.cf
	# Not reload, which comes back before it is done.
	{
		on server postfix stop
		on server postfix start
	} >>/var/log/servers.log 2>&1 && poll answers 25
}

# at PORT CLIENT RECIPIENT...: as rcpt, on another port
at() {
	port=$1
	who=$2
	shift 2
	for recipient; do
		set -- "$@" "RCPT TO:<$recipient>"
		shift
	done
	speak "$who" "$port" "EHLO $who.example.net" "MAIL FROM:<someone@$who.example.net>" "$@" QUIT
}

at_answers() {
	seen=$(at "$@"; answer RCPT)
	case $seen in
	250*) ;;
	*) false ;;
	esac
}

step_maps_up() {
	title "The maps, each in a Postfix of its own"
	maps_postfix master-maps.cf 'postscreen_greet_wait = 1s' \
		'postscreen_access_list = socketmap:unix:popauth/map.sock:postscreen' \
		'postscreen_blacklist_action = enforce' \
		"postscreen_cache_map = btree:\$data_directory/postscreen_$number"
	with
	milter_start
	is "the daemon starts again" $? 0
	for set in relay cache block; do
		ctl $set flush >/dev/null
	done
	is "an address is let relay" \
		"$(ctl relay add "$(address_of traveller)" --user alice >/dev/null && echo done)" done
	is "another is refused" \
		"$(ctl cache add "$(address_of listed)" --reason 'enough of you' >/dev/null && echo done)" done
}

step_map_relay() {
	title "The relay map, without a milter"
	at $verdict_port traveller bob@elsewhere.example
	like "who has a grant relays" "$(answer RCPT)" '^250'
	at $verdict_port neighbour bob@elsewhere.example
	like "a stranger does not" "$(answer RCPT)" '^554 .*Relay access denied'
	ctl relay del "$(address_of traveller)" >/dev/null
	at $verdict_port traveller bob@elsewhere.example
	like "nor who had one, from the next lookup on" "$(answer RCPT)" '^554 .*Relay access denied'
	ctl relay add "$(address_of traveller)" --user alice >/dev/null
}

step_map_verdict() {
	title "The verdict map"
	at $verdict_port listed alice@example.org
	like "who is in the cache is refused, with the reason" "$(answer RCPT)" '^554 .*enough of you'
	reference=$(ref_in "$(answer RCPT)")
	like "and a reference that explain knows" "$(ctl explain "$reference" | head -n 1)" "^$(address_of listed) +cached"
	at $verdict_port neighbour alice@example.org
	like "anybody else is not" "$(answer RCPT)" '^250'
}

step_map_postscreen() {
	title "The postscreen map"
	at $postscreen_port traveller bob@elsewhere.example
	like "who has a grant gets to the real smtpd at once" "$(answer RCPT)" '^250'
	eventually "as postscreen says itself" \
		in_log "postscreen.*(ALLOW|WHITE)LISTED \[$(address_of traveller)\]"
	at $postscreen_port listed alice@example.org
	like "who is in the cache never does" "$(answer RCPT)" '^550 5\.3\.2'
	eventually "as postscreen says itself" \
		in_log "postscreen.*(DENY|BLACK)LISTED \[$(address_of listed)\]"
	at $postscreen_port neighbour alice@example.org
	like "anybody else has to wait, and gets there" "$(answer RCPT)" '^250'
	eventually "as postscreen says itself" in_log "postscreen.*PASS NEW \[$(address_of neighbour)\]"
}

# A thousand that say nothing, or half a request, beside Postfix.
step_map_idle() {
	title "A thousand idle connections to the map"
	ip netns exec server "$talk" -i 1000 '15:relay 192.' $spool/popauth/map.sock >"$work/idle" 2>&1 &
	idle_pid=$!
	eventually "they are all open" grep -q '^open 1000$' "$work/idle"
	at $verdict_port traveller bob@elsewhere.example
	like "Postfix is answered as ever" "$(answer RCPT)" '^250'
	kill $idle_pid
	wait $idle_pid 2>/dev/null
	eventually "half requests are counted" half_requests
	eventually "and logged" in_own_log 'half a request'
	like "but not each" "$(grep -c 'half a request' $own_log)" '^[1-9]$'
}

half_requests() {
	seen=$(ctl stats | grep '^map_refused')
	[ "$(echo "$seen" | awk '{ print $2 }')" -ge 1000 ]
}

step_map_dead() {
	title "The maps without a daemon"
	milter_stop
	at $postscreen_port neighbour alice@example.org
	like "postscreen ignores a map that does not answer" "$(answer RCPT)" '^250'
	at $verdict_port traveller bob@elsewhere.example
	like "nobody relays" "$(answer RCPT)" '^451'
	tell "A verdict map holds up local mail, too: where that must not be, the milter is the place for verdicts."
	at $verdict_port neighbour alice@example.org
	like "local mail waits behind a verdict map" "$(answer RCPT)" '^451'
}

# --- the hook ---------------------------------------------------------------------------------

hooks=/usr/local/share/popauth-milter/hooks

dovecot_with_hook() {
	cp $hooks/dovecot-postlogin /usr/local/bin/ || return 1
	cat "/etc/dovecot/bed.conf" - >/etc/dovecot/hook.conf <<-END
		service pop3 {
		  executable = pop3 popauth-pop3
		}
		service popauth-pop3 {
		  executable = script-login /usr/local/bin/dovecot-postlogin
		  user = popauth
		  vsz_limit = 0	# a build with sanitizers takes all addresses there are
		  unix_listener popauth-pop3 {
		  }
		}
	END
	dovecot_stop bed && dovecot_start hook
}

granted_to() {
	seen=$(ctl relay list | grep -wF "$1")
	case $seen in
	*" $2 "*) ;;
	*) false ;;
	esac
}

step_hook() {
	title "Dovecot tells of a login by its post-login script; no log is read"
	with
	sed -i 's,^logs = .*,logs = {"/var/log/nothing-to-learn-from"},' $conf
	milter_start
	ctl relay flush >/dev/null
	is "Dovecot starts with the hook" "$(dovecot_with_hook && echo started)" started
	rcpt traveller bob@elsewhere.example
	like "a stranger may not relay" "$(answer RCPT)" '^554 .*Relay access denied'
	login traveller wrong
	like "a wrong password gets him nothing" "$(ctl relay list | grep -cwF "$(address_of traveller)")" '^0$'
	login traveller opensesame
	like "alice logs in by POP3, and is served" "$(answer STAT)" '^\+OK'
	is "and by then her address is let relay, in her name" \
		"$(granted_to "$(address_of traveller)" alice && echo granted)" granted
	is "so it does, at once" "$(relays traveller && echo relays)" relays
	like "explain says who it was" "$(ctl explain "$(address_of traveller)" | grep relay)" 'relay +alice, 1 logins'
	is "UCSPI programs set TCPREMOTEIP" \
		"$(on server env TCPREMOTEIP="$(address_of neighbour)" USER=carol sh $hooks/tcp-postlogin echo served)" served
	is "which is granted as well" "$(granted_to "$(address_of neighbour)" carol && echo granted)" granted
	is "the hook of somebody who may not tell serves him all the same" \
		"$(on server setpriv --reuid nobody --regid nogroup --clear-groups env TCPREMOTEIP="$(address_of guesser)" \
			USER='eve; x' sh $hooks/tcp-postlogin echo served 2>/dev/null)" served
	is "and grants nothing" "$(ctl relay list | grep -cwF "$(address_of guesser)")" 0
	milter_stop
	login traveller opensesame
	like "without the daemon alice reads her mail all the same" "$(answer STAT)" '^\+OK'
	dovecot_stop hook && dovecot_start bed
}

# --- the gate ---------------------------------------------------------------------------------

gate='gate = fail-closed
gate_domains = { "example.org", "mail.example.org" }
gate_mta = "/etc/postfix"'

refuses_to_start() {
	ip netns exec server popauth-milter -f -c $conf >"$work/gate" 2>&1
	seen="$? $(cat "$work/gate")"
}

step_gate_closed() {
	title "The gate is not kept before an MTA that fails open"
	with "$gate"
	refuses_to_start
	like "not while Postfix accepts mail without its milter" "$seen" '^78 .*main\.cf: .*default action is "accept"'
	maps_postfix master-maps.cf 'milter_default_action = tempfail' 'mynetworks = 0.0.0.0/0, [::]/0'
	refuses_to_start
	like "nor while one smtpd has no milter" "$seen" '^78 .*master\.cf:[0-9]+: 2601: smtpd_milters does not name'
	maps_postfix master-none.cf 'milter_default_action = tempfail' 'mynetworks = 0.0.0.0/0, [::]/0' \
		'smtpd_client_restrictions =' 'smtpd_recipient_restrictions ='
	is "with a Postfix that fails closed it is" "$(on server popauth-milter -t -c $conf >/dev/null && echo good)" good
}

step_gate() {
	title "Postfix relays for everybody, and the milter alone refuses"
	rcpt traveller bob@elsewhere.example
	like "without the daemon nobody relays" "$(answer MAIL)$(answer RCPT)" '^4'
	milter_start
	is "the daemon starts with the gate" $? 0
	for set in relay cache block; do
		ctl $set flush >/dev/null
	done
	rcpt traveller bob@elsewhere.example
	like "a stranger may not relay" "$(answer RCPT)" '^550 5\.7\.1 Relay access denied: bob@elsewhere\.example'
	is "it is counted, once" "$(counted traveller relay-denied)" 1
	deliver neighbour carol@neighbour.example.net alice@example.org gated
	like "mail for alice is taken" "$(answer .)" '^250'
	login traveller opensesame
	eventually "whoever has just read his mail may relay" may_relay traveller
	deliver traveller alice@example.org bob@elsewhere.example through-the-gate
	eventually "and it arrives elsewhere" grep -rqs 'Subject: through-the-gate' $elsewhere
	like "status tells of the gate" "$(ctl status | grep -A 1 '^gate')" '^gate +shut; 2 domains of ours, MTA /etc/postfix$'
	echo 'milter_default_action = accept' >>/etc/postfix/main.cf
	like "and when it would not be kept any more" "$(ctl status | grep -A 1 '^gate' | tail -n 1)" 'PROBLEM: .*"accept"'
	sed -i '$d' /etc/postfix/main.cf
	on server "$talk" 127.0.0.1 25 'EHLO x' 'MAIL FROM:<>' 'RCPT TO:<bob@elsewhere.example>' QUIT >"$transcript"
	like "and we ourselves" "$(answer RCPT)" '^250'
}

# What a relay tester tries.  Each must be refused, by whomever.
step_gate_tricks() {
	title "Every way round a relay check that there ever was"
	tried=0
	taken=0
	grep -v '^#' "$here/etc/relay-tricks" >"$work/tricks"
	for tester in guesser intruder helo; do # each for itself below what relay-denied blocks for
		set --
		while read -r trick; do
			set -- "$@" "RCPT TO:$trick"
		done <<-END
			$(awk -v n=$((tried)) 'NR > n && NR <= n + 15' "$work/tricks")
		END
		smtp $tester 'EHLO tester' 'MAIL FROM:<x@tester.example>' "$@" QUIT
		tried=$((tried + $(grep -c '^> RCPT' "$transcript")))
		taken=$((taken + $(sed -n '/^> RCPT/{n;p;}' "$transcript" | grep -c '^< 2')))
	done
	is "all were tried" $tried "$(wc -l <"$work/tricks")"
	is "and not one was taken" $taken 0
	is "after them alice can still be written to" "$(rcpt neighbour alice@example.org; answer RCPT | cut -c1-3)" 250
}

step_budget() {
	title "A grant has a budget"
	with "$gate" 'relay_budget = 3'
	ctl reload >/dev/null
	ctl relay flush >/dev/null
	login traveller opensesame
	eventually "alice's address may relay" may_relay traveller
	rcpt traveller a@elsewhere.example b@elsewhere.example alice@example.org c@elsewhere.example alice@example.org
	is "to three within the hour, ours not counted; a fourth must wait" \
		"$(sed -n '/^> RCPT/{n;p;}' "$transcript" | cut -c3-5 | tr '\n' ' ')" "250 250 250 450 250 "
	rcpt traveller c@elsewhere.example
	like "and is told so" "$(answer RCPT)" '^450 4\.7\.1 Too many recipients'
	reference=$(ref_in "$(answer RCPT)")
	like "the reference finds the client" "$(ctl explain "$reference" | head -n 1)" "^$(address_of traveller) +relay"
	like "relay list shows it" "$(ctl relay list | grep -wF "$(address_of traveller)")" '3 of 3, [0-9]+ refused'
	like "and status" "$(ctl status | grep BUDGET)" '1 client'
	is "nobody is blocked for it" "$(ctl --json block list | grep -c "$(address_of traveller)")" 0
}

step_gate_dead() {
	title "The daemon with the gate is killed"
	milter_kill
	rcpt traveller bob@elsewhere.example
	like "nobody relays, a granted client neither" "$(answer MAIL)$(answer RCPT)" '^4'
	rcpt neighbour alice@example.org
	like "local mail waits: that is the price of a gate" "$(answer MAIL)$(answer RCPT)" '^4'
	milter_start
	is "the daemon starts again" $? 0
	eventually "and the budget is spent still" budget_spent
}

budget_spent() {
	rcpt traveller c@elsewhere.example
	seen=$(answer RCPT)
	case $seen in
	450*'Too many recipients'*) ;;
	*) false ;;
	esac
}

step_maps_end() {
	title "The end of the maps"
	milter_stop
	is "the daemon ends when asked to" $? 0
	is "nothing went wrong inside" "$(grep -Ec "$wrong" $own_log)" 0
	sed -En "/$wrong/,+30p" $own_log | head -n 100
	maps_postfix master-none.cf
}
