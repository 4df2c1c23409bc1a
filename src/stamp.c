/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stamp.c - the times that log lines begin with */
#include <string.h>

#include "stamp.h"

#define DAY   ((time_t)86400)
#define LATER 60 /* lines may be that many seconds late in the log */

struct clock {
	int hour, min, sec;
};

void
stamp_init(struct stamp *s)
{
	memset(s, 0, sizeof(*s));
}

/* Days from 1970-01-01 to a day of the Gregorian calendar, negative before.  Years are counted from March, so that
 * the leap day is the last of its year. */
static time_t
days_of(int year, int month, int day)
{
	long y = year - (month <= 2);
	long century = (y >= 0 ? y : y - 399) / 400;
	long of_era = y - century * 400;
	long of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return century * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool
is_day(int year, int month, int day)
{
	static const char length[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month < 1 || month > 12 || day < 1 || day > length[month - 1])
		return false;
	return month != 2 || day < 29 || is_leap(year);
}

static time_t
local_time(int year, int month, int day, int sec, long *offset)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = sec / 3600,
		.tm_min = sec / 60 % 60, .tm_sec = sec % 60, .tm_isdst = -1 };
	time_t t = mktime(&tm);

	*offset = tm.tm_gmtoff;
	return t;
}

static void
remember_day(struct stamp *s, int year, int month, int day)
{
	long before, after;
	time_t end;

	s->year = year;
	s->month = month;
	s->day = day;
	s->midnight = local_time(year, month, day, 0, &before);
	end = local_time(year, month, day, 86399, &after);
	s->even = before == after && end - s->midnight == DAY - 1;
	s->set_back = before - after;
}

/* Is this what the clock shows at t? */
static bool
is_shown(const struct stamp *s, time_t t, int sec)
{
	struct tm tm;

	return localtime_r(&t, &tm) != NULL && tm.tm_mday == s->day && tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec == sec;
}

/* Second `sec` of a day on which the clock is changed. */
static time_t
time_of_uneven(const struct stamp *s, int sec)
{
	long offset;
	time_t first = local_time(s->year, s->month, s->day, sec, &offset), second;

	if (s->set_back <= 0)
		return first;
	if (is_shown(s, first - s->set_back, sec))
		first -= s->set_back;
	second = first + s->set_back;
	if (!is_shown(s, second, sec))
		return first;
	return s->last != 0 && first >= s->last - LATER ? first : second;
}

static time_t
time_of(struct stamp *s, int year, int month, int day, struct clock c)
{
	int sec = c.hour * 3600 + c.min * 60 + (c.sec > 59 ? 59 : c.sec); /* a leap second is the last one twice */

	if (s->month != month || s->day != day || s->year != year)
		remember_day(s, year, month, day);
	return s->even ? s->midnight + sec : time_of_uneven(s, sec);
}

/* The year of a stamp without one: the latest that is not more than a day ahead; leap days are up to 8 years apart. */
static int
guess_year(struct stamp *s, int month, int day, struct clock c, time_t now)
{
	struct tm tm;
	int year, i;

	if (localtime_r(&now, &tm) == NULL)
		return 0;
	year = tm.tm_year + 1900 + 1;
	for (i = 0; i < 10; i++, year--)
		if (is_day(year, month, day) && time_of(s, year, month, day, c) <= now + DAY)
			return year;
	return 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The `n` digits at p, -1 if one of them is none. */
static int
number(const char *p, int n)
{
	int v = 0;

	for (; n > 0; n--, p++) {
		if (!is_digit(*p))
			return -1;
		v = v * 10 + (*p - '0');
	}
	return v;
}

/* "HH:MM:SS" and perhaps a fraction, at most to `end`; returns where it ends, NULL if it is none. */
static const char *
read_clock(const char *p, const char *end, struct clock *c)
{
	if (end - p < 8 || p[2] != ':' || p[5] != ':')
		return NULL;
	c->hour = number(p, 2);
	c->min = number(p + 3, 2);
	c->sec = number(p + 6, 2);
	if (c->hour < 0 || c->hour > 23 || c->min < 0 || c->min > 59 || c->sec < 0 || c->sec > 60)
		return NULL;
	p += 8;
	if (end - p >= 2 && (*p == '.' || *p == ',') && is_digit(p[1]))
		for (p += 2; p < end && is_digit(*p); p++)
			continue;
	return p;
}

static int
month_of(const char *p)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int i;

	for (i = 0; i < 12; i++)
		if (memcmp(p, names + 3 * i, 3) == 0)
			return i + 1;
	return 0;
}

/* Is t the latest of its day and time that is not more than a day ahead?  365 days are enough to ask: when a leap day
 * lies between, the slow way is taken a day early. */
static bool
is_this_year(time_t t, time_t now)
{
	return t <= now + DAY && t > now + DAY - 365 * DAY;
}

static size_t read_bsd(struct stamp *s, struct str text, time_t now, time_t *out);

