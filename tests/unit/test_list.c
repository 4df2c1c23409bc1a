/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_list.c - the kernel's listing of a set, as it is and as it should never be
 *
 * Each datagram is read from a block of its own size, so that a sanitizer sees a step beyond its end.
 */
#include <arpa/inet.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper.h"
#include "unit.h"

#define SEQ	7
#define LISTING (NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_ADD)
#define NESTED	NLA_F_NESTED

/* --- what the kernel says --- */

struct datagram {
	size_t n;
	uint8_t b[2048];
};

static void
append(struct datagram *d, const void *p, size_t n)
{
	assert_true(d->n + n <= sizeof d->b);
	if (n > 0)
		memcpy(d->b + d->n, p, n);
	d->n += n;
}

static void
pad(struct datagram *d)
{
	while (d->n % 4 != 0)
		d->b[d->n++] = 0;
}

/* Returns where it begins, for end_message(). */
static size_t
begin_message(struct datagram *d, uint16_t type, uint32_t seq, uint16_t flags)
{
	const struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_MULTI | flags), .nlmsg_seq = seq };
	const struct nfgenmsg nf = { .nfgen_family = AF_INET };
	size_t at = d->n;

	append(d, &h, sizeof h);
	if (type == LISTING)
		append(d, &nf, sizeof nf);
	return at;
}

static void
end_message(struct datagram *d, size_t at)
{
	uint32_t n = (uint32_t)(d->n - at);

	memcpy(d->b + at, &n, sizeof n);
	pad(d);
}

static size_t
begin_attr(struct datagram *d, unsigned type)
{
	const struct nlattr a = { .nla_type = (uint16_t)type };
	size_t at = d->n;

	append(d, &a, sizeof a);
	return at;
}

static void
set_length(struct datagram *d, size_t at, size_t n)
{
	uint16_t len = (uint16_t)n;

	memcpy(d->b + at, &len, sizeof len);
}

static void
end_attr(struct datagram *d, size_t at)
{
	set_length(d, at, d->n - at);
	pad(d);
}

static void
attr(struct datagram *d, unsigned type, const void *p, size_t n)
{
	size_t at = begin_attr(d, type);

	append(d, p, n);
	end_attr(d, at);
}

static void
put_ip(struct datagram *d, const char *text)
{
	struct addr a = address(text);
	size_t at = begin_attr(d, IPSET_ATTR_IP | NESTED);

	if (addr_is4(&a))
		attr(d, IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER, a.b + 12, 4);
	else
		attr(d, IPSET_ATTR_IPADDR_IPV6 | NLA_F_NET_BYTEORDER, a.b, 16);
	end_attr(d, at);
}

static void
put_entry(struct datagram *d, const char *text, uint32_t timeout)
{
	uint32_t t = htonl(timeout);
	size_t at = begin_attr(d, IPSET_ATTR_DATA | NESTED);

	put_ip(d, text);
	attr(d, IPSET_ATTR_TIMEOUT | NLA_F_NET_BYTEORDER, &t, sizeof t);
	attr(d, IPSET_ATTR_COMMENT, "by hand", 8);
	end_attr(d, at);
}

/* The beginning of a message with entries; *adt is for end_attr(). */
static size_t
begin_part(struct datagram *d, uint32_t seq, size_t *adt)
{
	size_t at = begin_message(d, LISTING, seq, 0);
	uint8_t protocol = 6;

	attr(d, IPSET_ATTR_PROTOCOL, &protocol, 1);
	attr(d, IPSET_ATTR_SETNAME, "popauth4", 9);
	*adt = begin_attr(d, IPSET_ATTR_ADT | NESTED);
	return at;
}

static void
put_part(struct datagram *d, uint32_t seq, const char *text)
{
	size_t adt, at = begin_part(d, seq, &adt);

	put_entry(d, text, 600);
	end_attr(d, adt);
	end_message(d, at);
}

static void
put_answer(struct datagram *d, uint16_t type, int code)
{
	size_t at = begin_message(d, type, SEQ, 0);

	append(d, &code, sizeof code);
	end_message(d, at);
}

/* --- what is heard of it --- */

