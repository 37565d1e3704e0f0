// One run, live.

import { get } from "/static/shell/api.js";
import { element, tried } from "/static/shell/notice.js";
import { WORDS } from "/static/runs/all.js";
import { actions } from "/static/runs/actions.js";
import { Plot, DASHES, colours, look, redraw, view } from "/static/runs/chart.js";
import { showMetrics } from "/static/runs/metrics.js";
import { Run } from "/static/runs/run.js";
import { Samples } from "/static/runs/samples.js";

const USUAL = ["critic", "generator", "loss", "critic_loss"];
const REFRESH_MS = 10000;
const $ = (id) => document.getElementById(id);
const others = new Map();
const chosen = new Set();
let run = null;
let losses = null;

export const runs = () => [run, ...others.values()];
export const colourOf = (its) => colours[runs().indexOf(its) % colours.length];

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
  $("standing").replaceChildren(
    element("b", { class: `state ${standing.state}` }, WORDS[standing.state]),
    [last ? `epoch ${last.epoch.toFixed(0)} of ${standing.epochs} sampled` : `${standing.epochs} epochs asked for`, standing.reason].filter(Boolean).join("; "));
  $("verdict").textContent = run.verdict;
}

function changed() {
  stands();
  which();
  losses.draw();
  showMetrics(runs, colourOf);
}

function lossCurves() {
  const alone = runs().length === 1;
  const names = [...chosen];
  return runs().flatMap((its) => names.flatMap((name, i) => {
    const points = its.losses.get(name);
    if (!points?.step.length) return [];
    return [{ label: alone ? name.replaceAll("_", " ") : `${its.name}: ${name.replaceAll("_", " ")}`, colour: alone ? colours[i % colours.length] : colourOf(its), dash: alone ? [] : DASHES[i % DASHES.length], points }];
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
    box.addEventListener("change", async () => {
      if (box.checked) {
        const its = await tried(() => new Run(row.name).fetch());
        if (its) others.set(row.name, its);
        else box.checked = false;
      } else others.delete(row.name);
      changed();
    });
    return element("label", { class: "check" }, box, row.name);
  }));
  setInterval(async () => {
    if (document.hidden || !others.size) return;
    for (const its of others.values()) await its.fetch().catch(() => null); // the banner says when the server is gone
    changed();
  }, REFRESH_MS);
}

function settings(told) {
  const shown = Object.entries(told.settings).filter(([key]) => key !== "runs");
  const text = (value) => (Array.isArray(value) ? value.join(", ") || "–" : value === "" ? "–" : String(value));
  $("settings").replaceChildren(...shown.flatMap(([key, value]) => [element("dt", {}, key.replaceAll("_", " ")), element("dd", {}, text(value))]));
}
