// The page at /: what /healthz, /api/status and /v1/recommendations say, for a person.
import { Refused, get, poll, profile, recommendations } from "/web/api.js";
import { svg } from "/web/pictures.js";
import { ago, bytes, compact, count, duration, micros, ordered, percent, reasonNode, remember, sectionName } from "/web/words.js";

const POLL_MS = 2000;
const POINTS = 60;
const N = 8;
const $ = (id) => document.getElementById(id);

function node(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const say = (element, text) => { if (element.textContent !== text) element.textContent = text; };

/* ---- health in words ---- */

const WORDS = {
  ready: ["good", "Healthy"], starting: ["warn", "Starting"], draining: ["warn", "Stopping"],
  catching_up: ["warn", "Catching up"], not_accepting: ["bad", "Not taking events"], stuck: ["bad", "Stuck"],
};

function describe(status) {
  const lists = status.latencies.recommendations;
  const waiting = status.queues.events_to_apply;
  const parts = [`Up for ${duration(status.uptime_s)}.`];
  parts.push(status.events.accepted ? `${count(status.events.accepted)} events taken, ${waiting ? `${count(waiting)} waiting to be applied` : "all of them applied"}.` : "No event yet: the first line below sends one.");
  if (lists.count) parts.push(`Half of the lists are answered within ${micros(lists.p50_us)}, 99% within ${micros(lists.p99_us)}.`);
  if (status.latencies.event_visible.count) parts.push(`What a person does shows in their list ${micros(status.latencies.event_visible.p50_us)} later.`);
  return parts.join(" ");
}

function showHealth(health, status) {
  const word = health.status === "ok" ? status.status : health.status;
  const [state, text] = WORDS[word] ?? ["warn", word];
  $("health").dataset.state = state;
  say($("health-word"), text);
  const detail = (health.detail ?? "") || status.detail;
  say($("health-text"), `${detail ? `${detail[0].toUpperCase()}${detail.slice(1)}. ` : ""}${describe(status)}`);
}

function showSilence(error) {
  $("health").dataset.state = "bad";
  say($("health-word"), "No answer");
  say($("health-text"), error instanceof Refused ? error.message : "The server does not answer. This page goes on asking.");
}

/* ---- counters ---- */

const series = new Map();
let last = null;

function rate(name, value, seconds) {
  const points = series.get(name) ?? [];
  if (seconds > 0) points.push(Math.max(0, value / seconds));
  series.set(name, points.slice(-POINTS));
  return points.at(-1) ?? 0;
}

function spark(name) {
  const points = series.get(name) ?? [];
  const top = Math.max(1, ...points);
  const d = points.map((value, index) => `${index ? "L" : "M"}${((index + POINTS - points.length) / (POINTS - 1) * 100).toFixed(1)} ${(27 - (value / top) * 25).toFixed(1)}`).join("");
  return svg("svg", { viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("path", { d, class: "spark" }));
}

function tile(name, what, value, more, withSpark) {
  let place = document.querySelector(`[data-tile="${name}"]`);
  if (!place) {
    place = node("div", { class: "tile", "data-tile": name }, node("p", { class: "what" }, what), node("p", { class: "value number" }), node("p", { class: "more number" }));
    $("tiles").append(place);
  }
  say(place.querySelector(".value"), value);
  say(place.querySelector(".more"), more);
  if (!withSpark) return;
  place.querySelector("svg")?.remove();
  place.append(spark(name));
}

function showTiles(status) {
  const now = new Date(status.at).getTime();
  const seconds = last ? (now - last.now) / 1000 : 0;
  const lists = status.latencies.recommendations.count;
  const events = rate("events", status.events.accepted - (last?.events ?? 0), seconds);
  const asked = rate("lists", lists - (last?.lists ?? 0), seconds);
  last = { now, events: status.events.accepted, lists };
  tile("events", "Events taken", compact(status.events.accepted), `${count(events)} a second`, true);
  tile("lists", "Lists answered", compact(lists), `${count(asked)} a second`, true);
  tile("people", "People", compact(status.state.users), `${count(status.events.sessions_ended)} sessions ended`);
  tile("contents", "Contents", compact(status.state.contents), `${count(status.content.applied)} catalogue rows`);
  tile("waiting", "Waiting", compact(status.queues.events_to_apply + status.queues.records_to_learn), "events to apply, records to learn");
  tile("aside", "Not counted", compact(status.events.duplicates + status.events.rejected + status.events.filtered),
    `${count(status.events.duplicates)} doubled, ${count(status.events.rejected)} rejected`);
}

/* ---- inside ---- */

function showInside(status) {
  const rows = [["a list", status.latencies.recommendations], ["taking events", status.latencies.events], ["event to its own list", status.latencies.event_visible]];
  $("latencies").tBodies[0].replaceChildren(...rows.map(([what, row]) => node("tr", {}, node("th", { scope: "row" }, what),
    ...["p50_us", "p99_us", "max_us"].map((key) => node("td", {}, row.count ? micros(row[key]) : "\u2013")))));
  const top = Math.max(1, ...status.positions.map((row) => row.end));
  $("partitions").replaceChildren(...status.positions.map((row) => {
    const column = node("span", { class: "column", "aria-hidden": "true" });
    column.style.height = `${((row.applied / top) * 78).toFixed(1)}%`;
    return node("li", { class: row.lag ? "is-behind" : "", title: `partition ${row.partition}: ${count(row.applied)} applied, ${count(row.lag)} waiting` }, column,
      node("span", { "aria-hidden": "true" }, String(row.partition)), node("span", { class: "unseen" }, `partition ${row.partition}: ${count(row.applied)} applied, ${count(row.lag)} waiting`));
  }));
  const log = status.log_bytes;
  const kept = [["event log", bytes(log.user_interactions)], ["learning records", bytes(log.learn)], ["catalogue", bytes(log.content)], ["profiles in memory", bytes(status.state.profile_bytes)],
    ["last checkpoint", status.state.checkpoint_at ? ago(status.state.checkpoint_at, new Date(status.at).getTime()) : "none yet"], ["doubles are noticed for", duration(status.state.dedup_reach_ms / 1000)]];
  $("kept").replaceChildren(...kept.map(([name, value]) => node("div", {}, node("dt", {}, name), node("dd", {}, value))));
  say($("version"), status.version);
  say($("where"), `Data in ${status.data_dir}; settings ${status.config_file ? `from ${status.config_file}` : "are the defaults"}. Started ${new Date(status.started_at).toLocaleString("en-GB")}.`);
}

async function round() {
  try {
    const health = await get("/healthz").catch((error) => { if (error instanceof Refused) return { status: "stuck", detail: error.message }; throw error; });
    const status = await get("/api/status");
    showHealth(health, status);
    showTiles(status);
    showInside(status);
  } catch (error) {
    showSilence(error);
  }
}

/* ---- three lines to copy ---- */

function lines() {
  const at = location.origin;
  return [
    ["ann reads an article", `curl -s ${at}/v1/events -H 'Content-Type: application/json' \\\n  -d '{"user_id":"ann","event_type":"view","content_id":"article-1","categories":["science"]}'`],
    ["What should she see next?", `curl -s '${at}/v1/recommendations/ann?n=5'`],
    ["What does everybody read?", `curl -s '${at}/v1/trending?n=5'`],
  ];
}

async function copy(text, button) {
  let done = true;
  try { await navigator.clipboard.writeText(text); } catch { done = false; }
  button.textContent = done ? "Copied" : "Select it";
  $("copied").textContent = done ? "Copied." : "The browser does not allow copying.";
  if (!done) getSelection().selectAllChildren(button.parentElement.querySelector("code"));
  setTimeout(() => { button.textContent = "Copy"; }, 1600);
}

function showLines() {
  $("curls").replaceChildren(...lines().map(([what, text]) => {
    const button = node("button", { class: "button copy", type: "button", "aria-label": `Copy the line: ${what}` }, "Copy");
    button.addEventListener("click", () => copy(text, button));
    return node("li", {}, node("p", {}, what), node("div", { class: "line" }, node("code", {}, text), button));
  }));
}

/* ---- anyone's list ---- */

function reasons(item) {
  const rows = ordered(item.reasons);
  const sum = rows.reduce((total, row) => total + (row.weight ?? 0), 0) || 1;
  return node("ul", { class: "reasons" }, ...rows.map((row) => {
    const fill = node("span");
    fill.style.transform = `scaleX(${((row.weight ?? 0) / sum).toFixed(3)})`;
    return node("li", {}, node("span", { class: "track", title: percent((row.weight ?? 0) / sum, 0) }, fill), reasonNode(row));
  }));
}

function head(person, found, list) {
  const line = node("p", { class: "answer-head" });
  if (!found) {
    line.append(`Nobody of the id ${Object.values(person)[0]} has been seen yet, so this is what everybody gets.`);
    return line;
  }
  const categories = (found.categories ?? []).filter((row) => row.weight > 0).slice(0, 3).map((row) => sectionName(row.category));
  line.append(node("b", { class: "number" }, count(found.events_total)), found.events_total === 1 ? " event" : " events", found.segment ? `, ${found.segment}` : "",
    categories.length ? `; leans to ${categories.join(", ")}` : "", list.explain?.took_us !== undefined ? `. Answered in ${micros(list.explain.took_us)} from ${count(list.explain.candidates)} candidates` : "", ".");
  if (list.degraded) line.append(` Degraded: ${list.degraded}.`);
  return line;
}

async function showPerson(person) {
  const place = $("answer");
  try {
    const list = await recommendations(person, { n: N, explain: "true", record: "false" });
    const found = list.explain && list.explain.is_known === false ? null : await profile(person).catch(() => null);
    remember(list.items);
    remember(found?.recent ?? []);
    place.replaceChildren(head(person, found, list), list.items.length === 0 ? node("p", { class: "problem" }, `${list.empty ?? "Nothing to recommend"}.`)
      : node("ol", { class: "items" }, ...list.items.map((item, index) => node("li", { class: "item" },
        node("span", { class: "rank number", "aria-hidden": "true" }, String(index + 1)), node("span", { class: "name" }, item.title ?? item.content_id),
        node("span", { class: "score number", title: `shown with probability ${item.propensity}` }, Number(item.score).toPrecision(3)), reasons(item)))));
  } catch (error) {
    place.replaceChildren(node("p", { class: "problem" }, error.message, error.fix ? ` ${error.fix[0].toUpperCase()}${error.fix.slice(1)}.` : ""));
  }
}

function asked() {
  const id = $("id").value.trim();
  return $("anonymous").checked ? { anonymous_id: id } : { user_id: id };
}

function suggestReader() {
  let id = null;
  try { id = JSON.parse(localStorage.getItem("penchant-demo"))?.id ?? null; } catch { id = null; }
  if (!id) return;
  const button = node("button", { class: "as-link", type: "button" }, id);
  button.addEventListener("click", () => { $("id").value = id; $("anonymous").checked = true; showPerson(asked()); });
  $("suggest").replaceChildren("You, in the demo: ", button);
  $("suggest").hidden = false;
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("id").value.trim()) showPerson(asked());
});
showLines();
suggestReader();
poll(round, POLL_MS);
