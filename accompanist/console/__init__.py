"""The console: training, its runs, the models and the stage in a browser, from a process of its own.

A page is two things: a module of `accompanist.console.pages` (its routes) and a folder of `static/` (what the browser
gets). To add one:

1. `static/NAME/page.html`, what stands inside <main>; `static/NAME/page.js`, an ES module that brings it to life; and
   `static/NAME/page.css`, where the shell's style does not do. No inline script or style: the browser refuses them.
2. `accompanist/console/pages/NAME.py` with `def page(services: Services) -> Page`, which gives its title and routes:
   `/NAME` is the page itself (made by the shell), `/api/NAME/...` what its module asks for.
3. Its module in `PAGES` of `accompanist.console.app`, in the order of the navigation.

What a handler needs:

    responses.py   answers as JSON, refusals with their hint; bodies read with a bound and a type
    events.py      server-sent events that go on where they broke off
    services.py    what all pages share: folders, clock, sounds

and the browser's side in `static/shell/`: `api.js` (fetch with the token that writes need), `live.js` (events that go
on after a break), `notice.js` (what went wrong, said to the person).
"""
