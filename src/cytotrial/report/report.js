"use strict";
// Fits each figure to the width it has. It changes no number: titles and names are wrapped, panels stacked, margins made.
const NARROW = 620, LETTER = 0.56, LINE = 1.3, PAGE = 900;
let printing = false;

function wrapped(text, letters) {
  const lines = [];
  for (const part of String(text).split("<br>")) {
    let line = "";
    for (const word of part.split(" ")) {
      if (line && (line + " " + word).replace(/<[^>]*>/g, "").length > letters) { lines.push(line); line = word; }
      else line = line ? line + " " + word : word;
    }
    lines.push(line);
  }
  return lines;
}

const plain = text => String(text).replace(/<[^>]*>/g, "");
const longest = lines => Math.max(0, ...lines.map(line => plain(line).length));
const axes = (layout, letter) => Object.keys(layout).filter(key => new RegExp(`^${letter}axis[0-9]*$`).test(key));
const short = key => key.replace("axis", "");

function stacked(figure) {
  const { data, layout } = figure, beside = axes(layout, "x").filter(key => (layout[key].anchor || "y") === "y");
  if (beside.length < 2) return;
  const gap = 84, one = layout.height - 150, inner = beside.length * one + (beside.length - 1) * gap;
  layout.height = inner + 150;
  beside.forEach((key, place) => {
    const number = key.slice(5), top = 1 - place * (one + gap) / inner;
    layout[key] = { ...layout[key], domain: [0, 1], anchor: "y" + number };
    layout["yaxis" + number] = { ...layout.yaxis, domain: [Math.max(0, top - one / inner), top], anchor: "x" + number };
    for (const trace of data) if ((trace.xaxis || "x") === "x" + number) trace.yaxis = "y" + number;
  });
}

function named(figure, narrow, size) {
  const { data, layout } = figure;
  let room = 0;
  for (const key of axes(layout, "y")) {
    const axis = layout[key];
    const own = data.filter(trace => (trace.yaxis || "y") === short(key)).flatMap(trace => trace.y || []);
    const names = axis.ticktext || [...new Set(own.filter(value => typeof value === "string"))];
    if (!names.length || axis.showticklabels === false) continue;
    const texts = names.map(name => wrapped(name, narrow ? 17 : 38));
    layout[key] = { ...axis, tickmode: "array", tickvals: axis.ticktext ? axis.tickvals : names, ticktext: texts.map(lines => lines.join("<br>")) };
    if (axis.ticktext || key === "yaxis" || narrow) room = Math.max(room, ...texts.map(longest));
    if (key === "yaxis2" && axis.type === "category" && axis.ticks === "") continue;
    // Two names beside each other need half the lines of both; rows are of one height.
    const most = Math.max(...texts.map((lines, place) => (lines.length + (texts[place + 1] || lines).length) / 2));
    const share = axis.domain ? axis.domain[1] - axis.domain[0] : 1;
    const row = (layout.height - layout.margin.t - layout.margin.b) * share / names.length;
    layout.height += Math.max(0, most * size * LINE - row) * names.length / share;
  }
  return room * size * LETTER;
}

