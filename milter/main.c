/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - popauth-milter: arguments, background, signals
 *
 * Exit codes are those of sysexits.h: 64 for bad arguments, 78 for a mistake in the configuration or the rules, 67 for
 * a user or group that does not exist, 71 for anything the system refused, 75 for --withdraw while there is a daemon.
 */
#include <sys/types.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf.h"
#include "daemon.h"
#include "filter.h"
#include "gatekeeper.h"
#include "lists.h"
#include "logmsg.h"
#include "notify.h"
#include "privilege.h"
#include "relaymap.h"
#include "unixsock.h"
#include "version.h"

struct options {
	const char *conf;
	bool foreground, test, withdraw;
};

static const char usage_text[] =
	"usage: popauth-milter [-f] [-t] [-c FILE]\n"
	"       popauth-milter -w [-c FILE]\n"
	"       popauth-milter -h | -V | --sample\n"
	"  -c, --config FILE  read FILE instead of " CONF_FILE "\n"
	"  -f, --foreground   stay in the foreground, write messages to standard error as well\n"
	"  -t, --test         check configuration and rules, then exit: 0 good, 78 not\n"
	"  -w, --withdraw     take the grants of a daemon that was killed out of relay_map, then exit\n"
	"      --sample       print a configuration file with every option and its default\n"
	"  -h, --help         print this\n"
	"  -V, --version      print the version\n"
	"The filter is managed with popauth-milterctl(8).\n";

