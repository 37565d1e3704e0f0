// The roll of a performance, while it goes on: what was played, and dimmed what is about to sound.
//
//   const roll = new LiveRoll(canvas, clock);       // clock() says the tick it is now, or null
//   roll.take(item)                                 // items as accompanist/console/stage/picture.py tells them
//   roll.tracks = ["bass", ...]; roll.drums = new Set(["drums"]); roll.closed = new Set(["piano"]);

import { PPQ, Painter, span } from "/static/roll/paint.js";

const NOW_AT = 0.34; // of the width: more room for what comes than for what was
const BEATS_IN_WIDTH = 15;
const PX_PER_BEAT = { least: 40, most: 120 };
const KEPT_BEATS = 24;
const MOST_NOTES = 3000;
const LOG_LAG_S = 0.8; // the log tells what was played some 0.4 s later; so long the plan stands for it
const PLANNED = 0.36, SOUNDS = 0.8, MELODY = 0.85;
const WIDER = 0.08; // of the way to the new range of pitches in each frame

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
    this.clear();
  }

  clear() {
    this.notes = []; // { track, pitch, start, end }; end Infinity while it sounds
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
      this.plan = notes;
      this.chords = [...this.chords.filter(([tick]) => tick < from).map(([tick, end, name]) => [tick, Math.min(end, from), name]), ...chords];
    } else if (kind === "jump" || kind === "performance") {
      this.clear();
    }
  }

  // The chord at a tick, and the next other one: [name, name], empty where there is none.
  chordsAt(tick) {
    const now = this.chords.findLast(([start, end]) => start <= tick && tick < end);
    const next = this.chords.find(([start, , name]) => start > tick && name !== now?.[2]);
    return [now?.[2] ?? "", next?.[2] ?? ""];
  }

  forget(before) {
    if (this.notes.length && (this.notes[0].end < before || this.notes.length > MOST_NOTES)) {
      this.notes = this.notes.filter((note) => note.end >= before).slice(-MOST_NOTES);
    }
    while (this.chords.length && this.chords[0][1] < before) this.chords.shift();
  }

  draw() {
    const { painter } = this;
    painter.fit();
    painter.drums = this.drums.size > 0;
    const now = this.clock() ?? 0;
    const perBeat = Math.min(Math.max(painter.plotWidth / BEATS_IN_WIDTH, PX_PER_BEAT.least), PX_PER_BEAT.most);
    const pxPerTick = perBeat / PPQ;
    const from = now - (painter.plotWidth * NOW_AT) / pxPerTick;
    const end = from + painter.plotWidth / pxPerTick;
    this.forget(now - KEPT_BEATS * PPQ);
    this.#widen(from, end);
    const view = { from, pxPerTick, lowest: Math.floor(this.range.lowest), highest: Math.ceil(this.range.highest) };
    painter.ground(view, this.#bars(from, end), PPQ);
    const unconfirmed = Math.max(this.confirmed, now - (LOG_LAG_S * this.bpm * PPQ) / 60);
    for (const [track, pitch, start, stop] of this.plan) {
      if (stop <= from || start >= end || start <= unconfirmed || this.closed.has(this.tracks[track])) continue;
      painter.note(view, track + 1, pitch, start, stop, this.drums.has(this.tracks[track]), start > now ? PLANNED : SOUNDS);
    }
    for (const { track, pitch, start, end: stop } of this.notes) {
      if (stop <= from || start >= end) continue;
      painter.note(view, track + 1, pitch, start, Math.min(stop, Math.max(now, start + 30)), track >= 0 && this.drums.has(this.tracks[track]), track < 0 ? MELODY : 1);
    }
    painter.chords(view, this.chords, now);
    painter.nowLine(view, now);
  }

  #bars(from, end) {
    const bar = this.beatsPerBar * PPQ;
    const bars = [];
    for (let tick = Math.floor(from / bar) * bar; tick <= end; tick += bar) bars.push([tick, tick < 0 ? "" : tick / bar + 1]);
    return bars;
  }

  // The pitches shown follow what is there, smoothly.
  #widen(from, end) {
    let lowest = 127, highest = 0;
    const see = (track, pitch, start, stop) => {
      if (stop <= from || start >= end || (track >= 0 && this.drums.has(this.tracks[track]))) return;
      lowest = Math.min(lowest, pitch);
      highest = Math.max(highest, pitch);
    };
    for (const note of this.notes) see(note.track, note.pitch, note.start, note.end);
    for (const note of this.plan) see(...note);
    if (lowest > highest) return;
    const wanted = span(lowest, highest);
    this.range.lowest += (wanted.lowest - this.range.lowest) * WIDER;
    this.range.highest += (wanted.highest - this.range.highest) * WIDER;
  }
}
