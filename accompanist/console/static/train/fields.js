// The form's fields, as the server tells them: kinds, bounds, meanings. Checked as they are typed.

import { element } from "/static/shell/notice.js";

const OPEN = new Set(["Model", "How long"]);
const title = (name) => name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");

export class Fields {
  constructor(box, fields, typed) {
    this.fields = new Map(fields.map((field) => [field.name, field]));
    const groups = [...new Set(fields.map((field) => field.group))];
    box.replaceChildren(...groups.map((group) => element("details", { class: "panel", open: OPEN.has(group) },
      element("summary", {}, group),
      element("div", { class: "fields" }, fields.filter((field) => field.group === group).map((field) => this.#made(field))))));
    box.addEventListener("input", (event) => {
      const field = this.fields.get(event.target.name);
      if (field) this.#show(field.name, this.problem(field));
      typed();
    });
    this.recipe();
  }

  #made(field) {
    const id = `field-${field.name}`, about = `about-${field.name}`;
    const shared = { id, name: field.name, "aria-describedby": `${about} problem-${field.name}`, autocomplete: "off" };
    let input;
    if (field.kind === "choice") input = element("select", shared, field.choices.map((choice) => element("option", { value: String(choice) }, String(choice))));
    else if (field.kind === "switch") input = element("input", { ...shared, type: "checkbox" });
    else input = element("input", { ...shared, type: "text", inputmode: field.kind === "whole" ? "numeric" : field.kind === "number" ? "decimal" : "text" });
    field.input = input;
    this.#put(field, field.default);
    return element("div", { class: "field", "data-recipe": field.recipe ?? "" },
      element("label", { for: id }, title(field.name)),
      input,
      element("p", { class: "hint", id: about }, [field.meaning, bounds(field)].filter(Boolean).join(" ")),
      element("p", { class: "problem", id: `problem-${field.name}`, role: "status" }));
  }

  #put(field, value) {
    if (field.kind === "switch") field.input.checked = Boolean(value);
    else field.input.value = Array.isArray(value) ? value.join(", ") : String(value);
  }

  // Settings that differ from the defaults, as the server takes them; what it cannot be is sent as it was typed.
  values() {
    const found = {};
    for (const field of this.fields.values()) {
      if (!this.#fits(field)) continue;
      const value = this.#value(field);
      if (field.kind === "list" ? value.join(", ") !== field.default : value !== field.default) found[field.name] = value;
    }
    return found;
  }

  #value(field) {
    if (field.kind === "switch") return field.input.checked;
    const text = field.input.value.trim();
    if (field.kind === "choice") return field.choices.find((choice) => String(choice) === text);
    if (field.kind === "list") return text.split(",").map((part) => part.trim()).filter(Boolean);
    if (field.kind === "text" || text === "" || Number.isNaN(Number(text))) return text;
    return Number(text);
  }

  #fits(field) {
    return !field.recipe || field.recipe === this.fields.get("model").input.value;
  }

  problem(field) {
    if (field.kind !== "whole" && field.kind !== "number") return "";
    const value = this.#value(field);
    if (typeof value !== "number") return `${title(field.name)} is ${value === "" ? "empty" : `"${value}"`}; a ${field.kind === "whole" ? "whole number" : "number"} is needed.`;
    if (field.kind === "whole" && !Number.isInteger(value)) return `${title(field.name)} is ${value}; a whole number is needed.`;
    const wrong = (field.least !== undefined && value < field.least) || (field.most !== undefined && value > field.most) || (field.above !== undefined && value <= field.above) || (field.below !== undefined && value >= field.below);
    return wrong ? `${title(field.name)} is ${value}. ${bounds(field)}` : "";
  }

  sound() {
    return [...this.fields.values()].every((field) => !this.#fits(field) || !this.problem(field));
  }

  set(values) {
    for (const field of this.fields.values()) {
      this.#put(field, values[field.name] ?? field.default);
      this.#show(field.name, this.problem(field));
    }
  }

  // Only what the chosen recipe has.
  recipe() {
    for (const field of this.fields.values()) field.input.closest(".field").hidden = !this.#fits(field);
    for (const group of document.querySelectorAll("#groups details")) group.hidden = ![...group.querySelectorAll(".field")].some((field) => !field.hidden);
  }

  // What the server found; returns the names of those that are shown.
  tell(problems) {
    for (const field of this.fields.values()) this.#show(field.name, this.problem(field) || (problems[field.name] ?? ""));
    return new Set(this.fields.keys());
  }

  #show(name, text) {
    const { input } = this.fields.get(name);
    input.setAttribute("aria-invalid", text ? "true" : "false");
    document.getElementById(`problem-${name}`).textContent = text;
    if (text) input.closest("details").open = true;
  }
}

function bounds(field) {
  const parts = [];
  if (field.least !== undefined) parts.push(`at least ${field.least}`);
  if (field.above !== undefined) parts.push(`above ${field.above}`);
  if (field.most !== undefined) parts.push(`at most ${field.most}`);
  if (field.below !== undefined) parts.push(`below ${field.below}`);
  return parts.length ? `Accepted: ${parts.join(", ")}.` : "";
}
