/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_browser.c - the page in a real browser: what is injected stays text, it fits a telephone, it works without scripts
 *
 * Skipped (77) where there is no Chromium.  POPAUTH_SHOTS=DIR keeps pictures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "browser.h"
#include "rig.h"
#include "../unit/unit.h"

static struct rig r;
static struct browser b;

/* If any of it runs, window.pwned is set. */
#define SCRIPT "<script>window.pwned=1</script>"
#define IMAGE  "\"><img src=x onerror=window.pwned=1>"
#define SVG    "'><svg onload=window.pwned=1>"

static const char *const pages[] = { "/", "/relay", "/cache", "/block", "/explain?q=192.0.2.7", "/report", "/explain",
	"/cache?q=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E", "/nowhere%22%3E%3Cscript%3Ewindow.pwned=1%3C/script%3E" };

static void
log_in(void)
{
	browser_go(&b, r.host, "/login");
	browser_do(&b, "document.querySelector('[name=user]').value='" RIG_USER "',"
	    "document.querySelector('[name=password]').value='" RIG_PASSWORD "',document.querySelector('.login button').click()");
	assert_true(browser_true(&b, "location.pathname=='/'&&document.querySelector('.who')!==null"));
}

static void
people(void)
{
	char line[500];

	for (unsigned i = 1; i <= 120; i++) {
		(void)snprintf(line, sizeof line, "postfix/smtpd[%u]: NOQUEUE: reject: RCPT from unknown[198.51.100.%u]: 554 5.7.1 Service "
		    "unavailable; Client host [198.51.100.%u] blocked using %s; listed; from=<a@b.example> to=<c@example.org> "
		    "proto=ESMTP helo=<%s>", 1000 + i, i, i, i % 3 ? "zen.example" : "bl.example", i % 2 ? SCRIPT : "mail.example");
		rig_log(&r, line);
	}
	for (unsigned i = 1; i <= 20; i++) {
		(void)snprintf(line, sizeof line, "dovecot: imap-login: Login: user=<person%u>, method=PLAIN, rip=203.0.113.%u, "
		    "lip=192.0.2.1, TLS, session=<q8dYy2sXzsDAAAIH>", i, i);
		rig_log(&r, line);
	}
	rig_ask(&r, "{\"verb\":\"block add\",\"address\":\"192.0.2.7\",\"reason\":\"" SCRIPT "'><svg onload=window.pwned=1>\"}");
	rig_ask(&r, "{\"verb\":\"cache add\",\"address\":\"192.0.2.8\",\"reason\":\"\\\"><img src=x onerror=window.pwned=1>\"}");
	rig_ask(&r, "{\"verb\":\"relay add\",\"address\":\"192.0.2.9\",\"user\":\"" SCRIPT "\"}");
	rig_await(&r, "{\"verb\":\"relay list\"}", "person20");
}

static int
start(void **state)
{
	(void)state;
	rig_start(&r, NULL);
	people();
	browser_start(&b);
	browser_size(&b, 1280, 900, false);
	log_in();
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	browser_stop(&b);
	rig_stop(&r);
	return 0;
}

/* What came from outside is on the pages, as text. */
static void
injected_scripts_do_not_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(pages); i++) {
		browser_go(&b, r.host, pages[i]);
		if (!browser_true(&b, "window.pwned===undefined&&document.querySelector('main script')===null||"
		    "window.pwned===undefined&&document.querySelectorAll('main script').length==1&&location.pathname=='/'"))
			fail_msg("%s: what was injected did run", pages[i]);
		if (!browser_true(&b, "document.querySelector('img,svg[onload]')===null"))
			fail_msg("%s: what was injected is an element", pages[i]);
	}
	browser_go(&b, r.host, "/relay");
	assert_true(browser_true(&b, "document.body.innerText.includes('" SCRIPT "')"));
	browser_go(&b, r.host, "/block");
	assert_true(browser_true(&b, "document.body.innerText.includes('<svg onload=window.pwned=1>')"));
	browser_shot(&b, "block");
}

static void
live_events_come_as_text(void **state)
{
	(void)state;
	browser_go(&b, r.host, "/");
	browser_await(&b, "document.getElementById('livestate').textContent=='listening'");
	rig_log(&r, "postfix/smtpd[7]: warning: unknown[192.0.2.77]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, "
		    "sasl_username=" SCRIPT);
	rig_ask(&r, "{\"verb\":\"block add\",\"address\":\"192.0.2.78\",\"reason\":\"enough\"}");
	browser_await(&b, "document.getElementById('events').innerText.includes('192.0.2.77')&&"
	    "document.getElementById('events').innerText.includes('192.0.2.78')");
	assert_true(browser_true(&b, "window.pwned===undefined&&document.querySelector('#events script')===null"));
	assert_true(browser_true(&b, "document.getElementById('events').innerText.includes('" SCRIPT "')"));
	/* The tiles follow. */
	browser_await(&b, "document.querySelector('[data-count=block]').textContent=='2'");
	browser_shot(&b, "dashboard");
}

