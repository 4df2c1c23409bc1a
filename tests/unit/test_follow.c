/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_follow.c - every way in which a log changes under its reader, one step at a time
 *
 * A row is a script; its words, separated by blanks, with "/" for a newline and "_" for a NUL in texts:
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
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

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

static char *
name_of(const struct world *w, const char *suffix)
{
	static char names[4][128];
	static unsigned next;
	char *name = names[next++ % 4];

	(void)snprintf(name, sizeof names[0], "%s%s", w->log, suffix);
	return name;
}

static void
collect(void *arg, struct str line)
{
	struct world *w = arg;
	size_t n = strlen(w->got);

	assert_true(n + line.n + 2 < sizeof w->got);
	for (size_t i = 0; i < line.n; i++)
		w->got[n + i] = line.p[i] == '\0' ? '_' : line.p[i];
	memcpy(w->got + n + line.n, " ", 2);
}

static void
note(struct world *w, const char *mark)
{
	assert_true(strlen(w->got) + 2 < sizeof w->got);
	strcat(w->got, mark);
}

static void
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

static void
save(struct world *w)
{
	struct position p;

	follow_position(w->f, &p);
	position_encode(&p, w->saved);
	w->has_saved = true;
}

static void
restart(struct world *w)
{
	struct position p;
	struct err e;

	if (w->has_saved)
		assert_int_equal(position_decode(&p, w->saved, sizeof w->saved, &e), 0);
	follow_free(w->f);
	w->f = follow_new(w->log, w->has_saved ? &p : NULL, w->from_start);
}

static void
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

static void
append_letters(struct world *w, unsigned long n)
{
	char block[1000];

	append(w, "", true);
	memset(block, 'x', sizeof block);
	for (; n > 0; n -= n < sizeof block ? n : sizeof block)
		assert_true(write(w->out, block, n < sizeof block ? n : sizeof block) > 0);
}

static void
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

static void
overwrite(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static int
age_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct timespec t[2] = { st->st_mtim, st->st_mtim };

	(void)ftw;
	t[0].tv_sec -= 86400;
	t[1].tv_sec -= 86400;
	return type == FTW_F ? utimensat(AT_FDCWD, path, t, 0) : 0;
}

static void
expect_wake(struct world *w)
{
	struct pollfd p = { .fd = follow_fd(w->f), .events = POLLIN };

	if (p.fd != -1 && poll(&p, 1, 10000) != 1)
		note(w, "(not woken)");
}

static void
move(struct world *w, char *arg)
{
	char *to = strchr(arg, ':');

	if (to != NULL)
		*to++ = '\0';
	assert_int_equal(to == NULL ? rename(w->log, name_of(w, arg)) : rename(name_of(w, arg), name_of(w, to)), 0);
}

static int
halve(const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 ? -1 : truncate(path, st.st_size / 2);
}

static void
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

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

struct row {
	const char *name, *script, *want;
};

/* How many rows failed: 0 or 1. */
static unsigned
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
	(void)nftw(w.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	if (strcmp(w.got, row->want) == 0)
		return 0;
	print_error("%s: got \"%s\", want \"%s\"\n", row->name, w.got, row->want);
	return 1;
}

