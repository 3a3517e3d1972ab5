"""Color theme: system, light or dark. It is stored in a cookie, so that pages have it before any script runs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sensor.console.page_request import form_of, own_path
from sensor.console.pages import errors
from sensor.console.render import THEMES
from sensor.console.settings import Console
from sensor.views.errors import ViewError

YEAR_S = 365 * 86400


def routes(console: Console) -> list[BaseRoute]:
    async def choose(request: Request) -> Response:
        try:
            form = await form_of(request)
        except ViewError as error:
            return errors.refused(console, request, error)
        theme, back = form.get("theme", [""])[-1], form.get("back", ["/"])[-1]
        answer = RedirectResponse(own_path(back), 303)
        if theme in THEMES:
            answer.set_cookie(
                "theme", theme, max_age=YEAR_S, httponly=True, samesite="strict", secure=console.place.secure
            )
        return answer

    return [Route("/theme", choose, methods=["POST"])]
