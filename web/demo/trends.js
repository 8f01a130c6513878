// The strip of trends: what is read most now, by everybody, two seconds old at most.
import { count, remember } from "/web/words.js";
import { categoryOf, node } from "/web/demo/front.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const MOVE_MS = 600;
let before = new Map(); // id -> clicks

const clicksOf = (item) => item.features?.clicks_10m ?? item.clicks_10m ?? null;

function chip(item, rank, open) {
  const clicks = clicksOf(item);
  const grown = clicks !== null && before.has(item.content_id) ? clicks - before.get(item.content_id) : 0;
  const button = node("button", { type: "button", class: "trend", data: { id: item.content_id, category: categoryOf(item) } },
    node("span", { class: "rank number" }, String(rank)),
    node("span", { class: "name" }, item.title ?? item.content_id),
    clicks === null ? null : node("span", { class: `clicks number ${grown > 0 ? "is-up" : ""}` }, count(clicks), node("span", { class: "unseen" }, " clicks in ten minutes")));
  button.addEventListener("click", () => open(item, button, "trends"));
  return node("li", { data: { content: item.content_id } }, button);
}

export function show(items, open) {
  const list = document.getElementById("trends");
  remember(items);
  const places = new Map([...list.children].map((entry) => [entry.dataset.content, entry.getBoundingClientRect().left]));
  const focused = document.activeElement?.closest?.("#trends li")?.dataset.content;
  list.replaceChildren(...items.map((item, index) => chip(item, index + 1, open)));
  if (focused) list.querySelector(`[data-content="${CSS.escape(focused)}"] button`)?.focus({ preventScroll: true });
  before = new Map(items.map((item) => [item.content_id, clicksOf(item) ?? 0]));
  if (calm.matches || places.size === 0) return;
  for (const entry of list.children) {
    const from = places.get(entry.dataset.content);
    const to = entry.getBoundingClientRect().left;
    if (from === undefined) entry.animate([{ opacity: 0, transform: "translateY(8px)" }, { opacity: 1, transform: "none" }], { duration: MOVE_MS });
    else if (Math.abs(from - to) > 1) entry.animate([{ transform: `translateX(${from - to}px)` }, { transform: "none" }], { duration: MOVE_MS, easing: "ease-out" });
  }
}
