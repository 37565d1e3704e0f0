"""Who may ask what: every request passes here before anything else sees it.

- **Host.** A name that someone else's DNS may point at this machine (DNS rebinding) is refused: accepted are addresses
  written as numbers, `localhost`, and the names the console was told to serve.
- **Origin.** A request that another site's page made is refused, whatever it asks.
- **Sign-in.** With a token (always, where others on the network can reach us) nothing but the sign-in page and the
  shell's own files is given to who has not signed in.
- **Writes.** Whatever is no GET needs the session's secret twice: as a cookie, which only this site gets, and as a
  header, which only a script of this site can set.
- Every answer carries a content security policy without inline script, and says that no other site may frame or embed
  it.
- **Pages from elsewhere.** A run's report is one file with its script inside, written by another program. It is given
  in a sandbox (`SANDBOX`): its script runs as of no site at all, so it has none of our cookies, can ask us nothing and
  sends nothing anywhere.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from accompanist.console.responses import refused

TOKEN_HEADER = "x-accompanist-token"  # noqa: S105 (a header's name)
READS = frozenset({"GET", "HEAD", "OPTIONS"})
SIGN_IN = "/sign-in"
_OPEN = (SIGN_IN, "/static/shell/", "/static/sign-in/")
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


SANDBOX = {
    "content-security-policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data:; media-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "unsafe-none",  # browsers show no sandboxed page that asks for more
}
"""Headers of a page that holds all it needs and is not ours: no site, no network; they go before the usual ones."""


@dataclass(frozen=True)
class Access:
    """The rules of one console.

    Args:
        hosts: Names it is served under, besides addresses and localhost; lower case.
        token: What a person signs in with; empty: nobody needs to.
        session: The secret of this console, in the cookie and the header.
        cookie: The cookie's name; cookies do not tell ports apart, so it should.
    """

    hosts: frozenset[str]
    token: str
    session: str
    cookie: str

    @classmethod
    def fresh(cls, port: int, token: str = "", hosts: Iterable[str] = ()) -> Access:
        """Rules with a new secret."""
        return cls(frozenset(host.lower() for host in hosts), token, secrets.token_urlsafe(32), f"accompanist-{port}")

    def knows(self, request: Request) -> bool:
        """Whether the request comes with the session's cookie."""
        return same(_cookie(request, self.cookie), self.session)

    def grant(self, response: Response) -> Response:
        """Give the session's cookie along: to this site alone, and to no script."""
        response.set_cookie(self.cookie, self.session, httponly=True, samesite="strict", path="/")
        return response

    def serves(self, host: str) -> bool:
        """Whether a Host header names this console."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name == "localhost" or name in self.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def same(given: str, secret: str) -> bool:
    """Whether both are equal, in a time that does not tell how far they are."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), secret.encode())


class Guard:
    """The middleware that keeps the rules."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] == "websocket":  # there are none here
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        request = Request(scope)
        answer = self._foreign(request) or self._stranger(request)
        await (answer or self.app)(scope, receive, guarded)

    def _foreign(self, request: Request) -> Response | None:
        """Refuse what was sent under another name or by another site."""
        host = request.headers.get("host", "")
        if not self.access.serves(host):
            return refused(
                request, 421, f"the console is not served as {host!r}", "use the address that it printed at its start"
            )
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            return refused(request, 403, f"a page of {origin!r} asked for this; only the console's own pages may")
        return None

    def _stranger(self, request: Request) -> Response | None:
        """Refuse who has not signed in, and writes without the session's token."""
        path = request.url.path
        if path.startswith(_OPEN):
            return None
        signed_in = self.access.knows(request)
        if self.access.token and not signed_in:
            if request.method in READS and not path.startswith("/api/"):
                return RedirectResponse(f"{SIGN_IN}?to={quote(path, safe='/')}", 303)
            return refused(request, 401, "sign in first", "open the address that the console printed at its start")
        if request.method in READS:
            return None
        if not (signed_in and same(request.headers.get(TOKEN_HEADER, ""), self.access.session)):
            return refused(request, 403, "this changes something and lacks this session's token", "reload the page")
        return None


def _cookie(request: Request, name: str) -> str:
    # Not request.cookies: one cookie of another program on this machine that Starlette cannot read would hide ours.
    for part in request.headers.get("cookie", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""
