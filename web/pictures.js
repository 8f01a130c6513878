// Pictures drawn from a content's id and section: the same id gives the same picture on every
// machine.  Each section has its own visual language, so that a page can be read by its colours.

const SPACE = "http://www.w3.org/2000/svg";
const W = 400;
const H = 300;

let marks = 0; // ids of gradients must differ within a document

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, typeof value === "number" ? round(value) : value);
  element.append(...children);
  return element;
}

const round = (value) => Math.round(value * 100) / 100;

function hash(text) {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  h = Math.imul(h ^ (h >>> 16), 2246822507);
  h = Math.imul(h ^ (h >>> 13), 3266489909);
  return (h ^ (h >>> 16)) >>> 0;
}

function random(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const draw = {
    unit: next,
    between: (low, high) => low + (high - low) * next(),
    whole: (low, high) => low + Math.floor((high - low + 1) * next()),
    pick: (list) => list[Math.floor(next() * list.length)],
    chance: (share) => next() < share,
  };
  draw.shuffle = (list) => {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1));
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  };
  return draw;
}

const rect = (x, y, width, height, fill, more = {}) => svg("rect", { x, y, width, height, fill, ...more });
const circle = (cx, cy, r, fill, more = {}) => svg("circle", { cx, cy, r, fill, ...more });
const path = (d, more = {}) => svg("path", { d, fill: "none", ...more });
const at = (x, y) => `${round(x)} ${round(y)}`;
const polar = (cx, cy, r, angle) => [cx + r * Math.cos(angle), cy + r * Math.sin(angle)];

function fade(from, to, steep = true) {
  const id = `fade-${++marks}`;
  const gradient = svg("linearGradient", { id, x1: 0, y1: 0, x2: steep ? 0 : 1, y2: 1 },
    svg("stop", { offset: 0, "stop-color": from }), svg("stop", { offset: 1, "stop-color": to }));
  return [gradient, `url(#${id})`];
}

function ground(from, to, steep) {
  const [gradient, fill] = fade(from, to, steep);
  return [svg("defs", {}, gradient), rect(0, 0, W, H, fill)];
}

// A closed curve through points around a centre, smooth at each of them.
function blob(draw, cx, cy, radius, points, wobble) {
  const ring = [];
  const turn = draw.between(0, Math.PI * 2);
  for (let i = 0; i < points; i++) ring.push(polar(cx, cy, radius * draw.between(1 - wobble, 1 + wobble), turn + (i / points) * Math.PI * 2));
  const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  let d = `M${at(...middle(ring[points - 1], ring[0]))}`;
  for (let i = 0; i < points; i++) d += `Q${at(...ring[i])} ${at(...middle(ring[i], ring[(i + 1) % points]))}`;
  return d + "Z";
}

// ---- science: orbits around a nucleus, over a field of points ----
function science(draw) {
  const [dark, light, hot, cold] = draw.pick([
    ["#1b1340", "#3a2a86", "#ffb238", "#9ad7ff"], ["#0c2340", "#17548c", "#ff7f6b", "#b9f3e4"],
    ["#2a0f3d", "#68307f", "#ffd25e", "#f6a8d8"], ["#10261f", "#236552", "#ffd166", "#c4f1ff"]]);
  const out = [...ground(dark, light, false)];
  for (let i = 0; i < 70; i++) out.push(circle(draw.between(0, W), draw.between(0, H), draw.between(0.5, 1.6), "#fff", { opacity: draw.between(0.15, 0.7) }));
  const cx = draw.between(150, 250);
  const cy = draw.between(120, 180);
  const count = draw.whole(3, 5);
  const turn = draw.between(0, 180);
  for (let i = 0; i < count; i++) {
    const rx = 70 + i * draw.between(28, 36);
    const ry = rx * draw.between(0.28, 0.5);
    const angle = turn + (i * 180) / count;
    const group = svg("g", { transform: `translate(${at(cx, cy)}) rotate(${round(angle)})` });
    group.append(svg("ellipse", { rx, ry, fill: "none", stroke: i % 2 ? cold : "#fff", "stroke-opacity": i % 2 ? 0.75 : 0.45, "stroke-width": 1.6 }));
    const t = draw.between(0, Math.PI * 2);
    group.append(circle(rx * Math.cos(t), ry * Math.sin(t), draw.between(5, 10), i % 2 ? hot : cold));
    out.push(group);
  }
  for (let i = 0; i < 6; i++) {
    const [x, y] = polar(cx, cy, 15, (i / 6) * Math.PI * 2 + turn);
    out.push(circle(x, y, draw.between(12, 17), i % 2 ? hot : cold, { opacity: 0.92 }));
  }
  out.push(circle(cx, cy, 14, "#fff", { opacity: 0.9 }));
  return out;
}