/* The seconds of "Jan  2 03:04:05 ", -1 if the text is no such stamp of 15 bytes. */
static int
seconds_of(struct str text)
{
	int tens, ones;

	if (text.n < 16 || text.p[15] != ' ')
		return -1;
	tens = text.p[13] - '0';
	ones = text.p[14] - '0';
	return tens < 0 || tens > 5 || ones < 0 || ones > 9 ? -1 : 10 * tens + ones;
}

/* Most lines are of the same minute as the one before them. */
size_t
stamp_bsd(struct stamp *s, struct str text, time_t now, time_t *out)
{
	int sec = seconds_of(text);
	size_t n;

	if (sec != -1 && memcmp(text.p, s->minute, sizeof(s->minute)) == 0 && is_this_year(s->minute_time + sec, now)) {
		*out = s->last = s->minute_time + sec;
		return 15;
	}
	n = read_bsd(s, text, now, out);
	if (n > 0)
		s->last = *out;
	if (n == 15 && sec != -1) {
		memcpy(s->minute, text.p, sizeof(s->minute));
		s->minute_time = *out - sec;
	}
	return n;
}

static size_t
read_bsd(struct stamp *s, struct str text, time_t now, time_t *out)
{
	const char *p = text.p, *end = text.p + text.n;
	int month, day, year = 0;
	struct clock c;
	time_t t;

	if (text.n < 14 || p[3] != ' ' || (month = month_of(p)) == 0)
		return 0;
	p += p[4] == ' ' ? 5 : 4;
	day = is_digit(p[1]) ? number(p, 2) : number(p, 1);
	if (day < 1)
		return 0;
	p += is_digit(p[1]) ? 2 : 1;
	if (*p++ != ' ')
		return 0;
	if (end - p >= 13 && p[4] == ' ' && (year = number(p, 4)) >= 1970)
		p += 5;
	else
		year = 0;
	if ((p = read_clock(p, end, &c)) == NULL)
		return 0;
	if (year == 0 && s->month == month && s->day == day) {
		t = time_of(s, s->year, month, day, c);
		if (is_this_year(t, now)) {
			*out = t;
			return (size_t)(p - text.p);
		}
	}
	if (year == 0 && (year = guess_year(s, month, day, c, now)) == 0)
		return 0;
	if (!is_day(year, month, day))
		return 0;
	*out = time_of(s, year, month, day, c);
	return (size_t)(p - text.p);
}

/* "Z", "+HH:MM", "-HHMM": the zone's seconds east of Greenwich; returns where it ends, NULL if there is none. */
static const char *
read_zone(const char *p, const char *end, long *east)
{
	int hour, min;
	bool colon;

	if (p < end && (*p == 'Z' || *p == 'z')) {
		*east = 0;
		return p + 1;
	}
	if (end - p < 5 || (*p != '+' && *p != '-'))
		return NULL;
	colon = p[3] == ':';
	if (colon && end - p < 6)
		return NULL;
	hour = number(p + 1, 2);
	min = number(p + (colon ? 4 : 3), 2);
	if (hour < 0 || hour > 23 || min < 0 || min > 59)
		return NULL;
	*east = (hour * 3600L + min * 60L) * (*p == '-' ? -1 : 1);
	return p + (colon ? 6 : 5);
}

size_t
stamp_iso(struct stamp *s, struct str text, time_t *out)
{
	const char *p = text.p, *end = text.p + text.n, *zone;
	int year, month, day;
	struct clock c;
	long east;

	if (text.n < 19 || p[4] != '-' || p[7] != '-' || (p[10] != 'T' && p[10] != ' ' && p[10] != 't'))
		return 0;
	year = number(p, 4);
	month = number(p + 5, 2);
	day = number(p + 8, 2);
	if (year < 1970 || !is_day(year, month, day) || (p = read_clock(p + 11, end, &c)) == NULL)
		return 0;
	if ((zone = read_zone(p, end, &east)) == NULL) {
		*out = time_of(s, year, month, day, c);
		zone = p;
	} else {
		*out = days_of(year, month, day) * DAY + c.hour * 3600 + c.min * 60 + (c.sec > 59 ? 59 : c.sec) - east;
	}
	s->last = *out;
	return (size_t)(zone - text.p);
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* TAI64N: 2^62 + seconds of TAI, then nanoseconds.  multilog's clock counts UTC plus 10 s and knows of no leap
 * seconds since (D. J. Bernstein, libtai: taia_now). */
size_t
stamp_tai64n(struct str text, time_t *out)
{
	uint64_t v = 0;
	int i, d;

	if (text.n < 25 || text.p[0] != '@')
		return 0;
	for (i = 1; i < 25; i++) {
		if ((d = hex_digit(text.p[i])) < 0)
			return 0;
		if (i <= 16)
			v = v << 4 | (uint64_t)d;
	}
	if (v < 0x400000000000000aULL || v > 0x40000000ffffffffULL)
		return 0;
	*out = (time_t)(v - 0x400000000000000aULL);
	return 25;
}
