import { live } from "/static/shell/live.js";
import { element } from "/static/shell/notice.js";
import { LiveRoll } from "/static/roll/live.js";
import { SongClock } from "/static/stage/clock.js";
import { Desk } from "/static/stage/desk.js";
import { Meter } from "/static/stage/meter.js";
import { StartForm } from "/static/stage/start.js";

const PPQ = 480;
const MOST_SOURCES = 64;
const MOST_HAPPENED = 40;
const SOURCES = { plan: "planned", rest: "the rest of an older plan", hold: "the last harmony, held", silence: "silence" };
const $ = (id) => document.getElementById(id);

const clock = new SongClock();
const roll = new LiveRoll($("roll"), () => clock.now());
const desk = new Desk($("tracks"));
const start = new StartForm();
const meters = {
  lateness: new Meter($("lateness"), { top: 5, good: 2, bad: 10, text: (ms) => `${ms.toFixed(1)} ms` }),
  isr: new Meter($("isr"), { top: 1, bottom: 0.9, good: 0.995, bad: 0.95, text: (share) => `${(100 * share).toFixed(1)} %` }),
  inference: new Meter($("inference"), { top: 50, good: 100, bad: 300, text: (ms) => `${ms.toFixed(0)} ms` }),
};
let facts = null;
let status = null;
const shown = {}; // what stands on the page, so that nothing is written twice

function put(id, text) {
  if (shown[id] === text) return;
  shown[id] = text;
  $(id).textContent = text;
}

// --- what the server tells ---

function standing({ about, band }) {
  const playing = about !== null;
  $("show").hidden = !playing;
  $("no-log").hidden = !playing || about.log !== "";
  $("stop").hidden = !(playing && band.ours);
  start.standing(playing, band);
  if (!playing) {
    clock.lose();
    status = null;
    return;
  }
  roll.tracks = about.tracks;
  roll.drums = new Set(about.drums);
  desk.tracks(about.tracks, about.styles);
}

function items({ whole, items: told }) {
  if (whole) performance_(null);
  for (const item of told) take(item);
}

function take(item) {
  const [kind, ...its] = item;
  if (kind === "performance") performance_(its[0]);
  else if (kind === "lateness") meters.lateness.push(its[1]);
  else if (kind === "inference") meters.inference.push(its[1]);
  else if (kind === "beat") beat(its);
  else if (kind === "event") happened(its);
  roll.take(item);
}

function performance_(its) {
  facts = its;
  for (const meter of Object.values(meters)) meter.clear();
  $("sources").replaceChildren();
  $("happened").replaceChildren();
  roll.clear();
  roll.beatsPerBar = its?.beats_per_bar ?? 4;
  $("beats").replaceChildren(...Array.from({ length: roll.beatsPerBar }, () => element("i")));
  put("provider", its ? `Runs on ${its.provider}` : "–");
  put("ports", its ? `${its.melody_port} → ${its.band_ports.join(", ")} (${its.system})` : "");
}

function beat([, source, , isr]) {
  meters.isr.push(isr);
  const box = $("sources");
  box.append(element("i", { class: source, title: SOURCES[source] ?? source }));
  if (box.childElementCount > MOST_SOURCES) box.firstElementChild.remove();
}

function happened([at_s, name, detail]) {
  const box = $("happened");
  const minutes = Math.floor(at_s / 60), seconds = String(Math.floor(at_s % 60)).padStart(2, "0");
  box.prepend(element("li", {}, `${minutes}:${seconds}  ${name.replaceAll("_", " ")} ${detail}`));
  if (box.childElementCount > MOST_HAPPENED) box.lastElementChild.remove();
}

function stands(its) {
  status = its;
  clock.hear(its);
  roll.bpm = its.bpm;
  roll.closed = desk.closed(its.controls);
  roll.held = its.controls.hold;
  desk.show(its.controls);
  put("lock", locked(its));
  put("heard", its.listening && its.running ? "the band listens" : "");
  const lock = its.lock === "lost" ? "lock bad" : its.lock === "waiting" ? "lock warn" : "lock";
  if (shown.lockClass !== lock) $("lock").className = shown.lockClass = lock;
  const tempo = its.bpm.toFixed(1).replace(/\.0$/, "");
  if (shown.tempo !== tempo) {
    shown.tempo = tempo;
    $("tempo").replaceChildren(tempo, element("small", {}, " BPM"));
  }
}

function locked({ lock, running }) {
  const leader = facts?.link ? "Ableton Link" : facts?.clock_port ? `the clock on ${facts.clock_port}` : facts?.follows_clock ? `the clock on ${facts.melody_port}` : "";
  if (lock === "internal") return running ? "own tempo" : "own tempo · waits for you";
  if (lock === "waiting") return `waits for ${leader || "a clock"}`;
  if (lock === "lost") return `lost ${leader || "the clock"}, goes on by itself`;
  return `locked to ${leader || "the clock"}`;
}

// --- sixty times a second ---

function frame() {
  requestAnimationFrame(frame);
  if ($("show").hidden) return;
  const tick = clock.now();
  if (tick !== null && status) {
    const whole = Math.floor(tick / PPQ + 1e-6);
    const bar = Math.floor(whole / roll.beatsPerBar) + 1, inBar = whole - (bar - 1) * roll.beatsPerBar;
    put("bar", bar < 1 ? "–" : String(bar));
    put("beat", String(inBar + 1));
    const lit = status.running ? inBar : -1;
    if (shown.lit !== lit) {
      shown.lit = lit;
      [...$("beats").children].forEach((box, i) => box.classList.toggle("on", i === lit));
    }
    const chord = roll.chordAt(tick);
    put("chord", chord || "–");
    put("next-chord", roll.held ? "held" : roll.chordAfter(tick, chord));
  }
  roll.draw();
  for (const name in meters) meters[name].draw();
}

live("/api/stage/events", { standing, items, status: stands });
requestAnimationFrame(frame);
