import { get, post } from "/static/shell/api.js";
import { element, tried } from "/static/shell/notice.js";
import { StillRoll } from "/static/roll/still.js";
import { Keys } from "/static/compose/keys.js";

const MOST_BYTES = 8 * 1024 * 1024;
const MOST_TAKES = 8;
const $ = (id) => document.getElementById(id);
const roll = new StillRoll($("roll"));
const audio = $("audio");
roll.follow(audio);

let models = [];
let source = null; // the melody that was brought
let takes = []; // made of it, the newest last
let shown = null;
let muted = new Set(); // indices of tracks
let making = false;

// --- the melody ---

async function brought(asking) {
  $("melody-panel").setAttribute("aria-busy", "true");
  const found = await tried(asking);
  $("melody-panel").removeAttribute("aria-busy");
  if (!found) return;
  source = found;
  takes = [];
  $("brought").hidden = false;
  $("brought-title").textContent = found.title;
  const playing = found.tracks.map(([name, count], i) => ({ name, count, i })).filter((its) => its.count > 0);
  $("brought-facts").textContent = `${found.meter}, ${playing.length === 1 ? `${playing[0].count} notes` : `${playing.length} parts`}`;
  $("part-label").hidden = playing.length < 2;
  $("part").replaceChildren(...playing.map(({ name, count, i }) => element("option", { value: i }, `${name || `part ${i + 1}`} (${count} notes)`)));
  $("part").value = found.melody;
  $("make").disabled = false;
  await make();
}

function file(its) {
  if (!its) return;
  if (its.size > MOST_BYTES) return void tried(() => { throw new Error(`${its.name} has ${(its.size / 1e6).toFixed(1)} MB; MIDI files of up to 8 MB are read.`); });
  brought(() => post(`/api/compose/files?name=${encodeURIComponent(its.name)}`, its));
}

const drop = $("drop");
for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
addEventListener("dragover", (event) => event.preventDefault()); // a file dropped beside must not replace the page
addEventListener("drop", (event) => { event.preventDefault(); file(event.dataTransfer.files[0]); });
drop.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); $("file").click(); } });
$("file").addEventListener("change", () => { file($("file").files[0]); $("file").value = ""; });
new Keys((played) => brought(() => post("/api/compose/played", played)));

// --- the band ---

for (const id of ["temperature", "density"]) {
  $(id).addEventListener("input", () => said(id));
  $(id).addEventListener("change", () => source && make());
}
for (const id of ["style", "seed", "part"]) $(id).addEventListener("change", () => source && make());
$("model").addEventListener("change", () => { styles(); if (source) make(); });
$("dice").addEventListener("click", () => { $("seed").value = Math.floor(Math.random() * 100000); if (source) make(); });
$("make").addEventListener("click", () => make());

function said(id) {
  const value = Number($(id).value);
  $(`${id}-value`).textContent = id === "density" ? `${Math.round(100 * value)} %` : value.toFixed(2);
}

function styles() {
  const known = models.find((model) => model.id === $("model").value)?.styles ?? [];
  $("style-label").hidden = known.length === 0;
  $("style").replaceChildren(...known.map((name) => element("option", {}, name)));
}

async function make() {
  if (!source || making) return;
  making = true;
  $("make").disabled = true;
  $("make").textContent = "The band plays it through …";
  const asked = {
    source: source.source,
    track: Number($("part").value),
    model: $("model").value,
    seed: Math.min(Math.max(Math.floor(Number($("seed").value)) || 0, 0), 2147483647),
    temperature: Number($("temperature").value),
    density: Number($("density").value),
    style: $("style-label").hidden ? "" : $("style").value,
  };
  const take = await tried(() => post("/api/compose/takes", asked));
  making = false;
  $("make").disabled = false;
  $("make").textContent = "Accompany it";
  if (!take) return;
  const number = takes.find((its) => its.take === take.take)?.number ?? (takes.at(-1)?.number ?? 0) + 1;
  takes = [...takes.filter((its) => its.take !== take.take), { ...take, number }].sort((a, b) => a.number - b.number).slice(-MOST_TAKES);
  show(takes.find((its) => its.take === take.take));
}

// --- what was made ---

function show(take) {
  const others = shown?.title !== take.title || shown?.song.tracks.length !== take.song.tracks.length;
  if (others) muted = new Set();
  shown = take;
  $("result").hidden = false;
  $("result-title").textContent = take.title;
  const counts = take.song.tracks.slice(1).map((track) => `${track.name} ${track.notes.length}`).join(", ");
  $("result-facts").textContent = `${take.bars} bars; notes: ${counts}; ${take.inference_ms.toFixed(0)} ms a plan`;
  $("takes").replaceChildren(...takes.map(button));
  $("mixer").replaceChildren(...take.song.tracks.map(track));
  roll.show(take.song);
  heard(others);
}

function button(take) {
  const told = `seed ${take.seed}, temperature ${take.temperature}, density ${Math.round(100 * take.density)} %${take.style ? `, ${take.style}` : ""}`;
  const made = element("button", { type: "button", "aria-pressed": String(take === shown), title: told, "aria-label": `Take ${take.number}: ${told}` }, `Take ${take.number}`, take.style ? ` · ${take.style}` : "");
  made.addEventListener("click", () => show(take));
  return made;
}

function track({ name }, i) {
  const made = element("button", { type: "button", "aria-pressed": String(muted.has(i)), "aria-label": `Mute ${name}` }, element("i", { class: `colour-${i % 6}` }), name);
  made.addEventListener("click", () => {
    if (muted.has(i)) muted.delete(i);
    else muted.add(i);
    made.setAttribute("aria-pressed", String(muted.has(i)));
    heard(false);
  });
  return made;
}

// What is heard and downloaded is what is not muted; the sound goes on at the same place.
function heard(fromBeginning) {
  const query = muted.size ? `?mute=${[...muted].join()}` : "";
  $("download").href = `/api/compose/takes/${shown.take}/midi${query}`;
  roll.hush(new Set(shown.song.tracks.filter((_, i) => muted.has(i)).map((its) => its.name)));
  const at = fromBeginning ? 0 : audio.currentTime;
  const playing = !audio.paused;
  if (muted.size === shown.song.tracks.length) {
    audio.pause();
    return;
  }
  audio.src = `/api/compose/takes/${shown.take}/sound${query}`;
  if (at > 0) audio.addEventListener("loadedmetadata", () => (audio.currentTime = Math.min(at, audio.duration)), { once: true });
  if (playing || at > 0) audio.load();
  if (playing) audio.play().catch(() => {});
}

$("closer").addEventListener("click", () => roll.zoom(true));
$("farther").addEventListener("click", () => roll.zoom(false));

async function begin() {
  const choices = await tried(() => get("/api/compose"));
  if (!choices) return;
  models = choices.models;
  $("model").replaceChildren(...models.map((model) => element("option", { value: model.id }, model.in_use ? `${model.id} (in use)` : model.id)));
  $("model").value = models.find((model) => model.in_use)?.id ?? models[0]?.id ?? "";
  styles();
  $("ready").replaceChildren(...choices.melodies.map(({ name, title, bars }) => {
    const made = element("button", { type: "button", "data-melody": name }, title.replace(/ \(.*/, ""), element("span", { class: "faint" }, ` ${bars} bars`));
    made.addEventListener("click", () => brought(() => post(`/api/compose/ready/${name}`)));
    return made;
  }));
}
begin();