// ---- technology: traces of a board ----
function technology(draw) {
  const [base, trace, second, pad] = draw.pick([
    ["#04302f", "#23a89b", "#e7c35a", "#f4f1de"], ["#0b1f33", "#3fa7d6", "#f79d5c", "#eef6fb"],
    ["#11261a", "#5bbf6a", "#f2d649", "#f5fbe9"], ["#231a36", "#a37cf0", "#5ee0c8", "#f6f0ff"]]);
  const out = [rect(0, 0, W, H, base)];
  for (let x = 10; x < W; x += 20) for (let y = 10; y < H; y += 20) out.push(circle(x, y, 1, trace, { opacity: 0.28 }));
  for (let i = 0; i < 22; i++) {
    let x = draw.whole(0, 20) * 20 + 10;
    let y = draw.whole(0, 15) * 20 - 10;
    let d = `M${at(x, y)}`;
    const color = draw.chance(0.22) ? second : trace;
    let heading = draw.whole(0, 3) * 2;
    out.push(circle(x, y, 4, base, { stroke: color, "stroke-width": 2.4 }));
    for (let step = 0; step < draw.whole(2, 4); step++) {
      const length = draw.whole(1, 4) * 20;
      const [dx, dy] = [[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]][heading];
      x += dx * length;
      y += dy * length;
      d += `L${at(x, y)}`;
      heading = (heading + draw.pick([1, 7]) + 8) % 8;
    }
    out.push(path(d, { stroke: color, "stroke-width": 2.4, "stroke-linejoin": "round", opacity: 0.9 }), circle(x, y, 4.5, color));
  }
  const size = draw.pick([80, 100, 120]);
  const x = 20 * draw.whole(5, 9);
  const y = 20 * draw.whole(4, 6);
  for (let i = 10; i < size; i += 20) {
    out.push(rect(x + i - 3, y - 9, 6, size + 18, pad, { opacity: 0.85 }), rect(x - 9, y + i - 3, size + 18, 6, pad, { opacity: 0.85 }));
  }
  out.push(rect(x, y, size, size, "#0c0f12", { rx: 6 }), rect(x + 12, y + 12, size - 24, size - 24, "none", { stroke: second, "stroke-width": 2, rx: 3 }));
  const cells = 4;
  const cell = (size - 40) / cells;
  for (let i = 0; i < cells; i++) for (let j = 0; j < cells; j++) if (draw.chance(0.55)) out.push(rect(x + 20 + i * cell + 2, y + 20 + j * cell + 2, cell - 4, cell - 4, draw.pick([trace, second, pad])));
  return out;
}

// ---- business: columns, sectors and a line that climbs, mostly ----
function business(draw) {
  const [paper, a, b, c, ink] = draw.pick([
    ["#f3e3c3", "#d98f2b", "#1f5f5b", "#c8502f", "#2a2420"], ["#e9eadf", "#3e6b8a", "#e0a63a", "#22384a", "#1d2730"],
    ["#f6ddcf", "#b5432f", "#f0a35e", "#3b4a54", "#2b2024"], ["#dfe8df", "#2f7a5d", "#e8b04b", "#20413a", "#16231f"]]);
  const out = [rect(0, 0, W, H, paper)];
  const disk = draw.between(60, 95);
  const dx = draw.between(70, 150);
  const dy = draw.between(75, 115);
  out.push(circle(dx, dy, disk, c, { opacity: 0.95 }));
  let angle = draw.between(-2, -1);
  for (const color of draw.shuffle([a, b, paper])) {
    const span = draw.between(0.6, 1.7);
    const [x1, y1] = polar(dx, dy, disk, angle);
    const [x2, y2] = polar(dx, dy, disk, angle + span);
    out.push(path(`M${at(dx, dy)}L${at(x1, y1)}A${at(disk, disk)} 0 0 1 ${at(x2, y2)}Z`, { fill: color }));
    angle += span;
  }
  const count = draw.whole(7, 10);
  const width = W / count;
  let level = draw.between(40, 80);
  const tops = [];
  for (let i = 0; i < count; i++) {
    level = Math.max(28, Math.min(220, level + draw.between(-26, 48)));
    out.push(rect(i * width + 3, H - level, width - 6, level, i % 3 === 0 ? b : i % 3 === 1 ? a : c, { opacity: 0.93 }));
    tops.push([i * width + width / 2, H - level - draw.between(14, 40)]);
  }
  out.push(path("M" + tops.map((p) => at(...p)).join("L"), { stroke: ink, "stroke-width": 3.5, "stroke-linejoin": "round", "stroke-linecap": "round" }));
  for (const p of tops) out.push(circle(...p, 5.5, paper, { stroke: ink, "stroke-width": 3 }));
  return out;
}

