# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154,SC2034  # $here and others are the caller's; the words are for steps.sh
# sendmail.sh - sendmail as the mail server of the end-to-end test: how it is run, and what it says
#
# The bed has unpacked it below /srv/sendmail (Debian), or installed it beside Postfix (Fedora).

mta_name=sendmail
sockets=/run/popauth-milter
mta_group=root
# A client whose name could not be asked for is told 450 where others are told that they may not relay.
mta_named=traveller

says_denied='^550 .*Relaying denied'
says_not_now='^451 '
says_whom='<[^>]*>\.\.\. '
says_listed='^550 .*listed at dnsbl\.example'
says_listed_at_once='^550 5\.7\.1 Rejected: .*listed at dnsbl\.example'

sendmail_cf=/etc/mail/sendmail.cf

# sendmail_find: where its programs and its m4 files are
sendmail_find() {
	for sendmail_program in /srv/sendmail/usr/libexec/sendmail/sendmail /usr/sbin/sendmail.sendmail; do
		[ ! -x $sendmail_program ] || break
	done
	for sendmail_m4 in /srv/sendmail/usr/share/sendmail/cf /usr/share/sendmail-cf; do
		[ ! -d $sendmail_m4 ] || break
	done
	sendmail_bin=$(dirname $sendmail_program)
	[ -x $sendmail_program ] && [ -d $sendmail_m4 ]
}

# The link that an administrator makes, and the places where the sample files expect sendmail's own.
sendmail_links() {
	ln -sf "$here/../../sendmail-cf/feature/popauth_milter.m4" $sendmail_m4/feature/ &&
		mkdir -p /usr/share/sendmail || return 1
	for place in /usr/share/sendmail/cf /usr/share/sendmail-cf; do
		[ -d $place ] || ln -s $sendmail_m4 $place || return 1
	done
}

# sendmail_make_cf SED-SCRIPT: what is to be other than in sendmail.mc
sendmail_make_cf() {
	no6='dnl '
	[ -z "$ipv6" ] || no6=
	sed -e "s|@BIN@|$sendmail_bin|" -e "s/@IPV6@/$no6/" -e "$1" "$here/etc/sendmail.mc" >/etc/mail/sendmail.mc &&
		m4 -D_CF_DIR_=$sendmail_m4/ $sendmail_m4/m4/cf.m4 /etc/mail/sendmail.mc >$sendmail_cf
}

mta_prepare() {
	sendmail_find || { echo "no sendmail here" >&2; return 1; }
	for user in smmsp smmta; do
		id $user || useradd --system --no-create-home --shell /bin/false --user-group $user || return 1
	done >/dev/null 2>&1
	# mail.local makes its lock as the recipient.
	chmod 1777 /var/mail && mkdir -p /etc/mail /var/spool/mqueue && chmod 700 /var/spool/mqueue &&
		: >/etc/mail/local-host-names && : >/etc/mail/statistics &&
		printf '%s: alice\n' postmaster MAILER-DAEMON honey >/etc/mail/aliases
}

# mta_start [SED-SCRIPT]
mta_start() {
	sendmail_links && sendmail_make_cf "${1-}" &&
		on server $sendmail_program -C $sendmail_cf -bi &&
		on server $sendmail_program -C $sendmail_cf -L sm-mta -bd -q1h
}

mta_stop() {
	sendmail_pid=$(head -n 1 /run/sendmail.pid) && kill "$sendmail_pid" && poll gone "$sendmail_pid"
}

# Its log names no client where the milter has refused one; the reference is that of the daemon's own log.
mta_blames() {
	case ${2-} in
	*HELO | *EHLO) at=helo ;;
	MAIL) at=from ;;
	RCPT) at=to ;;
	*) at='[a-z]*' ;;
	esac
	reference_of=$(ref_in "$(grep -F ": $1 refused at" $own_log | tail -n 1)")
	in_log "Milter: $at=.*, reject=.*\(ref ${reference_of:-none}\)"
}

# --- steps that only sendmail gets --------------------------------------------------------------

mta_steps='step_listed_user step_hung step_at_once step_file step_once step_samples'

step_listed_user() {
	title "Alice on an address that the DNSBL lists"
	login listed opensesame
	eventually "may relay" may_relay listed
	rcpt listed alice@example.org
	like "and write to her colleagues" "$(answer RCPT)" '^250'
}

# What it accepts on its sockets stays in the kernel's queue.
step_hung() {
	title "The daemon hangs"
	kill -STOP "$milter_pid"
	rcpt traveller alice@example.org bob@elsewhere.example
	kill -CONT "$milter_pid"
	is "local mail is taken, and relaying deferred" "$(grep '^< ' "$transcript" | tail -n 3 | cut -c3-5 | tr '\n' ' ')" \
		'250 451 221 '
}

