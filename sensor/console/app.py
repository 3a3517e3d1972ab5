"""The application: its routes, and the middleware before all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sensor.console.api.routes import api_routes
from sensor.console.form_paths import to_pages
from sensor.console.pages import (
    alert,
    alert_actions,
    alerts,
    audit,
    configuration,
    device,
    device_actions,
    devices,
    errors,
    firewall,
    health,
    help_texts,
    hunt,
    incident,
    incidents,
    lists,
    live,
    login,
    mute,
    mute_marked,
    mutes,
    oidc,
    overview,
    packets,
    passkeys,
    posture,
    proof,
    recommendations,
    reports,
    rules,
    search,
    theme,
    tickets,
    timeline,
    tokens,
    topology,
    traffic,
    upload,
    users,
    view_actions,
    vulnerabilities,
)  # fmt: skip
from sensor.console.render import NAV
from sensor.console.request_handling import Page, endpoint, of_dataset
from sensor.console.security.guard import Guard
from sensor.console.settings import Console
from sensor.views.errors import NotReadable

STATIC = Path(__file__).parent / "static"
# Limit of concurrent reads: each has a connection with its own cache of a few MiB.
AT_ONCE = 12

PAGES: dict[str, Page] = {
    "/": overview.page,
    "/devices": devices.page,
    "/devices/{id}": device.page,
    "/devices/{id}/proof": proof.page,
    "/alerts": alerts.page,
    "/alerts/{id}": alert.page,
    "/alerts/{id}/packets.pcapng": packets.page,
    "/alerts/{id}/mute": mute.page,
    "/alerts/{id}/firewall": firewall.page,
    "/mutes": mutes.page,
    "/map": topology.page,
    "/traffic": traffic.page,
    "/traffic.csv": traffic.csv_page,
    "/incidents": incidents.page,
    "/incidents/{id}": incident.page,
    "/recommendations": recommendations.page,
    "/timeline": timeline.page,
    "/posture": posture.page,
    "/vulnerabilities": vulnerabilities.page,
    "/tickets": tickets.page,
    "/hunt": hunt.page,
    "/hunt.csv": hunt.csv_page,
    "/hunt.jsonl": hunt.lines_page,
    "/hunt/all": hunt.all_page,
    "/lists": lists.page,
    "/lists/{name}": lists.one,
    "/rules": rules.page,
    "/rules/new": rules.new,
    "/rules/{name}": rules.one,
    "/search": search.page,
    "/health": health.page,
    "/audit": audit.page,
}
ACTIONS: dict[str, Page] = {
    "/alerts/act": alert_actions.act,
    "/alerts/undo": alert_actions.undo,
    "/alerts/mute": mute_marked.act,
    "/alerts/unmute": mute.undo,
    "/alerts/{id}/mute": mute.act,
    "/mutes/act": mutes.act,
    "/lists/act": lists.act,
    "/rules/act": rules.act,
    "/hunt/act": hunt.act,
    "/views/act": view_actions.act,
    "/devices/act": device_actions.act,
    "/devices/undo": device_actions.undo,
}


class Content(NamedTuple):
    """What a console serves in addition to login, users and the API. ``nav``: paths and titles of the menu; ``routes``:
    other routes.
    """

    pages: Mapping[str, Page]
    actions: Mapping[str, Page]
    nav: Sequence[tuple[str, str]]
    routes: Sequence[BaseRoute]


def app_of(console: Console) -> Starlette:
    """The application of a sensor. ``console``: what requests share."""
    more = [one for part in (upload, reports, configuration, live) for one in part.routes(console)]
    return app_with(console, Content(PAGES, ACTIONS, NAV, more))


def app_with(console: Console, content: Content) -> Starlette:
    """An application with this content."""
    routes: list[BaseRoute] = [
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/favicon.ico", _icon, methods=["GET"]),
        *login.routes(console),
        *oidc.routes(console),
        *passkeys.routes(console),
        *theme.routes(console),
        *help_texts.routes(console),
        *users.routes(console),
        *tokens.routes(console),
        *content.routes,
    ]
    for several, method in ((content.actions, "POST"), (content.pages, "GET")):
        routes += [Route(path, endpoint(console, of_dataset(page)), methods=[method]) for path, page in several.items()]
    routes = [*to_pages(routes), *routes, *api_routes(console)]

    guard = Middleware(Guard, names=console.place.names, secure=console.place.secure)
    app = Starlette(
        routes=routes,
        middleware=[guard],
        exception_handlers=_handlers(console, content),
        lifespan=_lifespan,
    )
    app.state.languages, app.state.nav = console.languages, content.nav
    return app


def _handlers(console: Console, content: Content) -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    """The pages of errors, by status and by exception."""

    async def missing(request: Request, _: Exception) -> Response:
        return await run_in_threadpool(
            errors.no_page, console, request, [path for path in content.pages if "{" not in path and "." not in path]
        )

    async def failed(request: Request, _: Exception) -> Response:
        return errors.fault(request)

    async def unavailable(request: Request, error: Exception) -> Response:
        return errors.unavailable(request, str(error))

    async def unwritable(request: Request, error: Exception) -> Response:
        found = error if isinstance(error, OSError) else OSError(str(error))
        return await run_in_threadpool(errors.unreadable, console, request, found)

    return {404: missing, 405: missing, 500: failed, NotReadable: unavailable, OSError: unwritable}


async def _icon(_: Request) -> Response:
    """Where browsers look for the icon of a response that names none, such as a file or JSON."""
    return FileResponse(STATIC / "icon.svg")


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = AT_ONCE
    yield