// ---- cities: blocks against an evening sky ----
function cities(draw) {
  const [sky, glow, far, near, lamp] = draw.pick([
    ["#20224f", "#f08a5d", "#4a4579", "#191a36", "#ffd98a"], ["#123a5a", "#f6c28b", "#3f6a86", "#0f2535", "#ffe9a8"],
    ["#4a2545", "#ff9e7a", "#7c4a6b", "#2b1530", "#ffe0a3"], ["#0f4c5c", "#ffd6a5", "#3d7f86", "#0b2a33", "#fff0b8"]]);
  const out = [...ground(sky, glow, true)];
  const mx = draw.between(60, 340);
  out.push(circle(mx, draw.between(50, 120), draw.between(22, 42), lamp, { opacity: 0.95 }));
  const row = (base, low, high, fill, lit) => {
    let x = draw.between(-30, 0);
    while (x < W) {
      const width = draw.between(24, 58);
      const height = draw.between(low, high);
      const top = base - height;
      const roof = draw.whole(0, 4);
      if (roof === 0) out.push(path(`M${at(x, top)}L${at(x + width / 2, top - 26)}L${at(x + width, top)}Z`, { fill }));
      if (roof === 1) out.push(rect(x + width / 2 - 1.5, top - 34, 3, 36, fill));
      if (roof === 2) out.push(rect(x + width * 0.2, top - 12, width * 0.45, 13, fill));
      if (roof === 3) out.push(svg("ellipse", { cx: x + width / 2, cy: top, rx: width / 2, ry: 15, fill }));
      out.push(rect(x, top, width + 0.5, height + 40, fill));
      if (lit) {
        const columns = Math.max(2, Math.floor(width / 12));
        const gap = width / columns;
        for (let i = 0; i < columns; i++) for (let y = top + 10; y < H - 6; y += 15) if (draw.chance(0.42)) out.push(rect(x + i * gap + gap / 2 - 2.5, y, 5, 7, lamp, { opacity: draw.between(0.55, 1) }));
      }
      x += width + (lit ? draw.between(0, 7) : 0);
    }
  };
  row(H, 110, 200, far, false);
  row(H, 50, 150, near, true);
  return out;
}

// ---- arts: paper cut-outs on panels ----
function arts(draw) {
  const colors = draw.pick([
    ["#f2b705", "#d93b5b", "#1f4e9e", "#f5efe0", "#0f7f6b"], ["#ff7a59", "#26408b", "#f7d6c4", "#0c8a8a", "#f5e663"],
    ["#e63973", "#f9a826", "#fff4e3", "#3b2a6b", "#35a7a1"], ["#2d6a4f", "#f77f00", "#fcefd6", "#d62839", "#173f7a"]]);
  const out = [];
  const columns = draw.whole(2, 3);
  const rows = 2;
  const cw = W / columns;
  const ch = H / rows;
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < rows; j++) {
      const [back, front, third] = draw.shuffle(colors);
      const cx = i * cw + cw / 2;
      const cy = j * ch + ch / 2;
      out.push(rect(i * cw, j * ch, cw + 0.5, ch + 0.5, back));
      const kind = draw.whole(0, 3);
      if (kind === 0) { // a leaf with fingers
        const stem = draw.between(-0.5, 0.5);
        const group = svg("g", { transform: `translate(${at(cx, cy)}) rotate(${round((stem * 180) / Math.PI)})` });
        for (let k = -3; k <= 3; k++) group.append(svg("ellipse", { cx: 0, cy: 0, rx: 8.5, ry: Math.min(cw, ch) * 0.3, fill: front, transform: `translate(0 ${round(k * 14)}) rotate(${k % 2 ? 58 : -58})` }));
        group.append(rect(-3.5, -ch * 0.42, 7, ch * 0.84, front, { rx: 3.5 }));
        out.push(group);
      } else if (kind === 1) {
        out.push(path(blob(draw, cx, cy, Math.min(cw, ch) * 0.38, 7, 0.3), { fill: front }));
        out.push(path(blob(draw, cx, cy, Math.min(cw, ch) * 0.17, 6, 0.3), { fill: third }));
      } else if (kind === 2) { // a sun of strips
        for (let k = 0; k < 12; k++) {
          const turn = (k / 12) * 360 + draw.between(-6, 6);
          out.push(rect(-5, Math.min(cw, ch) * 0.16, 10, Math.min(cw, ch) * draw.between(0.16, 0.27), front, { rx: 5, transform: `translate(${at(cx, cy)}) rotate(${round(turn)})` }));
        }
        out.push(circle(cx, cy, Math.min(cw, ch) * 0.14, third));
      } else { // a wave
        let d = `M${at(i * cw, cy)}`;
        const swing = ch * draw.between(0.15, 0.3);
        for (let k = 0; k < 4; k++) d += `q${at(cw / 8, k % 2 ? swing : -swing)} ${at(cw / 4, 0)}`;
        out.push(path(d + `V${round((j + 1) * ch)}H${round(i * cw)}Z`, { fill: front }));
        out.push(circle(cx + draw.between(-cw / 5, cw / 5), cy - ch * 0.25, Math.min(cw, ch) * 0.1, third));
      }
    }
  }
  return out;
}

