// The demo page: a paper, a list that follows, a strip of trends and an experiment.
import { get, poll } from "/web/api.js";
import { sectionName } from "/web/words.js";
import * as experiment from "/web/demo/experiment.js";
import * as front from "/web/demo/front.js";
import * as list from "/web/demo/list.js";
import * as reader from "/web/demo/reader.js";
import * as trends from "/web/demo/trends.js";
import * as visitor from "/web/demo/visitor.js";

const POLL_MS = 2000;
const SETTLE_MS = 1200; // a list without anything to show is asked again
const LIST_SIZE = 8;
const TRENDS_SIZE = 8;
const SECTION_SIZE = 18;

const $ = (id) => document.getElementById(id);
let paper = [];      // the printed items
let section = null;  // chosen, or null
let turn = 0;        // of questions: only the newest answer is shown
let answered = "";   // request_id of the list that stands there

function notice(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text ? text[0].toUpperCase() + text.slice(1) : "";
}

/* ---- the list ---- */

function sayWhatChanged(fresh, took) {
  const read = visitor.readCount();
  const words = read === 0 ? "Click any article. This list follows, at once."
    : `Learned from ${read} ${read === 1 ? "click" : "clicks"}. `;
  $("speed").replaceChildren(words);
  if (read > 0 && took !== null) {
    const time = front.node("b", { class: "number" }, `${Math.max(1, Math.round(took))} ms`);
    $("speed").append(fresh > 0 ? `${fresh} new, ` : "", time, " after your click.");
  }
}

async function showLeanings() {
  if (visitor.readCount() === 0) { list.showLeanings([]); return; } // nobody yet: the server would say 404
  try {
    list.showLeanings((await get("/v1/users", { anonymous_id: visitor.id() })).categories ?? []);
  } catch {
    list.showLeanings([]);
  }
}

async function refresh(since = null) {
  const mine = ++turn;
  const answer = await visitor.list(LIST_SIZE);
  if (mine !== turn) return;
  if (answer.items.length === 0) {
    $("list").replaceChildren(front.node("li", { class: "empty" }, answer.empty ? `${answer.empty}.` : "Nothing yet."));
    setTimeout(() => refresh().catch(fail), SETTLE_MS);
    return;
  }
  answered = answer.request_id;
  const took = since === null ? null : performance.now() - since;
  const fresh = list.show(answer.items, open);
  reader.showNext(answer.items);
  sayWhatChanged(fresh, took);
  if (since !== null) {
    $("for-you").dataset.answers = String(Number($("for-you").dataset.answers ?? 0) + 1);
    follow(fresh);
  }
  await showLeanings();
}

/* On a narrow screen the list may be far away: a line at the foot leads to it. */
let following = 0;
function follow(fresh) {
  const link = $("follow");
  const box = $("for-you").getBoundingClientRect();
  const isInSight = box.top < innerHeight - 120 && box.bottom > 120;
  link.hidden = isInSight || fresh === 0;
  link.textContent = `For you: ${fresh} new`;
  clearTimeout(following);
  following = setTimeout(() => { link.hidden = true; }, 9000);
}

function fail(error) {
  notice(error.status ? `${error.message}${error.fix ? `; ${error.fix}` : ""}.` : "penchant does not answer; this page goes on trying.");
}

async function tellAndFollow(type, item, more) {
  const since = performance.now();
  try {
    await visitor.tell(type, item, more);
    await refresh(since);
    notice("");
  } catch (error) {
    fail(error);
  }
}

/* ---- opening ---- */

function open(item, from, placement = "front") {
  const place = placement === "list" ? [...$("list").children].findIndex((entry) => entry.dataset.content === item.content_id) : -1;
  // First the event, then the drawing: the answer is on its way while the article opens.
  tellAndFollow("click", item, place >= 0 ? { placement: "demo", position: place, request_id: answered } : { placement: `demo_${placement}` });
  reader.open(item, from);
  front.markRead(item.content_id);
}

async function choose(category) {
  section = section === category ? null : category;
  front.pressSection(section);
  $("all-sections").hidden = section === null;
  $("lead").hidden = section !== null;
  $("seconds").hidden = section !== null;
  $("more-title").textContent = section ? `Most read in ${sectionName(section)}` : "More today";
  if (section === null) { front.show(paper, open); return; }
  const mine = section;
  const inPaper = paper.filter((item) => front.categoryOf(item) === mine);
  const { items } = await get("/v1/trending", { n: SECTION_SIZE, category: mine });
  if (section !== mine) return;
  front.showMore(items.length ? items : inPaper, open);
  const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  $("more-title").scrollIntoView({ behavior: reduced ? "auto" : "smooth", block: "nearest" });
}

function showReader() {
  $("reader").textContent = visitor.id().replace("visitor-", "");
}

function startOver() {
  visitor.startOver();
  reader.close();
  list.forget();
  list.showLeanings([]);
  front.clearRead();
  showReader();
  sayWhatChanged(0, null);
  refresh().catch(fail);
}

/* ---- polling ---- */

async function pollDemo() {
  const demo = await get("/api/demo");
  experiment.show(demo);
  if (paper.length === 0 && demo.front.length > 0 && (demo.phase === "live" || demo.phase === "warming")) {
    paper = demo.front;
    front.showSections(demo.categories, (category) => choose(category).catch(fail));
    front.show(paper, open);
    await refresh();
  }
  notice(demo.phase === "live" ? "" : { waiting: "Waiting for the server.", loading: "The paper is being printed.", warming: "The first readers are arriving; the page is alive in a moment." }[demo.phase]);
}

async function pollTrends() {
  const { items } = await get("/v1/trending", { n: TRENDS_SIZE });
  trends.show(items, open);
}

$("date").textContent = new Date().toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
$("start-over").addEventListener("click", startOver);
$("all-sections").addEventListener("click", () => choose(section).catch(fail));
$("follow").addEventListener("click", () => { $("follow").hidden = true; reader.close(); });
reader.setup({ open, opinion: (item, type) => tellAndFollow(type, item, { placement: "demo" }) });
showReader();
poll(() => pollDemo().catch((error) => {
  fail(error);
  if (error.status !== 404) return true;
  document.body.classList.add("without-demo"); // this server plays no visitors, and will not
  return false;
}), POLL_MS);
poll(pollTrends, POLL_MS);