static const struct row rows[] = {
	{ "lines", "w:a/b/ r w:c/ p r", "a b c " },
	{ "one at a time", "w:a/b/c/ 1 1 w:d/ r", "a b c d " },
	{ "CR LF", "w:a\r/\r/b\rc/ r", "a  b\rc " },
	{ "half a line waits", "w:a/b r w:c p r w:d/ p r", "a bcd " },
	{ "not there yet", "r w:a/ p r", "-a " },
	{ "not even its directory", "nodir r sub w:a/ r", "-a " },
	{ "a hole at the start", "w:___a/___/b_c/ r", "a  b_c " },

	{ "renamed, new one", "w:a/ r mv:.1 w:b/ p r", "a b " },
	{ "renamed unread", "w:a/ r w:b/ mv:.1 w:c/ r", "a b c " },
	{ "renamed, written to for a while", "w:a/ r mv:.1 o:b/ p r o:c/ p r w:d/ p r", "a b -c -d " },
	{ "renamed, new one empty", "w:a/ r mv:.1 w: r w:b/ p r", "a b " },
	{ "renamed, old one still written to", "w:a/ r cp:.x mv:.1 mv:.x:.y r o:b/ p r w:c/ p r", "a -b -c " },
	{ "renamed twice", "w:a/ r mv:.1 w:b/ mv:.1:.2 mv:.1 w:c/ r", "a b c " },
	{ "renamed twice, dates", "w:a/ r mv:-20260101 w:b/ mv:-20260102 w:c/ r", "a b c " },
	{ "renamed, removed, dates", "w:a/ r mv:-20260101 rm:-20260101 w:b/ mv:-20260102 w:c/ r", "a b c " },
	{ "renamed with half a line", "w:a/b r mv:.1 w:c/ p r", "a c " },
	{ "renamed and removed", "w:a/b/ 1 mv:.1 rm:.1 w:c/ r", "a b c " },
	{ "removed and made anew", "w:a/ r w:b/ rm w:c/ p r", "a b c " },
	{ "older siblings stay unread", "w:x/ mv:.1 w:a/ r mv:.1:.2 mv:.1 w:b/ r", "a b " },

	{ "copied and truncated", "w:a/ r cp:.1 tr w:b/ p r", "a b " },
	{ "copied and truncated unread", "w:a/ r w:b/ cp:.1 tr r w:c/ p r", "a b c " },
	{ "copied, truncated, grown beyond", "w:a/ r w:b/ cp:.1 tr w:cccccccc/ r", "a b cccccccc " },
	{ "copied, truncated, grown to the same", "w:a/ r cp:.1 tr w:b/ r", "a b " },
	{ "copied and truncated twice", "w:a/ r w:b/ cp:.1 tr w:c/ mv:.1:.2 cp:.1 tr w:d/ r", "a b c d " },
	{ "being copied", "w:a/ r mv:.1 w:b/ mv:.1:.2 cp:.1 r tr w:c/ r", "a b c " },
	{ "truncated only", "w:a/ r tr w:b/ r", "a !b " },
	{ "grown after a hole", "w:aa/ r cp:.1 tr w:___b/ r", "aa b " },
	{ "saved by an editor", "w:a/b/ r cp:.new mv:.bak mv:.new: w:c/ r", "a b c " },
	{ "changed in place", "w:a/b/ r set:x w:c/ r", "a b !x b c " },

	{ "killed", "w:a/ r s w:b/ r k r", "a b b " },
	{ "killed, nothing new", "w:a/ r s k r k r w:b/ r", "a b " },
	{ "killed between two lines", "w:a/b/c/ 1 s k r", "a b c " },
	{ "killed, renamed", "w:a/ r s w:b/ mv:.1 w:c/ k r", "a b c " },
	{ "killed, renamed twice", "w:a/ r s w:b/ mv:.1 w:c/ mv:.1:.2 mv:.1 w:d/ k r", "a b c d " },
	{ "killed, renamed, other scheme", "w:a/ r s w:b/ mv:.1 age w:c/ mv:-20260102 w:d/ k r", "a b c d " },
	{ "killed, renamed, extension", "w:a/ r s w:b/ mv:.old w:c/ k r", "a b c " },
	{ "killed, renamed, no new one", "w:a/ r s w:b/ mv:.1 k r w:c/ r", "a b -c " },
	{ "killed, new one empty", "w:a/ r mv:.1 w: r s k r o:b/ r mv:.1:.2 mv:.1 w:c/ k r", "a b b c " },
	{ "killed, old one written to", "w:a/ r mv:.1 r s o:b/ k r o:c/ r w:d/ r", "a -b -c -d " },
	{ "killed, copied, truncated", "w:a/ r s w:b/ cp:.1 tr k r w:c/ r", "a b c " },
	{ "killed, copied, truncated, grown", "w:a/ r s w:b/ cp:.1 tr w:cccc/ k r", "a b cccc " },
	{ "killed, copied twice", "w:a/ r s w:b/ cp:.1 tr w:c/ mv:.1:.2 cp:.1 tr w:d/ k r", "a b c d " },
	{ "killed while being copied", "w:a/ r s w:b/ cp:.1 k r tr w:c/ r", "a b c " },
	{ "killed, removed", "w:a/ r s w:b/ rm w:c/ k r s k r", "a !c " },
	{ "killed, removed, not there", "w:a/ r s w:b/ rm k r r w:c/ r", "a --!c " },
	{ "killed, removed, killed again", "w:a/ r s w:b/ rm w: k r s k r w:c/ r", "a !c " },
	{ "killed, renamed, compressed", "w:a/ r s w:b/ mv:.1 w:c/ mv:.1:.2.gz mv:.1 w:d/ k r", "a b c d " },
	{ "killed with half a line", "w:a/b r s k r w:c/ r", "a bc " },
	{ "killed, never there", "r s w:a/ k r", "-a " },
	{ "killed, never there, renamed", "r s w:a/ mv:.1 w:b/ k r", "-a b " },
	{ "killed, empty", "w: r s w:a/ mv:.1 w:b/ k r", "a b " },
	{ "killed, empty, copied", "w: age r s w:a/ cp:.1 tr w:b/ k r", "a b " },

	{ "its directory cannot be listed", "hide w:a/ r w:b/ p r mv:.1 w:c/ r show r", "a b -c " },
	{ "killed, its directory cannot be listed", "w:a/ r s w:b/ hide k r show r", "a -b " },

	{ "too long", "w:a/ long:100000 w:/b/ r", "a b " },
	{ "too long, in pieces", "w:a/ long:70000 r long:70000 r w:x/b/ r", "a b " },
	{ "too long, killed", "w:a/ long:70000 r s w:x/b/ k r", "a b " },
	{ "too long, renamed", "w:a/ long:70000 r s mv:.1 w:b/ r k r", "a b b " },
	{ "too long, copied and truncated", "w:a/ long:70000 r s cp:.1 tr w:b/ r k r", "a b b " },

	{ "the extension last", "w:a/ r s w:b/ mx:-20260101 w:c/ mx:-20260102 w:d/ k r", "a b c d " },
	{ "the extension last, numbers", "w:a/ r s w:b/ mx:.2 w:c/ mx:.1 w:d/ k r", "a b c d " },
	{ "another log of the same stem", "w:a/ r s w:b/ mx:.err age w:c/ mx:2 w:d/ mv:.1 w:e/ k r", "a b d e " },
	{ "packed while running", "w:a/ r w:b/ mv:.1 w:c/ r mv:.1:.2 pack:.2 mv:.1 w:d/ r", "a b c d " },
	{ "packed as soon as read", "w:a/ r mv:.1 pack:.1 w:b/ r", "a b " },
	{ "packed as soon as read, later", "w:a/ r mv:.1 pack:.1 now:.1.gz w:b/ r w:c/ r", "a b c " },
	{ "packed while killed", "w:a/ r s w:b/ mv:.1 pack:.1 w:c/ k r s w:d/ k r", "a b c d " },
	{ "packed, bz2", "w:a/ r s w:b/ mv:.1 pack:.1:bz2 w:c/ k r", "a b c " },
	{ "packed, xz", "w:a/ r s w:b/ mv:.1 pack:.1:xz w:c/ k r", "a b c " },
	{ "packed, zst", "w:a/ r s w:b/ mv:.1 pack:.1:zst w:c/ k r", "a b c " },
	{ "packed, lz4", "w:a/ r s w:b/ mv:.1 pack:.1:lz4 w:c/ k r", "a b c " },
	{ "packed, Z", "w:a/ r s w:b/ mv:.1 pack:.1:Z w:c/ k r", "a b c " },
	{ "packed, many",
	    "w:a/ r s w:b/ mv:.3 pack:.3 w:c/ mv:.2 pack:.2:xz w:d/ mv:.1 w:e/ k r", "a b c d e " },
	{ "packed, dates",
	    "w:a/ r s w:b/ mv:-20260101 pack:-20260101 w:c/ mv:-20260102 pack:-20260102 w:d/ k r", "a b c d " },
	{ "packed, killed in its midst", "w:a/ r s w:b/c/ mv:.1 pack:.1 w:d/ k 1 s k 1 s k r", "a b c d " },
	{ "packed before we came", "w:x/ mv:.2 pack:.2 w:y/ mv:.1 pack:.1 w:a/ r s w:b/ k r", "a b " },
	{ "packed copy", "w:a/ r s w:b/ cp:.1 tr pack:.1 w:c/ k r", "a b c " },
	{ "packed, its twin still there", "w:a/ r s w:b/ mv:.1 w:c/ twin:.1 k r rm:.1 w:d/ r", "a b c d " },
	{ "packed, nothing new in it", "w:a/ r s mv:.1 pack:.1 w:b/ k r", "a b " },
	{ "packed, half a line at its end", "w:a/b r s mv:.1 pack:.1 w:c/ k r", "a c " },
	{ "packed, long", "w:a/ r s long:3000000 w:/b/ mv:.1 pack:.1 w:c/ k r", "a b c " },
	{ "packed behind a long way", "long:5000000 w:/a/ r s w:b/ mv:.1 pack:.1 w:c/ k r", "a b c " },
	{ "packed and cut off", "w:a/ r s w:b/ mv:.1 pack:.1 half:.1.gz w:c/ k r", "a !c " },
	{ "packed and cut off, the next one too",
	    "w:a/ r s w:b/ mv:.2 w:c/ mv:.1 pack:.1 half:.1.gz w:d/ k r", "a b !d " },
	{ "packed and cut off in its midst",
	    "w:a/ r s w:b/ long:3000000 w:/ mv:.1 pack:.1 half:.1.gz w:c/ k r", "a b !c " },
	{ "read and removed, the next one packed", "w:a/ r mv:.1 rm:.1 w:b/ mv:.1 pack:.1 w:c/ r", "a b c " },
	{ "packed, not ours", "w:a/ r s rm w:x/ mv:.1 pack:.1 w:b/ k r", "a !x b " },

	{ "a directory in its place", "w:a/ r rm dir r r rm w:b/ p r", "a --b " },
	{ "a FIFO in its place", "w:a/ r s mv:.1 fifo r k r rm w:b/ p r", "a --b " },
	{ "a directory at first", "dir r rm w:a/ p r", "-a " },
	{ "a symlink", "w:a/ mv:.t link:.t r w:b/ p r", "a b " },
	{ "a symlink to nothing", "link:.t r w:a/ p r", "-a " },
	{ "a symlink turned elsewhere", "w:a/ mv:.t w:b/ mv:.u link:.t r rm link:.u p r w:c/ p r", "a b c " },
	{ "a symlink, its target renamed", "w:a/ mv:.t link:.t r mv:.t:.t.1 w:b/ p r s w:c/ mv:.t:.t.1 w:d/ k r",
	    "a b c d " },
	{ "a symlink turned elsewhere while killed", "w:a/ mv:.t link:.t r s w:b/ rm w:c/ mv:.u link:.u k r", "a b c " },
};

