// Events from the server that go on after a break, and rest while nobody looks: a browser keeps only six connections open.
//
//   const stop = live("/api/runs/0001-x/events", { step: (data, id) => ..., end: () => ... });

const AGAIN_MS = 2000;

export function live(path, handlers) {
  let source = null;
  let last = null;
  let timer = 0;
  let over = false;

  function open() {
    clearTimeout(timer);
    if (over || source || document.hidden) return;
    const joined = path.includes("?") ? "&" : "?";
    source = new EventSource(last === null ? path : `${path}${joined}after=${encodeURIComponent(last)}`);
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        last = event.lastEventId || last;
        if (name === "end") stop();
        handle(event.data ? JSON.parse(event.data) : null, event.lastEventId);
      });
    }
    if (!handlers.end) source.addEventListener("end", stop);
    source.onerror = () => {
      dispatchEvent(new CustomEvent("server-missing"));
      close(); // the browser gives up for good after some errors; this does not
      timer = setTimeout(open, AGAIN_MS);
    };
  }

  function close() {
    source?.close();
    source = null;
  }

  function seen() {
    if (document.hidden) close();
    else open();
  }

  function stop() {
    over = true;
    clearTimeout(timer);
    close();
    document.removeEventListener("visibilitychange", seen);
    removeEventListener("server-back", open);
  }

  document.addEventListener("visibilitychange", seen);
  addEventListener("server-back", open);
  open();
  return stop;
}
