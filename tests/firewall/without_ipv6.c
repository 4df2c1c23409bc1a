/* SPDX-License-Identifier: GPL-2.0-or-later */
/* without_ipv6 COMMAND... - run it as if the kernel had been booted with ipv6.disable=1: it has no such sockets */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 2 || ctx == NULL ||
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_INET6, 0)) != 0 ||
	    seccomp_load(ctx) != 0) {
		fprintf(stderr, "without_ipv6: %s\n", argc < 2 ? "which command?" : "no such filter can be set");
		return 126;
	}
	execvp(argv[1], argv + 1);
	fprintf(stderr, "without_ipv6: %s: %s\n", argv[1], strerror(errno));
	return 127;
}
