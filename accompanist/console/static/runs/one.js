// One run, live.

import { get } from "/static/shell/api.js";
import { element, tried } from "/static/shell/notice.js";
import { WORDS } from "/static/runs/all.js";
import { actions } from "/static/runs/actions.js";
import { Plot, DASHES, MARKS, colours, look, redraw, view } from "/static/runs/chart.js";
import { showMetrics } from "/static/runs/metrics.js";
import { Run } from "/static/runs/run.js";
import { Samples } from "/static/runs/samples.js";

const USUAL = ["critic", "generator", "loss", "critic_loss"];
const REFRESH_MS = 10000;
const ACTIVE = new Set(["queued", "running", "interrupted"]); // jobs
const GOES_ON = new Set(["stopped", "failed"]); // runs
const $ = (id) => document.getElementById(id);
const others = new Map();
const chosen = new Set();
let run = null;
let losses = null;

// Each run keeps its colour and its mark as long as it is shown, whatever comes and goes beside it; this one has the first.
const places = new Map();
export const runs = () => [run, ...others.values()];
const placeOf = (its) => places.get(its.name) ?? 0;
export const looks = { colour: (its) => colours[placeOf(its)], mark: (its) => MARKS[placeOf(its)] };

function freePlace() {
  const taken = new Set(places.values());
  for (let place = 1; place < colours.length; place++) if (!taken.has(place)) return place;
  return null;
}

export async function showOne(name) {
  document.title = `${name} · Accompanist`;
  $("name").textContent = name;
  $("tune").href = `/train?from=${encodeURIComponent(name)}`;
  const told = await tried(() => get(`/api/runs/${encodeURIComponent(name)}`));
  if (!told) {
    addEventListener("server-back", () => showOne(name), { once: true });
    return;
  }
  run = new Run(name);
  const samples = new Samples(name);
  actions(name, told);
  $("tune").hidden = !("base" in told.settings);
  settings(told);
  losses = new Plot($("losses"), { curves: lossCurves, label: `Losses of ${name}` });
  run.follow(changed, (told) => {
    standing = told;
    stands();
    samples.there(told.samples);
  });
  controls();
  await compare(name);
}

let standing = null;

function stands() {
  if (!standing) return;
  const last = run.rows.at(-1);
  const active = ACTIVE.has(standing.job);
  $("cancel").hidden = !active;
  $("resume").hidden = active || !(GOES_ON.has(standing.state) || (standing.state === "queued" && standing.job));
  const soon = active && !["running", "finished"].includes(standing.state);
  $("standing").replaceChildren(
    element("b", { class: `state ${soon ? "queued" : standing.state}` }, soon ? (standing.job === "running" ? "beginning" : "waits for a worker") : WORDS[standing.state]), " ",
    [last ? `epoch ${last.epoch.toFixed(0)} of ${standing.epochs} sampled` : `${standing.epochs} epochs asked for`, soon ? "" : standing.reason].filter(Boolean).join("; "));
  $("verdict").textContent = run.verdict;
}

function changed() {
  stands();
  which();
  losses.draw();
  showMetrics(runs, looks);
}

function lossCurves() {
  const alone = runs().length === 1;
  const names = [...chosen];
  return runs().flatMap((its) => names.flatMap((name, i) => {
    const points = its.losses.get(name);
    if (!points?.step.length) return [];
    return [{ label: alone ? name.replaceAll("_", " ") : `${its.name}: ${name.replaceAll("_", " ")}`, colour: alone ? colours[i % colours.length] : looks.colour(its), dash: alone ? [] : DASHES[i % DASHES.length], points }];
  }));
}

// Which of the recorded curves are drawn.
function which() {
  const names = [...run.losses.keys()];
  if (!chosen.size) for (const name of names.filter((name) => USUAL.includes(name))) chosen.add(name);
  if (!chosen.size && names.length) chosen.add(names[0]);
  if ($("which").childElementCount === names.length) return;
  $("which").replaceChildren(...names.map((name) => {
    const box = element("input", { type: "checkbox", checked: chosen.has(name) });
    box.addEventListener("change", () => {
      chosen[box.checked ? "add" : "delete"](name);
      losses.draw();
    });
    return element("label", { class: "check" }, box, name.replaceAll("_", " "));
  }));
}

function controls() {
  $("smoothing").addEventListener("input", (event) => { view.smoothing = Number(event.target.value); redraw(); });
  $("log").addEventListener("change", (event) => { view.log = event.target.checked; redraw(); });
  $("along").addEventListener("change", (event) => { view.along = event.target.value; look(null, null); });
  const zoom = (factor) => {
    const range = losses.range();
    if (!range) return;
    const middle = (range[0] + range[1]) / 2, half = ((range[1] - range[0]) / 2) * factor;
    look(Math.max(middle - half, 0), middle + half);
  };
  $("closer").addEventListener("click", () => zoom(0.5));
  $("wider").addEventListener("click", () => zoom(2));
  $("whole").addEventListener("click", () => look(null, null));
}

// Other runs, laid over this one.
async function compare(name) {
  const rows = (await tried(() => get("/api/runs")))?.filter((row) => row.name !== name && !row.problem) ?? [];
  $("others").hidden = !rows.length;
  $("others-list").replaceChildren(...rows.slice(0, 40).map((row) => {
    const box = element("input", { type: "checkbox" });
    const swatch = element("i");
    box.addEventListener("change", () => (box.checked ? lay(row.name, box, swatch) : take(row.name, swatch)));
    return element("label", { class: "check" }, box, swatch, row.name);
  }));
  setInterval(async () => {
    if (document.hidden || !others.size) return;
    for (const its of others.values()) await its.fetch().catch(() => null); // the banner says when the server is gone
    changed();
  }, REFRESH_MS);
}

async function lay(name, box, swatch) {
  const place = freePlace();
  if (place === null) {
    box.checked = false;
    return;
  }
  places.set(name, place);
  swatch.className = `colour-${place}`;
  full();
  const its = await tried(() => new Run(name).fetch());
  if (its && box.checked) others.set(name, its);
  else if (!its) {
    box.checked = false;
    take(name, swatch);
  }
  changed();
}

function take(name, swatch) {
  others.delete(name);
  places.delete(name);
  swatch.className = "";
  full();
  changed();
}

// More than there are colours could not be told apart.
function full() {
  const none = freePlace() === null;
  for (const box of $("others-list").querySelectorAll("input")) box.disabled = none && !box.checked;
  $("others-hint").textContent = none ? `${colours.length} at a time: more could not be told apart.` : "";
}

function settings(told) {
  const shown = Object.entries(told.settings).filter(([key]) => key !== "runs");
  const text = (value) => (Array.isArray(value) ? value.join(", ") || "–" : value === "" ? "–" : String(value));
  $("settings").replaceChildren(...shown.flatMap(([key, value]) => [element("dt", {}, key.replaceAll("_", " ")), element("dd", {}, text(value))]));
}