mta_again() {
	{ mta_stop && mta_start "$1"; } >/var/log/servers.log 2>&1
	eventually "sendmail starts with this" answers 25
}

step_at_once() {
	title "Without FEATURE(delay_checks)"
	mta_again '/delay_checks/d'
	ctl relay del "$(address_of listed)" >/dev/null
	smtp listed 'EHLO listed.example.net' 'MAIL FROM:<someone@listed.example.net>' QUIT
	like "a listed client is refused at once" "$(answer MAIL)" "$says_listed_at_once"
	eventually "it is in the cache" listed_in cache "$(address_of listed)"
	login listed opensesame
	eventually "when alice has logged in it may relay" may_relay listed
}

step_file() {
	title "Who may relay, from a file of makemap's"
	mta_again 's|^FEATURE(.popauth_milter.)|FEATURE(`popauth_milter'"'"', , `hash /etc/mail/popauth'"'"')|'
	rcpt traveller alice@example.org bob@elsewhere.example
	is "when there is none, local mail is taken, and relaying deferred" \
		"$(grep '^< ' "$transcript" | tail -n 3 | cut -c3-5 | tr '\n' ' ')" '250 451 221 '
	sendmail_map "$(address_of traveller) RELAY" '203.0.113 RELAY' 'IPv6:2001:db8:7:0 RELAY'
	is "who is in it may relay" "$(relays traveller && echo relays)" relays
	is "others may not" "$(denied neighbour && echo denied)" denied
	if [ -n "$ipv6" ]; then
		is "an IPv6 client is there by its /64" "$(relays neighbour6 && echo relays)" relays
		is "and no other" "$(denied guesser6 && echo denied)" denied
	fi
	sendmail_map
	rcpt traveller bob@elsewhere.example
	like "who is no longer in it may not" "$(answer RCPT)" "$says_denied"
	rm -f /etc/mail/popauth.db
	mta_again ''
}

sendmail_map() {
	printf '%s\n' "$@" | "$sendmail_bin/makemap" hash /etc/mail/popauth
}

# sample_says CF ADDRESS RULESET: what that configuration says when a client asks for somebody elsewhere
sample_says() {
	printf '%s\n' ".D{client_addr}$2" '.D{client_name}client.example' '.D{client_resolve}OK' \
		'.D{mail_from}<>' "$3 <bob@elsewhere.example>" |
		on server $sendmail_program -C "$1" -bt 2>&1 | sed -n "s/^$3 *returns: //p"
}

duplicates() {
	ctl stats | sed -n 's/^events_duplicate *\([0-9]*\).*/\1/p'
}

duplicates_above() {
	[ "$(duplicates)" -gt "$1" ]
}

# sendmail refuses such a client before the filter would, and does not tell the filter.
step_once() {
	title "A cached client with reject_at = rcpt"
	sed -i 's/^reject_at = .*/reject_at = "rcpt"/' $conf && ctl reload >/dev/null
	ctl relay del "$(address_of listed)" >/dev/null
	rcpt listed alice@example.org
	eventually "it is in the cache" listed_in cache "$(address_of listed)"
	told_twice=$(duplicates)
	rcpt listed alice@example.org
	like "it comes again, and sendmail refuses it by itself" "$(answer RCPT)" "$says_listed"
	eventually "the log and the milter tell of that session" duplicates_above "$told_twice"
	is "it is one offence more" "$(counted listed rbl)" 2
	ctl cache del "$(address_of listed)" >/dev/null
	sed -i 's/^reject_at = .*/reject_at = "mail"/' $conf && ctl reload >/dev/null
}

step_samples() {
	title "The sample files, as installed"
	echo 'Connect:203.0.113.79 REJECT' | "$sendmail_bin/makemap" hash /etc/mail/access
	for client in 203.0.113.77 203.0.113.79; do
		ctl relay add $client --for 10m >/dev/null
	done
	for system in debian fedora freebsd; do
		mc=/usr/local/share/popauth-milter/sendmail-cf/$system.mc
		cf=/etc/mail/$system.cf
		case $system in
		freebsd) set -- -D_CF_DIR_=$sendmail_m4/ $sendmail_m4/m4/cf.m4 $mc ;;
		*) set -- $mc ;;
		esac
		is "$system.mc: m4 has nothing to say" "$(m4 "$@" 2>&1 >$cf)" ''
		is "$system.mc: who has a grant may relay" "$(sample_says $cf 203.0.113.77 checkrcpt)" RELAY
		like "$system.mc: who has none may not" "$(sample_says $cf 203.0.113.78 checkrcpt)" \
			'error.*Relaying denied'
		like "$system.mc: the access map stands above a grant" "$(sample_says $cf 203.0.113.79 check_rcpt)" \
			'error.*Access denied'
	done
	ctl relay del 203.0.113.77 >/dev/null
	ctl relay del 203.0.113.79 >/dev/null
}
