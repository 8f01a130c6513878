// Who reads this page: an anonymous id, and what was read under it, kept in this browser alone.
import { newId, post, recommendations } from "/web/api.js";

const KEY = "penchant-demo";
let memory = null; // where the browser keeps nothing

function load() {
  try { return JSON.parse(localStorage.getItem(KEY)); } catch { return memory; }
}

function save(visitor) {
  memory = visitor;
  try { localStorage.setItem(KEY, JSON.stringify(visitor)); } catch { /* private window: this page only */ }
}

const fresh = () => ({ id: `visitor-${newId(10)}`, read: [], opinions: {}, position: "" });

let visitor = load() ?? fresh();
save(visitor);

export const id = () => visitor.id;
export const hasRead = (content) => visitor.read.includes(content);
export const readCount = () => visitor.read.length;
export const opinionOf = (content) => visitor.opinions[content] ?? null;

export function startOver() {
  visitor = fresh();
  save(visitor);
}

/* Tells what happened and keeps the position, so that the next list shows it. */
export async function tell(type, item, more = {}) {
  const event = {
    event_id: newId(20), anonymous_id: visitor.id, event_type: type, content_id: item.content_id,
    categories: item.categories ?? [], timestamp: new Date().toISOString(), ...more };
  if (type === "click" && !hasRead(item.content_id)) visitor.read.push(item.content_id);
  if (type === "like" || type === "dislike") visitor.opinions[item.content_id] = type;
  save(visitor);
  const mine = visitor;
  const position = await post([event]);
  if (mine === visitor) { visitor.position = position; save(visitor); }
}

/* Leaving a page must not wait for an answer. */
export function tellDwell(item, dwell) {
  post([{ event_id: newId(20), anonymous_id: visitor.id, event_type: "view", content_id: item.content_id,
    categories: item.categories ?? [], timestamp: new Date().toISOString(), dwell_ms: Math.round(dwell) }], { keepalive: true }).catch(() => {});
}

export const list = (n) => recommendations({ anonymous_id: visitor.id }, { n, placement: "demo", explain: "true" }, visitor.position);