/* Wherever the browser is, a row that comes has the time that it has when the page is loaded again. */
static void
live_rows_have_the_servers_time(void **state)
{
	static const char row[] = "Array.from(document.querySelectorAll('#events tr')).find(function(e){"
				  "return e.innerText.includes('192.0.2.79')})";
	char script[400], *was;
	json_t *text;

	(void)state;
	json_decref(browser_call(&b, "Emulation.setTimezoneOverride", json_pack("{s:s}", "timezoneId", "Asia/Kathmandu")));
	browser_go(&b, r.host, "/");
	browser_await(&b, "document.getElementById('livestate').textContent=='listening'");
	rig_ask(&r, "{\"verb\":\"cache add\",\"address\":\"192.0.2.79\"}");
	(void)snprintf(script, sizeof script, "%s!==undefined", row);
	browser_await(&b, script);
	(void)snprintf(script, sizeof script, "%s.children[0].textContent", row);
	text = browser_eval(&b, script);
	was = strdup(json_string_value(text));
	json_decref(text);
	browser_go(&b, r.host, "/");
	(void)snprintf(script, sizeof script, "%s.children[0].textContent=='%s'", row, was);
	if (!browser_true(&b, script))
		fail_msg("it came as %s and is another now", was);
	free(was);
	json_decref(browser_call(&b, "Emulation.setTimezoneOverride", json_pack("{s:s}", "timezoneId", "")));
}

/* Even a script that got into the page would not run. */
static void
the_policy_stops_inline_scripts(void **state)
{
	(void)state;
	browser_go(&b, r.host, "/relay");
	json_decref(browser_eval(&b, "(function(){var s=document.createElement('script'),i=document.createElement('img');"
	    "try{s.textContent='window.pwned=1'}catch(e){}document.body.appendChild(s);"
	    "try{i.setAttribute('onerror','window.pwned=1')}catch(e){}"
	    "i.addEventListener('error',function(){window.tried=1});i.src='/nowhere';document.body.appendChild(i);return 1})()"));
	browser_await(&b, "window.tried===1");
	assert_true(browser_true(&b, "window.pwned===undefined"));
}

static void
it_fits_a_telephone(void **state)
{
	char name[40];

	(void)state;
	browser_size(&b, 390, 844, true);
	for (size_t i = 0; i < ROWS(pages); i++) {
		browser_go(&b, r.host, pages[i]);
		if (!browser_true(&b, "document.documentElement.scrollWidth<=390&&window.innerWidth==390"))
			fail_msg("%s: wider than a telephone", pages[i]);
		(void)snprintf(name, sizeof name, "phone-%zu", i);
		browser_shot(&b, name);
	}
	browser_size(&b, 1280, 900, false);
}

/* Searching, adding and deleting are links and forms. */
static void
it_works_without_scripts(void **state)
{
	(void)state;
	browser_scripts(&b, false);
	browser_go(&b, r.host, "/cache?q=bl.example");
	/* These expressions are the test's own: they run all the same. */
	assert_true(browser_true(&b, "document.querySelectorAll('.list tbody tr').length==40"));
	browser_do(&b, "document.querySelector('.list .do button').click()");
	assert_true(browser_true(&b, "document.querySelector('.said').textContent.includes('taken out of cache')"));
	assert_true(browser_true(&b, "document.querySelectorAll('.list tbody tr').length==39&&location.search=='?q=bl.example'"));
	browser_go(&b, r.host, "/block");
	browser_do(&b, "document.querySelector('.adder summary').click(),document.querySelector('[name=address]').value='192.0.2.99',"
	    "document.querySelector('[name=for]').value='2h',document.querySelector('[name=text]').value='a pest',"
	    "document.querySelector('.adder button').click()");
	assert_true(browser_true(&b, "document.querySelector('.said').textContent.includes('192.0.2.99')&&"
	    "document.body.innerText.includes('a pest')"));
	browser_shot(&b, "added");
	browser_scripts(&b, true);
}

