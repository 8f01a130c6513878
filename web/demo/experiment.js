// The experiment: a third of the generated readers sees 'for you', a third trends, a third a
// random list; what each third clicks, in numbers, a chart and a sentence.
import { svg } from "/web/pictures.js";
import { compact, count, duration, percent, sectionName } from "/web/words.js";
import { node } from "/web/demo/front.js";

const NAMES = { for_you: "For you", trends: "Trends", random: "Random" };
const DASHES = { for_you: "", trends: "7 4", random: "2 4" };
const WIDTH_MAX = 760;
const WIDTH_MIN = 280;
const H = 236;
const LEFT = 40;
const RIGHT = 98;
const TOP = 30;
const BOTTOM = 26;
const ENOUGH = 400; // impressions of an arm before a sentence is made of it

const armOf = (demo, name) => demo.arms.find((arm) => arm.name === name) ?? { name, impressions: 0, clicks: 0, rate: null, total: { impressions: 0, clicks: 0, rate: null } };

/* 95% interval of the ratio of two rates (delta method on its logarithm; Katz et al. 1978). */
function ratio(a, b) {
  if (!a.clicks || !b.clicks) return null;
  const value = a.rate / b.rate;
  const error = 1.96 * Math.sqrt(1 / a.clicks - 1 / a.impressions + 1 / b.clicks - 1 / b.impressions);
  return { value, low: value * Math.exp(-error), high: value * Math.exp(error) };
}

function times(lift) {
  if (lift.low <= 1 && lift.high >= 1) return "about as often as";
  if (lift.value >= 1.95) return `${lift.value.toFixed(1)} times as often as`;
  const more = Math.round((lift.value - 1) * 100);
  return more > 0 ? `${more}% more often than` : `${-more}% less often than`;
}

function sentence(demo) {
  const you = armOf(demo, "for_you").total;
  const random = ratio(you, armOf(demo, "random").total);
  const trends = ratio(you, armOf(demo, "trends").total);
  if (demo.phase !== "live") return null;
  if (!random || !trends || you.impressions < ENOUGH) return { text: "The first readers are choosing. Give them a few seconds." };
  return { teaser: times(random), parts: ["Readers click on ", ["b", "For you"], " ", ["strong", times(random)], " on a random list, and ", ["strong", times(trends)], " on trends."],
    fine: `95% interval: ${random.low.toFixed(2)} to ${random.high.toFixed(2)} times random, ${trends.low.toFixed(2)} to ${trends.high.toFixed(2)} times trends, each showing taken as independent.` };
}

function showSentence(demo) {
  const said = sentence(demo);
  const lift = document.getElementById("lift");
  const words = !said ? [`${{ waiting: "Waiting for the server", loading: "Printing the paper", warming: "The first readers arrive" }[demo.phase]} (${percent(demo.progress, 0)}).`]
    : said.text ? [said.text] : said.parts.map((part) => typeof part === "string" ? part : node(part[0], {}, part[1]));
  lift.replaceChildren(...words);
  if (said?.parts) document.getElementById("teaser").textContent = `It is clicked ${said.teaser} a random list`;
  document.getElementById("method").textContent = `${count(demo.visitors)} generated readers with tastes that the engine is never told; a third see each list, and none shows what they have read. ${said?.fine ?? ""}`;
}

function showArms(demo) {
  const place = document.getElementById("arms");
  const top = Math.max(0.01, ...demo.arms.map((arm) => arm.rate ?? 0));
  for (const name of Object.keys(NAMES)) {
    const arm = armOf(demo, name);
    let card = place.querySelector(`[data-arm="${name}"]`);
    if (!card) {
      card = node("div", { class: "arm", data: { arm: name } },
        node("p", { class: "name" }, NAMES[name]), node("p", { class: "rate number" }), node("div", { class: "bar", "aria-hidden": "true" }, node("span")),
        node("p", { class: "sample number" }), node("p", { class: "sample number total" }));
      place.append(card);
    }
    card.querySelector(".rate").textContent = percent(arm.rate);
    card.querySelector(".bar span").style.transform = `scaleX(${((arm.rate ?? 0) / top).toFixed(3)})`;
    card.querySelector(".sample").textContent = `${compact(arm.clicks)} of ${compact(arm.impressions)} shown`;
    card.querySelector(".total").textContent = `since the start ${percent(arm.total.rate)} of ${compact(arm.total.impressions)}`;
  }
}

/* ---- the chart ---- */

function niceTop(value) {
  for (const top of [0.04, 0.08, 0.12, 0.16, 0.2, 0.24, 0.3, 0.4, 0.5, 0.6, 0.8]) if (value <= top * 0.97) return top;
  return 1;
}

