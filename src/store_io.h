/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_io.h - how Berkeley DB reads and writes in this process; seen by store_env.c alone
 *
 * It says DB_RUNRECOVERY for a full disk as well as for a broken page.  To know which, its writes go through ours, which
 * remember why one failed.  Its reads go through ours because it believes some pages that it should not: see
 * store_pages.h.  What is remembered is the calling thread's, which has one environment at a time in its hands.
 */
#ifndef STORE_IO_H
#define STORE_IO_H

#include <stdint.h>

/* Map files are read by the same library, and made in other ways. */
enum store_pages {
	PAGES_FOREIGN,	  /* anybody's: none is looked at */
	PAGES_RECOVERING, /* the store's; some may never have been written */
	PAGES_OURS
};

/* Before the first environment; again is fine. */
void io_hook(void);

/* Whose pages this thread reads from now on. */
void io_reads(enum store_pages whose);
/* The number of a page that was refused, plus 1; 0: none was. */
uint32_t io_refused(void);

/* Why a write failed, as errno; 0: none did.  From then on nothing more of this thread reaches the disk, as if the
 * process had been killed there and then, which recovery is made for.  Berkeley DB left to itself would, on its way out,
 * write pages whose log records it could not write. */
int io_write_errno(void);
/* Let nothing more reach the disk. */
void io_stop(void);

/* The environment is closed: forget all of it, and whose the pages were. */
void io_forget(void);

#endif
