/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_report.h - between `report` and `simulate` */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include "ctl_simulate.h"
#include "report.h"

/* What came of a rehearsal, as a report. */
struct report *rehearsal_report(const struct rehearsal *r);
/* Write it as one HTML file; "-" is standard output.  Returns EXIT_DONE, or EXIT_USAGE after a complaint. */
int report_write(const struct report *r, const char *path);

#endif
