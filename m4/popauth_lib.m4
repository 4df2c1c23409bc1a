# SPDX-License-Identifier: GPL-2.0-or-later
# POPAUTH_PKG(VAR, pkg-config spec, Debian package, Fedora package)
# Look for a library with pkg-config; one that is missing is remembered, so that configure can name all of them at once.
AC_DEFUN([POPAUTH_PKG], [
	PKG_CHECK_MODULES([$1], [$2], [:], [
		AC_MSG_RESULT([no])
		popauth_missing="$popauth_missing
    $2: Debian/Ubuntu package $3, Fedora package $4"
	])
])

# POPAUTH_LIB(VAR, header, library, function, version test in C, Debian package, Fedora package)
# The same for a library without a pkg-config file.
AC_DEFUN([POPAUTH_LIB], [
	popauth_save_LIBS=$LIBS
	LIBS="-l$3 $LIBS"
	AC_MSG_CHECKING([for lib$3])
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <sys/types.h>
#include <$2>
#if !($5)
# error too old
#endif
]], [[(void)$4;]])],
	    [AC_MSG_RESULT([yes]); $1_LIBS="-l$3"],
	    [AC_MSG_RESULT([no]); popauth_missing="$popauth_missing
    lib$3 ($2, $5): Debian/Ubuntu package $6, Fedora package $7"])
	LIBS=$popauth_save_LIBS
	AC_SUBST([$1_LIBS])
])

# Stop here, naming everything that is missing.
AC_DEFUN([POPAUTH_REPORT_MISSING], [
	AS_IF([test -n "$popauth_missing"],
	    [AC_MSG_ERROR([these libraries are missing or too old:$popauth_missing
  ./quickstart installs them all.])])
])

# POPAUTH_FLAG(VAR, flag): add a compiler flag to VAR where the compiler has it.
AC_DEFUN([POPAUTH_FLAG], [
	popauth_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $2"
	AC_MSG_CHECKING([whether $CC takes $2])
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
	    [AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
	CFLAGS=$popauth_save_CFLAGS
])