struct heard {
	unsigned n;
	char text[512]; /* "ADDRESS/TIMEOUT " each */
};

static void
hear(void *arg, const struct addr *a, uint32_t timeout)
{
	struct heard *h = arg;
	char text[ADDR_TEXT];
	size_t at = strlen(h->text);

	(void)snprintf(h->text + at, sizeof h->text - at, "%s/%u ", addr_format(text, a), timeout);
	h->n++;
}

static struct klist_reading
read_bytes(const uint8_t *p, size_t n, int family, struct heard *h)
{
	struct klist_reading r = { .seq = SEQ, .family = family, .fn = hear, .arg = h };
	uint8_t *block = malloc(n > 0 ? n : 1);

	assert_non_null(block);
	if (n > 0)
		memcpy(block, p, n);
	*h = (struct heard){ 0 };
	klist_read(&r, block, n);
	free(block);
	return r;
}

static void
reads_a_listing(void **state)
{
	struct datagram d = { 0 };
	struct klist_reading r;
	struct heard h;
	size_t adt, at;

	(void)state;
	end_message(&d, begin_message(&d, LISTING, SEQ, 0)); /* nothing in it */
	at = begin_part(&d, SEQ, &adt);
	put_entry(&d, "192.0.2.1", 600);
	put_entry(&d, "192.0.2.2", 0);
	end_attr(&d, adt);
	end_message(&d, at);
	put_part(&d, SEQ - 1, "203.0.113.1"); /* of a listing that was given up */
	put_part(&d, SEQ, "192.0.2.3");
	r = read_bytes(d.b, d.n, AF_INET, &h);
	assert_false(r.done);
	put_answer(&d, NLMSG_DONE, 0);
	put_part(&d, SEQ, "203.0.113.2"); /* after the end */
	r = read_bytes(d.b, d.n, AF_INET, &h);
	assert_true(r.done);
	assert_int_equal(r.error, 0);
	assert_string_equal(h.text, "192.0.2.1/600 192.0.2.2/0 192.0.2.3/600 ");
}

static void
reads_ipv6(void **state)
{
	struct datagram d = { 0 };
	struct heard h;

	(void)state;
	put_part(&d, SEQ, "2001:db8:1:2::");
	assert_int_equal(read_bytes(d.b, d.n, AF_INET6, &h).error, 0);
	assert_string_equal(h.text, "2001:db8:1:2::/600 ");
}

/* --- what it should never be: each builds one part with an entry, and something wrong --- */

static void
of_the_other_family(struct datagram *d)
{
	put_part(d, SEQ, "2001:db8::");
}

static void
long_address(struct datagram *d)
{
	size_t adt, at = begin_part(d, SEQ, &adt), entry = begin_attr(d, IPSET_ATTR_DATA | NESTED);
	size_t ip = begin_attr(d, IPSET_ATTR_IP | NESTED);

	attr(d, IPSET_ATTR_IPADDR_IPV4, "0123456789abcdef", 16);
	end_attr(d, ip);
	attr(d, IPSET_ATTR_TIMEOUT, "\0\0\1\1", 4);
	end_attr(d, entry);
	end_attr(d, adt);
	end_message(d, at);
}

static void
with_timeout(struct datagram *d, size_t n)
{
	size_t adt, at = begin_part(d, SEQ, &adt), entry = begin_attr(d, IPSET_ATTR_DATA | NESTED);

	put_ip(d, "192.0.2.1");
	if (n > 0)
		attr(d, IPSET_ATTR_TIMEOUT, "\0\0\0\0\0\0\1\1", n);
	end_attr(d, entry);
	end_attr(d, adt);
	end_message(d, at);
}

static void
no_timeout(struct datagram *d)
{
	with_timeout(d, 0);
}

static void
short_timeout(struct datagram *d)
{
	with_timeout(d, 3);
}

static void
long_timeout(struct datagram *d)
{
	with_timeout(d, 8);
}

static void
no_address(struct datagram *d)
{
	size_t adt, at = begin_part(d, SEQ, &adt), entry = begin_attr(d, IPSET_ATTR_DATA | NESTED);

	attr(d, IPSET_ATTR_TIMEOUT, "\0\0\1\1", 4);
	end_attr(d, entry);
	end_attr(d, adt);
	end_message(d, at);
}

