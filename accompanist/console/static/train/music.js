// Sources and tags, and how much music a choice of them leaves.

import { get } from "/static/shell/api.js";
import { element, tried } from "/static/shell/notice.js";

const LOOK_MS = 1500;
const $ = (id) => document.getElementById(id);
const count = (number) => number.toLocaleString("en");

export class Music {
  #sources = new Set();
  #weights = new Map(); // of sources that are heard more often than others: mine=3
  #tags = new Map();
  #typed;
  #asked = 0;
  #timer = 0;

  constructor(typed) {
    this.#typed = typed;
  }

  values() {
    return { data: [...this.#sources].map((name) => (this.#weights.has(name) ? `${name}=${this.#weights.get(name)}` : name)), tag: [...this.#tags].map(([name, value]) => `${name}=${value}`) };
  }

  set(sources, tags) {
    this.#sources = new Set(sources.map((source) => source.split("=")[0]));
    this.#weights = new Map(sources.map((source) => source.split("=")).filter((parts) => parts.length === 2));
    this.#tags = new Map(tags.map((tag) => tag.split("=", 2)));
    for (const box of $("sources").querySelectorAll("input")) box.checked = this.#sources.has(box.value);
    this.#count();
  }

  // The list of sources, as soon as it is there.
  async look() {
    const told = await tried(() => get("/api/train/sources"));
    if (!told) return;
    $("sources-state").textContent = told.state === "failed" ? [told.said, told.hint].filter(Boolean).join("; try: ") : told.sources.length ? "None chosen: the recipe's own. Folders of your own come here by: accompanist data add FOLDER --tag style=ska" : "Looking for music ...";
    $("sources-state").classList.toggle("bad", told.state === "failed");
    if (told.sources.length) $("sources").replaceChildren(...told.sources.map((source) => this.#source(source)));
    if (told.state === "running") setTimeout(() => this.look(), LOOK_MS);
    else this.#count();
  }

  #source(source) {
    const box = element("input", { type: "checkbox", name: "source", value: source.name, disabled: !source.found, checked: this.#sources.has(source.name) });
    box.addEventListener("change", () => {
      this.#sources[box.checked ? "add" : "delete"](source.name);
      this.#count();
      this.#typed();
    });
    const songs = source.songs === null ? "" : ` ${count(source.songs)} songs.`;
    return element("label", { class: "source" }, box, element("span", {},
      element("b", {}, source.name),
      element("span", {}, source.found ? `${source.about}.${songs}` : source.missing),
      element("span", { class: "hint" }, source.found ? ` ${source.licence}` : source.hint ? ` Try: ${source.hint}` : "")));
  }

  async #count() {
    clearTimeout(this.#timer);
    const number = ++this.#asked;
    if (!this.#sources.size) {
      $("left").textContent = "";
      $("tags").replaceChildren();
      return;
    }
    const query = new URLSearchParams([...this.#sources].map((source) => ["source", source]));
    for (const tag of this.values().tag) query.append("tag", tag);
    const left = await tried(() => get(`/api/train/choice?${query}`));
    if (!left || number !== this.#asked) return;
    this.#showTags(left.tags);
    $("left").replaceChildren(...this.#words(left));
    if (Object.keys(left.reading).length || !$("sources").children.length) this.#timer = setTimeout(() => this.#count(), LOOK_MS);
  }

  #words(left) {
    const said = [];
    const reading = Object.entries(left.reading);
    if (reading.length) said.push(element("span", { class: "warn" }, `Reading ${reading.map(([name, words]) => (words ? `${name} (${words})` : name)).join(", ")}; counted so far: `));
    for (const [name, why] of Object.entries(left.failed)) said.push(element("span", { class: "bad" }, `${name} cannot be read: ${why} `));
    if (left.songs) said.push(element("strong", {}, `${count(left.songs)} songs, ${count(left.bars)} bars`), ` are left; ${count(left.train_songs)} of them, ${count(left.train_bars)} bars, are trained on, the others are kept to measure with.`);
    else if (!reading.length) said.push(element("span", { class: "bad" }, "No song is left: choose fewer tags or more sources."));
    return said;
  }

  #showTags(tags) {
    const shown = Object.entries(tags).filter(([name, values]) => Object.keys(values).length > 1 || this.#tags.has(name));
    const active = document.activeElement?.id;
    $("tags").replaceChildren(...shown.map(([name, values]) => {
      const id = `tag-${name}`;
      const chosen = this.#tags.get(name) ?? "";
      const names = [...new Set([...Object.keys(values), ...(chosen ? [chosen] : [])])];
      const select = element("select", { id }, element("option", { value: "" }, "any"), names.map((value) => element("option", { value, selected: value === chosen }, `${value} (${count(values[value] ?? 0)})`)));
      select.addEventListener("change", () => {
        if (select.value) this.#tags.set(name, select.value);
        else this.#tags.delete(name);
        this.#count();
        this.#typed();
      });
      return element("div", { class: "field" }, element("label", { for: id }, name[0].toUpperCase() + name.slice(1)), select);
    }));
    if (active) document.getElementById(active)?.focus();
  }
}
