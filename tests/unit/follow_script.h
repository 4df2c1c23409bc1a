/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow_script.h - what happens to a log, and what its reader makes of it, as scripts of one line
 *
 * The words of a script, separated by blanks, with "/" for a newline and "_" for a NUL in texts:
 *
 *	w:TEXT	append to the log, which is made if it is not there	o:TEXT	append to the file that o: or w: opened last
 *	mv:S	rename log to logS			mv:S:T	rename logS to logT
 *	mx:S	rename mail.log to mailS.log
 *	cp:S	copy log to logS			tr	truncate the log	set:TEXT	put TEXT over its start
 *	rm rm:S	remove log or logS			long:N	append N letters
 *	dir fifo link:S	make one in the log's place	sub	let the log be in a directory that is not there
 *	hide show	forbid or allow listing the directory
 *	r	read all there is			1	read one line
 *	s	save the position			k	be killed: go on from the position saved
 *	pack:S	compress logS to logS.gz		pack:S:M  to logS.M, M being gz, bz2, xz, zst, lz4 or Z
 *	half:S	leave only the first half of logS	twin:S	as pack:S, but keep logS
 *	p	wait until told that there is something	age	make all files a day old	now:S	changed now
 *
 * What is read is compared: lines and a blank each, "!" for a gap, "-" for a log that cannot be read.
 */
#ifndef FOLLOW_SCRIPT_H
#define FOLLOW_SCRIPT_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "follow.h"
#include "pack.h"
#include "unit.h"

struct world {
	char dir[64], log[96];
	struct follow *f;
	uint8_t saved[POSITION_SIZE];
	bool has_saved, from_start;
	int out;
	char got[4096];
};

static inline char *
name_of(const struct world *w, const char *suffix)
{
	static char names[4][128];
	static unsigned next;
	char *name = names[next++ % 4];

	(void)snprintf(name, sizeof names[0], "%s%s", w->log, suffix);
	return name;
}

static inline void
collect(void *arg, struct str line)
{
	struct world *w = arg;
	size_t n = strlen(w->got);

	assert_true(n + line.n + 2 < sizeof w->got);
	for (size_t i = 0; i < line.n; i++)
		w->got[n + i] = line.p[i] == '\0' ? '_' : line.p[i];
	memcpy(w->got + n + line.n, " ", 2);
}

static inline void
note(struct world *w, const char *mark)
{
	assert_true(strlen(w->got) + 2 < sizeof w->got);
	strcat(w->got, mark);
}

static inline void
read_some(struct world *w, bool one)
{
	enum follow_result res;
	struct err e;

	do {
		res = follow_read(w->f, one ? 1 : 1 << 20, collect, w, &e);
		if (res == FOLLOW_GAP)
			note(w, "!");
	} while (!one && (res == FOLLOW_MORE || res == FOLLOW_GAP));
	if (res == FOLLOW_LOST)
		note(w, "-");
}

static inline void
save(struct world *w)
{
	struct position p;

	follow_position(w->f, &p);
	position_encode(&p, w->saved);
	w->has_saved = true;
}

static inline void
restart(struct world *w)
{
	struct position p;
	struct err e;

	if (w->has_saved)
		assert_int_equal(position_decode(&p, w->saved, sizeof w->saved, &e), 0);
	follow_free(w->f);
	w->f = follow_new(w->log, w->has_saved ? &p : NULL, w->from_start);
}

