// Hear it learn: the same melodies at every sampled epoch, two of them side by side where that is asked for.

import { get } from "/static/shell/api.js";
import { element, tried } from "/static/shell/notice.js";
import { StillRoll } from "/static/roll/still.js";

const $ = (id) => document.getElementById(id);
const WAIT_MS = 120; // a slider that is dragged passes many epochs

export class Samples {
  #epochs = [];
  #sides = [];

  constructor(run) {
    this.path = `/api/runs/${encodeURIComponent(run)}/samples`;
    $("melody").addEventListener("change", () => this.#sides.forEach((side) => side.show()));
    $("two").addEventListener("change", () => this.#lay());
  }

  // What there is by now.
  there({ epochs, melodies }) {
    const grown = epochs.length !== this.#epochs.length;
    const atEnd = this.#sides[0]?.isLast ?? true;
    this.#epochs = epochs;
    $("nothing-yet").hidden = epochs.length > 0;
    $("two").disabled = epochs.length < 2;
    if ($("melody").options.length !== melodies.length) {
      $("melody").replaceChildren(...melodies.map((melody) => element("option", { value: melody }, melody.replace(/^\d+-/, "").replaceAll("-", " "))));
    }
    if (!epochs.length || !grown) return;
    if (!this.#sides.length) this.#lay();
    else this.#sides.forEach((side) => side.grown(epochs, side.first ? atEnd : false));
  }

  #lay() {
    const wanted = $("two").checked ? 2 : 1;
    while (this.#sides.length > wanted) this.#sides.pop().box.remove();
    while (this.#sides.length < wanted) {
      const first = !this.#sides.length;
      const side = new Side(this.path, first, this.#epochs, first ? this.#epochs.length - 1 : 0);
      this.#sides.push(side);
      $("samples").prepend(side.box); // the earlier epoch on the left
      side.show();
    }
  }
}

class Side {
  #timer = 0;
  #asked = 0;

  constructor(path, first, epochs, at) {
    Object.assign(this, { path, first, epochs });
    const id = first ? "epoch-a" : "epoch-b";
    this.said = element("output", { for: id });
    this.slider = element("input", { type: "range", id, min: 0, max: epochs.length - 1, step: 1 });
    this.slider.value = at;
    this.audio = element("audio", { controls: true, preload: "metadata" });
    this.rollBox = element("div");
    this.legend = element("ul", { class: "legend" });
    this.download = element("a", { class: "button" }, "MIDI");
    this.box = element("div", { class: "sample" }, element("label", { for: id }, this.said), this.slider, this.rollBox, this.legend, this.audio, element("p", {}, this.download));
    this.roll = new StillRoll(this.rollBox);
    this.roll.follow(this.audio);
    this.slider.addEventListener("input", () => {
      this.#say();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.show(), WAIT_MS);
    });
  }

  get isLast() {
    return Number(this.slider.value) === this.epochs.length - 1;
  }

  grown(epochs, follow) {
    this.epochs = epochs;
    const playing = !this.audio.paused;
    this.slider.max = epochs.length - 1;
    if (follow && !playing) {
      this.slider.value = epochs.length - 1;
      this.show();
    } else this.#say();
  }

  get epoch() {
    return this.epochs[Number(this.slider.value)];
  }

  #say() {
    this.said.textContent = this.epoch === 0 ? "Epoch 0: before it has learnt anything" : `Epoch ${this.epoch}`;
    this.slider.setAttribute("aria-valuetext", `epoch ${this.epoch}`);
  }

  async show() {
    this.#say();
    const melody = $("melody").value;
    if (!melody) return;
    const number = ++this.#asked;
    const at = `${this.path}/${this.epoch}/${encodeURIComponent(melody)}`;
    const song = await tried(() => get(`${at}/song`));
    if (!song || number !== this.#asked) return;
    this.roll.show(song);
    this.legend.replaceChildren(...song.tracks.map((track, i) => element("li", {}, element("i", { class: `colour-${i % 6}` }), track.name || "melody")));
    this.audio.src = `${at}/sound`;
    this.download.href = `${at}/midi`;
    this.download.setAttribute("aria-label", `Download epoch ${this.epoch} as MIDI`);
  }
}
