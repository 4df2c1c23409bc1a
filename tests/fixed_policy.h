/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixed_policy.h - for benchmarks and fuzz targets that serve a socket: the policy that is their host's `arg`, for ever */
#ifndef FIXED_POLICY_H
#define FIXED_POLICY_H

#include "policy.h"

static inline const struct policy *
fixed_policy_get(void *arg, void **hold)
{
	*hold = NULL;
	return arg;
}

static inline void
fixed_policy_put(void *arg, void *hold)
{
	(void)arg;
	(void)hold;
}

#endif
