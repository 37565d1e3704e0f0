// The controls: what is turned here is told to the daemon, and what stands there is shown, whoever turned it.

import { post } from "/static/shell/api.js";
import { element, tried } from "/static/shell/notice.js";

const TOUCHED_MS = 700; // so long after a touch a knob shows the hand, not the daemon's last word
const PANIC_KEYS = new Set(["b", "n", "escape"]); // the space bar's neighbours, found in the dark
const $ = (id) => document.getElementById(id);

export const command = (name, its = {}) => tried(() => post("/api/stage/command", { command: name, ...its }));

export class Desk {
  #box;
  #names = [];
  #controls = null;
  #touched = new Map();
  #shown = "";

  constructor(box) {
    this.#box = box;
    for (const id of ["density", "temperature"]) {
      $(id).addEventListener("input", () => {
        this.#touched.set(id, performance.now());
        this.#said(id, Number($(id).value));
      });
      $(id).addEventListener("change", () => command(id, { value: Number($(id).value) }));
    }
    $("style").addEventListener("change", () => {
      this.#touched.set("style", performance.now());
      command("style", { value: $("style").value });
    });
    $("hold").addEventListener("click", () => this.#turn("hold"));
    $("listen").addEventListener("click", () => this.#turn("listen"));
    $("fill").addEventListener("click", () => command("fill"));
    $("panic").addEventListener("click", () => command("panic"));
    addEventListener("keydown", (event) => this.#key(event));
  }

  tracks(names, styles) {
    if (names.join() !== this.#names.join()) {
      this.#names = names;
      this.#shown = "";
      this.#box.replaceChildren(...names.map((name, i) => this.#track(name, i)));
    }
    $("style-label").hidden = styles.length === 0;
    if ($("style").options.length !== styles.length) $("style").replaceChildren(...styles.map((name) => element("option", {}, name)));
  }

  // Tracks that do not sound, as on a mixer.
  closed({ muted, soloed }) {
    return new Set(this.#names.filter((name) => muted.includes(name) || (soloed.length && !soloed.includes(name))));
  }

  show(controls) {
    this.#controls = controls;
    const told = JSON.stringify(controls);
    if (told !== this.#shown) this.#switches(controls); // what is written again, the browser lays out again
    this.#shown = told;
    for (const id of ["density", "temperature", "style"]) {
      if (performance.now() - (this.#touched.get(id) ?? -Infinity) < TOUCHED_MS || document.activeElement === $(id) && id === "style") continue;
      if ($(id).value !== String(controls[id])) $(id).value = controls[id];
      if (id !== "style") this.#said(id, controls[id]);
    }
  }

  #switches(controls) {
    const closed = this.closed(controls);
    for (const box of this.#box.children) {
      const name = box.dataset.track;
      box.classList.toggle("silent", closed.has(name));
      box.querySelector(".mute").setAttribute("aria-pressed", controls.muted.includes(name));
      box.querySelector(".solo").setAttribute("aria-pressed", controls.soloed.includes(name));
    }
    $("hold").setAttribute("aria-pressed", controls.hold);
    $("listen").setAttribute("aria-pressed", !controls.listening);
  }

  #said(id, value) {
    const text = id === "density" ? `${Math.round(100 * value)} %` : value.toFixed(2);
    if ($(`${id}-value`).textContent !== text) $(`${id}-value`).textContent = text;
  }

  #turn(name) {
    if (!this.#controls) return;
    const on = name === "hold" ? this.#controls.hold : this.#controls.listening;
    command(name, { value: !on });
  }

  #switch(name, track) {
    const which = name === "mute" ? this.#controls?.muted : this.#controls?.soloed;
    if (which) command(name, { track, value: !which.includes(track) });
  }

  #track(name, i) {
    const mute = element("button", { type: "button", class: "mute", "aria-pressed": "false", "aria-label": `Mute ${name}` }, "Mute");
    const solo = element("button", { type: "button", class: "solo", "aria-pressed": "false", "aria-label": `Solo ${name}` }, "Solo");
    mute.addEventListener("click", () => this.#switch("mute", name));
    solo.addEventListener("click", () => this.#switch("solo", name));
    return element("article", { class: `track edge-${(i + 1) % 6}`, "data-track": name },
      element("h3", {}, element("span", {}, name), i < 9 ? element("kbd", { title: `${i + 1} mutes, with Shift it solos` }, String(i + 1)) : null),
      element("div", { class: "row" }, mute, solo));
  }

  #key(event) {
    if ($("show").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input:not([type=range]), select, textarea")) return;
    const key = event.key.toLowerCase();
    const track = this.#names[Number(/^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1]) - 1]; // with Shift the key says something else
    if (PANIC_KEYS.has(key)) command("panic");
    else if (key === "h") this.#turn("hold");
    else if (key === "r") this.#turn("listen");
    else if (key === "f") command("fill");
    else if (track) this.#switch(event.shiftKey ? "solo" : "mute", track);
    else return;
    event.preventDefault();
  }
}