/* A log that is to be read from where it ends at first sight. */
static const struct row rows_at_end[] = {
	{ "what is there is old", "w:a/ r w:b/ p r", "b " },
	{ "killed before anything came", "w:a/ r s w:b/ k r", "b " },
	{ "killed before anything was saved", "w:a/ r w:b/ k r w:c/ r", "c " },
	{ "a line half there is to come", "w:a/b r w:c/ p r", "bc " },
	{ "nothing but half a line", "w:a r w:b/ r", "ab " },
	{ "a long line half there", "w:a/ long:100000 r w:b/c/ r", "c " },
	{ "empty", "w: r w:a/ p r", "a " },
	{ "not there: all is to come", "r w:a/ r", "-a " },
	{ "not there, killed", "r s w:a/ k r", "-a " },
	{ "older siblings are old", "w:a/ mv:.1 w:b/ r w:c/ mv:.1:.2 mv:.1 w:d/ r", "c d " },
};

static unsigned
open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void
play_all(const struct row *table, size_t n, bool from_start)
{
	unsigned failed = 0, fds = open_fds();

	for (size_t i = 0; i < n; i++)
		failed += play(&table[i], from_start);
	assert_int_equal(failed, 0);
	assert_int_equal(open_fds(), fds);
}

static void
test_rows(void **state)
{
	(void)state;
	play_all(rows, ROWS(rows), true);
	play_all(rows_at_end, ROWS(rows_at_end), false);
}

