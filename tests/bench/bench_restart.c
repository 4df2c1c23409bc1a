/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_restart.c - the daemon starts with a million blocked clients known
 *
 * In a network namespace of its own.  A store with a million blocked clients is made; then the daemon is started, once
 * with the sets gone (as after a reboot) and once with the sets as they were (as after an upgrade), and from the start
 * of the program it is timed when the MTA's first question is answered and when the kernel's sets are right.  Then the
 * processor time of a minute with nothing to do but to see that they still are.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "ledger.h"
#include "store.h"

#define MANY 1000000

static char dir[] = "/tmp/restart.XXXXXX";

static void
make_store(const char *state)
{
	struct ledger *l = ledger_new(MANY);
	enum store_state is;
	struct policy p;
	struct store *s;
	struct cut c;
	struct err e;

	policy_defaults(&p);
	for (unsigned i = 0; i < MANY; i++) {
		struct addr a = { { [10] = 255, 255, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };

		ledger_add(l, &p, SET_BLOCK, &a, time(NULL), 86400, STR("bench"));
	}
	cut_init(&c);
	ledger_cut(l, &c, true);
	s = store_open(state, &is, &e);
	must(s != NULL && store_commit(s, &c, &e) == STORE_DONE, state);
	store_close(s);
	cut_clear(&c);
	ledger_free(l);
}

static void
write_conf(void)
{
	char path[64], *src = realpath(getenv("top_srcdir") != NULL ? getenv("top_srcdir") : ".", NULL);
	char *here = realpath(".", NULL);
	FILE *fp;

	snprintf(path, sizeof path, "%s/conf", dir);
	fp = fopen(path, "we");
	must(fp != NULL, path);
	fprintf(fp, "user = \"\"\nstate_dir = \"%s/state\"\nrules_dir = \"%s/rules\"\nrules_local = \"\"\nlogs = { \"%s/log\" }\n"
	    "milter_socket = \"unix:%s/milter\"\nmap_socket = \"%s/map\"\ncontrol_socket = \"%s/control\"\n"
	    "firewall_helper = \"%s/popauth-firewall\"\n", dir, src, dir, dir, dir, dir, here);
	must(fclose(fp) == 0, path);
	free(src);
	free(here);
}

static pid_t
start(void)
{
	char conf[64];
	pid_t pid = fork();

	must(pid != -1, "fork");
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		snprintf(conf, sizeof conf, "%s/conf", dir);
		dup2(null, 1);
		dup2(null, 2);
		execl("./popauth-milter", "popauth-milter", "-f", "-c", conf, (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* One question on the MTA's map socket, as soon as there is somebody to answer. */
static void
await_answer(void)
{
	static const char question[] = "17:verdict 10.0.0.99,";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char answer[256];
	int s;

	snprintf(to.sun_path, sizeof to.sun_path, "%s/map", dir);
	for (;;) {
		s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(s, (struct sockaddr *)&to, sizeof to) == 0)
			break;
		close(s);
		usleep(1000);
	}
	must(write(s, question, sizeof question - 1) == sizeof question - 1 && read(s, answer, sizeof answer) > 0, "map");
	close(s);
}

static unsigned long
number(const char *cmd)
{
	FILE *fp = popen(cmd, "r");
	unsigned long n = 0;

	must(fp != NULL, cmd);
	if (fscanf(fp, "%lu", &n) != 1)
		n = 0;
	pclose(fp);
	return n;
}

static unsigned long
ctl_number(const char *what)
{
	char cmd[256];

	snprintf(cmd, sizeof cmd, "./popauth-milterctl --json -s %s/control %s", dir, what);
	return number(cmd);
}

static bool
synced(unsigned long n)
{
	return ctl_number("stats | grep -o '\"firewall_syncs\":[0-9]*' | cut -d: -f2") >= n;
}

/* Of the daemon and its helper, in clock ticks. */
static double
cpu(pid_t pid)
{
	char cmd[256];

	snprintf(cmd, sizeof cmd, "k=$(cat /proc/%d/task/%d/children); w=$(cat /proc/${k%% }/task/${k%% }/children); "
	    "cat /proc/${k%% }/stat /proc/${w%% }/stat | awk '{ n += $14 + $15 } END { print n }'", (int)pid, (int)pid);
	return (double)number(cmd) / (double)sysconf(_SC_CLK_TCK);
}

static void
bench_start(const char *name, bool idle)
{
	double t, answered, done, before;
	char path[64];
	pid_t pid;

	snprintf(path, sizeof path, "%s/map", dir);
	(void)unlink(path);
	t = seconds();
	pid = start();
	await_answer();
	answered = seconds() - t;
	while (!synced(1)) /* to ask the kernel would cost it as much as some ten thousand entries */
		usleep(20000);
	done = seconds() - t;
	must(number("ipset list -t popauth4 | sed -n 's/Number of entries: //p'") == MANY, "the set's entries");
	snprintf(path, sizeof path, "awk '/VmRSS/ { print $2 }' /proc/%d/status", (int)pid);
	printf("%s: first answer %.2f s, the sets right %.2f s; daemon %lu MB\n", name, answered, done,
	    number(path) / 1024);
	if (idle) {
		before = cpu(pid);
		sleep(65);
		printf("%s: a minute with nothing to do costs the helper %.2f s of processor time\n", name, cpu(pid) - before);
	}
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

int
main(void)
{
	char cmd[64];

	if (geteuid() != 0 || unshare(CLONE_NEWNET) == -1) {
		printf("SKIP: needs root, for a network namespace of its own\n");
		return 0;
	}
	if (system("ipset -v >/dev/null") != 0) {
		printf("SKIP: needs ipset(8)\n");
		return 0;
	}
	must(mkdtemp(dir) != NULL, dir);
	snprintf(cmd, sizeof cmd, "%s/log", dir);
	must(close(open(cmd, O_WRONLY | O_CREAT, 0600)) == 0, cmd);
	snprintf(cmd, sizeof cmd, "%s/state", dir);
	make_store(cmd);
	write_conf();
	bench_start("sets gone", false);
	bench_start("sets there", true);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	must(system(cmd) == 0, cmd);
	return 0;
}
