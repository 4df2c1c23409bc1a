/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_follow.c - every way in which a log changes under its reader, one step at a time */
#include <sys/prctl.h>

#include "follow_script.h"

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
	(void)remove_tree(w.dir);
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
	(void)remove_tree(w.dir);
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
