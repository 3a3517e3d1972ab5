"""The guard in front of all routes: checks which requests a browser may send, and sets headers of every response.

Loopback is not authentication: any page open in a browser on the same host can send requests. The Host check prevents
DNS rebinding; Origin and Sec-Fetch-Site (Fetch Metadata Request Headers, W3C) prevent requests from other sites.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
    "'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers send `Origin: null` with the console's own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000"
SAFE = frozenset(("GET", "HEAD"))
METHODS = ("GET", "HEAD", "POST")
# The API answers these with the methods that the path has.
API, API_METHODS = "/api/", ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


class Guard:
    """Rejects requests before routing."""

    def __init__(self, app: ASGIApp, names: frozenset[str], *, secure: bool) -> None:
        """``names``: host names without ports; ``secure``: browsers use HTTPS."""
        self._app, self._names, self._secure = app, names, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no page uses WebSockets
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self.refusal(scope["method"], scope["path"], Headers(scope=scope))
        answer = _answer(*refusal) if refusal is not None else self._app
        await answer(scope, receive, self._with_headers(scope, send))

    def refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        """Status and reason of a rejection; None if a request is permitted."""
        host = headers.get("host", "")
        if _without_port(host) not in self._names:
            return 421, "this is not the name of the console: use the URL that it printed, or set --public-url"
        if method not in METHODS and not (path.startswith(API) and method in API_METHODS):
            return 405, "expected GET, HEAD or POST"
        site = headers.get("sec-fetch-site", "none")
        if method not in SAFE:
            origin = headers.get("origin")
            if site not in ("same-origin", "none") or (
                origin is not None and origin != f"{'https' if self._secure else 'http'}://{host}"
            ):
                return 403, "the request came from another site"
        elif site in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
            return 403, "the request came from another site"
        return None

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        static = scope["path"].startswith("/static/")

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if self._secure:
                    headers["Strict-Transport-Security"] = HSTS
                if not static:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return sending


def _answer(status: int, reason: str) -> PlainTextResponse:
    """With the permitted methods (RFC 9110, 15.5.6)."""
    return PlainTextResponse(f"{reason}\n", status, {"Allow": ", ".join(METHODS)} if status == 405 else None)


def _without_port(host: str) -> str:
    """``[::1]:8765`` is ``[::1]``."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()
