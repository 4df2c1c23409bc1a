# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# net.sh - one mail server and the clients of the test, each a network namespace on one wire
#
# All of them hang on a bridge in the server's namespace.  IPv6 clients live in /64 networks of
# their own, because that is what the program takes for one client.

server4=192.0.2.25
server6=2001:db8::25

# name, address with prefix length
clients='
neighbour	198.51.100.20/24
traveller	198.51.100.10/24
listed		198.51.100.66/24
guesser		198.51.100.77/24
intruder	198.51.100.78/24
helo		198.51.100.88/24
ehlo		198.51.100.89/24
provider	198.51.100.30/24
pretender	198.51.100.31/24
nameless	198.51.100.32/24
trapped		198.51.100.33/24
fooled		198.51.100.34/24
neighbour6	2001:db8:7::20/64
guesser6	2001:db8:6::77/64
sibling6	2001:db8:6::78/64
'

# on NAME COMMAND...: run a command as the host NAME.
on() {
	ip netns exec "$@"
}

# address_of CLIENT
address_of() {
	echo "$clients" | awk -v name="$1" '$1 == name { sub("/.*", "", $2); print $2 }'
}

# server_for CLIENT: the server's address of the client's family
server_for() {
	case $1 in
	*6) echo $server6 ;;
	*) echo $server4 ;;
	esac
}

# Empty where the kernel has no IPv6; where it is only switched off, our namespaces switch it on.
ipv6=
if [ -e /proc/net/if_inet6 ]; then
	ipv6=yes
fi

host_up() {
	ip netns add "$1" && ip -n "$1" link set lo up || return 1
	[ -z "$ipv6" ] || on "$1" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
}

# Addresses are usable at once only without duplicate address detection.
net_server() {
	host_up server &&
		ip -n server link add name wire type bridge &&
		ip -n server address add $server4/24 dev wire &&
		ip -n server link set wire up &&
		ip -n server route add 198.51.100.0/24 dev wire || return 1
	[ -n "$ipv6" ] || return 0
	ip -n server address add $server6/64 dev wire nodad &&
		ip -n server -6 route add 2001:db8:6::/64 dev wire &&
		ip -n server -6 route add 2001:db8:7::/64 dev wire
}

net_client() {
	host_up "$1" &&
		ip -n server link add name "w-$1" type veth peer name eth0 netns "$1" &&
		ip -n server link set "w-$1" master wire up &&
		ip -n "$1" link set eth0 up || return 1
	case $1 in
	*6)
		ip -n "$1" address add "$2" dev eth0 nodad &&
			ip -n "$1" -6 route add $server6 dev eth0
		;;
	*)
		ip -n "$1" address add "$2" dev eth0 &&
			ip -n "$1" route add $server4 dev eth0
		;;
	esac
}

net_up() {
	net_server || return 1
	echo "$clients" | while read -r name address; do
		# an empty line, or one of those that need IPv6 where there is none
		case $name$ipv6 in
		'' | yes | *6) ;;
		*) net_client "$name" "$address" || exit 1 ;;
		esac
	done
}
