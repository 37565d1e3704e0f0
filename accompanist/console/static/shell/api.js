// Asking the server. A write carries the session's token, which is fetched once and again when the server is another one.

let token = null;

export class Refused extends Error {
  constructor(status, message, hint) {
    super(message);
    this.status = status;
    this.hint = hint ?? "";
  }
}

// fetch, with a bound on how long the server may be silent.
export async function send(path, options = {}, limitMs = 60000) {
  try {
    return await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(limitMs), ...options });
  } catch (error) {
    if (path !== "/api/alive") dispatchEvent(new CustomEvent("server-missing"));
    throw new Refused(0, "The server does not answer.", error.message);
  }
}

async function answerOf(response) {
  if (response.status === 401) location.assign(`/sign-in?to=${encodeURIComponent(location.pathname)}`);
  const said = response.headers.get("content-type")?.startsWith("application/json") ? await response.json() : null;
  if (!response.ok) throw new Refused(response.status, said?.error ?? `The server answered ${response.status}.`, said?.hint);
  return said;
}

export const get = async (path) => answerOf(await send(path));

// A write. `body` is sent as JSON; a Blob or ArrayBuffer as it is.
export async function post(path, body = {}, method = "POST") {
  const raw = body instanceof Blob || body instanceof ArrayBuffer;
  for (const again of [false, true]) {
    token ??= (await get("/api/session")).token;
    const response = await send(path, {
      method,
      headers: { "x-accompanist-token": token, "content-type": raw ? "application/octet-stream" : "application/json" },
      body: raw ? body : JSON.stringify(body),
    });
    if (response.status !== 403 || again) return answerOf(response);
    token = null; // the server was started anew: it has another
  }
}