enum { OPT_SAMPLE = 256 };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "test", no_argument, NULL, 't' },
	{ "withdraw", no_argument, NULL, 'w' },
	{ "sample", no_argument, NULL, OPT_SAMPLE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static struct options
parse_options(int argc, char **argv)
{
	struct options o = { .conf = CONF_FILE };
	int c;

	while ((c = getopt_long(argc, argv, "c:ftwhV", long_options, NULL)) != -1)
		switch (c) {
		case 'c':
			o.conf = optarg;
			break;
		case 'f':
			o.foreground = true;
			break;
		case 't':
			o.test = true;
			break;
		case 'w':
			o.withdraw = true;
			break;
		case OPT_SAMPLE:
			conf_print_sample(stdout);
			exit(0);
		case 'h':
			(void)fputs(usage_text, stdout);
			exit(0);
		case 'V':
			(void)puts("popauth-milter " POPAUTH_VERSION);
			exit(0);
		default:
			(void)fputs(usage_text, stderr);
			exit(EX_USAGE);
		}
	if (optind != argc) {
		(void)fprintf(stderr, "popauth-milter: \"%s\" is one argument too many\n%s", argv[optind], usage_text);
		exit(EX_USAGE);
	}
	return o;
}

_Noreturn static void
fail(int code, const struct err *e)
{
	logmsg(LEVEL_ERROR, "%s", e->text);
	logmsg_stop();
	exit(code);
}

/* Go into the background; returns the end of a pipe that the child writes to once it serves.  The parent stays until
 * then, so that whoever started us learns of a failure. */
static int
background(void)
{
	int ready[2], null;
	char ok;
	pid_t pid;

	if (pipe(ready) == -1 || (pid = fork()) == -1) {
		logmsg(LEVEL_ERROR, "cannot go into the background: %s", strerror(errno));
		exit(EX_OSERR);
	}
	if (pid != 0) {
		int status;

		close(ready[1]);
		if (read(ready[0], &ok, 1) == 1)
			_exit(0);
		_exit(waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE);
	}
	close(ready[0]);
	(void)fcntl(ready[1], F_SETFD, FD_CLOEXEC);
	(void)setsid();
	(void)!chdir("/");
	null = open("/dev/null", O_RDWR);
	if (null != -1) {
		dup2(null, 0);
		dup2(null, 1);
		if (null > 2)
			close(null);
	}
	return ready[1];
}

/* Start-up is over: let the parent go, and standard error with it. */
static void
report_ready(int ready)
{
	if (ready == -1)
		return;
	(void)!write(ready, "", 1);
	close(ready);
	dup2(1, 2);
}

static atomic_int ended_with; /* an exit status; 0: it was told to end */
static sem_t end;	      /* posted when it is time */
static sem_t caught;	      /* posted when the main thread takes the signals */

static void
await(sem_t *what)
{
	while (sem_wait(what) == -1 && errno == EINTR)
		;
}

static void
end_now(int status)
{
	if (status != 0)
		ended_with = status;
	(void)sem_post(&end);
}

static void
told_to_end(int sig)
{
	(void)sig;
	(void)sem_post(&end);
}

static sigset_t
ends(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	return set;
}

/* Before any thread: what ends us waits until catch_end(), what reloads until reload_thread().  Whose they are, as
 * libmilter waits for the former as well: see filter.h. */
static void
hold_signals(void)
{
	static const struct sigaction tell = { .sa_handler = told_to_end, .sa_flags = SA_RESTART };
	sigset_t set = ends();

	(void)sem_init(&end, 0, 0);
	(void)sem_init(&caught, 0, 0);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)sigaction(SIGTERM, &tell, NULL);
	(void)sigaction(SIGHUP, &tell, NULL);
	(void)sigaction(SIGINT, &tell, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* From now on the calling thread does nothing but wait for its end, so that the kernel gives it these signals and not
 * libmilter, which calls it a failure to be stopped before its loop has begun: it is let loose only now. */
static void
catch_end(void)
{
	sigset_t set = ends();

	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	(void)sem_post(&caught);
}

/* A descriptor for each session and each lookup: take as many as we may have. */
static void
raise_descriptors(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == -1)
		return;
	lim.rlim_cur = lim.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
}

static struct conf *
read_conf(const struct options *o, struct rules **rules)
{
	struct err e;
	struct conf *c = conf_read(o->conf, &e);
	struct lists *lists = c == NULL ? NULL : lists_read(c, &e);

	if (lists == NULL || conf_lists(c, true, &e) == -1 || gatekeeper_confirm(c, &e) == -1 ||
	    daemon_rules(c, rules, &e) == -1)
		fail(EX_CONFIG, &e);
	lists_install(lists);
	if (daemon_check_owner(c, &e) == -1)
		fail(EX_NOUSER, &e);
	return c;
}

/* libmilter's main loop, in a thread of its own: it comes back seconds after it was told to stop, and by then we are
 * gone.  When it comes back by itself, or took the signal itself, the main thread is told. */
static void *
filter_thread(void *arg)
{
	struct err e;

	(void)arg;
	await(&caught);
	if (filter_run(&e) == -1) {
		logmsg(LEVEL_ERROR, "%s", e.text);
		end_now(EX_SOFTWARE);
	}
	end_now(0);
	return NULL;
}

/* To be started again brings another helper, and with nothing forgotten.  Without somebody who does that, mail is better
 * served by a daemon that blocks nobody in the kernel. */
static void
helper_lost(void *arg)
{
	(void)arg;
	if (!notify_managed())
		return;
	logmsg(LEVEL_ERROR, "ending with status %d, so that the service manager starts everything again", EX_UNAVAILABLE);
	end_now(EX_UNAVAILABLE);
}

static atomic_bool ending;

/* SIGUSR1 reads the configuration again, until the main thread sends it because all is over. */
static void *
reload_thread(void *arg)
{
	sigset_t set;
	struct err e;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	while (sigwait(&set, &sig) == 0 && !ending)
		(void)daemon_reload(arg, NULL, &e); /* which says what came of it */
	return NULL;
}

/* Until it is time to end. */
static int
serve(struct daemon *d)
{
	pthread_t filter, reload;
	int rc;

	rc = pthread_create(&reload, NULL, reload_thread, d);
	if (rc != 0) {
		logmsg(LEVEL_ERROR, "reload thread: %s", strerror(rc));
		return EX_OSERR;
	}
	rc = pthread_create(&filter, NULL, filter_thread, NULL);
	if (rc == 0) {
		(void)pthread_detach(filter); /* nobody waits for it, whether it comes back before the end or not */
		catch_end();
		await(&end);
	} else {
		logmsg(LEVEL_ERROR, "milter thread: %s", strerror(rc));
		end_now(EX_OSERR);
	}
	ending = true;
	(void)pthread_kill(reload, SIGUSR1);
	(void)pthread_join(reload, NULL);
	return ended_with;
}

/* What a daemon that did not end in good order has left to the MTA.  Nothing but the configuration is read for it: a mistake
 * in the rules may be why there is no daemon. */
static int
withdraw(const struct options *o)
{
	struct relaymap *rm = relaymap_new(&(struct relaymap_setup){ 0 });
	struct err e;
	struct conf *c = conf_read(o->conf, &e);
	int fd;

	if (c == NULL)
		fail(EX_CONFIG, &e);
	fd = unixsock_connect(c->control_socket, &e);
	if (fd != -1) {
		close(fd);
		err_set(&e, "%s: the daemon is running, and relay_map is its own", c->control_socket);
		fail(EX_TEMPFAIL, &e);
	}
	if (privilege_drop(c->user, &e) == -1)
		fail(EX_NOUSER, &e);
	conf_install(c);
	if (relaymap_clear(rm, &e) == -1)
		fail(EX_OSERR, &e);
	relaymap_free(rm);
	conf_install(NULL);
	return 0;
}

int
main(int argc, char **argv)
{
	struct options o = parse_options(argc, argv);
	struct rules *rules = NULL;
	struct conf *c;
	struct daemon *d;
	struct err e;
	int ready = -1, rc;

	if (o.withdraw)
		return withdraw(&o);
	c = read_conf(&o, &rules);
	if (o.test) {
		(void)printf("%s: good, %u rules\n", o.conf, rules_count(rules));
		rules_free(rules);
		conf_put(c);
		return 0;
	}
	logmsg_open("popauth-milter", true);
	conf_install(conf_get(c));
	hold_signals();
	raise_descriptors();
	if (!o.foreground)
		ready = background();
	if ((d = daemon_open(&e)) == NULL)
		fail(EX_OSERR, &e);
	if (privilege_drop(c->user, &e) == -1)
		fail(EX_NOUSER, &e);
	if (daemon_start(d, rules, &e) == -1)
		fail(EX_OSERR, &e);
	conf_put(c);
	if (!o.foreground || notify_managed())
		logmsg_open("popauth-milter", false);
	if (logmsg_start(&e) == -1)
		fail(EX_OSERR, &e);
	daemon_on_loss(d, helper_lost);
	report_ready(ready);
	notify_ready();
	rc = serve(d);
	notify_stopping();
	daemon_stop(d);
	logmsg_stop();
	return rc;
}