// ---- food: a table seen from above ----
function food(draw) {
  const [cloth, check, plate, rim] = draw.pick([
    ["#e86a4a", "#d9553a", "#fffaf0", "#f0dcc0"], ["#3f7d58", "#356c4b", "#fffdf3", "#e2e6cf"],
    ["#f2c14e", "#e6b23a", "#ffffff", "#f3e3b8"], ["#2f5d73", "#274f63", "#fdf8ec", "#d5e2e2"]]);
  const out = [rect(0, 0, W, H, cloth)];
  for (let x = 0; x < W; x += 50) out.push(rect(x, 0, 25, H, check, { opacity: 0.7 }));
  for (let y = 0; y < H; y += 50) out.push(rect(0, y, W, 25, check, { opacity: 0.45 }));
  const slices = [["#ff9f1c", "#ffd27a"], ["#a7c957", "#e9f5c9"], ["#e63946", "#ffc2c7"], ["#7b2d5b", "#e7c1d9"], ["#f4d35e", "#fff3bf"]];
  const slice = (cx, cy, r) => {
    const [skin, flesh] = draw.pick(slices);
    const turn = draw.between(0, 60);
    const group = svg("g", { transform: `translate(${at(cx, cy)}) rotate(${round(turn)})` }, circle(0, 0, r, skin), circle(0, 0, r * 0.86, "#fffdf4"));
    const parts = draw.pick([6, 8, 10]);
    for (let i = 0; i < parts; i++) {
      const a1 = ((i + 0.1) / parts) * Math.PI * 2;
      const a2 = ((i + 0.9) / parts) * Math.PI * 2;
      group.append(path(`M${at(...polar(0, 0, r * 0.14, (a1 + a2) / 2))}L${at(...polar(0, 0, r * 0.78, a1))}A${at(r * 0.78, r * 0.78)} 0 0 1 ${at(...polar(0, 0, r * 0.78, a2))}Z`, { fill: draw.chance(0.5) ? skin : flesh, "stroke-linejoin": "round" }));
    }
    return group;
  };
  const leaf = (cx, cy, size, turn) => svg("g", { transform: `translate(${at(cx, cy)}) rotate(${round(turn)})` },
    path(`M0 ${round(-size)}Q${at(size * 0.62, -size * 0.2)} 0 ${round(size)}Q${at(-size * 0.62, -size * 0.2)} 0 ${round(-size)}Z`, { fill: draw.pick(["#5a9a3c", "#386641", "#86b049"]) }),
    path(`M0 ${round(-size * 0.8)}V${round(size * 0.9)}`, { stroke: "#eaf4d3", "stroke-width": 1.5, opacity: 0.7 }));
  const px = draw.between(150, 250);
  const py = draw.between(125, 175);
  const r = draw.between(92, 112);
  out.push(circle(px + 5, py + 8, r, "#000", { opacity: 0.16 }), circle(px, py, r, plate), circle(px, py, r * 0.76, plate, { stroke: rim, "stroke-width": 5 }));
  const count = draw.whole(3, 5);
  const turn = draw.between(0, 6);
  for (let i = 0; i < count; i++) {
    const [x, y] = polar(px, py, r * 0.4, turn + (i / count) * Math.PI * 2);
    out.push(leaf(x + draw.between(-14, 14), y + draw.between(-14, 14), draw.between(16, 24), draw.between(0, 360)));
    out.push(slice(x, y, draw.between(19, 31)));
  }
  out.push(slice(draw.pick([30, 372]), draw.between(40, 260), draw.between(34, 52)));
  const side = px > 200 ? px - r - 34 : px + r + 26;
  out.push(rect(side, 60, 7, 180, "#efece4", { rx: 3.5 }), svg("ellipse", { cx: side + 3.5, cy: 70, rx: 13, ry: 25, fill: "#efece4" }));
  return out;
}

