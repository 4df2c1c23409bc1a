/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ref.c - the reference in a refusal: which client, and when */
#include "ref.h"

#include <string.h>

#define CHECK	   1021 /* below 32 * 32; 32 has the order 204 modulo it, so no two places of a reference weigh the same */
#define DIGITS_MAX 34
#define GROUP	   5

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* By the number of bytes of the address that are written; the rest is known. */
static const struct form {
	unsigned bytes, at; /* how many, and where they stand in a struct addr */
	unsigned digits;    /* with the check digits: 8 bits a byte and 32 for the time, 5 in a digit */
} forms[] = {
	{ 4, 12, 15 },
	{ 8, 0, 22 },
	{ 16, 0, 34 },
};

static const struct form *
form_for(const struct addr *a)
{
	static const uint8_t none[8];

	if (addr_is4(a))
		return &forms[0];
	return memcmp(a->b + 8, none, sizeof none) == 0 ? &forms[1] : &forms[2];
}

static unsigned
check_of(const uint8_t *digits, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum = (sum * 32 + digits[i]) % CHECK;
	return sum;
}

/* Bytes to digits of 5 bits, the last filled up with zeros; returns how many. */
static unsigned
spread(uint8_t *digits, const uint8_t *bytes, unsigned n)
{
	unsigned have = 0, bits = 0, count = 0;

	for (unsigned i = 0; i < n; i++) {
		have = (have << 8 | bytes[i]) & 0xfff;
		for (bits += 8; bits >= 5; bits -= 5)
			digits[count++] = (have >> (bits - 5)) & 31;
	}
	if (bits > 0)
		digits[count++] = (have << (5 - bits)) & 31;
	return count;
}

char *
ref_format(char *buf, const struct addr *client, time_t at)
{
	const struct form *f = form_for(client);
	uint8_t bytes[16 + 4], digits[DIGITS_MAX];
	unsigned n, check;
	char *out = buf;

	memcpy(bytes, client->b + f->at, f->bytes);
	for (unsigned i = 0; i < 4; i++)
		bytes[f->bytes + i] = (uint8_t)((uint64_t)at >> (24 - 8 * i));
	n = spread(digits, bytes, f->bytes + 4);
	check = check_of(digits, n);
	digits[n++] = (uint8_t)(check / 32);
	digits[n++] = (uint8_t)(check % 32);
	for (unsigned i = 0; i < n; i++) {
		if (i > 0 && i % GROUP == 0)
			*out++ = '-';
		*out++ = alphabet[digits[i]];
	}
	*out = '\0';
	return buf;
}

/* -1: no digit. */
static int
digit_of(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	at = c == '\0' ? NULL : strchr(alphabet, c);
	return at == NULL ? -1 : (int)(at - alphabet);
}

/* The digits of a text; 0: it holds something else, or too many. */
static unsigned
digits_of(uint8_t *digits, struct str text)
{
	unsigned n = 0;

	for (size_t i = 0; i < text.n; i++) {
		int d = digit_of(text.p[i]);

		if (text.p[i] == '-' || text.p[i] == ' ')
			continue;
		if (d == -1 || n == DIGITS_MAX)
			return 0;
		digits[n++] = (uint8_t)d;
	}
	return n;
}

/* The opposite of spread(); false: something stands behind the last whole byte. */
static bool
gather(uint8_t *bytes, unsigned n, const uint8_t *digits, unsigned count)
{
	unsigned have = 0, bits = 0, got = 0;

	for (unsigned i = 0; i < count; i++) {
		have = (have << 5 | digits[i]) & 0xfff;
		bits += 5;
		if (bits >= 8 && got < n) {
			bits -= 8;
			bytes[got++] = (uint8_t)(have >> bits);
		}
	}
	return (have & ((1u << bits) - 1)) == 0;
}

int
ref_parse(struct str text, struct addr *client, time_t *at)
{
	static const struct addr v4 = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0 } };
	uint8_t digits[DIGITS_MAX], bytes[16 + 4];
	unsigned n = digits_of(digits, text);
	const struct form *f = NULL;
	struct addr a = { { 0 } };
	uint32_t seconds = 0;

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (forms[i].digits == n)
			f = &forms[i];
	if (f == NULL || check_of(digits, n - 2) != digits[n - 2] * 32u + digits[n - 1] ||
	    !gather(bytes, f->bytes + 4, digits, n - 2))
		return -1;
	if (f == &forms[0])
		a = v4;
	memcpy(a.b + f->at, bytes, f->bytes);
	if (form_for(&a) != f)
		return -1; /* written in another way than we do */
	for (unsigned i = 0; i < 4; i++)
		seconds = seconds << 8 | bytes[f->bytes + i];
	*client = a;
	*at = (time_t)seconds;
	return 0;
}
