/* SPDX-License-Identifier: GPL-2.0-or-later */
/* privilege.c - become the configured user, keep nothing, and see that there is no way back */
#include <sys/types.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>

#include <cap-ng.h>
#endif

#include "logmsg.h"
#include "privilege.h"

static int
become(const char *user, struct err *e)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL)
		return err_set(e, "user \"%s\" does not exist; make it (useradd --system %s) or set `user`", user, user);
	if (pw->pw_uid == 0)
		return err_set(e, "user \"%s\" is root; choose one without privileges", user);
	if (initgroups(user, pw->pw_gid) == -1 || setgid(pw->pw_gid) == -1 || setuid(pw->pw_uid) == -1)
		return err_sys(e, "becoming user \"%s\"", user);
	if (setuid(0) != -1 || seteuid(0) != -1)
		return err_set(e, "becoming user \"%s\": could become root again", user);
	return 0;
}

#ifdef __linux__
/* What a unit or a file gave us was for the helper.  The ambient ones go with the inheritable. */
static int
drop_capabilities(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_sys(e, "no_new_privs");
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return err_sys(e, "cannot drop capabilities");
	if (capng_get_caps_process() == -1 || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
		return err_set(e, "a capability is left after dropping them all");
	return 0;
}
#else
static int
drop_capabilities(struct err *e)
{
	(void)e;
	return 0;
}
#endif

int
privilege_drop(const char *user, struct err *e)
{
	if (geteuid() != 0)
		return drop_capabilities(e);
	if (*user != '\0')
		return become(user, e) == -1 ? -1 : drop_capabilities(e);
	logmsg(LEVEL_WARNING, "running as root, because `user` is empty: set it to a user without privileges");
	return 0;
}
