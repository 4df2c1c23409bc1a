/* SPDX-License-Identifier: GPL-2.0-or-later */
/* live.js - the dashboard's live part
 *
 * All that comes is set as text, never as HTML.  Without this file the page is the same, but for what comes after it.
 */
(function () {
	"use strict";
	var ROWS = 200;
	var body = document.getElementById("events");
	var state = document.getElementById("livestate");
	var pause = document.getElementById("pause");
	var paused = false, waiting = [], source = null;

	function element(name, cls, text) {
		var e = document.createElement(name);
		if (cls)
			e.className = cls;
		if (text !== undefined)
			e.textContent = text;
		return e;
	}

	/* A class is made of nothing but what a kind's name may have. */
	function safe(text) {
		return String(text).replace(/[^a-z-]/g, "");
	}

	function cell(row, label, cls) {
		var td = element("td", cls);
		td.setAttribute("data-label", label);
		row.appendChild(td);
		return td;
	}

	/* The server's time of day, as the rows that came with the page have it. */
	function clock(seconds) {
		var offset = Number(body.getAttribute("data-offset"));

		return new Date((seconds + offset) * 1000).toISOString().slice(11, 19);
	}

	function rowOf(o) {
		var row = element("tr", "new"), td, a;

		cell(row, "Time").textContent = clock(o.time);
		if (o.notice !== undefined) {
			td = element("td", "notice", o.notice);
			td.colSpan = 4;
			row.appendChild(td);
			return row;
		}
		cell(row, "Event").appendChild(element("span", "kind k-" + safe(o.event), o.event));
		td = cell(row, "Client", "addr");
		a = element("a", "", o.client);
		a.href = "/explain?q=" + encodeURIComponent(o.client);
		td.appendChild(a);
		td = cell(row, "About");
		["user", "recipient", "zone"].forEach(function (key) {
			if (o[key] === undefined)
				return;
			td.appendChild(element("span", "part", key + " " + o[key]));
			td.appendChild(document.createTextNode(" "));
		});
		td = cell(row, "What came of it");
		(o.changes || []).forEach(function (change) {
			td.appendChild(element("span", "change ch-" + safe(change), change));
			td.appendChild(document.createTextNode(" "));
		});
		return row;
	}

	function add(row) {
		var none = document.getElementById("none");

		if (none)
			none.remove();
		body.insertBefore(row, body.firstChild);
		while (body.children.length > ROWS)
			body.lastChild.remove();
	}

	function take(row) {
		if (!paused) {
			add(row);
			return;
		}
		waiting.push(row);
		if (waiting.length > ROWS)
			waiting.shift();
		pause.textContent = "Go on (" + waiting.length + ")";
	}

	function notice(text) {
		return rowOf({ time: Date.now() / 1000, notice: text });
	}

	function say(text, good) {
		state.textContent = text;
		state.className = "livestate" + (good ? " on" : "");
	}

	/* With thin spaces, as the page has them. */
	function grouped(n) {
		return String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
	}

	function counts(o) {
		document.querySelectorAll("[data-count]").forEach(function (e) {
			var n = o[e.getAttribute("data-count")];
			if (n !== undefined)
				e.textContent = grouped(n);
		});
		if (o.error !== undefined)
			say(o.error, false);
		else
			say("listening", true);
	}

	function open() {
		source = new EventSource("/events?after=" + body.getAttribute("data-after"));
		source.onopen = function () { say("listening", true); };
		source.onmessage = function (ev) {
			body.setAttribute("data-after", ev.lastEventId);
			take(rowOf(JSON.parse(ev.data)));
		};
		source.addEventListener("missed", function (ev) { take(notice(ev.data + " events were not shown")); });
		source.addEventListener("counts", function (ev) { counts(JSON.parse(ev.data)); });
		source.onerror = function () {
			say(source.readyState === EventSource.CLOSED ? "ended: reload the page" : "connecting again", false);
		};
	}

	if (!body || !window.EventSource)
		return;
	pause.hidden = false;
	pause.addEventListener("click", function () {
		paused = !paused;
		waiting.splice(0).forEach(add);
		pause.textContent = paused ? "Go on" : "Pause";
	});
	open();
}());
