// A table of all runs.

import { get } from "/static/shell/api.js";
import { element, tried } from "/static/shell/notice.js";

const LOOK_MS = 4000;
const box = document.getElementById("list");
export const WORDS = { queued: "queued", running: "running", stopped: "stopped", finished: "done", failed: "failed" };

export async function showAll() {
  const rows = document.hidden ? null : await tried(() => get("/api/runs"));
  if (rows) show(rows);
  setTimeout(showAll, LOOK_MS);
}

const figure = (value) => (value === undefined || value === null ? "–" : value.toFixed(3));

function show(rows) {
  if (!rows.length) {
    box.replaceChildren(element("p", { class: "faint" }, "Nothing was trained here yet. "), element("a", { href: "/train" }, "Train a model"));
    return;
  }
  const active = document.activeElement?.getAttribute?.("href");
  const head = ["Run", "State", "Recipe", "Music", "Epochs", "Coupling", "Similarity index", "Begun"];
  box.replaceChildren(element("table", {},
    element("thead", {}, element("tr", {}, head.map((text, i) => element("th", { scope: "col", class: i > 3 && i < 7 ? "number" : null }, text)))),
    element("tbody", {}, rows.map((run) => element("tr", {},
      element("td", {}, element("a", { href: `/runs/${encodeURIComponent(run.name)}` }, run.name)),
      element("td", { class: `state ${run.state}`, title: run.reason || null }, WORDS[run.state]),
      element("td", {}, run.problem ? element("span", { class: "bad" }, run.problem) : run.model),
      element("td", {}, [...run.sources, ...run.tags].join(", ")),
      element("td", { class: "number" }, `${run.epoch.toFixed(1)} of ${run.epochs}`),
      element("td", { class: "number" }, figure(run.best_metrics.coupling ?? run.metrics.coupling)),
      element("td", { class: "number" }, figure(run.metrics.similarity_index)),
      element("td", { class: "faint" }, run.begun ? new Date(run.begun).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }) : ""))))));
  if (active) box.querySelector(`a[href="${CSS.escape(active)}"]`)?.focus();
}
