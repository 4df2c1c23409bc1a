/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel.h - for the tests of the firewall against a real kernel
 *
 * In a network namespace of the process's own, so nothing of the machine is touched.  What the kernel holds is asked
 * of ipset(8) and iptables(8), which know nothing of us.  Every wait is for an answer of the helper: it works in
 * order, so the answer to a query says that all before it is done.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <sys/wait.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/unit.h"
#include "firewall.h"

#define PATIENCE 50000 /* milliseconds: nothing here takes long, but the machine may be busy; less than the daemon's minute */

static char helper_path[4096];

/* ---- looking from outside ---- */

static inline int __attribute__((format(printf, 1, 2)))
sh(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	status = system(cmd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The kernel lets go of a set some time after the rule that named it is gone. */
#define SOON(command) "for i in $(seq 600); do " command " 2>/dev/null && break; sleep 0.1; done; " \
		      "test $i != 600"

/* The command's output, in a buffer that the next call uses again. */
static inline const char *__attribute__((format(printf, 1, 2)))
output(const char *fmt, ...)
{
	static char buf[65536];
	char cmd[1024];
	va_list ap;
	size_t n;
	FILE *fp;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	fp = popen(cmd, "r");
	assert_non_null(fp);
	n = fread(buf, 1, sizeof(buf) - 1, fp);
	buf[n] = '\0';
	pclose(fp);
	return buf;
}

static inline bool
in_set(const char *set, const char *addr)
{
	return sh("ipset -q test %s %s", set, addr) == 0;
}

/* What is left of an entry's term; -1: no such entry. */
static inline long
term_of(const char *set, const char *addr)
{
	const char *p = output("ipset save %s | grep -F ' %s timeout '", set, addr), *t = strstr(p, "timeout ");

	return t != NULL ? strtol(t + 8, NULL, 10) : -1;
}

static inline long
entries_of(const char *set)
{
	const char *p = strstr(output("ipset list -t %s", set), "Number of entries: ");

	return p != NULL ? strtol(p + 19, NULL, 10) : -1;
}

static inline void
assert_term(const char *set, const char *addr, long term)
{
	long got = term_of(set, addr);

	if (got > term || got < term - 60)
		fail_msg("%s in %s: got a term of %ld, want %ld or a little less", addr, set, got, term);
}

/* ---- the helper ---- */

static inline struct firewall_conf
conf(void)
{
	return (struct firewall_conf){
		.helper = helper_path, .user = "nobody", .set4 = "popauth4", .set6 = "popauth6", .ipv6_prefix = 64
	};
}

static inline struct firewall_helper
start(const struct firewall_conf *c)
{
	struct firewall_helper h;
	struct err e;

	if (firewall_spawn(c, &h, &e) == -1)
		fail_msg("%s", e.text);
	return h;
}

/* The keeper's only child. */
static inline pid_t
worker_of(pid_t keeper)
{
	return (pid_t)strtol(output("ps -o pid= --ppid %d", (int)keeper), NULL, 10);
}

/* ---- a namespace ---- */

static inline int
not_here(const char *why)
{
	print_message("SKIP: %s\n", why);
	return 77;
}

/* Before the first test; 77: there cannot be one here. */
static inline int
kernel_begin(void)
{
	const char *dir = getenv("builddir");

	snprintf(helper_path, sizeof(helper_path), "%s/popauth-firewall", dir != NULL ? dir : ".");
	if (geteuid() != 0)
		return not_here("needs root, for a network namespace of its own");
	if (unshare(CLONE_NEWNET) == -1)
		return not_here("no network namespace can be made here");
	if (sh("ip link set lo up && ip addr add 192.0.2.1/32 dev lo && ip addr add 192.0.2.100/32 dev lo") != 0)
		return not_here("needs ip(8)");
	if (sh("ipset create probe hash:ip timeout 1 && iptables -A INPUT -m set --match-set probe src && "
	       "iptables -F && { " SOON("ipset destroy probe") "; }") != 0)
		return not_here("needs ipset(8), iptables(8) and a kernel with both");
	return 0;
}

static inline int
clean(void **state)
{
	(void)state;
	assert_int_equal(sh("iptables -F; ip6tables -F; " SOON("ipset destroy")), 0);
	return 0;
}

#define with_kernel(test) cmocka_unit_test_setup(test, clean)

#endif
