divert(-1)dnl
dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl
dnl popauth_milter - sendmail with popauth-milter: what it refuses, and whom it lets relay
dnl
dnl	FEATURE(`popauth_milter'[, `socket'[, `map'[, `flags'[, `listed']]]])dnl
dnl
dnl Every argument may be left out or empty:
dnl	socket	the daemon's milter_socket, in the words of S=
dnl		(unix:/run/popauth-milter/milter.sock); `none': no filter
dnl	map	what knows who may relay, in the words of a K line
dnl		(socket local:/run/popauth-milter/map.sock), or a file:
dnl		hash /etc/mail/popauth; `none': nothing is asked
dnl	flags	F= of the filter, T or R (neither: sendmail goes on without a filter
dnl		that is not there, and mail for local users is taken)
dnl	listed	`refuse': a client that a DNSBL lists is refused although it may relay
dnl		(by default it is not, like those who have authenticated)
dnl
dnl It goes behind every define() of confMILTER_MACROS_*, before FEATURE(`dnsbl') and the like, and before MAILER().
dnl sendmail.md tells more.
dnl
divert(0)dnl
VERSIONID(`popauth_milter')
divert(-1)

dnl ---- the arguments ----

define(`_POPAUTH_SOCKET_', ifelse(len(X`'_ARG_), `1', `unix:/run/popauth-milter/milter.sock', `_ARG_'))
define(`_POPAUTH_MAP_', ifelse(len(X`'_ARG2_), `1', `socket local:/run/popauth-milter/map.sock', `_ARG2_'))
define(`_POPAUTH_FLAGS_', _ARG3_)
ifelse(_POPAUTH_FLAGS_, `', `', _POPAUTH_FLAGS_, `T', `', _POPAUTH_FLAGS_, `R', `',
	`errprint(`*** ERROR: FEATURE(popauth_milter): the third argument must be T, R or empty
')')
ifelse(len(X`'_ARG4_), `1', `', _ARG4_, `refuse', `define(`_POPAUTH_LISTED_', `refuse')',
	`errprint(`*** ERROR: FEATURE(popauth_milter): the fourth argument must be refuse or empty
')')

dnl ---- the filter ----

dnl _POPAUTH_MACROS_(stage, macro...): have them sent at that stage, unless they are already.  The daemon asks for
dnl them itself; this is for an administrator's own list, and for whoever reads in the .cf what the filter is told.
define(`_POPAUTH_SET_', `define(`$1', ``$2'')')
define(`_POPAUTH_ADD_', `ifelse(index(`, $2,', `, $3,'), `-1', `_POPAUTH_SET_(`$1', `$2, $3')')')
define(`_POPAUTH_MACROS_',
	`ifelse(`$2', `', `', `_POPAUTH_ADD_(`$1', $1, `$2')_POPAUTH_MACROS_(`$1', shift(shift($@)))')')

ifelse(_POPAUTH_SOCKET_, `none', `', `
	ifelse(_POPAUTH_FLAGS_, `',
		`INPUT_MAIL_FILTER(`popauth', `S=_POPAUTH_SOCKET_, T=C:5s;S:5s;R:5s')',
		`INPUT_MAIL_FILTER(`popauth', `S=_POPAUTH_SOCKET_, F=_POPAUTH_FLAGS_, T=C:5s;S:5s;R:5s')')
	_POPAUTH_MACROS_(`confMILTER_MACROS_CONNECT', `j', `{daemon_name}', `{daemon_addr}', `{if_addr}',
		`{client_name}', `{client_resolve}')
	_POPAUTH_MACROS_(`confMILTER_MACROS_ENVFROM', `i', `{auth_type}', `{auth_authen}')
	_POPAUTH_MACROS_(`confMILTER_MACROS_ENVRCPT', `{rcpt_mailer}', `{rcpt_host}', `{rcpt_addr}')
')

dnl ---- relaying ----

dnl With -T a map that cannot answer says so to the rules.  A socket is waited for 5 seconds, instead of 30.
define(`_POPAUTH_WAIT_', `ifelse(index(_POPAUTH_MAP_, `socket '), `0', ` -d5')')
define(`_POPAUTH_KLINE_', `substr(`$1', `0', index(`$1 ', ` ')) -T<TMPF>`'_POPAUTH_WAIT_`'substr(`$1', index(`$1 ', ` '))')
ifelse(index(_POPAUTH_MAP_, ` -T'), `-1', `',
	`errprint(`*** ERROR: FEATURE(popauth_milter): the map must not have a -T of its own
')')

ifelse(_POPAUTH_MAP_, `none', `', `
LOCAL_CONFIG
# who may relay, as popauth-milter knows it
Kpopauth_relay _POPAUTH_KLINE_(_POPAUTH_MAP_)

LOCAL_RULESETS
# Popauth: is there a grant for the client?  RELAY, TEMP or NO, whatever the workspace is.
SPopauth
ifelse(index(_POPAUTH_MAP_, `socket '), `0', `dnl
R$*			$: $(popauth_relay $&{client_addr} $: NO $)', `dnl
R$*			$: $>Popauth_file $&{client_addr}')
R$* <TMPF>		$@ TEMP
RRELAY			$@ RELAY
R$*			$@ NO
ifelse(index(_POPAUTH_MAP_, `socket '), `0', `', `
# In a file a network is a shorter key: the address is cut at its end as for the access map.
SPopauth_file
R$+			$: $1 $| $(popauth_relay $1 $: NO $)
R$+ : $- $| NO		$@ $>Popauth_file $1
R$+ . $- $| NO		$@ $>Popauth_file $1
R$* $| $*		$@ $2
')
# Relay_ok decides about recipients that are not ours.  Whom sendmail itself lets relay may, whatever the map says or
# does not say; for others it takes a grant.  Popauth_own is what Relay_ok is without popauth-milter.
SRelay_ok
R$*			$: @ $| $>Popauth_own
R@ $| RELAY		$@ RELAY
R@ $| $*		$: @ $| $1 $| $>Popauth
R@ $| $* $| RELAY	$@ RELAY
R@ $| $* $| TEMP	$#TEMP $@ 4.3.0 $: "451 Whether you may relay cannot be found out now. Please try again later."
R@ $| $* $| $*		$@ $1
divert(-1)
dnl There, and not in Local_check_rcpt, because nothing else that check_rcpt looks at is left out then, and mail to
dnl local users does not wait for a map.  sendmail offers no hook at that place, so its ruleset gets another name.
define(`SRelay_ok', `SPopauth_own')

ifdef(`_POPAUTH_LISTED_', `', `
dnl The place of the DNSBLs in Basic_check_relay.  What other features add there comes to stand in Popauth_listed.
divert(8)
# A client that may relay is let in although it is listed; the map is asked only about those that are.
R$*			$: @ $| $>Popauth_listed
R@ $| $#$*		$: @ $| $#$1 $| $>Popauth
R@ $| $* $| RELAY	$@ OK
R@ $| $* $| $*		$@ $1
R@ $| $*		$@ $1

SPopauth_listed
divert(-1)
ifdef(`_DNSBL_R_', `define(`_POPAUTH_LATE_', `dnsbl')')
ifdef(`_EDNSBL_R_', `define(`_POPAUTH_LATE_', `enhdnsbl')')
ifdef(`_POPAUTH_LATE_', `errprint(`*** WARNING: FEATURE('_POPAUTH_LATE_`) before FEATURE(popauth_milter):
	it will refuse clients although they may relay
')')
')
')
