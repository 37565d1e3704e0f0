// The roll of a performance, while it goes on: what was played, and dimmed what is about to sound.
//
//   const roll = new LiveRoll(canvas, clock);       // clock() says the tick it is now, or null
//   roll.take(item)                                 // items as accompanist/console/stage/picture.py tells them
//   roll.tracks = ["bass", ...]; roll.drums = new Set(["drums"]); roll.closed = new Set(["piano"]);

import { PPQ, Painter, pretty, span } from "/static/roll/paint.js";

const NOW_AT = 0.34; // of the width: more room for what comes than for what was
const BEATS_IN_WIDTH = 15;
const PX_PER_BEAT = { least: 40, most: 120 };
const KEPT_BEATS = 24;
const MOST_NOTES = 3000;
const LOG_LAG_S = 0.8; // the log tells what was played some 0.4 s later; so long the plan stands for it
const PLANNED = 0.45, SOUNDS = 0.8, MELODY = 0.85;
const WIDER = 0.08; // of the way to the new range of pitches in each frame
const LOOK_FRAMES = 15; // between two looks at what pitches there are

export class LiveRoll {
  constructor(canvas, clock) {
    this.painter = new Painter(canvas);
    this.clock = clock;
    this.tracks = [];
    this.drums = new Set();
    this.closed = new Set();
    this.held = false;
    this.beatsPerBar = 4;
    this.bpm = 120;
    this.range = span(40, 76);
    this.wanted = { ...this.range };
    this.view = { from: 0, pxPerTick: 1, lowest: 40, highest: 76 };
    this.bars = [];
    this.frames = 0;
    this.clear();
  }

  clear() {
    this.notes = []; // { track, pitch, start, end }; end Infinity while it sounds; track -1 is the player's
    this.sounding = new Map();
    this.plan = [];
    this.chords = []; // [tick, end, name], ascending
    this.confirmed = -Infinity; // what was played up to here is known
  }

  take(item) {
    const [kind, ...its] = item;
    if (kind === "on") {
      const [track, pitch, start] = its;
      const note = { track, pitch, start, end: Infinity };
      this.notes.push(note);
      this.sounding.set(track * 128 + pitch, note);
      if (track >= 0) this.confirmed = Math.max(this.confirmed, start);
    } else if (kind === "off") {
      const [track, pitch, tick] = its;
      const note = this.sounding.get(track * 128 + pitch);
      if (note) note.end = Math.max(tick, note.start + 1);
      this.sounding.delete(track * 128 + pitch);
    } else if (kind === "plan") {
      const [, notes, chords, from] = its;
      this.plan = notes.sort(([one], [other]) => one - other); // by track: one colour after the other
      const before = this.chords.filter(([tick]) => tick < from).map(([tick, end, name]) => [tick, Math.min(end, from), name]);
      this.chords = [...before, ...chords.map(([tick, end, name]) => [tick, end, pretty(name)])];
    } else if (kind === "jump" || kind === "performance") {
      this.clear();
    }
  }

  // The chord at a tick, and the next other one; empty where there is none.
  chordAt(tick) {
    for (const [start, end, name] of this.chords) if (start <= tick && tick < end) return name;
    return "";
  }

  chordAfter(tick, present) {
    for (const [start, , name] of this.chords) if (start > tick && name !== present) return name;
    return "";
  }

  forget(before) {
    if (this.notes.length && (this.notes[0].end < before || this.notes.length > MOST_NOTES)) {
      this.notes = this.notes.filter((note) => note.end >= before).slice(-MOST_NOTES);
    }
    while (this.chords.length && this.chords[0][1] < before) this.chords.shift();
  }

  draw() {
    const { painter, view } = this;
    painter.fit();
    painter.drums = this.drums.size > 0;
    const now = this.clock() ?? 0;
    const perBeat = Math.min(Math.max(painter.plotWidth / BEATS_IN_WIDTH, PX_PER_BEAT.least), PX_PER_BEAT.most);
    view.pxPerTick = perBeat / PPQ;
    view.from = now - (painter.plotWidth * NOW_AT) / view.pxPerTick;
    const end = view.from + painter.plotWidth / view.pxPerTick;
    this.forget(now - KEPT_BEATS * PPQ);
    if (this.frames++ % LOOK_FRAMES === 0) this.#look(view.from, end);
    this.range.lowest += (this.wanted.lowest - this.range.lowest) * WIDER;
    this.range.highest += (this.wanted.highest - this.range.highest) * WIDER;
    view.lowest = Math.floor(this.range.lowest);
    view.highest = Math.ceil(this.range.highest);
    painter.ground(view, this.#bars(view.from, end), PPQ);
    const unconfirmed = Math.max(this.confirmed, now - (LOG_LAG_S * this.bpm * PPQ) / 60);
    this.#ahead(view, end, unconfirmed, now, PLANNED);
    this.#ahead(view, end, unconfirmed, now, SOUNDS);
    for (let track = -1; track < this.tracks.length; track++) this.#played(view, end, now, track);
    painter.fill();
    painter.chords(view, this.chords, now);
    painter.nowLine(view, now);
  }

  // What the plan says: of what is to come, or of what should sound by now and is not confirmed yet.
  #ahead(view, end, unconfirmed, now, strength) {
    for (const [track, pitch, start, stop] of this.plan) {
      if (stop <= view.from || start >= end || start <= unconfirmed || start > now !== (strength === PLANNED)) continue;
      if (this.closed.has(this.tracks[track])) continue;
      this.painter.note(view, track + 1, pitch, start, stop, this.drums.has(this.tracks[track]), strength);
    }
  }

  #played(view, end, now, track) {
    const drum = track >= 0 && this.drums.has(this.tracks[track]);
    for (const note of this.notes) {
      if (note.track !== track || note.end <= view.from || note.start >= end) continue;
      const stop = Math.min(note.end, Math.max(now, note.start + 30));
      this.painter.note(view, track + 1, note.pitch, note.start, stop, drum, track < 0 ? MELODY : 1);
    }
  }

  // Bar lines in view, as they were a frame ago where none came in or went out.
  #bars(from, end) {
    const bar = this.beatsPerBar * PPQ;
    const first = Math.floor(from / bar) * bar;
    const count = Math.floor((end - first) / bar) + 1;
    if (this.bars.length !== count || this.bars[0][0] !== first || this.bars.perBar !== bar) {
      this.bars = Array.from({ length: count }, (_, i) => [first + i * bar, first + i * bar < 0 ? "" : String(first / bar + i + 1)]);
      this.bars.perBar = bar;
    }
    return this.bars;
  }

  // What pitches there are; those shown follow smoothly.
  #look(from, end) {
    let lowest = 127, highest = 0;
    const see = (track, pitch, start, stop) => {
      if (stop <= from || start >= end || (track >= 0 && this.drums.has(this.tracks[track]))) return;
      lowest = Math.min(lowest, pitch);
      highest = Math.max(highest, pitch);
    };
    for (const note of this.notes) see(note.track, note.pitch, note.start, note.end);
    for (const note of this.plan) see(...note);
    if (lowest <= highest) this.wanted = span(lowest, highest);
  }
}
