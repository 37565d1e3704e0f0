// All runs, or the one that the address names.

import { showAll } from "/static/runs/all.js";
import { showOne } from "/static/runs/one.js";

const name = decodeURIComponent(location.pathname.split("/")[2] ?? "");
document.getElementById(name ? "one" : "all").hidden = false;
if (name) showOne(name);
else showAll();
