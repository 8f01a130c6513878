// Talking to penchant.  Everything here is the public API that any client uses.

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the server answered ${status}`);
    this.status = status;
    this.code = problem.code ?? "";
    this.fix = problem.fix ?? "";
  }
}

async function call(path, options = {}) {
  const answer = await fetch(path, { cache: "no-store", ...options });
  const type = answer.headers.get("Content-Type") ?? "";
  const body = type.includes("json") ? await answer.json() : {};
  if (!answer.ok) throw new Refused(answer.status, body);
  return { body, headers: answer.headers };
}

const query = (parameters) => {
  const set = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined && value !== null && value !== "") set.set(name, value);
  const text = set.toString();
  return text ? `?${text}` : "";
};

export const get = async (path, parameters = {}) => (await call(path + query(parameters))).body;

// person: {user_id} or {anonymous_id}.  position: what an earlier post answered; the list will show it.
export async function recommendations(person, parameters = {}, position = "") {
  const headers = position ? { "Penchant-Position": position } : {};
  const path = person.user_id ? `/v1/recommendations/${encodeURIComponent(person.user_id)}${query(parameters)}`
    : `/v1/recommendations${query({ anonymous_id: person.anonymous_id, ...parameters })}`;
  return (await call(path, { headers })).body;
}

export const profile = (person) => person.user_id ? get(`/v1/users/${encodeURIComponent(person.user_id)}`) : get("/v1/users", person);

// Answers the position at which the events stand in the log.
export async function post(events, options = {}) {
  const { body, headers } = await call("/v1/events", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(events), ...options });
  return headers.get("Penchant-Position") ?? body.position ?? "";
}

export function newId(size = 16) {
  const bytes = crypto.getRandomValues(new Uint8Array(size));
  return Array.from(bytes, (byte) => "0123456789abcdefghjkmnpqrstvwxyz"[byte & 31]).join("");
}

// Runs task now and then every ms, one at a time, and not while nobody looks; ends when it answers false.
export function poll(task, ms) {
  let timer = 0;
  let running = false;
  let isOver = false;
  const round = async () => {
    clearTimeout(timer);
    if (running || isOver) return;
    running = true;
    try { isOver = (await task()) === false; } catch (error) { console.warn("poll:", error.message); }
    running = false;
    if (!document.hidden && !isOver) timer = setTimeout(round, ms);
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : round()));
  round();
  return round;
}
