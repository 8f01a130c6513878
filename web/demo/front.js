// The printed part of the paper: a lead, a few beside it, and cards.
import { picture } from "/web/pictures.js";
import { sectionName, remember } from "/web/words.js";
import * as visitor from "/web/demo/visitor.js";

export function node(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key === "class") element.className = value;
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const categoryOf = (item) => item.categories?.[0] ?? "";

export const label = (item) => node("p", { class: "label category", data: { category: categoryOf(item) } }, sectionName(categoryOf(item)));

/* A title that opens the article; the whole card is its target by a stretched pseudo-element. */
export function headline(item, level, open, from) {
  const button = node("button", { class: "headline", type: "button", data: { id: item.content_id, category: categoryOf(item) } }, item.title ?? item.content_id);
  button.addEventListener("click", () => open(item, button, from));
  return node(level, {}, button);
}

function card(item, open, options = {}) {
  const article = node("article", { class: `card ${options.kind ?? ""} ${visitor.hasRead(item.content_id) ? "is-read" : ""}`, data: { content: item.content_id } },
    node("div", { class: "frame" }, picture(item.content_id, categoryOf(item))),
    node("div", { class: "text" }, label(item), headline(item, "h3", open),
      options.standfirst && item.standfirst ? node("p", { class: "standfirst" }, item.standfirst) : null));
  return article;
}

export function markRead(id) {
  for (const article of document.querySelectorAll(`.card[data-content="${CSS.escape(id)}"]`)) article.classList.add("is-read");
}

export function clearRead() {
  for (const article of document.querySelectorAll(".card.is-read")) article.classList.remove("is-read");
}

/* One of each section by turns, so that neighbours differ. */
export function byTurns(items) {
  const sections = new Map();
  for (const item of items) sections.set(categoryOf(item), [...(sections.get(categoryOf(item)) ?? []), item]);
  const out = [];
  for (let round = 0; out.length < items.length; round++) {
    const keys = [...sections.keys()];
    for (let i = 0; i < keys.length; i++) {
      const item = sections.get(keys[(i + round * 5) % keys.length])[round];
      if (item) out.push(item);
    }
  }
  return out;
}

export function show(items, open) {
  remember(items);
  const turns = byTurns(items);
  document.getElementById("lead").replaceChildren(card(turns[0], open, { kind: "is-lead", standfirst: true }));
  document.getElementById("seconds").replaceChildren(...turns.slice(1, 4).map((item) => card(item, open, { standfirst: true })));
  showMore(turns.slice(4), open);
}

export function showMore(items, open) {
  remember(items);
  document.getElementById("more").replaceChildren(...items.map((item) => card(item, open)));
}

export function showSections(categories, choose) {
  document.getElementById("sections").replaceChildren(...categories.map((category) =>
    node("li", {}, node("button", { type: "button", class: "section", "aria-pressed": "false", data: { category }, onclick: () => choose(category) },
      node("span", { class: "dot", "aria-hidden": "true" }), sectionName(category)))));
}

export function pressSection(category) {
  for (const button of document.querySelectorAll(".section")) button.setAttribute("aria-pressed", String(button.dataset.category === category));
}
