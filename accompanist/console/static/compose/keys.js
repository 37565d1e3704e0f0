// A piano on the page, played by mouse, touch, the computer keyboard or a MIDI keyboard; and a take of it to clicks.

import { element, notice } from "/static/shell/notice.js";

const LOWEST = 60, KEYS = 25;
const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);
const TYPED = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ", "KeyK", "KeyO", "KeyL", "KeyP", "Semicolon"]; // by place, whatever the layout
const LETTERS = "AWSEDFTGYHUJKOLP;";
const CLICKS_AHEAD_S = 0.2, CLICK_EVERY_MS = 50;
const $ = (id) => document.getElementById(id);

export class Keys {
  #audio = null;
  #voices = new Map();
  #octave = 0;
  #buttons = new Map();
  #typed = new Map();
  #take = null; // { beginS, nextBeat, bpm, beats, notes, open }
  #timer = 0;
  #keyboards = new Map(); // MIDI keyboards by their id: { name, down }, the pitches that are down on each

  // `played` is told what was recorded.
  constructor(played) {
    this.played = played;
    this.#draw();
    $("record").addEventListener("click", () => (this.#take ? this.#stop() : this.#record()));
    addEventListener("keydown", (event) => this.#key(event, true));
    addEventListener("keyup", (event) => this.#key(event, false));
    addEventListener("blur", () => this.#letGo());
    $("midi").hidden = !navigator.requestMIDIAccess;
    $("no-midi").hidden = !$("midi").hidden;
    $("midi").addEventListener("click", () => this.#midi());
  }

  #draw() {
    $("keyboard").replaceChildren(...Array.from({ length: KEYS }, (_, i) => {
      const pitch = LOWEST + i, name = `${NAMES[i % 12]}${Math.floor(pitch / 12) - 1}`;
      const key = element("button", { type: "button", class: BLACK.has(i % 12) ? "black" : "", "aria-label": name }, TYPED[i] ? LETTERS[i] : "");
      key.addEventListener("pointerdown", (event) => { key.setPointerCapture(event.pointerId); this.#on(pitch, 90); });
      for (const end of ["pointerup", "pointercancel"]) key.addEventListener(end, () => this.#off(pitch));
      key.addEventListener("keydown", (event) => { if ((event.key === "Enter" || event.key === " ") && !event.repeat) { event.preventDefault(); this.#on(pitch, 90); } });
      key.addEventListener("keyup", (event) => { if (event.key === "Enter" || event.key === " ") this.#off(pitch); });
      this.#buttons.set(pitch, key);
      return key;
    }));
  }

  #key(event, down) {
    if (!$("keys-panel").open || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const at = TYPED.indexOf(event.code);
    if (down && !event.repeat && (event.code === "KeyZ" || event.code === "KeyX")) {
      this.#octave = Math.min(Math.max(this.#octave + (event.code === "KeyX" ? 1 : -1), -2), 2);
    } else if (at >= 0) {
      event.preventDefault();
      if (event.repeat) return;
      if (down) {
        this.#typed.set(event.code, LOWEST + 12 * this.#octave + at); // let go where it was struck, though the octave moved
        this.#on(this.#typed.get(event.code), 90);
      } else if (this.#typed.has(event.code)) {
        this.#off(this.#typed.get(event.code));
        this.#typed.delete(event.code);
      }
    }
  }

  async #midi() {
    try {
      const access = await navigator.requestMIDIAccess();
      access.onstatechange = ({ port }) => port.type === "input" && this.#listen(access);
      this.#listen(access);
      if (!this.#keyboards.size) notice("No MIDI keyboard is connected yet.", { hint: "Connect one: it is heard at once." });
    } catch (error) {
      const refused = error.name === "NotAllowedError" || error.name === "SecurityError";
      notice(refused ? "The browser does not let this page use MIDI." : "The browser gives no MIDI keyboard here.", {
        hint: refused ? "Allow MIDI for this page in the browser's site settings, then press the button again." : error.message,
        wrong: true,
      });
    }
  }

  // Hear every keyboard that is there, and say which came and which went.
  #listen(access) {
    const there = [...access.inputs.values()].filter((input) => input.state !== "disconnected");
    const before = this.#keyboards;
    this.#keyboards = new Map(there.map((input) => [input.id, before.get(input.id) ?? { name: input.name || "a MIDI keyboard", down: new Set() }]));
    for (const input of there) {
      const { down } = this.#keyboards.get(input.id);
      input.onmidimessage = ({ data: [status, pitch, velocity] }) => {
        if ((status & 0xf0) === 0x90 && velocity > 0) {
          down.add(pitch);
          this.#on(pitch, velocity);
        } else if ((status & 0xe0) === 0x80) {
          down.delete(pitch);
          this.#off(pitch);
        }
      };
    }
    for (const [id, { name }] of this.#keyboards) if (!before.has(id)) notice(`Playing from ${name}.`);
    for (const [id, { name, down }] of before) {
      if (this.#keyboards.has(id)) continue;
      for (const pitch of down) this.#off(pitch); // its keys will not come up any more
      notice(`${name} has gone.`, { hint: "Connect it again and it is heard again.", wrong: true });
    }
  }

  // --- sound ---

  #sound() {
    this.#audio ??= new AudioContext();
    this.#audio.resume();
    return this.#audio;
  }

  #on(pitch, velocity) {
    if (this.#voices.has(pitch)) return;
    const audio = this.#sound();
    const tone = new OscillatorNode(audio, { type: "triangle", frequency: 440 * 2 ** ((pitch - 69) / 12) });
    const loud = new GainNode(audio, { gain: 0 });
    loud.gain.setTargetAtTime(0.25 * (velocity / 127), audio.currentTime, 0.004);
    tone.connect(loud).connect(audio.destination);
    tone.start();
    this.#voices.set(pitch, { tone, loud });
    this.#buttons.get(pitch)?.classList.add("down");
    const take = this.#take;
    if (take) take.open.set(pitch, { pitch, velocity, start_s: audio.currentTime - take.beginS });
  }

  #off(pitch) {
    const voice = this.#voices.get(pitch);
    if (!voice) return;
    const audio = this.#sound();
    voice.loud.gain.setTargetAtTime(0, audio.currentTime, 0.03);
    voice.tone.stop(audio.currentTime + 0.3);
    this.#voices.delete(pitch);
    this.#buttons.get(pitch)?.classList.remove("down");
    this.#ended(pitch);
  }

  #ended(pitch) {
    const note = this.#take?.open.get(pitch);
    if (!note) return;
    this.#take.open.delete(pitch);
    const end_s = this.#audio.currentTime - this.#take.beginS;
    if (end_s > 0) this.#take.notes.push({ ...note, end_s }); // what was over before the first beat was trying out
  }

  #letGo() {
    for (const pitch of [...this.#voices.keys()]) this.#off(pitch);
    this.#typed.clear();
  }

  #click(atS, first) {
    const audio = this.#audio;
    const tone = new OscillatorNode(audio, { type: "square", frequency: first ? 1760 : 1175 });
    const loud = new GainNode(audio, { gain: 0.06 });
    loud.gain.setTargetAtTime(0, atS + 0.015, 0.01);
    tone.connect(loud).connect(audio.destination);
    tone.start(atS);
    tone.stop(atS + 0.1);
  }

  // --- a take ---

  #record() {
    const bpm = Math.min(Math.max(Number($("play-bpm").value) || 100, 30), 300);
    const beats = Math.min(Math.max(Math.floor(Number($("play-beats").value)) || 4, 2), 12);
    const audio = this.#sound();
    const beginS = audio.currentTime + 0.15 + (beats * 60) / bpm; // after a bar of clicks
    this.#take = { beginS, nextBeat: -beats, bpm, beats, notes: [], open: new Map() };
    $("record").textContent = "Stop and accompany";
    $("record").classList.add("on");
    $("record").blur(); // or the space bar would end it
    this.#timer = setInterval(() => this.#tick(), CLICK_EVERY_MS);
    this.#tick();
  }

  #tick() {
    const take = this.#take;
    const now = this.#audio.currentTime;
    for (let atS; (atS = take.beginS + (take.nextBeat * 60) / take.bpm) < now + CLICKS_AHEAD_S; take.nextBeat++) {
      this.#click(Math.max(atS, now), take.nextBeat % take.beats === 0);
    }
    const beat = Math.floor(((now - take.beginS) * take.bpm) / 60);
    $("record-state").textContent = beat < 0 ? `counting in: ${-beat}` : `bar ${Math.floor(beat / take.beats) + 1}, beat ${(beat % take.beats) + 1}`;
  }

  #stop() {
    clearInterval(this.#timer);
    for (const pitch of [...this.#take.open.keys()]) this.#ended(pitch);
    const { notes, bpm, beats } = this.#take;
    this.#take = null;
    $("record").textContent = "Record";
    $("record").classList.remove("on");
    $("record-state").textContent = "";
    if (notes.length) this.played({ notes: notes.sort((a, b) => a.start_s - b.start_s), bpm, beats_per_bar: beats });
    else notice("Nothing was played.", { hint: "Play on the keys after the bar of clicks.", wrong: true });
  }
}
