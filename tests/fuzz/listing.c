/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listing.c - fuzz target: any bytes as the kernel's answer to the question what a set holds
 *
 * Input: a byte that picks the family, then one datagram, or two where the byte says how long the first one is.
 */
#include <sys/socket.h>

#include "fuzz.h"
#include "helper.h"

#define LEAST (4 + 4 + 8 + 8) /* the attributes of one entry */

struct heard {
	int family;
	size_t n;
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void
hear(void *arg, const struct addr *a, uint32_t timeout)
{
	struct heard *h = arg;

	(void)timeout;
	MUST(h->family == AF_INET6 || addr_is4(a));
	h->n++;
}

/* In a block of its own, so that a sanitizer sees a step beyond its end. */
static void
give(struct klist_reading *r, const uint8_t *p, size_t n)
{
	uint8_t *block = malloc(n > 0 ? n : 1);

	if (block == NULL)
		fuzz_fail("malloc", "no memory");
	memcpy(block, p, n);
	klist_read(r, block, n);
	free(block);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard h = { .n = 0 };
	struct klist_reading r = { .seq = 7, .fn = hear, .arg = &h };
	size_t first;

	if (size == 0)
		return 0;
	h.family = r.family = data[0] % 2 == 0 ? AF_INET : AF_INET6;
	first = data[0] < 2 || data[0] > size - 1 ? size - 1 : data[0];
	give(&r, data + 1, first);
	MUST(r.error >= 0 && h.n <= first / LEAST);
	if (!r.done)
		give(&r, data + 1 + first, size - 1 - first);
	MUST(r.error >= 0 && h.n <= size / LEAST);
	return 0;
}
