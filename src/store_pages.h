/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_pages.h - what Berkeley DB does not look for in its own files
 *
 * Recovery believes a log that was cut off: it takes what the log still has for all there was, and pages that were
 * written after the cut stay as they are, so that half a transaction may come out.  But every page carries the number
 * of the last log record that changed it, so a page from after the log's end gives the loss away.
 *
 * And a page that became zeros passes for one that was never written, without a checksum.  After recovery there are
 * none of those.
 *
 * And a page says itself whether it is metadata, and metadata whether it has a checksum (__db_pgin in db_conv.c): one in
 * 128 pages of noise says no, and is believed.  Where such a page, or zeros, or a sound page from another place, lies where
 * a root was, Berkeley DB looks for the root for ever (__bam_get_root).  All of ours have a checksum and their number.
 */
#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define STORE_PAGE 4096

/* Before recovery: -1 and which page, if one was changed by a log record after (file, offset). */
int pages_after(int fd, uint32_t file, uint32_t offset, struct err *e);
/* After recovery: -1 and which page, if one within the database is not what it should be. */
int pages_lost(int fd, struct err *e);
/* Whenever one is read: are these STORE_PAGE bytes, at any alignment, no page of ours with that number?  With `holes` one
 * that was never written is fine: until recovery is done. */
bool page_strange(const void *page, uint32_t number, bool holes);

#endif