function lineOf(values, x, y) {
  let d = "";
  let pen = "M";
  values.forEach((value, index) => {
    if (value === null) { pen = "M"; return; }
    d += `${pen}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return d;
}

/* Labels at the right end, pushed apart where lines meet. */
function endLabels(ends) {
  const rows = ends.filter((end) => end.value !== null).sort((a, b) => a.y - b.y);
  for (let i = 1; i < rows.length; i++) rows[i].y = Math.max(rows[i].y, rows[i - 1].y + 17);
  return rows;
}

function drawMoments(chart, demo, first, span, x, width) {
  let free = 0; // where the next label may begin
  for (const change of demo.changes) {
    const at = (new Date(change.at).getTime() - first) / span;
    if (at < 0 || at > 1) continue;
    const place = x(at);
    chart.append(svg("line", { x1: place, x2: place, y1: TOP - 8, y2: H - BOTTOM, class: "moment-line" }),
      svg("path", { d: `M${place - 5} ${TOP - 15}h10l-5 8z`, class: "moment-mark" }));
    const words = `${width > 500 ? "Tastes turn to " : ""}${sectionName(change.category)}`;
    const half = words.length * 3.6;
    const middle = Math.max(half, Math.min(place, width - half));
    if (middle - half < free) continue;
    free = middle + half + 6;
    const text = svg("text", { x: middle, y: TOP - 19, class: "moment-text", "text-anchor": "middle" });
    text.textContent = words;
    chart.append(text);
  }
}

function showChart(demo) {
  const place = document.getElementById("chart");
  const { step_s: step, at } = demo.history;
  const length = Math.max(...Object.keys(NAMES).map((name) => demo.history[name].length));
  if (!at || length < 2) { place.replaceChildren(node("p", { class: "empty" }, "The chart begins with the first readers.")); return; }
  const shown = Math.max(length, 60); // two minutes at least, so that the first points do not fill the chart
  const last = new Date(at).getTime();
  const first = last - (shown - 1) * step * 1000;
  const top = niceTop(Math.max(...Object.keys(NAMES).flatMap((name) => demo.history[name].map((value) => value ?? 0))));
  const width = Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, place.clientWidth));
  const x = (share) => LEFT + share * (width - LEFT - RIGHT);
  const y = (value) => H - BOTTOM - (value / top) * (H - BOTTOM - TOP);
  const chart = svg("svg", { viewBox: `0 0 ${width} ${H}`, "aria-hidden": "true", focusable: "false" });
  for (let i = 0; i <= 4; i++) {
    const value = (top * i) / 4;
    const text = svg("text", { x: LEFT - 8, y: y(value) + 4, class: "axis", "text-anchor": "end" });
    text.textContent = percent(value, 0);
    chart.append(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: i ? "grid" : "grid base" }), i % 2 ? "" : text);
  }
  for (const [share, words, anchor] of [[0, `${duration((last - first) / 1000)} ago`, "start"], [1, "now", "end"]]) {
    const text = svg("text", { x: x(share), y: H - 6, class: "axis", "text-anchor": anchor });
    text.textContent = words;
    chart.append(text);
  }
  drawMoments(chart, demo, first, last - first, x, width);
  const ends = [];
  for (const name of ["random", "trends", "for_you"]) {
    const values = demo.history[name];
    const shift = shown - values.length;
    const d = lineOf(values, (index) => x((index + shift) / (shown - 1)), y);
    chart.append(svg("path", { d, class: `line ${name}`, "stroke-dasharray": DASHES[name] }));
    const value = values.at(-1) ?? null;
    ends.push({ name, value, y: value === null ? 0 : y(value) });
    if (value !== null) chart.append(svg("circle", { cx: x(1), cy: y(value), r: 4, class: `end ${name}` }));
  }
  for (const end of endLabels(ends)) {
    const text = svg("text", { x: width - RIGHT + 10, y: end.y + 4, class: `end-label ${end.name}` });
    text.textContent = `${NAMES[end.name]} ${percent(end.value, 0)}`;
    chart.append(text);
  }
  place.replaceChildren(chart);
  place.setAttribute("aria-label", `Click rates over ${duration((last - first) / 1000)}: ${Object.keys(NAMES).map((name) => `${NAMES[name]} ${percent(demo.history[name].at(-1) ?? null)}`).join(", ")}.`);
}

let told = "";

function showMoment(demo) {
  const place = document.getElementById("moment");
  const change = demo.changes.at(-1);
  const next = demo.next_change_s;
  const words = change ? `${change.text}: ${percent(change.share, 0)} of all readers turned to ${sectionName(change.category)} at once, unannounced. Watch how For you dips and recovers.`
    : next !== null && next !== undefined ? "Soon the tastes of many readers will change at once. Nobody will tell the engine." : "";
  if (words === told) return; // said once, not every two seconds
  told = words;
  place.textContent = words;
}

export function show(demo) {
  document.getElementById("window").textContent = String(demo.window_s);
  showSentence(demo);
  showArms(demo);
  showChart(demo);
  showMoment(demo);
  document.getElementById("counts").textContent = `${count(demo.events)} events by generated readers, ${count(demo.events_per_s)} a second now.`;
}
