/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gauge.h - how it is now, in numbers for a monitoring system, and how such a system wants numbers
 *
 * Counters (stats.h) only grow; these are what one sets an alarm on.  They are found in the daemon's `status`, without a walk
 * through the ledger, so that to ask for them every few seconds costs nothing.
 */
#ifndef GAUGE_H
#define GAUGE_H

#include <stdio.h>

#include "json.h"

/* An object of those that are known: without a firewall, for instance, nothing is said of one. */
struct json *gauges_of(const struct json *status, uint64_t known);

/* An answer to `stats` in the text format of Prometheus: counters and gauges. */
void prometheus_put(FILE *out, const struct json *stats);

/* For who prints them otherwise; NULL: there is none of this name. */
const char *gauge_help(const char *name);

#endif
