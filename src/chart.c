/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chart.c - small plots in SVG, see report.h
 *
 * Only numbers, and names that html_put() escapes, go into them; no style and no script, so that they may stand in a page
 * whose policy allows neither.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define WIDTH  1000.0
#define HEIGHT 220.0
#define LEFT   56.0
#define TOP    8.0
#define BOTTOM 22.0
#define COLOURS 8

/* The next of 1, 2, 5, 10, 20, …, at least 4. */
static uint64_t
round_up(uint64_t n)
{
	static const unsigned steps[] = { 1, 2, 4, 5, 8, 10 };

	for (uint64_t power = 1;; power *= 10)
		for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++)
			if (steps[i] * power >= n && steps[i] * power >= 4)
				return steps[i] * power;
}

static uint64_t
highest(const struct chart_series *s, unsigned series, unsigned bars)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < bars; i++) {
		uint64_t sum = 0;

		for (unsigned k = 0; k < series; k++)
			sum += s[k].n[i];
		most = sum > most ? sum : most;
	}
	return most;
}

static uint64_t
total(const struct chart_series *s, unsigned bars)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < bars; i++)
		sum += s->n[i];
	return sum;
}

static void
grid(struct html *h, uint64_t top)
{
	double room = HEIGHT - TOP - BOTTOM;

	for (unsigned i = 0; i <= 4; i++) {
		double y = TOP + room * (4 - i) / 4;

		html_put(h, "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>", LEFT, y, WIDTH, y);
		if (top >= 4 && (top % 4 == 0 || i % 4 == 0))
			html_put(h, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%llu</text>", LEFT - 5, y + 4,
			    (unsigned long long)(top * i / 4));
	}
}

static void
bar_text(char *buf, size_t size, time_t at, unsigned hours)
{
	struct tm tm;

	if (localtime_r(&at, &tm) == NULL || strftime(buf, size, hours < 24 ? "%m-%d %H:%M" : "%m-%d", &tm) == 0)
		buf[0] = '\0';
}

/* About six moments below the axis. */
static void
moments(struct html *h, unsigned bars, time_t first, unsigned hours)
{
	unsigned every = bars / 6 + 1;
	double wide = (WIDTH - LEFT) / bars;
	char text[32];

	for (unsigned i = 0; i < bars; i += every) {
		bar_text(text, sizeof text, first + (time_t)i * hours * 3600, hours);
		html_put(h, i / every % 2 == 0 ? "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%s</text>" :
		    "<text class=\"tick odd\" x=\"%.1f\" y=\"%.1f\">%s</text>", LEFT + wide * i, HEIGHT - 6, text);
	}
}

static void
one_bar(struct html *h, const struct chart_series *s, unsigned series, unsigned i, double x, double wide, uint64_t top)
{
	double y = HEIGHT - BOTTOM, room = HEIGHT - TOP - BOTTOM;

	for (unsigned k = 0; k < series; k++) {
		double high = room * (double)s[k].n[i] / (double)top;

		if (s[k].n[i] == 0)
			continue;
		y -= high;
		html_put(h, "<rect class=\"c%u\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%s: %u</title></rect>",
		    k % COLOURS, x, y, wide, high, s[k].name, (unsigned)s[k].n[i]);
	}
}

static void
legend(struct html *h, const struct chart_series *s, unsigned series, unsigned bars)
{
	html_put(h, "<ul class=\"legend\">");
	for (unsigned k = 0; k < series; k++)
		if (total(&s[k], bars) > 0)
			html_put(h, "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"c%u\" width=\"10\" height=\"10\" rx=\"2\"/>"
			    "</svg>%s <b>%llu</b></li>", k % COLOURS, s[k].name, (unsigned long long)total(&s[k], bars));
	html_put(h, "</ul>");
}

void
chart_stack(struct html *h, const char *title, const struct chart_series *s, unsigned series, unsigned bars, time_t first,
    unsigned hours)
{
	uint64_t top = round_up(highest(s, series, bars));
	double wide = (WIDTH - LEFT) / (bars == 0 ? 1 : bars);

	html_put(h, "<figure class=\"chart\"><figcaption>%s</figcaption>"
	    "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">", title, WIDTH, HEIGHT, title);
	grid(h, top);
	moments(h, bars, first, hours);
	for (unsigned i = 0; i < bars; i++)
		one_bar(h, s, series, i, LEFT + wide * i + wide * 0.1, wide * 0.8, top);
	html_put(h, "</svg>");
	legend(h, s, series, bars);
	html_put(h, "</figure>\n");
}

void
chart_spark(struct html *h, const char *what, const uint32_t *n, unsigned points)
{
	uint32_t most = 1;

	for (unsigned i = 0; i < points; i++)
		most = n[i] > most ? n[i] : most;
	html_put(h, "<svg class=\"spark\" viewBox=\"0 0 100 28\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s\">"
	    "<polygon points=\"0,28 ", what);
	for (unsigned i = 0; i < points; i++)
		html_put(h, "%.1f,%.1f ", 100.0 * i / (points > 1 ? points - 1 : 1), 26 - 24.0 * n[i] / most);
	html_put(h, "100,28\"/><polyline points=\"");
	for (unsigned i = 0; i < points; i++)
		html_put(h, "%.1f,%.1f ", 100.0 * i / (points > 1 ? points - 1 : 1), 26 - 24.0 * n[i] / most);
	html_put(h, "\"/></svg>");
}
