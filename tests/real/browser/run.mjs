// Goal: what a person sees is alive, follows each click, is accessible and asks nobody else.
// Method: the built program runs its demo on a free port with data of its own; Chromium opens
// the pages at two widths, clicks three articles of one section and looks at the list, the
// experiment, the keyboard, the console and every request.  Prints TAP; pictures of what was
// seen are kept in tests/output/browser.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HERE = dirname(fileURLToPath(import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const OUTPUT = resolve(HERE, "../../output/browser");
const START_MS = 30000;
const ALIVE_MS = 20000;
const FOLLOW_MS = 1000;
const EXPERIMENT_MS = 60000;
const STOP_MS = 20000;
const SECTION = "music";
const CLICKS = 3;
const VIEWS = [{ name: "wide", width: 1280, height: 900, scheme: "light" }, { name: "narrow", width: 390, height: 844, scheme: "dark" }];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

let number = 0;
let failed = 0;

function check(holds, name, detail = "") {
  number++;
  console.log(`${holds ? "ok" : "not ok"} ${number} - ${name}`);
  if (holds) return;
  failed++;
  if (detail) console.log(`# ${String(detail).replaceAll("\n", "\n# ")}`);
}

/* ---- the program ---- */

function start(data) {
  const child = spawn(process.env.TEST_BIN, ["demo", "--listen", "127.0.0.1:0", "--data", data], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const url = new Promise((found, lost) => {
    const timer = setTimeout(() => lost(new Error(`no URL after ${START_MS} ms:\n${said}`)), START_MS);
    const read = (chunk) => {
      said += chunk;
      const match = /http:\/\/127\.0\.0\.1:(\d+)\/demo/.exec(said);
      if (match) { clearTimeout(timer); found(`http://127.0.0.1:${match[1]}`); }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("error", (error) => { clearTimeout(timer); lost(error); });
    child.on("exit", (code) => { clearTimeout(timer); lost(new Error(`ended with ${code}:\n${said}`)); });
  });
  return { child, url, said: () => said };
}

async function stop(child) {
  if (child.exitCode !== null) return child.exitCode;
  return new Promise((ended) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    child.on("exit", (code) => { clearTimeout(timer); ended(code); });
    child.kill("SIGTERM");
  });
}

/* ---- watching a page ---- */

async function newPage(browser, view, origin) {
  const context = await browser.newContext({ viewport: { width: view.width, height: view.height }, colorScheme: view.scheme });
  const page = await context.newPage();
  const wrong = [];
  const elsewhere = [];
  page.on("console", (message) => { if (message.type() === "error" || message.type() === "warning") wrong.push(`${message.type()}: ${message.text()} ${message.location().url}`); });
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("request", (request) => { if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith("data:")) elsewhere.push(request.url()); });
  return { context, page, wrong, elsewhere };
}

const shot = (page, name, fullPage = false) => page.screenshot({ path: join(OUTPUT, `${name}.png`), fullPage });
const listed = (page) => page.$$eval("#list .entry", (entries) => entries.map((entry) => ({
  id: entry.dataset.content, category: entry.dataset.category, reason: entry.querySelector(".reason")?.textContent ?? "",
  all: entry.querySelector(".why")?.textContent ?? "" })));

async function checkAccess(page, name) {
  // Animations end first: a colour that fades in has no contrast yet.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((animation) => animation.effect.getComputedTiming().iterations !== Infinity).map((animation) => animation.finished.catch(() => {}))));
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((values) => axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] }), RULES);
  check(violations.length === 0, `${name}: no violations of WCAG 2.2 AA that axe finds`,
    violations.map((row) => `${row.id}: ${row.help}: ${row.nodes.slice(0, 3).map((at) => `${at.target} ${at.failureSummary}`).join(" | ")}`).join("\n"));
}

async function checkWidth(page, view, name) {
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  check(width <= view.width, `${name}: nothing is wider than the window`, `${width} > ${view.width}`);
}

/* ---- the demo ---- */

async function checkFront(page, view) {
  const articles = await page.locator(".card").count();
  const pictures = await page.locator(".card svg.picture").count();
  check(articles >= 24 && pictures === articles, `${view.name}: a front page of articles with pictures`, `${articles} articles, ${pictures} pictures`);
  const list = await listed(page);
  check(list.length === 8 && list.every((entry) => entry.reason.length > 5), `${view.name}: a list with a reason for each line`, JSON.stringify(list));
  const trends = await page.locator("#trends li").count();
  check(trends >= 5, `${view.name}: a strip of trends`, `${trends}`);
}

