// Reading an article: over the paper, beside the list, so that one sees what the click does.
import { get } from "/web/api.js";
import { picture } from "/web/pictures.js";
import { ordered, reasonNode, remember } from "/web/words.js";
import { categoryOf, headline, label, node } from "/web/demo/front.js";
import * as visitor from "/web/demo/visitor.js";

const panel = document.getElementById("reader-panel");
const narrow = matchMedia("(max-width: 899px)");
const NEXT = 3;

let item = null;
let opener = null;
let openedAt = 0;
let opinion = () => {};
let reopen = () => {};

const details = new Map(); // content id -> document of the catalogue

async function documentOf(id) {
  if (!details.has(id)) details.set(id, await get(`/v1/content/${encodeURIComponent(id)}`));
  return details.get(id);
}

function leave() {
  if (!item) return;
  const dwell = performance.now() - openedAt;
  if (dwell > 1500) visitor.tellDwell(item, Math.min(dwell, 30 * 60 * 1000));
  item = null;
}

export function close() {
  if (panel.open) panel.close();
}

panel.addEventListener("close", () => {
  leave();
  (opener?.isConnected ? opener : document.getElementById("for-you")).focus({ preventScroll: true });
});
panel.addEventListener("click", (event) => { if (event.target === panel) close(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && panel.open) { event.preventDefault(); close(); } });
addEventListener("pagehide", leave);

function opinionButtons(of) {
  const row = node("div", { class: "opinions", role: "group", "aria-label": "Your opinion" });
  for (const [type, sign, text] of [["like", "\u2665", "More like this"], ["dislike", "\u2715", "Less like this"]]) {
    const button = node("button", { class: `button opinion ${type}`, type: "button", "aria-pressed": String(visitor.opinionOf(of.content_id) === type) },
      node("span", { "aria-hidden": "true" }, sign), text);
    button.addEventListener("click", () => {
      for (const other of row.children) other.setAttribute("aria-pressed", String(other === button));
      opinion(of, type);
    });
    row.append(button);
  }
  return row;
}

function byline(document_) {
  const more = document_.attributes ?? {};
  const date = document_.published_at ? new Date(document_.published_at).toLocaleDateString("en-GB", { day: "numeric", month: "long" }) : "";
  return [more.author ? `By ${more.author}` : "", date, more.minutes ? `${more.minutes} min` : ""].filter(Boolean).join(" \u00b7 ");
}

/* open(item, button, from): how an article is opened anywhere on the page. */
export function setup(handlers) {
  opinion = handlers.opinion;
  reopen = handlers.open;
}

export async function open(what, from) {
  leave();
  item = what;
  if (!panel.contains(from)) opener = from;
  openedAt = performance.now();
  const by = node("p", { class: "byline" }, "\u00a0");
  const standfirst = node("p", { class: "standfirst" }, what.standfirst ?? "\u00a0");
  const title = node("h2", { id: "reader-title", tabindex: "-1" }, what.title ?? what.content_id);
  panel.replaceChildren(
    node("button", { class: "close", type: "button", "aria-label": "Close the article", onclick: close }, "\u00d7"),
    node("div", { class: "frame" }, picture(what.content_id, categoryOf(what))),
    node("div", { class: "body" }, label(what), title, standfirst, by,
      node("div", { class: "lines", "aria-hidden": "true" }, ...Array.from({ length: 5 }, () => node("span"))),
      node("p", { class: "stub" }, "The rest of this article does not exist. What it taught the engine does: "),
      opinionButtons(what),
      node("section", { class: "next", "aria-labelledby": "next-title" }, node("h3", { id: "next-title" }, "Your list, now"), node("ol", { id: "next" }))));
  if (!panel.open) {
    if (narrow.matches) panel.showModal();
    else panel.show();
  }
  panel.scrollTop = 0;
  title.focus({ preventScroll: true });
  try {
    const found = await documentOf(what.content_id);
    if (item !== what) return;
    standfirst.textContent = found.attributes?.standfirst ?? what.standfirst ?? "";
    by.textContent = byline(found);
  } catch {
    by.textContent = "";
  }
}

/* The head of the new list, for screens on which the list itself is out of sight. */
export function showNext(items) {
  const place = document.getElementById("next");
  if (!place) return;
  remember(items);
  place.replaceChildren(...items.slice(0, NEXT).map((next) => node("li", { class: "entry", data: { category: categoryOf(next) } },
    node("div", { class: "thumb" }, picture(next.content_id, categoryOf(next))),
    node("div", { class: "text" }, headline(next, "h4", reopen, "list"), node("p", { class: "reason" }, ordered(next.reasons)[0] ? reasonNode(ordered(next.reasons)[0]) : "")))));
}

export const isOpen = () => panel.open;
