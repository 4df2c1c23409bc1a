# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154,SC2034  # $here and others are the caller's; the words are for steps.sh
# postfix.sh - Postfix as the mail server of the end-to-end test: how it is run, and what it says
#
# Each MTA has such a file, with the same functions and the same words.

mta_name=Postfix
sockets=/var/spool/postfix/popauth		# within reach of a chrooted smtpd
mta_group=postfix		# who talks to the daemon
mta_named=''

mta_steps=''			# that only this MTA gets

# What it answers: extended regular expressions.
says_denied='^554 .*Relay access denied'
says_not_now='^451'
says_whom=''				# before what the milter has it say
says_listed='^554 .*blocked using dnsbl\.example'

mta_prepare() {
	cp "$here/etc/main.cf" "$here/etc/master.cf" /etc/postfix/ || return 1
	# What Debian's init script copies into the chroot, and others need no less.
	mkdir -p $spool/etc $spool/dev &&
		cp /etc/resolv.conf /etc/hosts /etc/services /etc/nsswitch.conf $spool/etc/ || return 1
	if [ -f /etc/localtime ]; then
		cp -L /etc/localtime $spool/etc/
	fi
	chown postfix /var/lib/postfix
}

mta_start() {
	on server postfix check && on server postfix start
}

mta_stop() {
	on server postfix stop
}

# The log says that the milter has refused a client, at a command if one is named: mta_blames ADDRESS [COMMAND]
mta_blames() {
	in_log "milter-reject: ${2-[A-Z]*} from [^ ]*\\[$1\\]"
}
