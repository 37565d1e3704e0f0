// What the model plays, measured at each sampled epoch: a small chart for each metric, beside the music's own value.

import { element } from "/static/shell/notice.js";
import { Plot } from "/static/runs/chart.js";

const FIRST = ["similarity_index", "note_in_chord", "coupling"];
const MEANINGS = {
  similarity_index: "How far its music is from people's: 0 where nobody could tell them apart.",
  note_in_chord: "Share of the melody's time whose note sounds in the band's harmony.",
  note_in_chord_chance: "The same with another song's harmony: what luck would give.",
  coupling: "Note in chord, less what luck would give.",
  pitch_classes_per_beat: "Different notes of the scale in a beat: few is clear, many is muddy.",
  onsets_per_bar: "Notes that begin in a bar.",
  in_scale_best_key: "Share of notes in the one key that fits best.",
};
const TRACK_MEANINGS = {
  empty_bar_rate: "Share of bars in which it rests.",
  pitches_per_bar: "Different pitches in a bar.",
  pitch_classes_per_bar: "Different notes of the scale in a bar.",
  in_scale_c_major: "Share of notes in C major.",
  in_scale_best_key: "Share of notes in the one key that fits best.",
  polyphonic_rate: "Share of time in which it sounds several notes.",
  qualified_note_rate: "Share of notes that last an eighth at least.",
  onsets_per_bar: "Notes that begin in a bar.",
};
const PEOPLE = "#edf0f5", CHANCE = "#a7b0c0";
const plots = new Map();
const title = (name) => name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");

export function showMetrics(runs, looks) {
  const names = runs()[0].metrics.filter((name) => name !== "note_in_chord_chance");
  const main = names.filter((name) => !name.includes("."));
  main.sort((a, b) => (FIRST.indexOf(a) + 1 || 99) - (FIRST.indexOf(b) + 1 || 99));
  for (const name of main) plot(document.getElementById("main-metrics"), name, name, runs, looks);
  for (const name of names.filter((name) => name.includes("."))) {
    const [track, metric] = [name.slice(0, name.indexOf(".")), name.slice(name.indexOf(".") + 1)];
    plot(trackBox(track), name, metric, runs, looks);
  }
  for (const made of plots.values()) made();
}

function trackBox(track) {
  const id = `track-metrics-${track}`;
  let box = document.getElementById(id);
  if (!box) {
    box = element("div", { class: "grid", id });
    const details = element("details", { class: "tracks" }, element("summary", {}, title(track)), box);
    details.addEventListener("toggle", () => { for (const made of plots.values()) made(); });
    document.getElementById("track-metrics").append(details);
  }
  return box;
}

function plot(box, name, metric, runs, looks) {
  if (plots.has(name)) return;
  const now = element("p", { class: "now number" });
  const canvas = element("div", { class: "chart" });
  box.append(element("article", { class: "panel metric" },
    element("h3", {}, title(metric)),
    element("p", { class: "hint" }, (name === metric ? MEANINGS[metric] : TRACK_MEANINGS[metric]) ?? ""), now, canvas));
  let drawn = null;
  plots.set(name, () => {
    const points = runs()[0].metric(name), people = runs()[0].data[name];
    const last = points.value.at(-1);
    now.textContent = last === undefined ? "" : `${last.toFixed(3)}${people === undefined || people === null ? "" : `, people ${people.toFixed(3)}`}`;
    if (canvas.closest("details:not([open])")) return; // drawn when it is seen
    if (drawn) drawn.draw();
    else drawn = new Plot(canvas, {
      label: title(metric),
      curves: () => [
        ...runs().map((its) => ({ label: runs().length > 1 ? its.name : "model", colour: looks.colour(its), mark: runs().length > 1 ? looks.mark(its) : null, points: its.metric(name), marks: true })),
        ...(name === "note_in_chord" ? [{ label: "chance", colour: CHANCE, dash: [2, 3], points: runs()[0].metric("note_in_chord_chance"), marks: true }] : []),
      ],
      levels: () => [{ label: "people", value: runs()[0].data[name], colour: PEOPLE, dash: [6, 4] }],
    });
  });
}
