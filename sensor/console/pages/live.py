"""Live updates: server-sent events for open pages. A page is notified of changes and reloads without losing
its place.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sensor.console.page_request import parameters
from sensor.console.pages import login
from sensor.console.security.session import user_of
from sensor.console.settings import Console
from sensor.console.stream import changes, sse
from sensor.views.errors import ViewError


def routes(console: Console) -> list[BaseRoute]:
    async def live(request: Request) -> Response:
        who = await run_in_threadpool(user_of, console, request)
        if who is None:
            return login.needed(console, request)
        try:
            dataset = await run_in_threadpool(
                console.sources.dataset, parameters(request.url.query).get("data", [""])[-1], who.name
            )
        except ViewError:
            return Response(status_code=204)  # an EventSource does not reconnect
        return sse(changes(dataset.log))

    return [Route("/live", live, methods=["GET"])]