static void
no_entry_but_something(struct datagram *d)
{
	size_t adt, at = begin_part(d, SEQ, &adt);

	attr(d, IPSET_ATTR_TIMEOUT, "\0\0\1\1", 4);
	end_attr(d, adt);
	end_message(d, at);
}

/* An attribute of `n` bytes by its own word, as one of those around the entries or (deep) of the entry. */
static void
of_length(struct datagram *d, bool deep, size_t n)
{
	size_t adt, at = begin_part(d, SEQ, &adt), entry;

	if (deep) {
		entry = begin_attr(d, IPSET_ATTR_DATA | NESTED);
		set_length(d, begin_attr(d, IPSET_ATTR_IP | NESTED), n);
		append(d, "\0\0\0\0", 4);
		end_attr(d, entry);
		end_attr(d, adt);
	} else {
		put_entry(d, "192.0.2.1", 600);
		set_length(d, adt, n);
	}
	end_message(d, at);
}

static void
empty_attribute(struct datagram *d)
{
	of_length(d, false, 0);
}

static void
short_attribute(struct datagram *d)
{
	of_length(d, false, 3);
}

static void
long_attribute(struct datagram *d)
{
	of_length(d, false, UINT16_MAX);
}

static void
empty_nested_attribute(struct datagram *d)
{
	of_length(d, true, 0);
}

static void
nested_attribute_longer_than_what_it_is_in(struct datagram *d)
{
	of_length(d, true, 9);
}

static void
crumbs_behind_the_entries(struct datagram *d)
{
	size_t adt, at = begin_part(d, SEQ, &adt);

	append(d, "\1\2\3", 3);
	end_attr(d, adt);
	end_message(d, at);
}

static void
crumbs_behind_the_attributes(struct datagram *d)
{
	size_t at = begin_message(d, LISTING, SEQ, 0);

	attr(d, IPSET_ATTR_SETNAME, "popauth4", 9);
	append(d, "\1\2\3", 3);
	end_message(d, at);
}

static void
shorter_than_its_head(struct datagram *d)
{
	size_t at = begin_message(d, LISTING, SEQ, 0);

	d->n = at + sizeof(struct nlmsghdr) + 2;
	end_message(d, at);
}

/* The message's own length: a word at its beginning. */
static void
says_of_itself(struct datagram *d, uint32_t n)
{
	put_part(d, SEQ, "192.0.2.1");
	memcpy(d->b, &n, sizeof n);
}

static void
of_no_length(struct datagram *d)
{
	says_of_itself(d, 0);
}

static void
of_half_a_head(struct datagram *d)
{
	says_of_itself(d, 15);
}

static void
one_byte_too_long(struct datagram *d)
{
	put_part(d, SEQ, "192.0.2.1");
	d->n--;
}

static void
far_too_long(struct datagram *d)
{
	says_of_itself(d, UINT32_MAX - 1);
}

static const struct {
	const char *name;
	void (*build)(struct datagram *d);
} broken[] = {
#define ROW(f) { #f, f }
	ROW(of_the_other_family), ROW(long_address), ROW(no_timeout), ROW(short_timeout), ROW(long_timeout), ROW(no_address),
	ROW(no_entry_but_something), ROW(empty_attribute), ROW(short_attribute), ROW(long_attribute),
	ROW(empty_nested_attribute), ROW(nested_attribute_longer_than_what_it_is_in), ROW(crumbs_behind_the_entries),
	ROW(crumbs_behind_the_attributes), ROW(shorter_than_its_head), ROW(of_no_length), ROW(of_half_a_head),
	ROW(one_byte_too_long), ROW(far_too_long),
#undef ROW
};

/* The listing is given up, and yet read to its end. */
static void
says_what_is_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(broken); i++) {
		struct datagram d = { 0 }, rest = { 0 };
		struct klist_reading r;
		struct heard h;

		broken[i].build(&d);
		r = read_bytes(d.b, d.n, AF_INET, &h);
		row_eq(broken[i].name, r.error, EBADMSG);
		row_str_eq(broken[i].name, h.text, "");
		put_part(&rest, SEQ, "192.0.2.9");
		put_answer(&rest, NLMSG_DONE, 0);
		klist_read(&r, rest.b, rest.n);
		row_eq(broken[i].name, r.done, true);
		row_eq(broken[i].name, r.error, EBADMSG);
		row_str_eq(broken[i].name, h.text, "");
	}
}

