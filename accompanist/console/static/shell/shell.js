// The shell: says when the server has gone, and when it is back.

import { send } from "./api.js";

const EVERY_MS = 4000;
const GONE_EVERY_MS = 1000;
const banner = document.getElementById("gone");
let gone = false;
let timer = 0;

async function look() {
  clearTimeout(timer);
  const there = await send("/api/alive").then((answer) => answer.ok, () => false);
  if (there === gone) {
    gone = !there;
    banner.hidden = there;
    banner.textContent = there ? "" : "The server has gone. What trains or plays goes on without it; this page comes back by itself when it does.";
    document.body.classList.toggle("is-gone", gone);
    dispatchEvent(new CustomEvent(there ? "server-back" : "server-gone"));
  }
  timer = setTimeout(look, gone ? GONE_EVERY_MS : EVERY_MS);
}

addEventListener("server-missing", look); // from whoever notices first
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
timer = setTimeout(look, EVERY_MS);
