"""Error pages: each shows what was found, what was expected, and the nearest valid choice."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from starlette.requests import Request
from starlette.responses import Response

from sensor.console.api import problems
from sensor.console.page_request import parameters, url_of
from sensor.console.render import bare
from sensor.console.security.keys import RequestUser
from sensor.console.security.session import Refused, user_of
from sensor.console.settings import Console
from sensor.inventory.store.database import StoreError
from sensor.views.errors import Ambiguous, NoData, NotReadable, Unknown, ViewError

# Of the pages that are suggested for an unknown one, 0 to 1.
LIKENESS = 0.6
LISTS = {"alerts": "alert", "devices": "device", "incidents": "incident"}


def refused(console: Console, request: Request, error: ViewError | Refused) -> Response:
    """A view that cannot answer, or a request without permission."""
    who, links = user_of(console, request), _links(request, error)
    title, status = _kind(error)
    if isinstance(error, NoData):
        title, links = "No data yet", [("/uploads", "Upload a capture")] if who is not None and who.may_write else []
    text = str(error)
    if isinstance(error, NotReadable):
        text = f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
    return bare(request, "error.jinja", title, status, text=text, links=links, who=who)


def no_page(console: Console, request: Request, known: Sequence[str]) -> Response:
    """A URL without a page."""
    near = get_close_matches(request.url.path, known, 3, LIKENESS)
    text, titles = f"No page {request.url.path[:200]}.", dict(request.app.state.nav)
    return bare(
        request,
        "error.jinja",
        "Page not found",
        404,
        text=text,
        links=[(path, titles.get(path, path)) for path in near],
        who=user_of(console, request),
    )


def unreadable(console: Console, request: Request, error: OSError) -> Response:
    """An error of the disk, or a missing permission of the console's user."""
    text = _unchanged(request, f"{error.filename or 'the state folder'}: {error.strerror or error}")
    return bare(request, "error.jinja", "Cannot read or write", 503, text=text, links=[], who=user_of(console, request))


def unavailable(request: Request, text: str) -> Response:
    """The database of users cannot be used: who sends the request is unknown."""
    if request.url.path.startswith("/api/"):
        return problems.of(NotReadable(text))
    return bare(request, "error.jinja", "Not available", 503, text=text, links=[])


def unusable(request: Request, error: StoreError, who: RequestUser) -> Response:
    """The inventory cannot be read because it is damaged, or cannot be written because of its version or its owner."""
    title = "Cannot write" if request.method == "POST" else "Cannot read or write"
    return bare(request, "error.jinja", title, 503, text=_unchanged(request, str(error)), links=[], who=who)


def _unchanged(request: Request, text: str) -> str:
    """For requests that change something: nothing was changed."""
    return f"{text}. Nothing was changed." if request.method == "POST" else f"{text}."


def not_logged_in(request: Request, text: str, status: int, again: str) -> Response:
    """A failed login at an identity provider. ``again``: URL of a new login."""
    return bare(request, "error.jinja", "Login failed", status, text=text, links=[(again, "Try again")])


def fault(request: Request) -> Response:
    """An internal error of the console."""
    text = (
        "The console could not process the request. The journal of its service contains the reason; the "
        "data of the sensor is not affected."
    )
    return bare(request, "error.jinja", "Internal error", 500, text=text, links=[("/", "Overview")])


def _kind(error: ViewError | Refused) -> tuple[str, int]:
    if isinstance(error, Refused):
        return "Not permitted", 403
    if isinstance(error, NotReadable):
        return "Not available", 503
    if isinstance(error, Unknown) and error.field in ("id", "dataset"):
        return "Not found", 404
    return "Invalid request", 400


def _links(request: Request, error: ViewError | Refused) -> list[tuple[str, str]]:
    """Links to the nearest valid choices."""
    path = request.url.path
    kind = path.strip("/").partition("/")[0]
    if isinstance(error, Ambiguous):
        return [(f"/{kind}/{name}", name) for name in error.candidates]
    if isinstance(error, Unknown) and error.field == "id" and kind in LISTS:
        return [(f"/{kind}/{name}", name) for name in error.known[:5]] + [(f"/{kind}", f"all {kind}")]
    if isinstance(error, Unknown) and error.near:
        return [(url_of(path, _corrected(request, error)), f"the same with {error.field} {error.near}")]
    if request.query_params.get("at"):
        given = request.query_params
        now = {key: given.getlist(key) for key in given if key not in ("at", "against")}
        return [(url_of(path, now), "the current state")]
    return [(path, "the same page without filters")] if request.url.query else []


def _corrected(request: Request, error: Unknown) -> dict[str, list[str]]:
    """The parameters with the unknown value replaced by the nearest valid one."""
    given = parameters(request.url.query)
    if error.field == "parameter":
        return {error.near if name == error.value else name: values for name, values in given.items()}
    name = "data" if error.field == "dataset" else error.field
    return {
        key: [error.near if key == name and value == error.value else value for value in values]
        for key, values in given.items()
    }