// ---- travel: ranges of hills, a sun and a road ----
function travel(draw) {
  const [sky, haze, sun, ...hills] = draw.pick([
    ["#f7b267", "#fde8cd", "#fff6dc", "#e07a5f", "#b2596e", "#6d4c7d", "#3d3a63"], ["#7fc8d6", "#f2f4e6", "#fff3c4", "#94b9a3", "#5b9a8b", "#2f7471", "#174b52"],
    ["#f4c8d1", "#fdf1e7", "#fff", "#d98ca0", "#a9688e", "#6f4f80", "#41376a"], ["#a7d8f0", "#fdf4d8", "#fff9e0", "#c7cf94", "#8fae6f", "#4f8557", "#26573f"]]);
  const out = [...ground(sky, haze, true)];
  const sx = draw.between(70, 330);
  out.push(circle(sx, draw.between(60, 115), draw.between(26, 44), sun));
  for (let i = 0; i < 3; i++) {
    const x = draw.between(0, W);
    const y = draw.between(25, 110);
    out.push(svg("g", { opacity: 0.75 }, svg("ellipse", { cx: x, cy: y, rx: 34, ry: 7, fill: "#fff" }), svg("ellipse", { cx: x + 18, cy: y - 5, rx: 22, ry: 7, fill: "#fff" })));
  }
  hills.forEach((color, index) => {
    const base = 145 + index * 38;
    const steps = draw.whole(3, 5) + (index < 2 ? 2 : 0);
    let d = `M0 ${base}`;
    for (let i = 0; i < steps; i++) {
      const width = W / steps;
      const lift = draw.between(18, 62 - index * 6);
      if (index < 2) d += `L${at((i + draw.between(0.35, 0.65)) * width, base - lift)}L${at((i + 1) * width, base + draw.between(-8, 8))}`;
      else d += `Q${at((i + 0.5) * width, base - lift)} ${at((i + 1) * width, base + draw.between(-10, 10))}`;
    }
    out.push(path(`${d}V${H}H0Z`, { fill: color }));
  });
  const x = draw.between(130, 270);
  const sway = draw.pick([-1, 1]) * draw.between(40, 90);
  out.push(path(`M${at(x - 46, H)}C${at(x + sway, 285)} ${at(x - sway, 262)} ${at(x + sway * 0.2, 240)}L${at(x + sway * 0.2 + 6, 240)}C${at(x - sway + 26, 264)} ${at(x + sway + 44, 286)} ${at(x + 40, H)}Z`, { fill: haze, opacity: 0.9 }));
  for (let i = 0; i < 7; i++) {
    const tx = draw.between(0, W);
    const ty = draw.between(262, 296);
    out.push(path(`M${at(tx, ty - 26)}L${at(tx + 9, ty)}H${round(tx - 9)}Z`, { fill: hills[3], opacity: 0.9 }));
  }
  return out;
}

// ---- sport: a court from above and the way of a ball ----
function sport(draw) {
  const [grass, band, line, ball] = draw.pick([
    ["#2f8f4e", "#2a8246", "#f4fff2", "#ffd23f"], ["#c65d34", "#ba522b", "#fff4e8", "#e8ff5a"],
    ["#2c6fb7", "#2664a8", "#eef6ff", "#ff8f3f"], ["#5a3e9b", "#52378f", "#f4efff", "#7ef0c0"]]);
  const out = [rect(0, 0, W, H, grass)];
  const field = svg("g", { transform: `rotate(${round(draw.between(-16, 16))} 200 150)`, fill: "none", stroke: line, "stroke-width": 4 });
  for (let i = -3; i < 13; i += 2) field.append(rect(i * 40, -120, 40, 540, band, { stroke: "none" }));
  field.append(svg("rect", { x: 22, y: 20, width: 356, height: 260 }));
  const kind = draw.whole(0, 2);
  if (kind === 0) {
    field.append(path("M200 20V280"), svg("circle", { cx: 200, cy: 150, r: 46 }), svg("rect", { x: 22, y: 85, width: 62, height: 130 }), svg("rect", { x: 316, y: 85, width: 62, height: 130 }),
      circle(200, 150, 5, line, { stroke: "none" }), path("M84 120A38 38 0 0 1 84 180"), path("M316 120A38 38 0 0 0 316 180"));
  } else if (kind === 1) {
    field.append(path("M200 20V280", { "stroke-width": 6 }), path("M22 62H378M22 238H378M104 62V238M296 62V238M104 150H296"));
  } else {
    for (let i = 0; i < 6; i++) field.append(path(`M22 ${60 + i * 36}H378`, { "stroke-width": 3, opacity: 0.9 }));
    for (let i = 0; i < 6; i++) field.append(rect(44, 68 + i * 36, 12, 20, line, { stroke: "none", opacity: 0.9 }));
  }
  out.push(field);
  const x1 = draw.between(30, 110);
  const y1 = draw.between(190, 280);
  const x2 = draw.between(270, 360);
  const y2 = draw.between(40, 130);
  const cx = draw.between(90, 240);
  const cy = draw.between(-50, 40);
  out.push(path(`M${at(x1, y1)}Q${at(cx, cy)} ${at(x2, y2)}`, { stroke: ball, "stroke-width": 4, "stroke-dasharray": "3 12", "stroke-linecap": "round" }));
  out.push(circle(x2 + 4, y2 + 7, 17, "#000", { opacity: 0.25 }), circle(x2, y2, 17, ball), path(`M${at(x2 - 14, y2 - 8)}Q${at(x2, y2 + 4)} ${at(x2 + 14, y2 - 8)}`, { stroke: grass, "stroke-width": 2.5, opacity: 0.7 }));
  for (let i = 0; i < draw.whole(4, 7); i++) {
    const px = draw.between(40, 360);
    const py = draw.between(40, 260);
    out.push(circle(px, py, 10, draw.chance(0.5) ? line : ball, { stroke: grass, "stroke-width": 3 }));
  }
  return out;
}

