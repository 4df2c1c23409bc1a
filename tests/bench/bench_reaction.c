/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_reaction.c - from the log line that decides to the first packet that is dropped
 *
 * In a network namespace of its own, with the real daemon and its helper: a line is written, and from the beginning of that
 * write(2) the kernel set is asked, by netlink, every 50 microseconds until the client is in it; then the client sends a SYN
 * to a closed port, until no answer comes.  SSHGuard, where installed, does the same work in the same run: its own
 * programs, put together as its start script does, with its ipset back end.
 *
 * Who asks without a pause keeps one processor busy, and whoever of the daemon is woken there waits until the kernel takes
 * it away from him: on two processors that was the slowest hundredth, 1.5 to 5 ms of nothing but waiting.  So we pause, and
 * are a real-time process, which sees at once what there is to see.  What other programs keep busy is seen all the same;
 * the second row, with the daemon in real time as well, is what its own work comes to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "bench.h"

#define SSHGUARD "/usr/libexec/sshguard"
#define PORT	 25
#define PATIENCE 5.0 /* seconds until a line counts as missed */
#define IDLE_NS	 3000000
#define ASK_NS	 50000
#define ALIGNED(n) (((size_t)(n) + 3) & ~(size_t)3)

static char dir[] = "/tmp/reaction.XXXXXX", log_path[64];
static int log_fd, netlink;

/* --- is it in the set? --- */

static struct nlattr *
put(struct nlmsghdr *h, unsigned type, const void *data, size_t n)
{
	struct nlattr *a = (struct nlattr *)(void *)((char *)h + ALIGNED(h->nlmsg_len));

	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(sizeof *a + n);
	if (n > 0)
		memcpy(a + 1, data, n);
	h->nlmsg_len = (uint32_t)(ALIGNED(h->nlmsg_len) + ALIGNED(a->nla_len));
	return a;
}

static void
close_nest(const struct nlmsghdr *h, struct nlattr *a)
{
	a->nla_len = (uint16_t)((const char *)h + h->nlmsg_len - (char *)a);
}

static bool
in_set(const char *set, uint32_t addr)
{
	union {
		struct nlmsghdr h;
		char room[512];
	} m = { .h = { NLMSG_LENGTH(sizeof(struct nfgenmsg)), NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_TEST,
	    NLM_F_REQUEST | NLM_F_ACK, 1, 0 } };
	struct nfgenmsg *g = NLMSG_DATA(&m.h);
	uint8_t protocol = 6;
	uint32_t ip = htonl(addr);
	struct nlattr *data, *at;
	struct nlmsgerr *e = NLMSG_DATA(&m.h);

	g->nfgen_family = AF_INET;
	put(&m.h, IPSET_ATTR_PROTOCOL, &protocol, sizeof protocol);
	put(&m.h, IPSET_ATTR_SETNAME, set, strlen(set) + 1);
	data = put(&m.h, IPSET_ATTR_DATA | NLA_F_NESTED, NULL, 0);
	at = put(&m.h, IPSET_ATTR_IP | NLA_F_NESTED, NULL, 0);
	put(&m.h, IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER, &ip, sizeof ip);
	close_nest(&m.h, at);
	close_nest(&m.h, data);
	must(send(netlink, &m, m.h.nlmsg_len, 0) != -1, "netlink");
	must(recv(netlink, &m, sizeof m, 0) > 0 && m.h.nlmsg_type == NLMSG_ERROR, "netlink's answer");
	errno = -e->error;
	must(e->error == 0 || e->error == -IPSET_ERR_EXIST, set);
	return e->error == 0;
}

/* --- is it dropped? --- */

/* A closed port answers at once, before connect(2) returns; silence is made sure of by waiting a little. */
static bool
dropped(uint32_t from, double *when)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(0x0afe0001) };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(from) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = s, .events = POLLOUT };
	bool silent;

	must(bind(s, (struct sockaddr *)&sin, sizeof sin) == 0, "bind");
	silent = connect(s, (struct sockaddr *)&to, sizeof to) == -1 && errno == EINPROGRESS;
	*when = seconds();
	silent = silent && poll(&p, 1, 2) == 0;
	close(s);
	return silent;
}

/* --- one after the other --- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
report(const char *name, const char *what, double *v, unsigned n)
{
	qsort(v, n, sizeof *v, by_value);
	printf("%-16s %-34s p50 %8.3f ms  p99 %8.3f ms  max %8.3f ms  (%u)\n", name, what, v[n / 2] * 1e3,
	    v[n * 99 / 100] * 1e3, v[n - 1] * 1e3, n);
}

/* When it was about to be written: whoever waits for it may run before write(2) comes back. */
static double
write_line(uint32_t client)
{
	time_t now = time(NULL);
	char line[256], stamp[32];
	struct tm tm;
	double t;
	int n;

	strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", localtime_r(&now, &tm));
	n = snprintf(line, sizeof line, "%s mx postfix/smtpd[%u]: warning: unknown[%u.%u.%u.%u]: SASL LOGIN authentication "
	    "failed: UGFzc3dvcmQ6\n", stamp, client & 0x7fff, client >> 24, client >> 16 & 255, client >> 8 & 255,
	    client & 255);
	t = seconds();
	must(write(log_fd, line, (size_t)n) == n, "write");
	return t;
}

