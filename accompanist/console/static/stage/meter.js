// A small meter with its history: the present value large, what it was before as a line.

const MOST = 300;
const PAD_PX = 3;

export class Meter {
  // `box` holds an <output> and a <canvas>. `top`: the value at the upper edge, at least; `good` and `bad`: limits for
  // the colour of the value (bad above good: more is worse).
  constructor(box, { top = 0, bottom = 0, good, bad, text }) {
    this.output = box.querySelector("output");
    this.canvas = box.querySelector("canvas");
    this.options = { top, bottom, good, bad, text };
    this.values = [];
    this.changed = true;
    new ResizeObserver(() => (this.changed = true)).observe(this.canvas);
  }

  clear() {
    this.values = [];
    this.changed = true;
  }

  push(value) {
    if (value === null) return;
    this.values.push(value);
    if (this.values.length > MOST) this.values.shift();
    this.changed = true;
  }

  draw() {
    if (!this.changed) return;
    this.changed = false;
    const { good, bad, text } = this.options;
    const last = this.values.at(-1);
    this.output.textContent = last === undefined ? "–" : text(last);
    const worse = bad > good;
    const state = last === undefined ? "" : (worse ? last <= good : last >= good) ? "good" : (worse ? last >= bad : last <= bad) ? "bad" : "warn";
    this.output.className = state;
    this.#line();
  }

  #line() {
    const sharp = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.canvas.width = Math.round(width * sharp);
    this.canvas.height = Math.round(height * sharp);
    const context = this.canvas.getContext("2d");
    context.scale(sharp, sharp);
    const top = Math.max(this.options.top, ...this.values), bottom = Math.min(this.options.bottom, ...this.values);
    const y = (value) => height - PAD_PX - ((value - bottom) / (top - bottom || 1)) * (height - 2 * PAD_PX);
    context.strokeStyle = "#414a5c";
    context.setLineDash([3, 4]);
    context.beginPath();
    context.moveTo(0, y(this.options.good));
    context.lineTo(width, y(this.options.good));
    context.stroke();
    context.setLineDash([]);
    context.strokeStyle = "#8fd0f5";
    context.lineWidth = 1.5;
    context.beginPath();
    this.values.forEach((value, i) => context.lineTo(width - (this.values.length - 1 - i) * (width / (MOST - 1)), y(value)));
    context.stroke();
  }
}