// ---- health: petals and a pulse ----
function health(draw) {
  const [light, soft, petal, second, ink] = draw.pick([
    ["#fde7e4", "#f9cfc9", "#e8685f", "#f7a399", "#8f2430"], ["#e3f3ee", "#c5e6da", "#2fa084", "#8fd3bf", "#11564a"],
    ["#ede7fb", "#d7caf5", "#8667d6", "#c1aef0", "#452a8c"], ["#fdf1d8", "#fbe2ac", "#f0962e", "#f8c778", "#8a4a0c"]]);
  const out = [...ground(light, soft, false)];
  for (let i = 0; i < 5; i++) out.push(circle(draw.between(0, W), draw.between(0, H), draw.between(24, 80), "#fff", { opacity: 0.28 }));
  const cx = draw.between(130, 270);
  const cy = draw.between(110, 165);
  const petals = draw.pick([6, 8, 10, 12]);
  const length = draw.between(66, 86);
  const turn = draw.between(0, 60);
  for (const [scale, color, shift] of [[1.22, second, 0.5], [0.92, petal, 0]]) {
    for (let i = 0; i < petals; i++) {
      out.push(svg("ellipse", { cx: 0, cy: -length * 0.62 * scale, rx: (length * 1.9 * scale) / petals, ry: length * 0.56 * scale, fill: color, opacity: 0.78,
        transform: `translate(${at(cx, cy)}) rotate(${round(turn + ((i + shift) / petals) * 360)})` }));
    }
  }
  out.push(circle(cx, cy, 19, "#fff"), circle(cx, cy, 10, ink));
  const y = draw.between(215, 255);
  let d = `M0 ${round(y)}`;
  let x = draw.between(0, 30);
  while (x < W + 20) {
    const lift = draw.between(26, 58);
    d += `L${at(x, y)}l6 ${round(-lift * 0.25)}l6 ${round(lift * 0.25)}h8l6 ${round(lift * 0.3)}l9 ${round(-lift * 1.3)}l9 ${round(lift * 1.45)}l6 ${round(-lift * 0.45)}h10`;
    x += draw.between(96, 130);
  }
  out.push(path(`${d}L${W} ${round(y)}`, { stroke: ink, "stroke-width": 3.5, "stroke-linejoin": "round", "stroke-linecap": "round" }));
  return out;
}

