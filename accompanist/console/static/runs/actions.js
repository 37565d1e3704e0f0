// What can be made of a run: a model, its figures, the one that plays, its report.

import { get, post } from "/static/shell/api.js";
import { notice, tried } from "/static/shell/notice.js";

const LOOK_MS = 1000;
const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function actions(name, told) {
  const path = `/api/runs/${encodeURIComponent(name)}`;
  const model = `/api/models/${encodeURIComponent(name)}`;
  const buttons = ["export", "evaluate", "use", "report"].map($);
  let exported = told.exported;

  async function doing(words, work) {
    for (const button of buttons) button.disabled = true;
    $("doing").textContent = words;
    await tried(work);
    $("doing").textContent = "";
    for (const button of buttons) button.disabled = false;
  }

  // What a process of its own makes.
  async function made(what, words) {
    let task = await post(`${path}/${what}`);
    while (task.state === "running") {
      $("doing").textContent = `${words}: ${task.said || "loading"}`;
      await pause(LOOK_MS);
      task = (await get(path)).tasks[what];
    }
    if (task.state === "failed") throw Object.assign(new Error(`The ${what} failed: ${task.said}`), { hint: task.hint });
    return task;
  }

  // The best checkpoint as a model, verified.
  async function ready(again = false) {
    if (exported && !again) return;
    const task = await made("export", "Exporting the best checkpoint");
    exported = true;
    notice(`Exported and verified: it differs from the trained network by ${task.result.largest_error.toExponential(1)} at most.`);
  }

  for (const [what, words] of [["cancel", "ends with a checkpoint."], ["resume", "is in the queue; it goes on from its last checkpoint."]]) {
    $(what).addEventListener("click", async () => {
      $(what).disabled = true;
      if (await tried(() => post(`${path}/${what}`))) notice(`${name} ${words}`);
      $(what).disabled = false;
    });
  }
  $("export").addEventListener("click", () => doing("Exporting ...", () => ready(true)));
  $("report").addEventListener("click", () => doing("Looking for the report ...", async () => {
    await made("report", "Writing the report");
    location.assign(`/runs/${encodeURIComponent(name)}/report`);
  }));
  $("use").addEventListener("click", () => doing("Making it the model that plays ...", async () => {
    await ready();
    const done = await post(`${model}/use`);
    notice(`${name} is what plays from the next start of serve on; written to ${done.written}.`);
  }));
  $("evaluate").addEventListener("click", () => doing("Evaluating ...", async () => {
    await ready();
    await post(`${model}/evaluate`, { songs: 5 });
    location.assign(`/models?show=${encodeURIComponent(name)}`);
  }));
}
