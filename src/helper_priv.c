/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper_priv.c - giving up every privilege but one, and every system call but a few
 *
 * It fails closed: what cannot be given up ends the helper, with a message that says what to do.
 *
 * The filters answer EPERM to a call that is not on the list, so that a libc that tries something new falls back to
 * something old and the blocks stay enforced; calls that only an intruder would make end the process at once.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

static int
become(const char *user, struct err *e)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL)
		return err_set(e, "there is no user %s", user);
	if (pw->pw_uid == 0)
		return 0;
	if (capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
	    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT) < 0)
		return err_sys(e, "cannot become user %s", user);
	if (setuid(0) != -1 || setgid(0) != -1)
		return err_set(e, "became user %s, but the way back to root is open", user);
	return 0;
}

/* The kernel's word for it, not ours. */
static int
verify(struct err *e)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_get_caps_process() == -1)
		return err_set(e, "cannot read back the capabilities");
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (capng_have_capability(CAPNG_EFFECTIVE, cap) != (cap == CAP_NET_ADMIN) ||
		    capng_have_capability(CAPNG_PERMITTED, cap) != (cap == CAP_NET_ADMIN) ||
		    capng_have_capability(CAPNG_INHERITABLE, cap))
			return err_set(e, "capability %s is not as it should be after dropping all but net_admin",
			    capng_capability_to_name(cap));
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_set(e, "no_new_privs or not-dumpable did not hold");
	return 0;
}

int
priv_drop(const char *user, struct err *e)
{
	static const struct rlimit none = { 0, 0 }, files = { 16, 16 };

	if (capng_get_caps_process() == -1 || !capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN))
		return err_set(e, "no CAP_NET_ADMIN: start the daemon as root, or setcap cap_net_admin=ep "
				  "popauth-firewall"); /* short enough for FW_TEXT */
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN) == -1)
		return err_set(e, "cannot name the capability net_admin");
	if (geteuid() == 0 && user != NULL && user[0] != '\0' && become(user, e) == -1)
		return -1;
	/* The bounding set can only be emptied by who may set capabilities at all; without it no_new_privs stands. */
	if (capng_apply(geteuid() == 0 ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) < 0)
		return err_sys(e, "cannot drop capabilities");
	if (setrlimit(RLIMIT_CORE, &none) == -1 || setrlimit(RLIMIT_NOFILE, &files) == -1)
		return err_sys(e, "cannot set limits");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return err_sys(e, "cannot give up new privileges");
	return verify(e);
}

/* What a running worker asks of the kernel: its two sockets, memory, the time, its own end. */
static const int worker_calls[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recv), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
	SCMP_SYS(send), SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(madvise), SCMP_SYS(mprotect), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(futex), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(sigaltstack), /* a sanitizer's, before the end */
};

/* What keeper and starting worker need beside that: to fork, wait, open a netlink socket and confine the worker. */
static const int keeper_calls[] = {
	SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(wait4), SCMP_SYS(waitpid),
	SCMP_SYS(waitid),
	SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(setsockopt), SCMP_SYS(prctl), SCMP_SYS(seccomp),
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(getppid), SCMP_SYS(rt_sigaction), SCMP_SYS(uname),
};

static const int deadly_calls[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(mount), SCMP_SYS(bpf),
	SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(io_uring_setup), SCMP_SYS(userfaultfd),
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int
add_rules(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n)
{
	int rc = 0;

	/* A call that this architecture does not have is none to be allowed: libseccomp sees to it. */
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = seccomp_rule_add(ctx, action, calls[i], 0);
	return rc;
}

/* Who is there to be killed has one thread.  The library knows of the newer action only where it may ask the kernel, which a
 * filter around us, such as a unit's, can forbid. */
static uint32_t
deadly(void)
{
	return seccomp_api_get() >= 3 ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_KILL;
}

static int
confine(bool keeper, struct err *e)
{
	const struct scmp_arg_cmp netlink = { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = AF_NETLINK, .datum_b = 0 };
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = ctx == NULL ? -ENOMEM : 0;

	if (rc == 0)
		rc = add_rules(ctx, SCMP_ACT_ALLOW, worker_calls, COUNT(worker_calls));
	if (rc == 0 && keeper)
		rc = add_rules(ctx, SCMP_ACT_ALLOW, keeper_calls, COUNT(keeper_calls));
	if (rc == 0 && keeper)
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &netlink);
	if (rc == 0)
		rc = add_rules(ctx, deadly(), deadly_calls, COUNT(deadly_calls));
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc < 0)
		return err_set(e, "cannot confine the system calls: %s", strerror(-rc));
	return 0;
}

int
priv_confine_keeper(struct err *e)
{
	return confine(true, e);
}

int
priv_confine_worker(struct err *e)
{
	return confine(false, e);
}
