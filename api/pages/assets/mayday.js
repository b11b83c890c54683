// Comfort for pages that work without: times in the reader's zone, fresh numbers, keys. Nothing here makes markup out of
// text: what is new comes as a page of the server's, which has escaped it.

const REFRESH_SECONDS = 10;
const main = () => document.getElementById("main");

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.title || time.textContent;
    time.textContent = at.toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
  }
}

// The page again, if the server has another one: a 304 changes nothing, nor does a page on which somebody is writing.
async function refresh() {
  const shown = main();
  if (document.hidden || !shown?.querySelector("[data-refresh]") || isBusy(shown)) return;
  const answer = await fetch(location.href, { cache: "no-cache", headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const text = await answer.text();
  if (text === refresh.last || isBusy(shown)) return;
  const first = refresh.last === undefined;
  refresh.last = text;
  if (first && answer.headers.get("ETag") === shown.dataset.etag) return;
  const page = new DOMParser().parseFromString(text, "text/html").getElementById("main");
  if (!page) return;
  const at = rows().indexOf(current());
  const picked = new Set([...shown.querySelectorAll("input[name=pattern]:checked")].map((box) => box.value));
  shown.replaceChildren(...page.childNodes);
  for (const box of shown.querySelectorAll("input[name=pattern]")) box.checked = picked.has(box.value);
  localTimes(shown);
  comforts(shown);
  if (at >= 0) mark(rows()[Math.min(at, rows().length - 1)]);
}

function isBusy(root) {
  const field = document.activeElement;
  return root.contains(field) && /^(input|select|textarea)$/i.test(field.tagName) && field.type !== "checkbox"
    || refresh.isPaused === true || range !== undefined || document.querySelector("dialog[open]") !== null;
}

const rows = () => [...document.querySelectorAll("[data-row]")];
const current = () => document.querySelector('[data-row][data-current]');

function mark(row) {
  current()?.removeAttribute("data-current");
  if (!row) return;
  row.setAttribute("data-current", "");
  row.querySelector("a.name")?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = rows();
  const at = all.indexOf(current());
  mark(all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))]);
}

function resolve() {
  const button = document.querySelector('button[data-key="e"]');
  if (!button) return;
  const row = current();
  const box = row?.querySelector("input[name=pattern]");
  if (box && !document.querySelector("input[name=pattern]:checked")) box.checked = true;
  button.click();
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  x: () => current()?.querySelector("input[type=checkbox]")?.click(),
  e: resolve,
  u: () => document.querySelector("a[data-key=u]")?.click(),
  "/": () => document.querySelector("[data-key='/']")?.focus(),
  "?": () => document.getElementById("keys")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  const isWriting = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || isWriting || document.querySelector("dialog[open]")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// A range of a chart, from the bar where the pointer went down to that where it comes up, asks for the errors of all of them.
let range;

function barsBetween(from, to) {
  const bars = [...from.ownerSVGElement.querySelectorAll("a[data-start]")];
  const [first, last] = [bars.indexOf(from), bars.indexOf(to)].sort((a, b) => a - b);
  return first < 0 ? [] : bars.slice(first, last + 1);
}

function showRange(picked) {
  for (const bar of document.querySelectorAll("svg.bars a.picked")) bar.classList.remove("picked");
  for (const bar of picked) bar.classList.add("picked");
}

document.addEventListener("pointerdown", (event) => {
  const bar = event.button === 0 && event.target.closest?.("svg.bars a[data-start]");
  range = bar ? { from: bar, to: bar } : undefined;
});
document.addEventListener("pointermove", (event) => {
  const bar = range && event.target.closest?.("svg.bars a[data-start]");
  if (!bar || bar.ownerSVGElement !== range.from.ownerSVGElement) return;
  range.to = bar;
  if (range.to !== range.from || range.isDrawn) {
    range.isDrawn = true;
    showRange(barsBetween(range.from, range.to));
  }
});
document.addEventListener("pointerup", () => {
  const picked = range?.isDrawn && range.from.isConnected ? barsBetween(range.from, range.to) : [];
  range = undefined;
  if (picked.length < 2) return;
  const address = new URL(picked[0].href.baseVal, location.href);
  const end = new URL(picked[picked.length - 1].href.baseVal, location.href).searchParams.get("until");
  address.searchParams.set("until", end);
  location.assign(address);
});
document.addEventListener("dragstart", (event) => {
  if (event.target.closest?.("svg.bars")) event.preventDefault();
});

// Buttons that need a script are there where one runs.
function comforts(root) {
  for (const button of root.querySelectorAll("button[data-copy-text]")) button.hidden = false;
  for (const button of root.querySelectorAll("button[data-pause]")) {
    button.hidden = false;
    if (refresh.isPaused) pause(button);
  }
}

function pause(button) {
  button.setAttribute("aria-pressed", String(refresh.isPaused));
  button.textContent = refresh.isPaused ? "Go on" : "Pause";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-pause]")) {
    refresh.isPaused = !refresh.isPaused;
    pause(button);
  } else if (button?.matches("[data-copy-text]")) {
    const text = [...document.querySelectorAll("[data-copy], .trace pre")].map((one) => one.textContent).join("\n");
    navigator.clipboard.writeText(text).then(() => { button.textContent = "Copied"; });
  }
});

localTimes(document);
comforts(document);
const asking = main()?.querySelector("[data-refresh]");
if (asking) {
  setInterval(refresh, (Number(asking.dataset.refresh) || REFRESH_SECONDS) * 1000);
  document.addEventListener("visibilitychange", refresh);
}
