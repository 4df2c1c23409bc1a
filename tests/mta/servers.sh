# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154  # $here, $server4 and others are the caller's
# servers.sh - the mail servers on host `server` of the bed, and popauth-milter beside them
#
# The MTA is what postfix.sh or sendmail.sh makes of it; Postfix also lends the sink in which relayed mail ends.

log=/var/log/mail.log
syslog_conf=/etc/rsyslog.d/bed.conf	# where AppArmor lets rsyslogd read
own_log=/var/log/popauth-milter.log
queries=/var/log/dnsbl-queries
elsewhere=/var/spool/elsewhere
conf=/etc/popauth-milter.conf
traps=/etc/popauth-milter.traps
state=/var/lib/popauth-milter
control=/run/popauth-milter/control.sock
spool=/var/spool/postfix

# --- once per bed -----------------------------------------------------------------------------

servers_prepare() {
	users_prepare && names_prepare && mta_prepare && sockets_prepare && dovecot_prepare
}

# userdel: should the machine have somebody of that name, the bed's copy of /etc forgets him.
users_prepare() {
	for user in alice popauth; do
		userdel $user
	done 2>/dev/null
	rm -rf /srv/alice
	useradd --system --home-dir /srv/alice --create-home --shell /bin/false alice &&
		useradd --system --no-create-home --shell /bin/false --groups adm,postfix popauth &&
		: >/var/mail/alice && chown alice:mail /var/mail/alice && chmod 660 /var/mail/alice
}

# rbldnsd is the only name server: it answers for its zone and refuses everything else.  A client that is not named here
# is one whose name could not be asked for.
names_prepare() {
	printf 'nameserver 127.0.0.1\noptions timeout:30 attempts:1\n' >/etc/resolv.conf
	cat >/etc/hosts <<-END
		127.0.0.1 localhost
		::1 localhost
		$server4 mail.example.org
		$server6 mail.example.org
		$(address_of provider) mail-ed1-f54.google.com
		$(address_of pretender) pc.pretender.example
	END
	for client in $mta_named; do
		echo "$(address_of "$client") $client.example.net"
	done >>/etc/hosts
}

# Where the daemon's sockets lie: within reach of the MTA, writable for the daemon alone.
sockets_prepare() {
	mkdir -p $spool/dev $sockets && chown popauth:$mta_group $sockets && chmod 750 $sockets
}

dovecot_prepare() {
	case $(dovecot --version) in
	2.[0-3].*) cp "$here/etc/dovecot-2.3.conf" /etc/dovecot/bed.conf ;;
	*) cp "$here/etc/dovecot-2.4.conf" /etc/dovecot/bed.conf ;;
	esac || return 1
	echo 'alice:{PLAIN}opensesame' >/etc/dovecot/bed-users
}

# Commands in the background are not run by `on`: $! would be a shell's that waits for them.

# --- the servers ------------------------------------------------------------------------------

# servers_start STAMP: how rsyslogd dates its lines is a setting that sites differ in.
servers_start() {
	mkdir -p /etc/rsyslog.d &&
		sed "s/@STAMP@/$1/" "$here/etc/rsyslog.conf" >$syslog_conf || return 1
	: >$log && chown root:adm $log && chmod 640 $log
	: >$queries && chown rbldns $queries
	rm -rf $elsewhere && mkdir $elsewhere && chown nobody $elsewhere
	rsyslogd -n -f $syslog_conf -i /run/rsyslogd.pid &
	rsyslogd_pid=$!
	poll test -S /dev/log && poll test -S $spool/dev/log || return 1
	mkdir -p /srv/dnsbl && cp "$here/etc/dnsbl.zone" /srv/dnsbl/
	ip netns exec server rbldnsd -n -u rbldns -w /srv/dnsbl -l +$queries -b 127.0.0.1/53 \
		dnsbl.example:ip4set:dnsbl.zone >/var/log/rbldnsd.log 2>&1 &
	rbldnsd_pid=$!
	ip netns exec server smtp-sink -u nobody -R $elsewhere -d 'mail.' 127.0.0.1:2525 100 &
	sink_pid=$!
	poll names_served && poll answers 2525 || return 1
	mta_start >/var/log/servers.log 2>&1 && poll answers 25 && dovecot_start bed
}

