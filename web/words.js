// Reasons, numbers and times in the words of people.

export const sectionName = (category) => category ? category[0].toUpperCase() + category.slice(1).replaceAll("_", " ") : "";

const titles = new Map();

/* Remembers titles of what was shown, for reasons that name a content. */
export const remember = (items) => { for (const item of items) if (item.title) titles.set(item.content_id, item.title); };
export const titleOf = (id) => titles.get(id) ?? id;

function shorten(text, size) {
  if (text.length <= size) return text;
  const cut = text.slice(0, size - 1);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(" "), size - 16)).replace(/[,;:.]$/, "")}\u2026`;
}

/* One reason as words: {text, subject?}; the subject is quoted apart so that a page can set it off. */
export function reason(row, size = 58) {
  switch (row.code) {
    case "because_you_viewed":
      return row.content_id ? { text: "Because you read", subject: shorten(titleOf(row.content_id), size) } : { text: "Because of what you read" };
    case "similar_sessions": return { text: "Readers like you read this" };
    case "trending": return { text: "Trending now" };
    case "popular_in_category": return { text: row.category ? `Popular in ${sectionName(row.category)}` : "Popular in a section you read" };
    case "new": return { text: "Just published" };
    case "exploration": return { text: "A try: we are curious whether you like it" };
    default: return { text: row.code.replaceAll("_", " ") };
  }
}

/* The heaviest reason first. */
export const ordered = (reasons = []) => [...reasons].sort((a, b) => (b.weight ?? 0) - (a.weight ?? 0));

/* A node with the words of a reason. */
export function reasonNode(row, size) {
  const words = reason(row, size);
  const node = document.createElement("span");
  node.append(words.text);
  if (words.subject) {
    const subject = document.createElement("q");
    subject.textContent = words.subject;
    node.append(" ", subject);
  }
  return node;
}

const whole = new Intl.NumberFormat("en-GB");
export const count = (value) => whole.format(Math.round(value ?? 0));

export function compact(value) {
  if (value < 10000) return count(value);
  return new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: value < 100000 ? 1 : 1 }).format(value).toLowerCase();
}

export const percent = (rate, digits = 1) => rate === null || rate === undefined ? "\u2013" : `${(rate * 100).toFixed(digits)}%`;

export function micros(us) {
  if (us === null || us === undefined) return "\u2013";
  if (us < 1000) return `${us < 10 ? us.toFixed(1) : Math.round(us)} \u00b5s`;
  if (us < 1e6) return `${(us / 1000).toFixed(us < 1e4 ? 1 : 0)} ms`;
  return `${(us / 1e6).toFixed(1)} s`;
}

export function bytes(size) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  let value = size;
  while (value >= 1024 && at < units.length - 1) { value /= 1024; at++; }
  return `${value < 10 && at ? value.toFixed(1) : Math.round(value)} ${units[at]}`;
}

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

export function ago(time, now = Date.now()) {
  const s = (now - new Date(time).getTime()) / 1000;
  return s < 2 ? "just now" : `${duration(s)} ago`;
}
