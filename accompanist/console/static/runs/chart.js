// Curves: by Chart.js, with smoothing, a log axis, and a piece of the run to look at that all charts share.

import { palette } from "/static/roll/paint.js";
import { element } from "/static/shell/notice.js";

const INK = "#a7b0c0", GRID = "#262c38";
const FAINT = "55"; // the alpha of a curve behind its smoothed one
const charts = new Set();
export const view = { smoothing: 0.6, log: false, along: "epoch", from: null, to: null };
export const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];
export const MARKS = ["circle", "triangle", "rect", "rectRot", "crossRot", "star"]; // colour alone need not tell
let library = null;

// Loaded when the first chart is drawn, so that the page itself is there at once.
function chartjs() {
  library ??= new Promise((resolve, reject) => {
    const script = element("script", { src: "/static/chart.js" });
    script.onload = () => resolve(window.Chart);
    script.onerror = () => reject(new Error("The charts could not be loaded."));
    document.head.append(script);
  });
  return library;
}

export const colours = palette();

// An exponential mean that begins without a bias towards zero.
export function smoothed(values, weight) {
  let last = 0, counted = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    last = last * weight + (1 - weight) * value;
    counted = counted * weight + (1 - weight);
    return last / counted;
  });
}

// A chart in a box. `curves()` gives [{ label, colour, dash, points: {step, epoch, value}, marks, mark }], `levels()` lines
// across: [{ label, value, colour, dash }].
export class Plot {
  constructor(box, { curves, levels = () => [], label, zoomable = true }) {
    Object.assign(this, { box, curves, levels, label });
    this.canvas = element("canvas", { role: "img", "aria-label": label });
    box.replaceChildren(this.canvas);
    charts.add(this);
    if (zoomable) this.#draggable();
    this.draw();
  }

  async draw() {
    const Chart = await chartjs();
    const datasets = this.#datasets();
    if (!this.chart) {
      this.chart = new Chart(this.canvas, { type: "line", data: { datasets }, options: options(this.high, this.marked) });
    } else {
      this.chart.data.datasets = datasets;
      this.chart.options = options(this.high, this.marked);
      this.chart.update("none");
    }
  }

  #datasets() {
    const found = [];
    const value = (y) => (view.log ? (y === 0 ? NaN : Math.abs(y)) : y);
    let low = Infinity, high = -Infinity;
    this.marked = false;
    for (const curve of this.curves()) {
      this.marked ||= Boolean(curve.mark);
      const xs = curve.points[view.along];
      const points = (ys) => xs.map((x, i) => ({ x, y: value(ys[i]) }));
      if (xs.length) [low, high] = [Math.min(low, xs[0]), Math.max(high, xs.at(-1))];
      const shared = { borderDash: curve.dash ?? [], pointRadius: curve.marks ? 3 : 0, pointHitRadius: 8, pointStyle: curve.mark ?? "circle" };
      const smooth = !curve.marks && view.smoothing > 0;
      if (smooth) found.push({ ...shared, label: "", data: points(curve.points.value), borderColor: curve.colour + FAINT, borderWidth: 1, borderDash: [] });
      found.push({ ...shared, label: curve.label, data: points(smooth ? smoothed(curve.points.value, view.smoothing) : curve.points.value), borderColor: curve.colour, backgroundColor: curve.colour, borderWidth: 2 });
    }
    this.high = high;
    for (const level of this.levels()) {
      if (!Number.isFinite(level.value) || !Number.isFinite(low)) continue;
      found.push({ label: level.label, data: [low, high].map((x) => ({ x, y: value(level.value) })), borderColor: level.colour, borderDash: level.dash, borderWidth: 1.5, pointRadius: 0, pointStyle: "line" });
    }
    return found;
  }

  #draggable() {
    let from = null, band = null;
    const at = (event) => event.clientX - this.canvas.getBoundingClientRect().left;
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button || !this.chart) return;
      from = at(event);
      band = element("div", { class: "band" });
      this.box.append(band);
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!band) return;
      band.style.left = `${Math.min(from, at(event))}px`;
      band.style.width = `${Math.abs(at(event) - from)}px`;
    });
    this.canvas.addEventListener("pointerup", (event) => {
      if (!band) return;
      band.remove();
      band = null;
      if (Math.abs(at(event) - from) < 8) return;
      const ends = [from, at(event)].map((x) => this.chart.scales.x.getValueForPixel(x)).sort((a, b) => a - b);
      look(ends[0], ends[1]);
    });
    this.canvas.addEventListener("pointercancel", () => {
      band?.remove();
      band = null;
    });
    this.canvas.addEventListener("dblclick", () => look(null, null));
  }

  // What can be seen of it, for the buttons.
  range() {
    const axis = this.chart?.scales.x;
    return axis ? [axis.min, axis.max] : null;
  }
}

function options(high, marked) {
  const axis = { grid: { color: GRID }, ticks: { color: INK, maxRotation: 0 }, border: { color: GRID } };
  return {
    animation: false, maintainAspectRatio: false, spanGaps: true, interaction: { mode: "nearest", axis: "x", intersect: false },
    elements: { line: { tension: 0 } },
    scales: {
      x: { ...axis, type: "linear", min: view.from ?? 0, max: view.to ?? (high > 0 ? high : undefined), ticks: { ...axis.ticks, includeBounds: false }, title: { display: true, text: view.along === "epoch" ? "epochs" : "steps", color: INK } },
      y: { ...axis, type: view.log ? "logarithmic" : "linear", title: { display: view.log, text: "size", color: INK } },
    },
    plugins: {
      legend: { labels: { color: "#edf0f5", ...(marked ? { usePointStyle: true, pointStyleWidth: 10, boxHeight: 6, padding: 7, font: { size: 11 } } : { boxWidth: 18, boxHeight: 2 }), filter: (item) => item.text } },
      tooltip: { filter: (item) => item.dataset.label, callbacks: { title: (items) => (items.length ? `${view.along} ${Number(items[0].parsed.x.toFixed(3))}` : ""), label: (item) => `${item.dataset.label}: ${Number(item.parsed.y.toPrecision(5))}` } },
    },
  };
}

export const redraw = () => charts.forEach((plot) => plot.draw());

// Look at a piece of the run, in all charts.
export function look(from, to) {
  view.from = from;
  view.to = to;
  document.getElementById("whole").disabled = from === null && to === null;
  redraw();
}
