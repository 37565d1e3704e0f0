// Drawing a piano roll on a canvas: time to the right, pitch upwards, drums in a strip of their own below.
//
// A view says what is where: { from, pxPerTick, lowest, highest } (tick at the left edge of the plot; pitches).
// What stands still is painted once, on a sheet behind; notes of one colour that come one after the other are one path.

export const PPQ = 480;
const COLOURS = 6;
const BLACK_KEYS = new Set([1, 3, 6, 8, 10]);
const GUTTER_PX = 38;
const HEAD_PX = 46; // bar numbers above chord names
const STRIP_GAP_PX = 8;
const DRUM_ROWS = 6;
const MELODY_GROW_PX = 1.5;
const GROUND = "#12151b", WHITE_KEY = "#171b23", BLACK_KEY = "#13161d";
const BEAT_LINE = "#232936", BAR_LINE = "#414a5c", OCTAVE_LINE = "#2b3240";
const INK = "#edf0f5", FAINT = "#a7b0c0", NOW = "#ffffff";
const FONT = 'system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
const CHORD_FONT = `650 15px ${FONT}`;
const MOST_WIDTHS = 200;

// Cymbals, open hi-hat, closed hi-hat, toms, snare, kick: from top to bottom (General MIDI's percussion map).
function drumRow(pitch) {
  if (pitch === 35 || pitch === 36) return 5;
  if (pitch >= 37 && pitch <= 40) return 4;
  if (pitch === 42 || pitch === 44) return 2;
  if (pitch === 46) return 1;
  return [41, 43, 45, 47, 48, 50].includes(pitch) ? 3 : 0;
}

