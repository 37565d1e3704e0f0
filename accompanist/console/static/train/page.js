// Choose, launch, and watch the queue.

import { get, post } from "/static/shell/api.js";
import { live } from "/static/shell/live.js";
import { element, notice, tried } from "/static/shell/notice.js";
import { Fields } from "/static/train/fields.js";
import { Music } from "/static/train/music.js";
import { showQueue } from "/static/train/queue.js";

const CHECK_MS = 250;
const $ = (id) => document.getElementById(id);
let fields = null;
let music = null;
let checking = 0;
let asked = 0;

const values = () => ({ ...fields.values(), ...music.values() });

// Both sides look at every value: the browser at once, the server as soon as the fingers rest.
function typed() {
  fields.recipe();
  for (const button of $("presets").children) button.setAttribute("aria-pressed", "false");
  clearTimeout(checking);
  checking = setTimeout(check, CHECK_MS);
}

async function check() {
  const number = ++asked;
  const problems = await tried(() => post("/api/train/check", { values: values() }));
  if (!problems || number !== asked) return false;
  const shown = fields.tell(problems);
  $("together").textContent = problems[""] ?? Object.entries(problems).filter(([name]) => !shown.has(name)).map(([, text]) => text).join(" ");
  $("launch").disabled = Object.keys(problems).length > 0 || !fields.sound();
  return !$("launch").disabled;
}

function begin(preset, button) {
  fields.set(preset.values);
  music.set(preset.values.data ?? [], preset.values.tag ?? []);
  typed();
  button?.setAttribute("aria-pressed", "true");
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!(await check())) {
    document.querySelector("[aria-invalid=true]")?.focus();
    return;
  }
  $("launch").disabled = true;
  const job = await tried(() => post("/api/train/launch", { values: values() }));
  $("launch").disabled = false;
  if (!job) return;
  notice(`${job.title} is in the queue.`);
  document.querySelector(".jobs").scrollIntoView({ block: "nearest" });
});

async function start() {
  const told = await tried(() => get("/api/train/form"));
  if (!told) return;
  fields = new Fields($("groups"), told.fields, typed);
  music = new Music(typed);
  $("presets").replaceChildren(...told.presets.map((preset) => {
    const button = element("button", { type: "button", class: "preset", "aria-pressed": "false" }, element("strong", {}, preset.name), element("span", {}, preset.about));
    button.addEventListener("click", () => begin(preset, button));
    return button;
  }));
  music.set(told.data, told.tag);
  const from = new URLSearchParams(location.search).get("from");
  if (from) {
    const run = await tried(() => get(`/api/runs/${encodeURIComponent(from)}/settings`));
    if (run) begin({ values: { ...run, base: from } });
  }
  await music.look();
  live("/api/train/jobs", { queue: (queue) => showQueue(queue, { cancel: act("cancel"), resume: act("resume") }) });
}

const act = (what) => async (job) => tried(() => post(`/api/train/jobs/${encodeURIComponent(job)}/${what}`));

addEventListener("server-back", () => fields ?? start()); // it went before the form was there
start();