/* Tab until what `is` says is true of the element with the focus; it must be seen to have it. */
static void
tab_to(const char *is)
{
	char script[300];

	(void)snprintf(script, sizeof script, "(function(e){return %s})(document.activeElement)", is);
	for (unsigned i = 0; i < 40; i++) {
		browser_key(&b, "Tab");
		if (!browser_true(&b, script))
			continue;
		if (!browser_true(&b, "getComputedStyle(document.activeElement).outlineStyle!='none'"))
			fail_msg("%s: the focus is not seen", is);
		return;
	}
	fail_msg("no way by Tab to %s", is);
}

/* Add a client and take it out again, with no other key than Tab and Enter. */
static void
a_keyboard_is_enough(void)
{
	browser_go(&b, r.host, "/block");
	browser_key(&b, "Tab");
	assert_true(browser_true(&b, "document.activeElement.className=='skip'&&document.activeElement.getBoundingClientRect().left>=0"));
	tab_to("e.tagName=='SUMMARY'");
	browser_key(&b, "Enter");
	tab_to("e.name=='address'");
	browser_type(&b, "192.0.2.123");
	tab_to("e.name=='for'");
	browser_type(&b, "3h");
	tab_to("e.name=='text'");
	browser_type(&b, "by keyboard");
	tab_to("e.tagName=='BUTTON'&&e.textContent=='Add'");
	browser_key_loads(&b, "Enter");
	assert_true(browser_true(&b, "document.querySelector('.said').textContent.includes('192.0.2.123')&&"
	    "document.body.innerText.includes('by keyboard')"));
	tab_to("e.getAttribute('aria-label')=='Delete 192.0.2.123'");
	browser_key_loads(&b, "Enter");
	assert_true(browser_true(&b, "document.querySelector('.said').textContent.includes('taken out of block')"));
}

static void
it_can_be_used_by_keyboard(void **state)
{
	(void)state;
	a_keyboard_is_enough();
	browser_go(&b, r.host, "/cache");
	assert_true(browser_true(&b, "Array.from(document.querySelectorAll('a,button,input:not([type=hidden]),summary')).every("
	    "function(e){return e.tabIndex>=0&&(e.textContent.trim()!=''||e.getAttribute('aria-label')||e.labels&&e.labels.length>0)})"));
	assert_true(browser_true(&b, "document.querySelector('h1')!==null&&document.documentElement.lang=='en'"));
	browser_shot(&b, "cache");
}

static void
pictures(void **state)
{
	(void)state;
	if (getenv("POPAUTH_SHOTS") == NULL)
		return;
	browser_dark(&b, true);
	browser_go(&b, r.host, "/");
	browser_await(&b, "document.getElementById('livestate').textContent=='listening'");
	browser_shot(&b, "dashboard-dark");
	browser_go(&b, r.host, "/cache");
	browser_shot(&b, "cache-dark");
	browser_dark(&b, false);
	browser_go(&b, r.host, "/cache?page=2");
	browser_shot(&b, "cache-page-2");
	browser_go(&b, r.host, "/cache?page=9");
	browser_shot(&b, "cache-past-the-end");
	browser_go(&b, r.host, "/report");
	browser_shot(&b, "report");
	browser_go(&b, r.host, "/explain?q=198.51.100.7");
	browser_shot(&b, "explain");
	browser_go(&b, r.host, "/relay?page=1");
	browser_do(&b, "document.querySelector('.who button').click()");
	browser_shot(&b, "login");
	log_in();
	browser_size(&b, 390, 844, true);
	browser_go(&b, r.host, "/cache?page=2");
	json_decref(browser_eval(&b, "document.querySelector('.pager').scrollIntoView(false),1"));
	browser_shot(&b, "phone-pager");
	browser_go(&b, r.host, "/cache?page=9");
	browser_shot(&b, "phone-past-the-end");
	rig_stop_daemon(&r);
	browser_go(&b, r.host, "/cache?page=2");
	browser_shot(&b, "phone-no-daemon");
	browser_size(&b, 1280, 900, false);
	browser_go(&b, r.host, "/cache?page=2");
	browser_shot(&b, "no-daemon");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(injected_scripts_do_not_run),
		cmocka_unit_test(live_events_come_as_text),
		cmocka_unit_test(live_rows_have_the_servers_time),
		cmocka_unit_test(the_policy_stops_inline_scripts),
		cmocka_unit_test(it_fits_a_telephone),
		cmocka_unit_test(it_works_without_scripts),
		cmocka_unit_test(it_can_be_used_by_keyboard),
		cmocka_unit_test(pictures),
	};

	if (!browser_there()) {
		printf("no Chromium here: install the package chromium, or say CHROMIUM=PROGRAM\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, start, stop);
}
