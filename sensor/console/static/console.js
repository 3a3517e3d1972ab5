// Functions without a reload: local time, search as you type, keyboard shortcuts, live updates that keep the scroll
// position. Every page works without JavaScript.
"use strict";

document.documentElement.classList.add("scripted");

// Local time, with UTC in the title; its zone is named once.
const CLOCK = new Intl.DateTimeFormat("sv-SE", {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const when = new Date(time.dateTime);
    if (!Number.isNaN(when.valueOf())) time.textContent = CLOCK.format(when);
  }
}

// The page of a URL as a document that runs nothing; null if there is none. No string is parsed as HTML, so no Trusted Types policy is needed.
function documentOf(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.setRequestHeader("Accept", "text/html");
    request.onload = () => resolve(request.status === 200 ? request.response : null);
    request.onerror = () => reject(new Error("no answer"));
    request.send();
  });
}

// Loads the results of a URL into this page.
let newest = 0;
async function takeResults(url) {
  const mine = ++newest;
  const page = await documentOf(url);
  if (!page || mine !== newest) return false;
  const fresh = page.getElementById("results"), old = document.getElementById("results");
  if (!fresh || !old || mine !== newest) return false;
  const open = new Set([...old.querySelectorAll("details")].map((one, number) => (one.open ? number : -1)));
  [...fresh.querySelectorAll("details")].forEach((one, number) => { one.open = open.has(number) || (one.open && !old.querySelector("details")); });
  localTimes(fresh);
  old.replaceWith(fresh);
  prepare();
  return true;
}

// Search as you type: the state of the form is the state of the URL. In a large dataset, shorter words wait for Enter.
function liveSearch(form) {
  let waiting = 0;
  const least = Number(form.dataset.liveSearch);
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    const text = String(new FormData(form).get("text") ?? "");
    if (text.split(/\s+/).some((word) => word && word.length < least)) return;
    waiting = setTimeout(() => {
      const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      const url = `${form.getAttribute("action")}?${query}`;
      takeResults(url).then((taken) => { if (taken) history.replaceState(null, "", url); }, () => {});
    }, 150);
  });
}

// The slider sets the time of the form, and submits it when it is released.
function timeSlider(slider) {
  const first = Date.parse(slider.dataset.first), last = Date.parse(slider.dataset.last), field = document.getElementById("at");
  const text = () => new Date(first + ((last - first) * slider.value) / 1000).toISOString().slice(0, 19);
  const then = Date.parse(`${field.value}Z`);
  slider.value = Number.isNaN(then) ? 1000 : (1000 * (then - first)) / (last - first || 1);
  slider.addEventListener("input", () => { field.value = text(); });
  slider.addEventListener("change", () => slider.form.requestSubmit());
}

// Rows: j and k move, Enter opens, x marks.
let here = -1;
const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];
function move(step) {
  const all = rows();
  if (!all.length) return;
  all[here]?.classList.remove("here");
  here = Math.max(0, Math.min(all.length - 1, here + step));
  all[here].classList.add("here");
  const link = all[here].querySelector("a");
  if (link) link.focus({ preventScroll: true });
  all[here].scrollIntoView({ block: "nearest" });
}
function mark() {
  const box = rows()[here]?.querySelector("input[type=checkbox]");
  if (box) box.checked = !box.checked;
}

// a and e: on a list, the marked alerts, or the current row; on the page of an alert, this alert.
function act(action) {
  const form = document.querySelector("form[data-actions]");
  const button = form?.querySelector(`button[name=action][value=${action}]`);
  if (!button) return;
  const boxes = [...form.querySelectorAll("input[name=alert][type=checkbox]")];
  const box = rows()[here]?.querySelector("input[name=alert]");
  if (boxes.length && !boxes.some((one) => one.checked)) {
    if (!box) return;
    box.checked = true;
  }
  form.requestSubmit(button);
}

// m: the mute of the current row, or of the alert of this page.
function mute() {
  const row = document.querySelector("[data-mutable]") && rows()[here]?.querySelector("a[href^='/alerts/']");
  const url = document.querySelector("a[data-mute]")?.href ?? row?.href.replace(/^([^?]*)/, "$1/mute");
  if (url) location.href = url;
}

// Parts of other pages: their results are loaded when they are opened; without them, the link to the page stays.
async function load(part) {
  const page = await documentOf(part.dataset.load).catch(() => null);
  const results = page?.getElementById("results");
  if (!results) return;
  results.removeAttribute("id");
  results.className = "";
  results.querySelector(".facets")?.remove();
  localTimes(results);
  part.append(results);
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  x: mark,
  a: () => act("acknowledge"),
  e: () => act("close"),
  m: mute,
  "/": () => (document.getElementById("text") || document.getElementById("find"))?.focus(),
  "?": () => document.getElementById("keys").showModal(),
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "sql") event.target.form.requestSubmit();
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

// Live updates: one stream while the page is visible. A page in use is not changed; it only reports new records.
let stream = null;
const busy = () => document.querySelector("#results input:checked, #results details.frame[open]") || document.activeElement?.matches("#results input, #results textarea");
function update() {
  const note = document.getElementById("live");
  const offer = () => {
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "New records: reload";
    note.replaceChildren("· ", link);
  };
  if (!document.getElementById("results") || location.pathname.startsWith("/hunt") || busy()) offer();
  else takeResults(location.href).then((taken) => (taken ? note.replaceChildren("· updated just now") : offer()), offer);
}
function listen() {
  const note = document.getElementById("live");
  if (document.hidden || !note) {
    stream?.close();
    stream = null;
  } else if (!stream) {
    const data = new URLSearchParams(location.search).get("data");
    stream = new EventSource(`/live${data ? `?data=${encodeURIComponent(data)}` : ""}`);
    stream.addEventListener("changed", update);
  }
}
document.addEventListener("visibilitychange", listen);
window.addEventListener("pagehide", () => { stream?.close(); stream = null; });
window.addEventListener("pageshow", listen);

// Work that is not done: its results are loaded again, while the page is visible.
let following = 0;
function follow() {
  clearTimeout(following);
  if (!document.querySelector("#results[data-waiting]")) return;
  following = setTimeout(() => (document.hidden ? follow() : takeResults(location.href).catch(() => {})), 2000);
}

function prepare() {
  here = -1;
  follow();
  document.querySelector("[data-mark-all]")?.addEventListener("change", (event) => {
    for (const box of document.querySelectorAll("td.mark input")) box.checked = event.target.checked;
  });
}
for (const form of document.querySelectorAll("form[data-live-search]")) liveSearch(form);
for (const part of document.querySelectorAll("details[data-load]")) part.addEventListener("toggle", () => load(part), { once: true });
for (const slider of document.querySelectorAll("#slider")) timeSlider(slider);
for (const select of document.querySelectorAll("select[data-submit]")) select.addEventListener("change", () => select.form.requestSubmit());
document.getElementById("keys-button")?.addEventListener("click", () => document.getElementById("keys").showModal());
prepare();
const beside = document.querySelector(".with-facets th:nth-child(9)") ? 1200 : 900; // as in console.css
if (window.matchMedia(`(max-width: ${beside - 1}px)`).matches) for (const one of document.querySelectorAll(".facets")) one.open = false;
localTimes(document);
for (const place of document.querySelectorAll(".zone")) place.textContent = `times in ${CLOCK.resolvedOptions().timeZone}`;
// On small screens the menu scrolls: the current page is in view.
document.querySelector(".pages [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
