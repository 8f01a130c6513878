// The list that follows its reader: cards move to where they now belong, new ones say so, and
// each can be asked why it is there.
import { picture } from "/web/pictures.js";
import { ordered, percent, reason, reasonNode, remember, sectionName } from "/web/words.js";
import { categoryOf, headline, label, node } from "/web/demo/front.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const MOVE_MS = 520;
let shown = []; // ids, in order

function why(item) {
  const rows = ordered(item.reasons);
  const sum = rows.reduce((total, row) => total + (row.weight ?? 0), 0) || 1;
  return node("details", { class: "why" },
    node("summary", {}, node("span", { class: "reason" }, reasonNode(rows[0])), node("span", { class: "ask" }, "Why")),
    node("ul", {}, ...rows.map((row) => {
      const share = (row.weight ?? 0) / sum;
      const bar = node("span", { class: "share", "aria-hidden": "true" });
      bar.style.setProperty("--share", share.toFixed(3));
      return node("li", {}, bar, node("span", { class: "number" }, percent(share, 0)), " ", reasonNode(row, 46));
    })),
    node("p", { class: "number fine" }, `score ${Number(item.score).toPrecision(3)}, shown with probability ${Number(item.propensity).toPrecision(2)}`));
}

function build(item, open) {
  const first = ordered(item.reasons)[0];
  return node("li", { class: "entry", data: { content: item.content_id, category: categoryOf(item), reason: first?.code ?? "" } },
    node("div", { class: "thumb" }, picture(item.content_id, categoryOf(item))),
    node("div", { class: "text" },
      node("div", { class: "top" }, label(item), node("span", { class: "move number", "aria-hidden": "true" })),
      headline(item, "h3", open, "list"),
      first ? why(item) : null));
}

function sayMove(entry, before, now) {
  const place = entry.querySelector(".move");
  place.className = "move number";
  if (before < 0) { place.textContent = "new"; place.classList.add("is-new"); }
  else if (before > now) { place.textContent = `\u2191${before - now}`; place.classList.add("is-up"); }
  else if (before < now) { place.textContent = `\u2193${now - before}`; }
  else place.textContent = "";
}

/* FLIP: where was it, where is it, and the way between.  Slides and fades only. */
function animate(list, before) {
  if (calm.matches) return;
  [...list.children].forEach((entry, index) => {
    const from = before.get(entry.dataset.content);
    const to = entry.getBoundingClientRect();
    if (from === undefined) {
      entry.animate([{ opacity: 0, transform: "translateX(28px) scale(0.97)" }, { opacity: 1, transform: "none" }],
        { duration: MOVE_MS, delay: index * 35, easing: "cubic-bezier(.2,.8,.2,1)", fill: "backwards" });
    } else if (Math.abs(from.top - to.top) > 1) {
      entry.animate([{ transform: `translateY(${from.top - to.top}px)` }, { transform: "none" }],
        { duration: MOVE_MS, easing: "cubic-bezier(.2,.8,.2,1)" });
    }
  });
}

/* Shows items in place of what stands there; returns how many are new. */
export function show(items, open) {
  const list = document.getElementById("list");
  remember(items);
  const before = new Map([...list.children].map((entry) => [entry.dataset.content, entry.getBoundingClientRect()]));
  const opened = new Set([...list.querySelectorAll("details[open]")].map((details) => details.closest(".entry").dataset.content));
  const focused = document.activeElement?.closest?.(".entry")?.dataset.content;
  const entries = items.map((item, index) => {
    const entry = build(item, open);
    if (shown.length) sayMove(entry, shown.indexOf(item.content_id), index);
    if (opened.has(item.content_id)) entry.querySelector("details")?.setAttribute("open", "");
    return entry;
  });
  const fresh = items.filter((item) => shown.length && !shown.includes(item.content_id)).length;
  list.replaceChildren(...entries);
  if (focused) list.querySelector(`[data-content="${CSS.escape(focused)}"] .headline`)?.focus({ preventScroll: true });
  if (shown.length) animate(list, before);
  shown = items.map((item) => item.content_id);
  return fresh;
}

export function forget() {
  shown = [];
}

/* What penchant believes about this person: the weights of sections in the profile. */
export function showLeanings(categories) {
  const place = document.getElementById("leanings");
  const top = categories.slice(0, 4);
  const sum = categories.reduce((total, row) => total + Math.max(0, row.weight), 0);
  place.hidden = top.length === 0 || sum <= 0;
  place.replaceChildren(...top.filter((row) => row.weight > 0).map((row) => {
    const bar = node("span", { class: "lean dot", "aria-hidden": "true" });
    bar.style.flexGrow = String(Math.max(0.04, row.weight / sum));
    const share = Math.round((row.weight / sum) * 100);
    const item = node("li", { data: { category: row.category } }, bar, node("span", {}, sectionName(row.category), " "), node("b", { class: "number" }, `${share}%`));
    item.style.setProperty("--share", String(row.weight / sum));
    return item;
  }));
}

export const firstReason = (item) => {
  const row = ordered(item.reasons)[0];
  return row ? reason(row).text : "";
};