static const struct {
	const char *name;
	uint16_t type;
	int code, error;
} ends[] = {
	{ "done", NLMSG_DONE, 0, 0 },
	{ "done, with a number", NLMSG_DONE, 5, 0 },
	{ "done, but", NLMSG_DONE, -EINTR, EINTR },
	{ "there is no such set", NLMSG_ERROR, -ENOENT, ENOENT },
	{ "one that has no negative", NLMSG_ERROR, INT_MIN, EBADMSG },
};

static void
hears_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(ends); i++) {
		struct datagram d = { 0 };
		struct klist_reading r;
		struct heard h;

		put_answer(&d, ends[i].type, ends[i].code);
		r = read_bytes(d.b, d.n, AF_INET, &h);
		row_eq(ends[i].name, r.done, true);
		row_eq(ends[i].name, r.error, ends[i].error);
	}
}

static void
hears_an_end_without_a_word(void **state)
{
	struct datagram d = { 0 };
	struct klist_reading r;
	struct heard h;

	(void)state;
	end_message(&d, begin_message(&d, NLMSG_DONE, SEQ, 0));
	r = read_bytes(d.b, d.n, AF_INET, &h);
	assert_true(r.done);
	assert_int_equal(r.error, 0);
}

/* Changes come in the midst of every long listing, ours among them; nothing is wrong with the entries. */
static void
an_interrupted_listing_is_good(void **state)
{
	struct datagram d = { 0 };
	struct klist_reading r;
	struct heard h;
	size_t at;

	(void)state;
	put_part(&d, SEQ, "192.0.2.1");
	at = offsetof(struct nlmsghdr, nlmsg_flags);
	d.b[at] |= NLM_F_DUMP_INTR;
	r = read_bytes(d.b, d.n, AF_INET, &h);
	assert_int_equal(r.error, 0);
	assert_string_equal(h.text, "192.0.2.1/600 ");
}

/* However it is cut, what is heard is true, and a message that lacks something is not taken for a whole one. */
static void
cut_anywhere(void **state)
{
	struct datagram d = { 0 };
	size_t first;

	(void)state;
	put_part(&d, SEQ, "192.0.2.1");
	first = d.n;
	put_part(&d, SEQ, "192.0.2.2");
	for (size_t n = 0; n < d.n; n++) {
		struct heard h;
		struct klist_reading r = read_bytes(d.b, n, AF_INET, &h);

		assert_false(r.done);
		assert_int_equal(r.error, n == 0 || n == first ? 0 : EBADMSG);
		assert_string_equal(h.text, n < first ? "" : "192.0.2.1/600 ");
	}
}

/* Nothing but that it is survived, and that no entry is heard that there is no room for. */
static void
any_byte_may_be_wrong(void **state)
{
	static const uint8_t values[] = { 0, 1, 2, 4, 0x10, 0x7f, 0x80, 0xff };
	struct datagram d = { 0 };

	(void)state;
	put_part(&d, SEQ, "192.0.2.1");
	put_part(&d, SEQ, "192.0.2.2");
	put_answer(&d, NLMSG_DONE, 0);
	for (size_t at = 0; at < d.n; at++)
		for (size_t v = 0; v < ROWS(values); v++) {
			uint8_t before = d.b[at];
			struct heard h;

			d.b[at] = values[v];
			(void)read_bytes(d.b, d.n, AF_INET, &h);
			assert_in_range(h.n, 0, 2);
			d.b[at] = before;
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_listing),
		cmocka_unit_test(reads_ipv6),
		cmocka_unit_test(says_what_is_broken),
		cmocka_unit_test(hears_the_end),
		cmocka_unit_test(hears_an_end_without_a_word),
		cmocka_unit_test(an_interrupted_listing_is_good),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(any_byte_may_be_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
