import { get, post } from "/static/shell/api.js";
import { element, notice, tried } from "/static/shell/notice.js";

const LOOK_MS = 1500;
const KINDS = { live: "plans ahead, from one bar of listening", musegan: "the classic recipe: answers two bars late" };
const ORIGINS = { shipped: "comes with Accompanist", run: "trained here", settings: "named by the settings" };
const $ = (id) => document.getElementById(id);
let shown = new URLSearchParams(location.search).get("show");
let timer = 0;

const size = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

async function list() {
  const models = await tried(() => get("/api/models"));
  if (!models) return;
  $("models").replaceChildren(...models.map(card));
  const wanted = models.find((model) => model.id === shown) ?? models.find((model) => model.in_use) ?? models[0];
  if (wanted) await show(wanted.id, false);
}

function card(model) {
  const badge = model.in_use ? element("span", { class: "badge in-use" }, "in use") : element("span", { class: "badge" }, ORIGINS[model.origin]);
  const see = element("button", { type: "button", "aria-label": `Show ${model.id}` }, "Show");
  see.addEventListener("click", () => show(model.id, true));
  const use = element("button", { type: "button", class: model.in_use ? "" : "primary", disabled: model.in_use || Boolean(model.problem), "aria-label": `Use ${model.id} live` }, model.in_use ? "In use" : "Use live");
  use.addEventListener("click", () => useLive(model.id, use));
  return element("article", { class: "panel model", "data-model": model.id },
    element("div", { class: "row spread" }, element("h2", {}, model.id), badge),
    model.problem ? element("p", { class: "bad" }, model.problem) : element("p", {}, KINDS[model.kind] ?? model.kind),
    element("p", { class: "faint" }, model.tracks.map((track) => track.name).join(", ")),
    element("div", { class: "row" }, use, see));
}

async function useLive(id, button) {
  const words = button.textContent;
  button.disabled = true;
  button.textContent = "Trying it ...";
  const done = await tried(() => post(`/api/models/${encodeURIComponent(id)}/use`));
  button.disabled = false;
  button.textContent = words;
  if (!done) return;
  notice(`${id} is what plays from the next start of serve on; written to ${done.written}.`);
  await list();
}

async function show(id, jump) {
  clearTimeout(timer);
  const model = await tried(() => get(`/api/models/${encodeURIComponent(id)}`));
  if (!model) return;
  shown = id;
  for (const box of document.querySelectorAll(".model")) box.classList.toggle("chosen", box.dataset.model === id);
  $("detail").hidden = false;
  $("detail-title").textContent = model.id;
  $("detail-actions").replaceChildren(element("a", { class: "button", href: `/api/models/${encodeURIComponent(id)}/file`, download: true }, "Download"));
  $("facts").replaceChildren(...facts(model).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  $("card").innerHTML = model.card; // made of Markdown on the server, where no HTML of the card's own gets through
  for (const table of $("card").querySelectorAll("table")) table.replaceWith(element("div", { class: "scroll" }, table.cloneNode(true)));
  figures(model.evaluation);
  state(model.task);
  if (jump) $("detail-title").focus();
  if (model.task?.state === "running") timer = setTimeout(() => show(id, false), LOOK_MS);
}

function facts(model) {
  const found = [["file", `${model.file}, ${size(model.bytes)}`], ["plays", model.tracks.map((track) => track.polyphony > 1 ? `${track.name} (up to ${track.polyphony} notes)` : track.name).join(", ") || "nothing"]];
  if (model.plan_steps) found.push(["plans", `${model.plan_steps / 4} beats at a time${model.lag_steps ? `, ${model.lag_steps / 4} beats behind the melody` : ""}`]);
  if (model.trained) found.push(["trained", model.trained]);
  if (model.export_error !== null) found.push(["verified", model.export_error === 0 ? "computes exactly what the trained network does" : `differs from the trained network by ${Number(model.export_error).toExponential(1)} at most`]);
  if (model.licences?.length) found.push(["music's licences", model.licences.join(", ")]);
  return found;
}

function state(task) {
  $("evaluate-start").disabled = task?.state === "running";
  $("evaluate-state").className = task?.state === "failed" ? "bad" : "hint";
  $("evaluate-state").textContent = !task ? "" : task.state === "running" ? task.said || "reading the music ..." : task.state === "failed" ? [task.said, task.hint].filter(Boolean).join("; try: ") : "";
}

const digits = (value) => (Math.abs(value) < 2 ? 3 : Math.abs(value) < 10 ? 2 : 1);

function figures(evaluation) {
  if (!evaluation) {
    $("figures").replaceChildren(element("p", { class: "faint" }, "Not evaluated on this machine yet; the card below may hold figures measured elsewhere."));
    return;
  }
  const names = Object.keys(evaluation.contestants);
  const known = (row) => names.some((name) => (evaluation.contestants[name][row]?.mean ?? null) !== null); // such as diversity, of several seeds
  const rows = [...new Set(names.flatMap((name) => Object.keys(evaluation.contestants[name])))].filter(known);
  const cell = (figure) => !figure || figure.mean === null ? element("td", { class: "number faint" }, "–") : element("td", { class: "number" }, figure.mean.toFixed(digits(figure.mean)), " ", element("span", { class: "interval" }, `[${figure.low?.toFixed(digits(figure.mean)) ?? "–"}, ${figure.high?.toFixed(digits(figure.mean)) ?? "–"}]`));
  $("figures").replaceChildren(
    element("p", { class: "hint" }, `${evaluation.songs} songs of ${evaluation.data.join(", ")}, ${evaluation.split} split, in ${Math.round(evaluation.took_s)} s`),
    element("table", {},
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "figure"), names.map((name) => element("th", { scope: "col", class: "number" }, name)))),
      element("tbody", {}, rows.map((row) => element("tr", {}, element("th", { scope: "row" }, row.replace(".", ": ").replaceAll("_", " ")), names.map((name) => cell(evaluation.contestants[name][row])))))));
}

$("evaluate-start").addEventListener("click", async () => {
  const started = await tried(() => post(`/api/models/${encodeURIComponent(shown)}/evaluate`, { songs: Number($("songs").value) }));
  if (started) await show(shown, false);
});

addEventListener("server-back", list);
list();