/* A line may have FOLLOW_LINE_MAX bytes and no more, however it is read. */
static void
take_length(void *arg, struct str line)
{
	*(size_t *)arg = line.n;
}

static void
test_lengths(void **state)
{
	static const size_t lengths[] = { 0, 1, FOLLOW_LINE_MAX - 1, FOLLOW_LINE_MAX, FOLLOW_LINE_MAX + 1, 1000000 };
	struct world w = { .out = -1 };

	(void)state;
	(void)snprintf(w.dir, sizeof w.dir, "/tmp/follow.XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	(void)snprintf(w.log, sizeof w.log, "%s/mail.log", w.dir);
	append(&w, "", true);
	w.f = follow_new(w.log, NULL, true);
	for (size_t i = 0; i < 2 * ROWS(lengths); i++) {
		size_t want = lengths[i / 2], got = SIZE_MAX;

		append_letters(&w, want);
		if (i % 2 == 0) /* in two pieces */
			assert_int_equal(follow_read(w.f, 1 << 20, take_length, &got, NULL), FOLLOW_IDLE);
		assert_int_equal(got, SIZE_MAX);
		append(&w, "/", false);
		assert_int_equal(follow_read(w.f, 1 << 20, take_length, &got, NULL), FOLLOW_IDLE);
		assert_int_equal(got, want <= FOLLOW_LINE_MAX ? want : SIZE_MAX);
	}
	follow_free(w.f);
	(void)close(w.out);
	(void)nftw(w.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
test_position(void **state)
{
	struct position p = { 1, 2, 3000, UINT64_MAX, FOLLOW_MARK, true, -5 }, q;
	uint8_t buf[POSITION_SIZE];
	struct err e;

	(void)state;
	position_encode(&p, buf);
	memset(&q, 0, sizeof q);
	assert_int_equal(position_decode(&q, buf, sizeof buf, &e), 0);
	assert_true(q.dev == 1 && q.ino == 2 && q.offset == 3000 && q.mark == UINT64_MAX);
	assert_true(q.mark_len == FOLLOW_MARK && q.midline && q.written == -5);
	assert_int_equal(position_decode(&q, buf, sizeof buf - 1, &e), -1);
	assert_int_equal(position_decode(&q, buf, 0, &e), -1);
	buf[0]++;
	assert_int_equal(position_decode(&q, buf, sizeof buf, &e), -1);
	p.mark_len--; /* a mark that does not fit its offset */
	position_encode(&p, buf);
	assert_int_equal(position_decode(&q, buf, sizeof buf, &e), -1);
	p.offset = UINT64_MAX;
	position_encode(&p, buf);
	assert_int_equal(position_decode(&q, buf, sizeof buf, &e), -1);
}

static void
test_status(void **state)
{
	struct world w = { .out = -1 };
	struct follow_status st;

	(void)state;
	(void)snprintf(w.dir, sizeof w.dir, "/tmp/follow.XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	(void)snprintf(w.log, sizeof w.log, "%s/mail.log", w.dir);
	w.f = follow_new(w.log, NULL, true);
	read_some(&w, false);
	follow_status(w.f, &st);
	assert_string_equal(st.path, w.log);
	assert_false(st.present);
	assert_non_null(strstr(st.why, "No such file"));
	append(&w, "a/bc/def", true);
	read_some(&w, true);
	follow_status(w.f, &st);
	assert_true(st.present && st.why[0] == '\0');
	assert_true(st.lines == 1 && st.bytes == 2 && st.lag == 6);
	assert_int_equal(rename(w.log, name_of(&w, ".1")), 0);
	append(&w, "ghi", true);
	follow_status(w.f, &st);
	assert_true(st.lag == 9);
	follow_free(w.f);
	(void)close(w.out);
	(void)nftw(w.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_position),
		cmocka_unit_test(test_status),
	};

	/* Nothing can be forbidden to root.  Who gave root up may not be looked into, not even by a leak checker. */
	if (geteuid() == 0 && (setuid(65534) == -1 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == -1))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
