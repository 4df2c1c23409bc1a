/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow_watch.c - being woken when there may be something to read: inotify, or nothing
 *
 * The rule that makes this free of races: drain first, then set watches, then look.  What happens after the drain
 * makes the descriptor readable again, what happened before is seen by the look.  So events need not be understood,
 * and an overflowing queue does no harm.
 */
#include "config.h"

#include "follow_parts.h"

#ifdef HAVE_SYS_INOTIFY_H

#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#define DIR_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

void
watch_open(struct watch *w)
{
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	for (int i = 0; i < WATCH_SLOTS; i++)
		w->wd[i] = -1;
}

void
watch_close(struct watch *w)
{
	if (w->fd != -1)
		(void)close(w->fd);
	w->fd = -1;
}

bool
watch_drain(struct watch *w)
{
	_Alignas(struct inotify_event) char buf[4096];
	struct inotify_event *ev;
	bool other = false;
	ssize_t n;

	if (w->fd == -1)
		return false;
	n = read(w->fd, buf, sizeof buf); /* what one read leaves makes the descriptor readable again */
	for (char *p = buf; n > 0 && p < buf + n; p += sizeof *ev + ev->len) {
		ev = (struct inotify_event *)(void *)p;
		if ((ev->mask & IN_MODIFY) == 0)
			other = true;
	}
	return other || n <= 0;
}

/* Two slots may watch one inode and then share its number. */
static void
replace(struct watch *w, enum watch_slot slot, int wd)
{
	int old = w->wd[slot];

	w->wd[slot] = wd;
	if (old == -1)
		return;
	for (int i = 0; i < WATCH_SLOTS; i++)
		if (w->wd[i] == old)
			return;
	(void)inotify_rm_watch(w->fd, old);
}

void
watch_dir(struct watch *w, enum watch_slot slot, const char *dir)
{
	if (w->fd != -1)
		replace(w, slot, inotify_add_watch(w->fd, dir, DIR_EVENTS | IN_ONLYDIR));
}

void
watch_file(struct watch *w, enum watch_slot slot, int fd)
{
	char path[64];

	if (w->fd == -1)
		return;
	/* By descriptor: a name may by now belong to another file. */
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	replace(w, slot, fd == -1 ? -1 : inotify_add_watch(w->fd, path, IN_MODIFY));
}

#else

void
watch_open(struct watch *w)
{
	w->fd = -1;
}

void
watch_close(struct watch *w)
{
	(void)w;
}

bool
watch_drain(struct watch *w)
{
	(void)w;
	return false;
}

void
watch_dir(struct watch *w, enum watch_slot slot, const char *dir)
{
	(void)w;
	(void)slot;
	(void)dir;
}

void
watch_file(struct watch *w, enum watch_slot slot, int fd)
{
	(void)w;
	(void)slot;
	(void)fd;
}

#endif
