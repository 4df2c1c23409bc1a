/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_priv.h - between policy.c, which decides, and the other policy_*.c */
#ifndef POLICY_PRIV_H
#define POLICY_PRIV_H

#include "policy.h"

#define MINUTE 60u
#define HOUR   3600u
#define DAY    86400u
#define CREDIT (15 * MINUTE) /* what a login is good for where nothing says how long */

/* Does what somebody there has logged in for excuse an offence at `at`? */
bool policy_credit(const struct policy *p, const struct record *r, uint32_t at);
uint32_t policy_lowered(uint32_t n, unsigned strict, const struct record *r, uint32_t at);
/* A login from there, or the word of somebody that it is as good as one.  `term` 0: no grant follows. */
unsigned policy_login(const struct policy *p, struct record *r, struct str user, uint32_t at, uint32_t term);
/* The term of a repeat offender. */
uint32_t policy_doubled(uint32_t term, unsigned times, uint32_t most);
uint32_t policy_aim(const struct kind_policy *kp, enum event_kind kind);

#endif
