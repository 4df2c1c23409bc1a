# SPDX-License-Identifier: GPL-2.0-or-later
# POPAUTH_LTO: LTO_CFLAGS, with which objects are compiled that can be linked either way, with optimization across files
# (with the same flags and LTO_LDFLAGS) and without (with NO_LTO_LDFLAGS).  When it links, the compiler takes functions of
# other files for its own, and warns of what no longer is what was written; it has seen each file before.  All are empty
# where compiler, archiver and linker cannot do that together (as with clang before 17), and where CFLAGS or LDFLAGS say
# -flto: then that is the packager's business.
AC_DEFUN([POPAUTH_LTO], [
	AC_MSG_CHECKING([for optimization across files])
	popauth_lto=no
	AS_CASE([" $CFLAGS $LDFLAGS "], [*' -flto'*], [popauth_lto="as CFLAGS say"], [
		mkdir conftest.lto && cd conftest.lto
		echo 'int one(void); int one(void) { return 1; }' >one.c
		echo 'int one(void); int main(void) { return one() - 1; }' >main.c
		popauth_cc="$CC $CPPFLAGS $CFLAGS -Werror -flto=auto -ffat-lto-objects"
		AS_IF([{ $popauth_cc -c one.c && $popauth_cc -c main.c && $AR cr libone.a one.o && $RANLIB libone.a &&
		    $popauth_cc -o with main.o libone.a $LDFLAGS && $popauth_cc -fno-lto -o without main.o libone.a $LDFLAGS
		    } >&AS_MESSAGE_LOG_FD 2>&1],
		    [popauth_lto=yes
		    LTO_CFLAGS="-flto=auto -ffat-lto-objects"
		    LTO_LDFLAGS="-w"
		    NO_LTO_LDFLAGS="-fno-lto"])
		cd .. && rm -rf conftest.lto
	])
	AC_MSG_RESULT([$popauth_lto])
])