static void
trials(const char *name, const char *set, uint32_t base, unsigned n)
{
	static const struct timespec idle = { .tv_nsec = IDLE_NS }, pause = { .tv_nsec = ASK_NS };
	double *member = calloc(n, sizeof *member), *drop = calloc(n, sizeof *drop), t, now;
	unsigned done = 0, missed = 0;

	must(member != NULL && drop != NULL, "memory");
	for (unsigned i = 0; i < n && missed < 3; i++) {
		uint32_t client = base + 1 + i;

		nanosleep(&idle, NULL); /* so that everybody sleeps */
		t = write_line(client);
		while (!in_set(set, client) && seconds() < t + PATIENCE)
			nanosleep(&pause, NULL);
		member[done] = seconds() - t;
		if (member[done] > PATIENCE) {
			missed++;
			continue;
		}
		t += member[done];
		while (!dropped(client, &now) && seconds() < t + PATIENCE)
			;
		drop[done++] = now - t;
	}
	if (done > 0) {
		report(name, "line written to kernel set", member, done);
		report(name, "from there to the first dropped SYN", drop, done);
	}
	if (missed > 0)
		printf("%-16s %u lines had no effect\n", name, missed);
	free(member);
	free(drop);
}

/* --- who does it --- */

static void
await_set(const char *set)
{
	char cmd[128];

	snprintf(cmd, sizeof cmd, "for i in $(seq 100); do ipset -q list -n %s >/dev/null && exit 0; sleep 0.1; done; exit 1",
	    set);
	must(system(cmd) == 0, set);
	snprintf(cmd, sizeof cmd, "iptables -A INPUT -m set --match-set %s src -j DROP", set);
	must(system(cmd) == 0, cmd);
}

/* false: not allowed here. */
static bool
real_time(int priority, int flags)
{
	return sched_setscheduler(0, SCHED_FIFO | flags, &(struct sched_param){ .sched_priority = priority }) == 0;
}

/* In a process group of its own, with nothing to say. */
static pid_t
start(const char *cmd, bool at_once)
{
	pid_t pid = fork();

	must(pid != -1, "fork");
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		setpgid(0, 0);
		(void)(at_once && real_time(1, 0));
		dup2(null, 1);
		dup2(null, 2);
		execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	setpgid(pid, pid);
	return pid;
}

static void
stop(pid_t pid)
{
	kill(-pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

static void
ours(const char *name, bool at_once, unsigned n)
{
	char path[64], cmd[256], *rules = realpath(getenv("top_srcdir") != NULL ? getenv("top_srcdir") : ".", NULL);
	FILE *fp;
	pid_t pid;

	snprintf(path, sizeof path, "%s/conf", dir);
	fp = fopen(path, "we");
	must(fp != NULL, path);
	fprintf(fp, "user = nobody\nstate_dir = \"%s/state\"\nrules_dir = \"%s/rules\"\nrules_local = \"\"\nlogs = { \"%s\" }\n"
	    "milter_socket = \"unix:%s/run/milter\"\nmap_socket = \"\"\ncontrol_socket = \"%s/run/control\"\n"
	    "firewall_helper = \"%s/popauth-firewall\"\nkind auth-failure {\n\trate = \"1/60s for 1h\"\n}\n"
	    "breaker_blocks = off\n", dir, rules,
	    log_path, dir, dir, realpath(".", NULL));
	must(fclose(fp) == 0, path);
	snprintf(cmd, sizeof cmd, "exec ./popauth-milter -f -c %s", path);
	pid = start(cmd, at_once);
	await_set("popauth4");
	snprintf(cmd, sizeof cmd, "for i in $(seq 100); do ./popauth-milterctl -s %s/run/control status >/dev/null && exit 0; "
	    "sleep 0.1; done; exit 1", dir);
	must(system(cmd) == 0, "the daemon");
	trials(name, "popauth4", at_once ? 0x0a080000 : 0x0a000000, n);
	stop(pid);
}

static void
sshguard(unsigned n)
{
	char cmd[256];
	pid_t pid;

	if (access(SSHGUARD "/sshg-parser", X_OK) == -1) {
		printf("SSHGuard is not installed\n");
		return;
	}
	snprintf(cmd, sizeof cmd, SSHGUARD "/sshg-logtail %s | " SSHGUARD "/sshg-parser | " SSHGUARD
	    "/sshg-blocker -a 10 -p 3600 -s 1800 | " SSHGUARD "/sshg-fw-ipset", log_path);
	pid = start(cmd, false);
	await_set("sshguard4");
	sleep(2); /* its tail(1) says nothing when it is there */
	trials("SSHGuard", "sshguard4", 0x0a100000, n);
	stop(pid);
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;

	if (geteuid() != 0 || unshare(CLONE_NEWNET) == -1) {
		printf("SKIP: needs root, for a network namespace of its own\n");
		return 0;
	}
	if (system("ip link set lo up && ip route add local 10.0.0.0/8 dev lo && ipset -v >/dev/null") != 0) {
		printf("SKIP: needs ip(8) and ipset(8)\n");
		return 0;
	}
	must(mkdtemp(dir) != NULL && chmod(dir, 0755) == 0, dir);
	snprintf(log_path, sizeof log_path, "%s/mail.log", dir);
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	must(log_fd != -1 && netlink != -1, log_path);
	if (!real_time(2, SCHED_RESET_ON_FORK))
		printf("not allowed to be a real-time process: the slowest may be of our own making\n");
	ours("popauth-milter", false, n);
	ours(" in real time", true, n);
	sshguard(n / 5 + 1);
	if (snprintf(log_path, sizeof log_path, "rm -rf %s", dir) > 0)
		must(system(log_path) == 0, log_path);
	return 0;
}
