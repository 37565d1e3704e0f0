// The roll of a song: scrolls, shows where the sound is, and goes there where it is clicked.
//
//   const roll = new StillRoll(document.getElementById("roll"));   // an empty <div>; its height is the page's to set
//   roll.show(song);                        // as accompanist/console/songs.py tells it
//   roll.follow(audio);                     // an <audio>: the line runs with it, a click moves it
//   roll.hush(new Set(["drums"]));          // tracks that do not sound, by name

import { PPQ, Painter, pretty, span } from "/static/roll/paint.js";

const PX_PER_BEAT = { least: 6, usual: 26, most: 120 };
const END_PX = 24;
const ZOOM = 1.35;

export class StillRoll {
  #song = null;
  #chords = [];
  #audio = null;
  #quiet = new Set();
  #perBeat = PX_PER_BEAT.usual;
  #frame = 0;

  constructor(box) {
    this.box = box;
    box.classList.add("roll");
    box.tabIndex = 0; // the arrow keys scroll
    box.setAttribute("role", "img");
    this.sheet = document.createElement("div");
    this.sheet.className = "roll-sheet";
    this.canvas = document.createElement("canvas");
    this.canvas.className = "roll-canvas";
    this.sheet.append(this.canvas);
    box.replaceChildren(this.sheet);
    this.painter = new Painter(this.canvas);
    box.addEventListener("scroll", () => this.#ask());
    box.addEventListener("click", (event) => this.#seek(event));
    box.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#lay()).observe(box);
  }

  show(song) {
    this.#song = song;
    this.#quiet = new Set();
    const pitched = song.tracks.filter((track) => !track.drums).flatMap((track) => track.notes.map((note) => note[1]));
    this.range = pitched.length ? span(Math.min(...pitched), Math.max(...pitched)) : span(48, 72);
    this.#chords = song.chords.map(([tick, end, name]) => [tick, end, pretty(name)]);
    this.painter.drums = song.tracks.some((track) => track.drums && track.notes.length);
    const told = song.tracks.map((track) => `${track.name || "melody"} ${track.notes.length} notes`).join(", ");
    this.box.setAttribute("aria-label", `Piano roll, ${song.bars.length - 1} bars: ${told}`);
    this.box.scrollLeft = 0;
    this.#lay();
  }

  follow(audio) {
    this.#audio = audio;
    for (const name of ["play", "seeked", "timeupdate", "pause"]) audio.addEventListener(name, () => this.#ask());
  }

  hush(names) {
    this.#quiet = names;
    this.#ask();
  }

  zoom(closer) {
    const wanted = this.#perBeat * (closer ? ZOOM : 1 / ZOOM);
    const middle = this.#tickInMiddle();
    this.#perBeat = Math.min(Math.max(wanted, PX_PER_BEAT.least), PX_PER_BEAT.most);
    this.#lay();
    this.box.scrollLeft = (middle / PPQ) * this.#perBeat - this.painter.plotWidth / 2;
  }

  #tickInMiddle() {
    return ((this.box.scrollLeft + this.painter.plotWidth / 2) / this.#perBeat) * PPQ;
  }

  #lay() {
    if (!this.#song) return;
    this.canvas.style.width = `${this.box.clientWidth}px`;
    this.painter.resized = true;
    const long = this.painter.left + (this.#song.bars.at(-1) / PPQ) * this.#perBeat + END_PX;
    this.sheet.style.width = `${Math.max(long, this.box.clientWidth)}px`;
    this.#ask();
  }

  #ask() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #key(event) {
    if (event.key === "+" || event.key === "-") this.zoom(event.key === "+");
    else return;
    event.preventDefault();
  }

  #view() {
    return { from: (this.box.scrollLeft / this.#perBeat) * PPQ, pxPerTick: this.#perBeat / PPQ, ...this.range };
  }

  #draw() {
    this.#frame = 0;
    const song = this.#song;
    if (!song || !this.box.clientWidth) return;
    this.painter.fit();
    const playing = this.#audio && !this.#audio.paused;
    const now = this.#audio && (playing || this.#audio.currentTime > 0) ? tickAt(song.tempo, this.#audio.currentTime) : null;
    if (playing) this.#keepInView(now);
    const view = this.#view();
    const end = this.painter.tickAt(view, this.painter.width);
    const first = Math.max(song.bars.findLastIndex((tick) => tick <= view.from), 0);
    const bars = [];
    for (let i = first; i < song.bars.length && song.bars[i] <= end; i++) bars.push([song.bars[i], i + 1]);
    this.painter.ground(view, bars, PPQ);
    song.tracks.forEach((track, i) => {
      const alpha = this.#quiet.has(track.name) ? 0.15 : i === 0 ? 0.75 : 1;
      for (const [start, pitch, stop] of track.notes) {
        if (start > end) break; // sorted by their beginnings
        if (stop > view.from) this.painter.note(view, i, pitch, start, stop, track.drums, alpha);
      }
    });
    this.painter.fill();
    this.painter.chords(view, this.#chords);
    if (now !== null) this.painter.nowLine(view, now);
    if (playing) this.#ask();
  }

  #keepInView(tick) {
    const x = (tick / PPQ) * this.#perBeat;
    const left = this.box.scrollLeft;
    if (x > left + this.painter.plotWidth * 0.85 || x < left) this.box.scrollLeft = x - this.painter.plotWidth * 0.1;
  }

  #seek(event) {
    if (!this.#audio || !this.#song || !this.#audio.duration) return;
    const tick = this.painter.tickAt(this.#view(), event.clientX - this.box.getBoundingClientRect().left);
    this.#audio.currentTime = Math.min(Math.max(secondAt(this.#song.tempo, tick), 0), this.#audio.duration);
  }
}

// The tempo is [tick, microseconds a quarter note], ascending, from tick 0 on.
export function secondAt(tempo, tick) {
  let second = 0;
  tempo.forEach(([start, us], i) => {
    const end = Math.min(i + 1 < tempo.length ? tempo[i + 1][0] : Infinity, Math.max(tick, 0));
    if (end > start) second += ((end - start) * us) / PPQ / 1e6;
  });
  return second;
}

export function tickAt(tempo, second) {
  let left = second;
  for (let i = 0; i < tempo.length; i++) {
    const [start, us] = tempo[i];
    const tick = start + (left * 1e6 * PPQ) / us;
    if (i + 1 === tempo.length || tick < tempo[i + 1][0]) return tick;
    left -= ((tempo[i + 1][0] - start) * us) / PPQ / 1e6;
  }
  return 0;
}