names_served() {
	on server grep -q ':0035 ' /proc/net/udp	# port 53
}

answers() {
	on server "$talk" 127.0.0.1 "$1" QUIT >/dev/null
}

servers_stop() {
	mta_stop
	dovecot_stop bed
	kill "$sink_pid" "$rbldnsd_pid" "$rsyslogd_pid"
	wait "$sink_pid" "$rbldnsd_pid" "$rsyslogd_pid"
	rm -f $spool/dev/log /dev/log
} >/dev/null 2>&1

# dovecot_start CONF, dovecot_stop CONF: it waits for its end, but not for ever.
dovecot_start() {
	on server dovecot -c "/etc/dovecot/$1.conf" >>/var/log/servers.log 2>&1 && poll answers 110
}

dovecot_stop() {
	dovecot_pid=$(cat /run/dovecot/master.pid) || return 1
	on server dovecot -c "/etc/dovecot/$1.conf" stop >>/var/log/servers.log 2>&1
	poll gone "$dovecot_pid"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# How often rbldnsd has been asked about an IPv4 client so far.
asked_about() {
	grep -cF "$(echo "$1" | awk -F. '{ print $4 "." $3 "." $2 "." $1 }').dnsbl.example" $queries
}

# --- popauth-milter ---------------------------------------------------------------------------

milter_install() {
	make -s -C "$1" install >/var/log/make-install.log 2>&1 ||
		{ cat /var/log/make-install.log >&2; return 1; }
	rm -rf $state $own_log $traps
}

# milter_configure RELAY_FOR TERM
milter_configure() {
	[ -e $traps ] || traps '# none yet' || return 1
	sed -e "s/@RELAY@/$1/" -e "s/@TERM@/$2/" -e "s|@SOCKETS@|$sockets|" -e "s/@GROUP@/$mta_group/" \
		"$here/etc/popauth-milter.conf" >$conf
}

# traps LINE...
traps() {
	printf '%s\n' "$@" >$traps.new && mv $traps.new $traps
}

# What a package or a boot script would make.
milter_start() {
	mkdir -p /run/popauth-milter $state &&
		chown popauth:popauth /run/popauth-milter $state || return 1
	# shellcheck disable=SC2086  # $wrapper is empty or a command with its arguments
	ip netns exec server $wrapper popauth-milter -f -c $conf >>$own_log 2>&1 &
	milter_pid=$!
	poll milter_answers && ctl status >/dev/null && return
	echo "popauth-milter after $patience s, or ended:"
	ps -L -o pid,lwp,stat,wchan:20,time,args -p "$milter_pid"
	return 1
}

# It answers, or never will.  On a busy machine a build with sanitizers takes its time.
milter_answers() {
	ctl status || ! kill -0 "$milter_pid" 2>/dev/null
}

# Ask it to end; returns its exit status.
milter_stop() {
	kill -TERM "$milter_pid"
	wait "$milter_pid"
}

milter_kill() {
	kill -KILL "$milter_pid"
	wait "$milter_pid"
} 2>/dev/null

ctl() {
	on server popauth-milterctl -c $conf "$@" 2>&1
}

# --- the firewall -----------------------------------------------------------------------------

# The static rules of a site.  They can only be made when the sets are there.
firewall_up() {
	poll firewall_sets &&
		on server iptables -A INPUT -p tcp -m multiport --dports 25,465,587 \
			-m set --match-set popauth4 src -j DROP &&
		on server ip6tables -A INPUT -p tcp -m multiport --dports 25,465,587 \
			-m set --match-set popauth6 src -j DROP
}

firewall_sets() {
	on server ipset list -n | sort | tr '\n' ' ' | grep -q 'popauth4 popauth6'
}

firewall_down() {
	on server iptables -F INPUT
	on server ip6tables -F INPUT
	on server ipset destroy
} 2>/dev/null

# What the kernel holds: one address a line.
kernel_set() {
	on server ipset save "$1" | awk '$1 == "add" { print $3 }' | sort
}

# Packets that the static rule has dropped: 4 or 6
dropped() {
	case $1 in
	4) on server iptables -nvxL INPUT ;;
	6) on server ip6tables -nvxL INPUT ;;
	esac | awk '$3 == "DROP" { n += $1 } END { print n + 0 }'
}