/* Opens the section's articles as a reader does; the list must follow each click. */
async function checkFollowing(page, view) {
  const clicked = [];
  const titles = [];
  let slowest = 0;
  let changed = 0;
  for (let i = 0; i < CLICKS; i++) {
    const before = (await listed(page)).map((entry) => entry.id).join();
    const answers = Number(await page.getAttribute("#for-you", "data-answers") ?? 0);
    const headline = page.locator(`.card .headline[data-category="${SECTION}"]`).nth(i);
    clicked.push(await headline.getAttribute("data-id"));
    titles.push(await headline.textContent());
    await headline.scrollIntoViewIfNeeded();
    const since = performance.now();
    await headline.click();
    await page.waitForFunction((count) => Number(document.getElementById("for-you").dataset.answers ?? 0) > count, answers, { timeout: 10 * FOLLOW_MS, polling: "raf" });
    slowest = Math.max(slowest, performance.now() - since);
    if ((await listed(page)).map((entry) => entry.id).join() !== before) changed++;
    if (i === 0) {
      await page.waitForTimeout(700);
      await shot(page, `demo-${view.name}-reading`);
      check(await page.locator("#reader-panel .standfirst").textContent().then((text) => text.trim().length > 20), `${view.name}: an article opens with its standfirst`);
      await checkAccess(page, `demo ${view.name}, reading`);
    }
    await page.keyboard.press("Escape");
    await page.waitForSelector("#reader-panel:not([open])", { state: "attached" });
  }
  check(slowest < FOLLOW_MS, `${view.name}: the list follows a click within ${FOLLOW_MS} ms`, `${slowest.toFixed(0)} ms`);
  console.log(`# slowest of ${CLICKS} from click to list: ${slowest.toFixed(0)} ms`);
  check(changed === CLICKS, `${view.name}: the list changes with each of ${CLICKS} clicks`, `${changed} changed`);
  const list = await listed(page);
  const name = SECTION[0].toUpperCase() + SECTION.slice(1);
  const named = list.filter((entry) => entry.all.includes(name) || titles.some((title) => entry.all.includes(title.slice(0, 20))));
  check(named.length > 0, `${view.name}: reasons name what was read, or its section`, JSON.stringify(list));
  check(list.filter((entry) => entry.category === SECTION).length >= list.length / 2, `${view.name}: most of the list is of the section that was read`, JSON.stringify(list));
  check(!list.some((entry) => clicked.includes(entry.id)), `${view.name}: what was read is not offered again`, JSON.stringify(list));
  await page.waitForTimeout(700);
  await page.locator("#for-you").scrollIntoViewIfNeeded();
  await shot(page, `demo-${view.name}-followed`);
}

async function checkExperiment(page, view) {
  await page.waitForFunction(() => /times|often/.test(document.getElementById("lift").textContent), null, { timeout: EXPERIMENT_MS }).catch(() => {});
  const said = await page.locator("#lift").textContent();
  check(/often/.test(said), `${view.name}: the experiment says what personalization is worth`, said);
  const rates = await page.$$eval("#arms .rate", (nodes) => nodes.map((node) => parseFloat(node.textContent)));
  check(rates.length === 3 && rates.every((rate) => rate > 0), `${view.name}: three arms with click rates`, rates);
  check(rates[0] > rates[2], `${view.name}: 'for you' is clicked more than a random list`, rates);
  check(await page.locator("#chart path.line").count() === 3, `${view.name}: a line for each arm`);
  await page.locator("#experiment").scrollIntoViewIfNeeded();
  await page.waitForTimeout(300);
  await shot(page, `demo-${view.name}-experiment`);
}

async function checkKeyboard(page, view) {
  const headline = page.locator(".is-lead .headline");
  await headline.focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("#reader-panel[open]");
  const focused = await page.evaluate(() => document.activeElement?.id);
  check(focused === "reader-title", `${view.name}: opened by keyboard, the article has the focus`, focused);
  await page.keyboard.press("Escape");
  await page.waitForSelector("#reader-panel:not([open])", { state: "attached" });
  const back = await page.evaluate(() => document.activeElement?.textContent);
  check(back === await headline.textContent(), `${view.name}: closed by Escape, the focus is where it was`, back);
}

async function checkOpinion(page, view) {
  const answers = Number(await page.getAttribute("#for-you", "data-answers"));
  await page.locator("#list .headline").first().click();
  await page.waitForSelector("#reader-panel[open]");
  await page.locator(".opinion.dislike").click();
  await page.waitForFunction((count) => Number(document.getElementById("for-you").dataset.answers) >= count + 2, answers, { timeout: 5000 });
  check(await page.locator(".opinion.dislike").getAttribute("aria-pressed") === "true", `${view.name}: an opinion is taken`);
  await page.keyboard.press("Escape");
}