// ---- climate: stripes of years, and water that rises before them ----
function climate(draw) {
  const scale = ["#08306b", "#2171b5", "#6baed6", "#c6dbef", "#fee0d2", "#fc9272", "#ef3b2c", "#a50f15"];
  const out = [];
  const count = draw.whole(22, 36);
  const width = W / count;
  let level = draw.between(0.5, 2.5);
  for (let i = 0; i < count; i++) {
    level = Math.max(0, Math.min(7.4, level + draw.between(-1.3, 1.3) + 4.6 / count));
    out.push(rect(i * width, 0, width + 0.6, H, scale[Math.round(level)]));
  }
  const water = draw.pick(["#0b3954", "#0a4f5c", "#132a4f", "#103c3c"]);
  for (let layer = 0; layer < 3; layer++) {
    const base = 190 + layer * 34 + draw.between(-8, 8);
    const swing = draw.between(9, 20);
    const waves = draw.whole(2, 4);
    let d = `M0 ${round(base)}`;
    for (let i = 0; i < waves * 2; i++) d += `q${at(W / waves / 4, i % 2 ? swing : -swing)} ${at(W / waves / 2, 0)}`;
    out.push(path(`${d}V${H}H0Z`, { fill: water, opacity: 0.5 + layer * 0.18 }));
  }
  const kind = draw.whole(0, 2);
  const x = draw.between(80, 320);
  if (kind === 0) { // an ice floe
    out.push(path(`M${at(x - 60, 206)}L${at(x - 34, 150)}L${at(x - 6, 168)}L${at(x + 20, 120)}L${at(x + 58, 206)}Z`, { fill: "#fff" }),
      path(`M${at(x + 20, 120)}L${at(x + 58, 206)}H${round(x + 10)}Z`, { fill: "#cfe6f2" }));
  } else if (kind === 1) { // turbines
    for (let i = 0; i < 3; i++) {
      const tx = x + (i - 1) * 70;
      const ty = 92 + (i % 2) * 24;
      const turn = draw.between(0, 120);
      out.push(path(`M${at(tx - 3, 214)}L${at(tx - 1.5, ty)}H${round(tx + 1.5)}L${at(tx + 3, 214)}Z`, { fill: "#fff" }));
      for (let k = 0; k < 3; k++) out.push(path("M0 0Q5 -20 0 -46Q-3 -20 0 0Z", { fill: "#fff", transform: `translate(${at(tx, ty)}) rotate(${round(turn + k * 120)})` }));
      out.push(circle(tx, ty, 4, "#fff"));
    }
  } else { // a sun behind it all
    out.splice(count, 0, circle(x, 190, draw.between(54, 78), "#fff6d6", { opacity: 0.94 }));
  }
  return out;
}

// ---- history: arches, stone upon stone ----
function history(draw) {
  const [sky, stone, shade, deep, light] = draw.pick([
    ["#e9d8a6", "#c9a368", "#a67c45", "#5c3d1e", "#f6ecd0"], ["#d7e3dc", "#b7a58b", "#8d7a60", "#43382a", "#f0eadb"],
    ["#f0cfae", "#c0714f", "#96523a", "#4e2318", "#fbe7d3"], ["#cfd8dc", "#9aa5a0", "#6f7a78", "#2f3a3b", "#eef2f0"]]);
  const out = [...ground(light, sky, true)];
  out.push(circle(draw.between(60, 340), draw.between(40, 80), draw.between(18, 34), "#fff", { opacity: 0.85 }));
  const tiers = draw.whole(1, 2);
  const top = tiers === 2 ? 62 : 108;
  let y = top;
  for (let tier = 0; tier < tiers; tier++) {
    const count = draw.whole(3, 4) + tier * 2;
    const height = tiers === 2 ? (tier === 0 ? 122 : 116) : 192;
    const width = W / count;
    out.push(rect(0, y, W, height, stone));
    for (let row = 0; row < height; row += 15) {
      out.push(path(`M0 ${round(y + row)}H${W}`, { stroke: shade, "stroke-width": 1, opacity: 0.55 }));
      for (let x = draw.between(0, 30); x < W; x += draw.between(26, 44)) out.push(path(`M${at(x, y + row)}v15`, { stroke: shade, "stroke-width": 1, opacity: 0.5 }));
    }
    for (let i = 0; i < count; i++) {
      const cx = i * width + width / 2;
      const r = width * 0.34;
      const spring = y + height * 0.22 + r;
      const arch = (grow) => `M${at(cx - r - grow, y + height)}V${round(spring)}A${at(r + grow, r + grow)} 0 0 1 ${at(cx + r + grow, spring)}V${round(y + height)}Z`;
      out.push(path(arch(9), { fill: shade }), path(arch(0), { fill: deep }));
      for (let k = 0; k <= 6; k++) {
        const angle = Math.PI + (k / 6) * Math.PI;
        out.push(path(`M${at(...polar(cx, spring, r, angle))}L${at(...polar(cx, spring, r + 9, angle))}`, { stroke: light, "stroke-width": 1.2, opacity: 0.6 }));
      }
      if (draw.chance(0.3)) out.push(circle(cx, spring + 8, r * 0.38, sky, { opacity: 0.75 }));
      if (draw.chance(0.35)) out.push(path(`M${at(cx - 7, y + height)}v-34q7 -16 14 0v34Z`, { fill: light, opacity: 0.85 }), circle(cx, y + height - 52, 8, light, { opacity: 0.85 }));
    }
    out.push(rect(0, y - 9, W, 11, shade), rect(0, y - 14, W, 6, light, { opacity: 0.9 }));
    y += height;
  }
  out.push(rect(0, y, W, H - y + 2, shade));
  return out;
}

