"""Paths that only forms are sent to. After a failed form, the browser shows such a path: a reload or a bookmark of it
leads to the page with the form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route


def to_pages(routes: Iterable[BaseRoute]) -> list[Route]:
    """A redirect for each path without a page. Put them before the other routes, whose placeholders also match them."""
    methods = dict[str, set[str]]()
    for one in routes:
        if isinstance(one, Route):
            methods.setdefault(one.path, set()).update(one.methods or ())
    pages = {path for path, some in methods.items() if "GET" in some}
    return [Route(path, _to(_above(path, pages)), methods=["GET"]) for path in methods if path not in pages]


def _above(path: str, pages: set[str]) -> str:
    """The nearest page above a path."""
    while path and path not in pages:
        path = path.rpartition("/")[0]
    return path or "/"


def _to(page: str) -> Callable[[Request], Response]:
    def redirect(request: Request) -> Response:
        return RedirectResponse(f"{page}?{request.url.query}" if request.url.query else page, 303)

    return redirect
