// A sentence to the person, for some seconds or until it is closed.

const KEPT_MS = 8000;

export function notice(text, { hint = "", wrong = false } = {}) {
  const box = element("div", { class: wrong ? "notice wrong" : "notice" }, element("p", {}, text));
  if (hint) box.append(element("p", { class: "hint" }, hint));
  const close = element("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => box.remove());
  box.append(close);
  document.getElementById("notices").append(box);
  if (!wrong) setTimeout(() => box.remove(), KEPT_MS);
}

// Do something and say what went wrong, if anything. Returns what it gives, or null.
export async function tried(doing) {
  try {
    return await doing();
  } catch (error) {
    notice(error.message, { hint: error.hint, wrong: true });
    return null;
  }
}

// An element with attributes and children; text stays text, whatever it holds.
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}
