// The script of the dashboard. Every page works without it: it adds live updates, a crosshair, and keys.
"use strict";

document.documentElement.classList.add("scripted");

const pick = document.getElementById("account");
if (pick) {
  pick.addEventListener("change", () => {
    const next = new URL(location.href);
    next.searchParams.delete("after");
    if (pick.value) next.searchParams.set("account", pick.value);
    else next.searchParams.delete("account");
    location.href = next.href;
  });
}

// Live updates: the server says that something has changed, and the page is read again, at most once a second.
(() => {
  const address = document.body.dataset.live;
  const main = document.getElementById("main");
  const pulse = document.getElementById("pulse");
  if (!address || !window.EventSource || new URLSearchParams(location.search).has("after")) return;

  const pause = 1000;
  let source = null;
  let last = 0;
  let timer = 0;
  let missed = false;

  const busy = () => main.contains(document.activeElement) && /^(INPUT|SELECT)$/.test(document.activeElement.tagName);

  async function update() {
    timer = 0;
    if (busy()) { timer = setTimeout(update, pause); return; }
    last = Date.now();
    const answer = await fetch(location.href, {headers: {Accept: "text/html"}}).catch(() => null);
    if (!answer || !answer.ok) return;
    if (answer.redirected) { location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (!fresh || fresh.innerHTML === main.innerHTML) return;

    const open = [...main.querySelectorAll("details")].map((d) => d.open);
    const scrolled = [...main.querySelectorAll(".box")].map((b) => b.scrollLeft);
    main.innerHTML = fresh.innerHTML;
    main.querySelectorAll("details").forEach((d, i) => { d.open = Boolean(open[i]); });
    main.querySelectorAll(".box").forEach((b, i) => { b.scrollLeft = scrolled[i] || 0; });
    document.dispatchEvent(new Event("updated"));
    document.body.dataset.updates = Number(document.body.dataset.updates || 0) + 1;
  }

  function schedule() {
    if (!timer) timer = setTimeout(update, Math.max(0, last + pause - Date.now()));
  }

  function connect() {
    if (source || document.hidden) return;
    source = new EventSource(address);
    source.addEventListener("change", schedule);
    source.addEventListener("open", () => {
      pulse.hidden = false;
      pulse.classList.remove("lost");
      pulse.textContent = "live";
      if (missed) { missed = false; schedule(); }
    });
    source.addEventListener("error", () => {
      missed = true;
      pulse.classList.add("lost");
      pulse.textContent = "not connected";
      if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(connect, 5000); }
    });
  }

  function disconnect() {
    if (!source) return;
    source.close();
    source = null;
    missed = true;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", connect);
  connect();
})();

// The crosshair says what the table behind a chart has at this place.
document.addEventListener("pointermove", (event) => {
  const chart = event.target.closest && event.target.closest(".figure[data-table] .canvas");
  document.querySelectorAll(".hair, .tip").forEach((e) => { if (!chart || !chart.contains(e)) e.remove(); });
  if (!chart) return;
  const svg = chart.querySelector("svg");
  const table = document.getElementById(chart.parentElement.dataset.table);
  const rows = table ? table.tBodies[0].rows : [];
  const count = Number(svg.dataset.count);
  if (!count || !rows.length) return;

  const box = svg.getBoundingClientRect();
  const scale = box.width / svg.viewBox.baseVal.width;
  const left = Number(svg.dataset.left);
  const step = Number(svg.dataset.step);
  const at = Math.min(count - 1, Math.max(0, Math.floor(((event.clientX - box.left) / scale - left) / step)));
  const x = (left + (at + 0.5) * step) * scale;
  const row = rows[Math.min(rows.length - 1, Math.round((rows.length - 1) * (1 - at / Math.max(1, count - 1))))];

  let hair = chart.querySelector(".hair");
  let tip = chart.querySelector(".tip");
  if (!hair) {
    hair = chart.appendChild(document.createElement("div"));
    hair.className = "hair";
    tip = chart.appendChild(document.createElement("div"));
    tip.className = "tip";
  }
  hair.style.left = `${x}px`;
  tip.replaceChildren(...[...row.cells].map((cell, i) => {
    const line = document.createElement("div");
    const name = document.createElement("b");
    name.textContent = table.tHead.rows[0].cells[i].textContent;
    line.append(name, cell.textContent);
    return line;
  }));
  const right = x > box.width / 2;
  tip.style.left = right ? "auto" : `${x + 12}px`;
  tip.style.right = right ? `${box.width - x + 12}px` : "auto";
});

const showCopy = () => document.querySelectorAll("button[data-copy]").forEach((b) => { b.hidden = !navigator.clipboard; });
showCopy();
document.addEventListener("updated", showCopy);
document.addEventListener("click", (event) => {
  const button = event.target.closest && event.target.closest("button[data-copy]");
  if (!button) return;
  navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent).then(() => {
    button.textContent = "Copied";
  });
});

// Keys: / searches symbols; g and a letter lead to a page.
let waiting = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  if (event.key === "/") {
    const search = document.getElementById("q");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
    return;
  }
  if (event.key === "g") { waiting = Date.now(); return; }
  if (Date.now() - waiting < 1500) {
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) location.href = link.href;
  }
  waiting = 0;
});
