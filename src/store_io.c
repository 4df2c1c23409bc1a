/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_io.c - Berkeley DB's system calls, looked at: see store_io.h */
#include "store_io.h"

#include <db.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store.h"
#include "store_pages.h"

#define AT_PLACE ((off_t)-1) /* where the file is */

static _Thread_local int write_errno;
static _Thread_local enum store_pages reading;
static _Thread_local uint32_t refused; /* plus 1 */

/* All of it or -1: a short write is an error to Berkeley DB, but one with nothing in errno. */
static ssize_t
our_pwrite(int fd, const void *buf, size_t n, off_t at)
{
	size_t done = 0;

	while (write_errno == 0 && done < n) {
		ssize_t rc = at == AT_PLACE ? write(fd, (const char *)buf + done, n - done)
					    : pwrite(fd, (const char *)buf + done, n - done, at + (off_t)done);

		if (rc >= 0)
			done += (size_t)rc;
		else if (errno != EINTR)
			write_errno = errno;
	}
	if (write_errno == 0)
		return (ssize_t)n;
	errno = write_errno;
	return -1;
}

static ssize_t
our_write(int fd, const void *buf, size_t n)
{
	return our_pwrite(fd, buf, n, AT_PLACE);
}

static int
our_fsync(int fd)
{
	if (write_errno == 0 && fdatasync(fd) == -1)
		write_errno = errno;
	if (write_errno == 0)
		return 0;
	errno = write_errno;
	return -1;
}

/* So Berkeley DB reads the pages of a database, and nothing else.  Where that fails it tries again in another way, so a
 * page that is to be refused is handed on as one whose checksum is wrong. */
static ssize_t
our_pread(int fd, void *buf, size_t n, off_t at)
{
	ssize_t rc = pread(fd, buf, n, at);
	uint32_t number = (uint32_t)(at / STORE_PAGE);

	if (reading == PAGES_FOREIGN || rc != STORE_PAGE || !page_strange(buf, number, reading == PAGES_RECOVERING))
		return rc;
	refused = number + 1;
	memset(buf, 0xff, n);
	return rc;
}

void
io_hook(void)
{
	(void)db_env_set_func_pwrite(our_pwrite);
	(void)db_env_set_func_write(our_write);
	(void)db_env_set_func_fsync(our_fsync);
	(void)db_env_set_func_pread(our_pread);
}

void
io_reads(enum store_pages whose)
{
	reading = whose;
}

uint32_t
io_refused(void)
{
	return refused;
}

int
io_write_errno(void)
{
	return write_errno;
}

void
io_stop(void)
{
	if (write_errno == 0)
		write_errno = EIO;
}

void
io_forget(void)
{
	write_errno = 0;
	refused = 0;
	reading = PAGES_FOREIGN;
}

void
store_writes_again(void)
{
	write_errno = 0;
}