static inline void
append(struct world *w, const char *text, bool anew)
{
	if (anew) {
		if (w->out != -1)
			(void)close(w->out);
		w->out = open(w->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
	assert_true(w->out != -1);
	for (; *text != '\0'; text++)
		assert_int_equal(write(w->out, *text == '/' ? "\n" : *text == '_' ? "\0" : text, 1), 1);
}

static inline void
append_letters(struct world *w, unsigned long n)
{
	char block[1000];

	append(w, "", true);
	memset(block, 'x', sizeof block);
	for (; n > 0; n -= n < sizeof block ? n : sizeof block)
		assert_true(write(w->out, block, n < sizeof block ? n : sizeof block) > 0);
}

static inline void
copy(const char *from, const char *to)
{
	char block[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	assert_true(in != -1 && out != -1);
	while ((n = read(in, block, sizeof block)) > 0)
		assert_int_equal(write(out, block, (size_t)n), n);
	(void)close(in);
	(void)close(out);
}

static inline void
overwrite(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static inline int
age_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct timespec t[2] = { st->st_mtim, st->st_mtim };

	(void)ftw;
	t[0].tv_sec -= 86400;
	t[1].tv_sec -= 86400;
	return type == FTW_F ? utimensat(AT_FDCWD, path, t, 0) : 0;
}

static inline void
expect_wake(struct world *w)
{
	struct pollfd p = { .fd = follow_fd(w->f), .events = POLLIN };

	if (p.fd != -1 && poll(&p, 1, 10000) != 1)
		note(w, "(not woken)");
}

static inline void
move(struct world *w, char *arg)
{
	char *to = strchr(arg, ':');

	if (to != NULL)
		*to++ = '\0';
	assert_int_equal(to == NULL ? rename(w->log, name_of(w, arg)) : rename(name_of(w, arg), name_of(w, to)), 0);
}

static inline int
halve(const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 ? -1 : truncate(path, st.st_size / 2);
}

static inline void
act(struct world *w, const char *verb, char *arg)
{
	int rc = 0;

	if (strcmp(verb, "w") == 0 || strcmp(verb, "o") == 0)
		append(w, arg, verb[0] == 'w');
	else if (strcmp(verb, "long") == 0)
		append_letters(w, strtoul(arg, NULL, 10));
	else if (strcmp(verb, "mv") == 0)
		move(w, arg);
	else if (strcmp(verb, "mx") == 0) {
		char to[160];

		(void)snprintf(to, sizeof to, "%s/mail%s.log", w->dir, arg);
		rc = rename(w->log, to);
	} else if (strcmp(verb, "cp") == 0)
		copy(w->log, name_of(w, arg));
	else if (strcmp(verb, "pack") == 0 || strcmp(verb, "twin") == 0) {
		char *method = strchr(arg, ':');

		if (method != NULL)
			*method++ = '\0';
		assert_int_equal(pack(name_of(w, arg), method == NULL ? "gz" : method, verb[0] == 't'), 0);
	} else if (strcmp(verb, "half") == 0)
		rc = halve(name_of(w, arg));
	else if (strcmp(verb, "tr") == 0)
		rc = truncate(w->log, 0);
	else if (strcmp(verb, "set") == 0)
		overwrite(w->log, arg);
	else if (strcmp(verb, "rm") == 0)
		rc = remove(name_of(w, arg));
	else if (strcmp(verb, "dir") == 0)
		rc = mkdir(w->log, 0700);
	else if (strcmp(verb, "fifo") == 0)
		rc = mkfifo(w->log, 0600);
	else if (strcmp(verb, "link") == 0)
		rc = symlink(name_of(w, arg), w->log);
	else if (strcmp(verb, "sub") == 0)
		rc = mkdir(w->dir, 0700);
	else if (strcmp(verb, "hide") == 0 || strcmp(verb, "show") == 0)
		rc = chmod(w->dir, verb[0] == 'h' ? 0300 : 0700);
	else if (strcmp(verb, "now") == 0)
		rc = utimensat(AT_FDCWD, name_of(w, arg), NULL, 0);
	else if (strcmp(verb, "age") == 0)
		rc = nftw(w->dir, age_one, 8, FTW_PHYS);
	else if (strcmp(verb, "r") == 0 || strcmp(verb, "1") == 0)
		read_some(w, verb[0] == '1');
	else if (strcmp(verb, "s") == 0)
		save(w);
	else if (strcmp(verb, "k") == 0)
		restart(w);
	else if (strcmp(verb, "p") == 0)
		expect_wake(w);
	else
		fail_msg("no such verb: %s", verb);
	if (rc != 0)
		fail_msg("%s: %s", verb, strerror(errno));
}

struct row {
	const char *name, *script, *want;
};

/* How many rows failed: 0 or 1. */
static inline unsigned
play(const struct row *row, bool from_start)
{
	struct world w = { .out = -1, .from_start = from_start };
	char script[1024], *at = script, *word;

	(void)snprintf(w.dir, sizeof w.dir, "/tmp/follow.XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	if (strncmp(row->script, "nodir", 5) == 0)
		(void)rmdir(w.dir);
	(void)snprintf(w.log, sizeof w.log, "%s/mail.log", w.dir);
	restart(&w);
	(void)snprintf(script, sizeof script, "%s", row->script);
	while ((word = strsep(&at, " ")) != NULL) {
		char *arg = strchr(word, ':');

		if (arg != NULL)
			*arg++ = '\0';
		if (word[0] != '\0' && strcmp(word, "nodir") != 0)
			act(&w, word, arg == NULL ? word + strlen(word) : arg);
	}
	follow_free(w.f);
	if (w.out != -1)
		(void)close(w.out);
	(void)remove_tree(w.dir);
	if (strcmp(w.got, row->want) == 0)
		return 0;
	print_error("%s: got \"%s\", want \"%s\"\n", row->name, w.got, row->want);
	return 1;
}

#endif