function fitted(original, width) {
  const figure = JSON.parse(JSON.stringify(original)), layout = figure.layout, narrow = width < NARROW;
  const size = narrow ? 11 : 13;
  layout.font = { ...layout.font, size };
  // Without a width of its own a figure that is drawn again keeps that of the first time.
  layout.width = width;
  layout.margin = { ...layout.margin, l: narrow ? 46 : layout.margin.l, r: narrow ? 10 : layout.margin.r };
  if (narrow) stacked(figure);
  const labels = named(figure, narrow, size);
  const inner = Math.max(120, width - Math.max(layout.margin.l, labels + 16) - layout.margin.r);
  let below = 1;
  for (const key of axes(layout, "x")) {
    const axis = layout[key], domain = axis.domain || [0, 1], text = axis.title && axis.title.text;
    if (!text) continue;
    const lines = wrapped(text, Math.max(8, Math.floor((domain[1] - domain[0]) * inner * 0.96 / (size * 1.15 * LETTER))));
    layout[key] = { ...axis, title: { ...axis.title, text: lines.join("<br>"), font: { size: size } } };
    below = Math.max(below, lines.length);
  }
  // A table of numbers at risk stands under the axis in room of its own.
  const added = (below - 1) * size * LINE;
  layout.margin.b = (layout.margin.b || 64) + added;
  const heading = wrapped(layout.title.text, Math.floor(width / (narrow ? 7.2 : 9)));
  const entries = figure.data.filter(trace => trace.name && trace.showlegend !== false);
  const shown = layout.showlegend !== false && (entries.length > 1 || layout.showlegend === true);
  layout.showlegend = shown;  // one name alone tells nothing, and no room was made for it
  let rows = shown ? 1 : 0, used = 0;
  for (const trace of shown ? entries : []) {
    const wide = trace.name.length * size * LETTER + 44;
    if (used && used + wide > inner) { rows += 1; used = 0; }
    used += wide;
  }
  // Plotly sets the entries of several rows in columns of one width.
  const widest = Math.max(0, ...entries.map(trace => trace.name.length * size * LETTER + 44));
  if (rows > 1) rows = Math.ceil(entries.length / Math.max(1, Math.floor(inner / widest)));
  const notes = (layout.annotations || []).filter(note => note.y === 1 && note.x === 1);
  const crowded = notes.some(note => rows > 1 || used + plain(note.text).length * 6.2 > inner);
  if (crowded) layout.annotations = layout.annotations.filter(note => !notes.includes(note));
  const top = 14 + heading.length * 21 + Math.max(rows, notes.length && !crowded ? 1 : 0) * (size + 9) + 8;
  layout.height += added + top - layout.margin.t;
  layout.margin.t = top;
  if (printing && layout.height > PAGE) {  // a figure is never cut between two pages
    layout.height = PAGE;
    for (const key of axes(layout, "y")) layout[key] = { ...layout[key], tickfont: { size: 9 } };
  }
  layout.title = { ...layout.title, text: heading.join("<br>"), y: 1 - 10 / layout.height, yref: "container", yanchor: "top", x: 0, xref: "container", pad: { l: 4 }, font: { size: narrow ? 14 : 16 } };
  for (const key of axes(layout, "y")) {
    const axis = layout[key], domain = axis.domain || [0, 1], text = axis.title && axis.title.text;
    if (!text) continue;
    const high = (domain[1] - domain[0]) * (layout.height - top - layout.margin.b);
    const lines = wrapped(text, Math.max(10, Math.floor(high / (size * 1.1 * LETTER))));
    layout[key] = { ...axis, title: { ...axis.title, text: lines.join("<br>"), font: { size: size }, standoff: 6 } };
    layout.margin.l = Math.max(layout.margin.l, (narrow ? 34 : 48) + lines.length * size * LINE);
  }
  for (const trace of figure.data) if (trace.colorbar && narrow) trace.colorbar = { ...trace.colorbar, thickness: 8, title: { text: "" } };
  return { figure, told: crowded ? notes.map(note => plain(note.text)) : [] };
}

function draw(holder) {
  if (holder.offsetParent === null) return;
  const original = JSON.parse(document.getElementById(holder.id.replace("plot-", "data-")).textContent);
  // Curves of one time axis name the trace that holds it.
  for (const trace of original.data) if (typeof trace.x === "number") trace.x = original.data[trace.x].x;
  const { figure, told } = fitted(original, holder.clientWidth);
  holder.dataset.width = holder.clientWidth;
  // What has no room in the figure is said below it.
  const said = holder.parentElement.querySelector(".told");
  if (said) said.textContent = told.length ? " " + told.map(text => text[0].toUpperCase() + text.slice(1) + ".").join(" ") : "";
  Plotly.react(holder, figure.data, figure.layout, { responsive: false, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] });
}

const holders = [...document.querySelectorAll(".plot")];
holders.forEach(draw);
for (const part of document.querySelectorAll("details")) {
  part.addEventListener("toggle", () => part.open && part.querySelectorAll(".plot").forEach(holder => holder.dataset.width || draw(holder)));
}
let waiting = 0;
const redraw = () => holders.forEach(holder => holder.offsetParent && Number(holder.dataset.width) !== holder.clientWidth && draw(holder));
window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redraw, 150); });
window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not(.on-screen)")) part.open = true;
  printing = true;
  holders.forEach(holder => holder.offsetParent && holder.clientHeight > PAGE && (holder.dataset.width = 0));
  redraw();
});
window.addEventListener("afterprint", () => {
  printing = false;
  holders.forEach(holder => holder.dataset.width = 0);
  redraw();
});
window.matchMedia("print").addEventListener("change", redraw);
