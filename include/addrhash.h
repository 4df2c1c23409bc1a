/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addrhash.h - a hash of an address that nobody outside can foresee
 *
 * The addresses in our tables are the attackers' to choose, so every table has a salt of its own.
 */
#ifndef ADDRHASH_H
#define ADDRHASH_H

#include <string.h>

#include "addr.h"

/* The finalizer of MurmurHash3 (Austin Appleby, public domain): every bit of the key moves every other. */
static inline uint64_t
addrhash_mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 33;
}

static inline uint64_t
addrhash(const struct addr *a, uint64_t salt)
{
	uint64_t hi, lo;

	memcpy(&hi, a->b, 8);
	memcpy(&lo, a->b + 8, 8);
	return addrhash_mix(addrhash_mix(hi ^ salt) ^ lo);
}

#endif
