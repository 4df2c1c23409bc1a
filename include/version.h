/* SPDX-License-Identifier: GPL-2.0-or-later */
/* version.h - the program's version, from configure.ac */
#ifndef VERSION_H
#define VERSION_H

#include "config.h"

#define POPAUTH_VERSION PACKAGE_VERSION

#endif
