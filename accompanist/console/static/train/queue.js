// The queue: what waits, runs, is done or failed, and why.

import { element } from "/static/shell/notice.js";

const WORDS = { queued: "queued", running: "running", interrupted: "interrupted", finished: "done", failed: "failed", cancelled: "cancelled" };
const STEPS = { prepare: "reading the music", train: "training", evaluate: "choosing the best checkpoint", export: "exporting the model", report: "writing the report" };
const $ = (id) => document.getElementById(id);

export function showQueue(queue, actions) {
  $("problem").textContent = queue.problem ? [queue.problem, queue.hint].filter(Boolean).join("; try: ") : "";
  $("workers").textContent = queue.workers === 1 ? "1 worker" : `${queue.workers} workers`;
  const active = document.activeElement?.dataset?.key;
  $("jobs").replaceChildren(...(queue.jobs.length ? queue.jobs.map((job) => shown(job, actions)) : [element("p", { class: "faint" }, "Nothing was trained here yet.")]));
  if (active) document.querySelector(`[data-key="${CSS.escape(active)}"]`)?.focus();
}

function shown(job, actions) {
  const run = job.doing?.run || job.result?.run;
  const name = run ? element("a", { href: `/runs/${encodeURIComponent(run)}` }, run) : job.title;
  const buttons = [];
  const button = (what, words, kind = "") => {
    const made = element("button", { type: "button", class: kind, "data-key": `${what} ${job.id}`, "aria-label": `${words} ${job.title}` }, words);
    made.addEventListener("click", () => {
      made.disabled = true;
      actions[what](job.id);
    });
    buttons.push(made);
  };
  if (["queued", "running", "interrupted"].includes(job.state)) button("cancel", "Cancel", "danger");
  if (["cancelled", "failed"].includes(job.state)) button("resume", "Resume");
  const look = job.state === "running" ? "Watch" : "See";
  if (run) buttons.push(element("a", { class: "button", href: `/runs/${encodeURIComponent(run)}`, "aria-label": `${look} ${run}` }, look));
  return element("article", { class: "job", "data-job": job.id },
    element("p", {}, name),
    element("p", { class: `state ${job.state}` }, WORDS[job.state] ?? job.state),
    element("div", { class: "doing" }, doing(job)),
    element("div", { class: "row" }, buttons),
    job.error ? element("p", { class: "more bad" }, [job.error, job.hint].filter(Boolean).join("; try: ")) : null);
}

function doing(job) {
  if (job.state === "queued") return element("p", { class: "faint" }, "waits for a worker");
  if (job.state === "interrupted") return element("p", { class: "faint" }, "its worker ended; the next one goes on from the last checkpoint");
  const now = job.doing;
  if (!now) return null;
  if (job.state !== "running") return now.epochs ? element("p", { class: "faint" }, `${now.epoch.toFixed(1)} of ${now.epochs} epochs, ${now.trained_steps ?? 0} steps`) : null;
  const said = [STEPS[now.step] ?? now.step];
  if (now.epochs) said.push(`epoch ${now.epoch?.toFixed(1) ?? 0} of ${now.epochs}`);
  if (now.left_s !== undefined && now.left_s !== null) said.push(`${span(now.left_s)} left`);
  return [element("p", {}, said.join(", ")), now.epochs ? element("progress", { max: now.epochs, value: now.epoch ?? 0, "aria-label": "Progress" }) : null];
}

export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