// ---- music: grooves, strings and bars of sound ----
function music(draw) {
  const [base, bright, second, cream] = draw.pick([
    ["#2b0f3a", "#ff5d8f", "#ffc857", "#fff1e6"], ["#0d2b3e", "#ff7f51", "#4dd0c4", "#f5f7e8"],
    ["#3a0d1e", "#ffb347", "#ff4d6d", "#fff0dc"], ["#16213e", "#9d7bff", "#38e0b5", "#f3efff"]]);
  const out = [...ground(base, "#0b0a12", false)];
  const kind = draw.whole(0, 2);
  if (kind === 0) { // a record
    const cx = draw.between(120, 280);
    const cy = draw.between(135, 165);
    out.push(circle(cx, cy, 132, "#0a090d"));
    for (let r = 126; r > 52; r -= 5) out.push(circle(cx, cy, r, "none", { stroke: cream, "stroke-width": 1, opacity: draw.between(0.08, 0.34) }));
    for (const turn of [-0.5, 2.64]) out.push(path(`M${at(cx, cy)}L${at(...polar(cx, cy, 132, turn))}A132 132 0 0 1 ${at(...polar(cx, cy, 132, turn + 0.4))}Z`, { fill: "#fff", opacity: 0.08 }));
    out.push(circle(cx, cy, 46, bright), circle(cx, cy, 46, "none", { stroke: second, "stroke-width": 8, "stroke-dasharray": "34 18", opacity: 0.9 }), circle(cx, cy, 7, base));
    out.push(path(`M${at(cx > 200 ? 40 : 360, 20)}L${at(cx + (cx > 200 ? -62 : 62), cy + 22)}`, { stroke: cream, "stroke-width": 6, "stroke-linecap": "round" }));
  } else if (kind === 1) { // bars
    const count = draw.whole(17, 25);
    const width = W / count;
    const a = draw.between(0.25, 0.6);
    const b = draw.between(0, 6);
    for (let i = 0; i < count; i++) {
      const height = 22 + 105 * Math.abs(Math.sin(i * a + b) * Math.sin((i / count) * Math.PI)) + draw.between(0, 18);
      out.push(rect(i * width + width * 0.2, 150 - height, width * 0.6, height * 2, i % 4 === 0 ? second : bright, { rx: width * 0.3, opacity: 0.6 + 0.4 * Math.sin((i / count) * Math.PI) }));
    }
    out.push(path("M0 150H400", { stroke: cream, "stroke-width": 1.5, opacity: 0.5 }));
  } else { // strings that swing
    for (let i = 0; i < 13; i++) {
      const y = 36 + i * 19;
      const swing = draw.between(-58, 58);
      out.push(path(`M0 ${y}C${at(120, y + swing)} ${at(280, y - swing)} 400 ${y}`, { stroke: i % 3 === 0 ? second : i % 3 === 1 ? bright : cream, "stroke-width": draw.between(1.2, 4), opacity: 0.85 }));
    }
    for (let i = 0; i < 5; i++) {
      const x = 50 + i * 75 + draw.between(-16, 16);
      const y = draw.between(80, 220);
      out.push(svg("ellipse", { cx: x, cy: y, rx: 15, ry: 11, fill: cream, transform: `rotate(-18 ${at(x, y)})` }), rect(x + 11, y - 62, 4, 60, cream), path(`M${at(x + 13, y - 62)}q22 8 18 30`, { stroke: cream, "stroke-width": 5 }));
    }
  }
  return out;
}

function plain(draw) {
  const hue = draw.whole(0, 359);
  const out = [rect(0, 0, W, H, `hsl(${hue} 35% 30%)`)];
  for (let i = 0; i < 5; i++) out.push(path(blob(draw, draw.between(0, W), draw.between(0, H), draw.between(40, 120), 7, 0.3), { fill: `hsl(${(hue + i * 30) % 360} 50% 55%)`, opacity: 0.5 }));
  return out;
}

const painters = { science, technology, business, cities, arts, food, travel, sport, health, climate, history, music };

/* A picture for a content; it says nothing that the title beside it does not. */
export function picture(id, category) {
  const draw = random(hash(`${category}/${id}`));
  const paint = painters[category] ?? plain;
  return svg("svg", { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true", focusable: "false", class: "picture" }, ...paint(draw));
}
