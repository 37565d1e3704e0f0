// Starting a band here: its ports from lists, as `accompanist ports` finds them.

import { get, post } from "/static/shell/api.js";
import { element, tried } from "/static/shell/notice.js";

const OWN = { melody: "a new port: Accompanist In", band: "a new port: Accompanist Out", clock: "choose a port" };
const $ = (id) => document.getElementById(id);

export class StartForm {
  #asked = false;
  #played = false; // a band was shown before
  #starting = false;

  constructor() {
    $("start-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    $("look-again").addEventListener("click", () => this.#ports());
    $("leader").addEventListener("change", () => this.#leader());
    $("stop").addEventListener("click", () => {
      this.#played = false; // then it did not go by itself
      tried(() => post("/api/stage/stop"));
    });
  }

  standing(playing, band) {
    $("start").hidden = playing;
    if (playing) this.#starting = false;
    if (playing) this.#played = true;
    $("start-title").textContent = this.#played ? "The band has gone" : "Nothing plays yet";
    $("went").hidden = !this.#played;
    const failed = !playing && band.exit_code !== null && band.exit_code !== 0;
    $("ended").hidden = !failed;
    $("ended").textContent = failed ? `The band ended: ${band.said || `code ${band.exit_code}`}` : "";
    if (failed) this.#starting = false;
    $("start-button").disabled = this.#starting;
    $("start-button").textContent = this.#starting ? "Starting …" : "Start the band";
    if (!playing && !this.#asked) this.#ports();
  }

  #leader() {
    $("clock-label").hidden = $("leader").value !== "clock";
    $("bpm-label").hidden = $("leader").value !== "own";
    $("count-in").disabled = $("leader").value !== "own";
  }

  async #ports() {
    this.#asked = true;
    const ports = await tried(() => get("/api/stage/ports"));
    if (!ports) return;
    for (const [id, names] of [["melody", ports.inputs], ["band", ports.outputs], ["clock", ports.inputs]]) {
      const before = $(id).value;
      $(id).replaceChildren(element("option", { value: "" }, OWN[id]), ...names.map((name) => element("option", { value: name }, name)));
      if (names.includes(before)) $(id).value = before;
    }
  }

  async #start() {
    const leader = $("leader").value;
    if (leader === "clock" && !$("clock").value) {
      $("clock").focus();
      return;
    }
    this.#starting = true;
    $("start-button").disabled = true;
    const done = await tried(() => post("/api/stage/start", {
      melody: $("melody").value,
      band: $("band").value,
      leader,
      clock: leader === "clock" ? $("clock").value : "",
      bpm: Number($("bpm").value),
      beats_per_bar: Number($("beats-per-bar").value),
      count_in_bars: $("count-in").checked && leader === "own" ? 1 : 0,
      thru: $("thru").checked,
    }));
    if (!done) {
      this.#starting = false;
      $("start-button").disabled = false;
    }
  }
}