async function checkStartOver(page, view) {
  const before = await page.locator("#reader").textContent();
  const list = (await listed(page)).map((entry) => entry.id).join();
  await page.locator("#start-over").click();
  await page.waitForFunction((id) => document.getElementById("reader").textContent !== id, before);
  await page.waitForFunction((ids) => [...document.querySelectorAll("#list .entry")].map((entry) => entry.dataset.content).join() !== ids, list, { timeout: 5000 });
  const fresh = await listed(page);
  check(fresh.every((entry) => !entry.all.includes("Because you read")), `${view.name}: after 'start over' nothing is known`, JSON.stringify(fresh));
}

async function demo(browser, view, origin) {
  const { context, page, wrong, elsewhere } = await newPage(browser, view, origin);
  const answer = await page.goto(`${origin}/demo`);
  const policy = answer.headers()["content-security-policy"] ?? "";
  check(policy.includes("default-src 'none'") && !policy.includes("unsafe"), `${view.name}: a strict content policy`, policy);
  await page.waitForSelector("#list .entry", { timeout: ALIVE_MS });
  await page.waitForSelector(".card");
  await page.waitForTimeout(600);
  await shot(page, `demo-${view.name}-first`);
  await checkFront(page, view);
  await checkWidth(page, view, `demo ${view.name}`);
  await checkFollowing(page, view);
  await checkExperiment(page, view);
  await checkKeyboard(page, view);
  await checkOpinion(page, view);
  await checkAccess(page, `demo ${view.name}`);
  await page.evaluate(() => scrollTo(0, 0));
  await shot(page, `demo-${view.name}-full`, true);
  await status(page, view, origin);
  await page.goto(`${origin}/demo`);
  await page.waitForSelector("#list .entry");
  await checkStartOver(page, view);
  check(wrong.length === 0, `${view.name}: nothing on the console`, wrong.join("\n"));
  check(elsewhere.length === 0, `${view.name}: nothing is asked elsewhere`, elsewhere.join("\n"));
  await context.close();
}

/* ---- the page at / ---- */

async function status(page, view, origin) {
  await page.goto(`${origin}/`);
  await page.waitForSelector('.health[data-state="good"]', { timeout: ALIVE_MS });
  check(await page.locator("#health-word").textContent() === "Healthy", `status ${view.name}: health in words`);
  const first = await page.locator('[data-tile="events"] .value').textContent();
  check(parseFloat(first) > 0, `status ${view.name}: events are counted`, first);
  await page.waitForFunction(() => parseFloat(document.querySelector('[data-tile="events"] .more').textContent) > 0, null, { timeout: ALIVE_MS });
  check(await page.locator("#curls code").count() === 3, `status ${view.name}: three lines to copy`);
  check((await page.locator("#curls code").first().textContent()).includes(origin), `status ${view.name}: the lines name this server`);
  await page.locator("#suggest .as-link").click();
  await page.waitForSelector("#answer .item");
  const items = await page.$$eval("#answer .item", (nodes) => nodes.map((node) => node.querySelector(".reasons").textContent));
  check(items.length === 8 && items.every((text) => text.length > 3), `status ${view.name}: a list with its reasons`, JSON.stringify(items));
  await checkWidth(page, view, `status ${view.name}`);
  await checkAccess(page, `status ${view.name}`);
  await shot(page, `status-${view.name}`, true);
}

/* The lines a person copies must work when they are run. */
async function checkLines(browser, origin) {
  const { context, page } = await newPage(browser, VIEWS[0], origin);
  await page.goto(`${origin}/`);
  const lines = await page.$$eval("#curls code", (nodes) => nodes.map((node) => node.textContent));
  await context.close();
  for (const [index, line] of lines.entries()) {
    const out = await new Promise((ended) => {
      const shell = spawn("sh", ["-c", line], { stdio: ["ignore", "pipe", "inherit"] });
      let text = "";
      shell.stdout.on("data", (chunk) => { text += chunk; });
      shell.on("exit", () => ended(text));
    });
    let body = null;
    try { body = JSON.parse(out); } catch { body = null; }
    check(index === 0 ? body?.accepted === 1 : body?.items?.length > 0, `line ${index + 1} of the status page works in a shell`, `${line}\n${out.slice(0, 300)}`);
  }
}

async function main() {
  mkdirSync(OUTPUT, { recursive: true });
  const data = mkdtempSync(join(tmpdir(), "penchant-browser-"));
  const server = start(data);
  let browser = null;
  try {
    const origin = await server.url;
    check(true, "the demo prints its URL");
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
    for (const view of VIEWS) await demo(browser, view, origin);
    await checkLines(browser, origin);
  } catch (error) {
    check(false, "the run comes to its end", `${error.stack}\n${server.said().slice(-2000)}`);
  }
  await browser?.close();
  check(await stop(server.child) === 0, "the demo stops when it is asked to", server.said().slice(-1000));
  rmSync(data, { recursive: true, force: true });
  console.log(`1..${number}`);
  process.exit(failed ? 1 : 0);
}

await main();