// As musicians write it: real sharps and flats.
export const pretty = (chord) => chord.replace(/([A-G])#/g, "$1♯").replace(/([A-G])b/g, "$1♭").replace("b5", "♭5");

// The colours of melody and tracks, as the shell names them.
export function palette() {
  const style = getComputedStyle(document.documentElement);
  return Array.from({ length: COLOURS }, (_, i) => style.getPropertyValue(`--track-${i}`).trim());
}

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.colours = palette();
    this.width = this.height = 0;
    this.drums = false; // whether there is a strip for them
    this.sheet = document.createElement("canvas");
    this.sheetKey = "";
    this.widths = new Map(); // of chord names
    this.pathOf = -1; // colour and strength of the notes that are not filled yet
    this.resized = true; // to ask an element for its size is dear, so it is asked when it changed
    new ResizeObserver(() => (this.resized = true)).observe(canvas);
  }

  // Take on the element's size in real pixels. True where it changed.
  fit() {
    const sharp = window.devicePixelRatio || 1;
    if (!this.resized && sharp === this.sharp) return false;
    this.resized = false;
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    const across = Math.round(width * sharp), down = Math.round(height * sharp);
    this.width = width;
    this.height = height;
    this.sharp = sharp;
    if (this.canvas.width === across && this.canvas.height === down) return false;
    this.canvas.width = across;
    this.canvas.height = down;
    this.context.setTransform(sharp, 0, 0, sharp, 0, 0);
    return true;
  }

  get left() { return GUTTER_PX; }
  get plotWidth() { return Math.max(this.width - GUTTER_PX, 1); }
  get stripHeight() { return this.drums ? Math.min(Math.max(this.height * 0.16, 36), 84) : 0; }
  get plotHeight() { return Math.max(this.height - HEAD_PX - this.stripHeight - (this.drums ? STRIP_GAP_PX : 0), 1); }

  x(view, tick) { return GUTTER_PX + (tick - view.from) * view.pxPerTick; }
  lane(view) { return this.plotHeight / (view.highest - view.lowest + 1); }
  y(view, pitch) { return HEAD_PX + (view.highest - pitch) * this.lane(view); }
  tickAt(view, x) { return view.from + (x - GUTTER_PX) / view.pxPerTick; }

  // The keys, which stay where they are until other pitches are shown.
  #keys(view) {
    const key = `${this.width} ${this.height} ${this.sharp} ${view.lowest} ${view.highest} ${this.drums}`;
    if (key === this.sheetKey) return;
    this.sheetKey = key;
    this.sheet.width = this.canvas.width;
    this.sheet.height = this.canvas.height;
    const context = this.sheet.getContext("2d", { alpha: false });
    context.setTransform(this.sharp, 0, 0, this.sharp, 0, 0);
    context.fillStyle = GROUND;
    context.fillRect(0, 0, this.width, this.height);
    const lane = this.lane(view);
    context.fillStyle = WHITE_KEY;
    context.fillRect(GUTTER_PX, HEAD_PX, this.plotWidth, this.plotHeight);
    for (let pitch = view.lowest; pitch <= view.highest; pitch++) {
      const y = this.y(view, pitch);
      if (BLACK_KEYS.has(pitch % 12)) {
        context.fillStyle = BLACK_KEY;
        context.fillRect(GUTTER_PX, y, this.plotWidth, lane);
      }
      if (pitch % 12 === 0) {
        context.fillStyle = OCTAVE_LINE;
        context.fillRect(GUTTER_PX, y + lane - 0.5, this.plotWidth, 1);
        label(context, `C${pitch / 12 - 1}`, GUTTER_PX - 6, y + lane / 2, 11, "right");
      }
    }
    if (this.drums) {
      context.fillStyle = WHITE_KEY;
      context.fillRect(GUTTER_PX, this.height - this.stripHeight, this.plotWidth, this.stripHeight);
      label(context, "drums", GUTTER_PX - 5, this.height - this.stripHeight / 2, 10, "right");
    }
  }

  // The ground: keys, beats, bars. `bars` are [tick, number] from left to right, one before the view included.
  ground(view, bars, beatTicks) {
    const { context } = this;
    this.#keys(view);
    context.globalAlpha = 1;
    context.drawImage(this.sheet, 0, 0, this.width, this.height);
    const end = this.tickAt(view, this.width);
    for (let i = 0; i < bars.length; i++) {
      const [tick, number] = bars[i];
      const next = i + 1 < bars.length ? bars[i + 1][0] : end;
      context.fillStyle = BEAT_LINE;
      for (let beat = tick + beatTicks; beat < next - 1 && beat < end; beat += beatTicks) this.#line(view, beat, 1);
      context.fillStyle = BAR_LINE;
      this.#line(view, tick, 1.5);
    }
    for (const [tick, number] of bars) {
      const x = this.x(view, tick);
      if (x >= GUTTER_PX - 1) label(context, number, x + 4, 12, 12, "left");
    }
  }

  #line(view, tick, width) {
    const x = this.x(view, tick);
    if (x >= GUTTER_PX - 1 && x <= this.width) this.context.fillRect(x - width / 2, HEAD_PX - 22, width, this.height - HEAD_PX + 22);
  }

  // One note. `drum`: in the strip. The melody (track 0) is drawn broader, so that it shows where others double it.
  note(view, track, pitch, start, end, drum, alpha) {
    const { context } = this;
    const x0 = Math.max(this.x(view, start) + 0.5, GUTTER_PX);
    const x1 = Math.min(this.x(view, end) - 1, this.width);
    if (x1 <= GUTTER_PX || x0 >= this.width) return;
    const rows = this.stripHeight / DRUM_ROWS;
    const lane = drum ? rows : this.lane(view);
    const grow = drum ? -1 : track === 0 ? MELODY_GROW_PX : Math.min(-lane * 0.06, -0.5);
    const y = drum ? this.height - this.stripHeight + drumRow(pitch) * rows : this.y(view, pitch);
    const width = Math.max(drum ? Math.min(x1 - x0, 9) : x1 - x0, 2);
    const pathOf = (track % COLOURS) + alpha / 2;
    if (pathOf !== this.pathOf) {
      this.fill();
      this.pathOf = pathOf;
      context.globalAlpha = alpha;
      context.fillStyle = this.colours[track % COLOURS];
      context.beginPath();
    }
    context.roundRect(x0, y - grow, width, Math.max(lane + 2 * grow, 1.5), Math.min(3, lane / 3));
  }

  // The notes so far, which else wait for those of their colour; to be called behind the last of them.
  fill() {
    if (this.pathOf >= 0) this.context.fill();
    this.pathOf = -1;
  }

  // Chord names, as `pretty` writes them: [tick, end, name]; `now` makes those before it faint.
  chords(view, chords, now = -Infinity) {
    const { context } = this;
    let free = GUTTER_PX;
    context.globalAlpha = 1;
    context.font = CHORD_FONT;
    context.textAlign = "left";
    context.textBaseline = "middle";
    for (const [tick, end, name] of chords) {
      const x = Math.max(this.x(view, tick) + 4, GUTTER_PX + 4);
      if (this.x(view, end) < GUTTER_PX + 12 || x < free || x > this.width) continue;
      context.fillStyle = end <= now ? FAINT : INK;
      context.fillText(name, x, HEAD_PX - 13);
      free = x + this.#wide(name) + 6;
    }
  }

  #wide(name) {
    let width = this.widths.get(name);
    if (width === undefined) {
      if (this.widths.size > MOST_WIDTHS) this.widths.clear();
      width = this.context.measureText(name).width;
      this.widths.set(name, width);
    }
    return width;
  }

  // The line between what was and what will be.
  nowLine(view, tick) {
    const x = this.x(view, tick);
    if (x < GUTTER_PX || x > this.width) return;
    this.context.globalAlpha = 0.9;
    this.context.fillStyle = NOW;
    this.context.fillRect(x - 1, HEAD_PX - 22, 2, this.height);
  }
}

function label(context, text, x, y, size, align) {
  context.font = `${size}px ${FONT}`;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.fillStyle = FAINT;
  context.fillText(text, x, y);
}

// The pitches to show for notes: some room around them, at least two octaves.
export function span(lowest, highest) {
  const short = Math.max(24 - (highest - lowest), 0);
  return { lowest: Math.max(Math.floor(lowest - 2 - short / 2), 0), highest: Math.min(Math.ceil(highest + 2 + short / 2), 127) };
}
