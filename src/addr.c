/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr.c - internet addresses and clients */
#include "addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static void
set4(struct addr *a, const uint8_t v4[4])
{
	memcpy(a->b, mapped, sizeof mapped);
	memcpy(a->b + sizeof mapped, v4, 4);
}

/* One decimal number 0..255 without leading zeros; returns its length or 0. */
static size_t
octet(struct str s, uint8_t *out)
{
	unsigned v = 0;
	size_t n = 0;

	while (n < s.n && n < 3 && s.p[n] >= '0' && s.p[n] <= '9')
		v = v * 10 + (unsigned)(s.p[n++] - '0');
	if (n == 0 || v > 255 || (n > 1 && s.p[0] == '0'))
		return 0;
	*out = (uint8_t)v;
	return n;
}

/* By hand and not inet_pton(3): every log line with a client comes through here, and a slice has no NUL. */
static int
parse4(struct addr *a, struct str s)
{
	uint8_t v4[4];

	for (int i = 0; i < 4; i++) {
		size_t n = octet(s, &v4[i]);

		if (n == 0)
			return -1;
		s.p += n;
		s.n -= n;
		if (i == 3)
			break;
		if (s.n == 0 || *s.p != '.')
			return -1;
		s.p++;
		s.n--;
	}
	if (s.n != 0)
		return -1;
	set4(a, v4);
	return 0;
}

int
addr_parse(struct addr *a, struct str text)
{
	char buf[INET6_ADDRSTRLEN];
	const char *scope;
	struct in6_addr in6;

	if (parse4(a, text) == 0)
		return 0;
	if (text.n > 5 && str_caseeq((struct str){ text.p, 5 }, STR("IPv6:"))) {
		text.p += 5;
		text.n -= 5;
	}
	scope = text.n == 0 ? NULL : memchr(text.p, '%', text.n);
	if (scope != NULL && (size_t)(scope - text.p) + 1 < text.n)
		text.n = (size_t)(scope - text.p);
	if (text.n == 0 || text.n >= sizeof buf || memchr(text.p, '\0', text.n) != NULL)
		return -1;
	if (inet_pton(AF_INET6, str_copy(buf, sizeof buf, text), &in6) != 1)
		return -1;
	memcpy(a->b, &in6, sizeof a->b);
	return 0;
}

char *
addr_format(char *buf, const struct addr *a)
{
	/* glibc, musl and the BSDs print IPv6 as RFC 5952 asks. */
	const char *text = addr_is4(a) ? inet_ntop(AF_INET, a->b + 12, buf, ADDR_TEXT)
				       : inet_ntop(AF_INET6, a->b, buf, ADDR_TEXT);

	return text == NULL ? str_copy(buf, ADDR_TEXT, STR("?")) : buf;
}

int
addr_from_sockaddr(struct addr *a, const struct sockaddr *sa)
{
	if (sa == NULL)
		return -1;
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof in);
		set4(a, (const uint8_t *)&in.sin_addr);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof in6);
		memcpy(a->b, &in6.sin6_addr, sizeof a->b);
		return 0;
	}
	return -1;
}

struct addr
addr_client(const struct addr *a, unsigned ipv6_prefix)
{
	struct addr c = *a;

	if (addr_is4(a) || ipv6_prefix >= 128)
		return c;
	for (unsigned bit = ipv6_prefix; bit < 128; bit = (bit | 7) + 1)
		c.b[bit / 8] &= (uint8_t)(0xff00 >> (bit & 7));
	return c;
}

char *
addr_format_client(char *buf, const struct addr *client, unsigned ipv6_prefix)
{
	size_t n;

	addr_format(buf, client);
	if (!addr_is4(client) && ipv6_prefix < 128) {
		n = strlen(buf);
		(void)snprintf(buf + n, ADDR_TEXT - n, "/%u", ipv6_prefix);
	}
	return buf;
}

bool
addr_is_special(const struct addr *a)
{
	const uint8_t *v4 = a->b + 12;
	static const struct addr zero;

	if (addr_is4(a)) /* RFC 6890: this host, loopback, link-local, multicast and above */
		return v4[0] == 0 || v4[0] == 127 || (v4[0] == 169 && v4[1] == 254) || v4[0] >= 224;
	if (memcmp(a->b, zero.b, 15) == 0 && a->b[15] <= 1) /* :: and ::1 */
		return true;
	return a->b[0] == 0xff || (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80);
}
