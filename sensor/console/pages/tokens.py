"""API tokens: administrators see who reads and writes with one, since when and until when, and revoke it. A token is
created with ``sensor console token``, which prints its secret once.
"""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sensor.console.page_request import Given
from sensor.console.pages.users import check_manager
from sensor.console.render import bare
from sensor.console.request_handling import endpoint
from sensor.console.security.keys import RequestUser
from sensor.console.security.session import peer_of
from sensor.console.security.users import ROLES
from sensor.console.settings import Console
from sensor.views.errors import Unknown, one_of

PATH = "/tokens"


def routes(console: Console) -> list[BaseRoute]:
    return [
        Route(PATH, endpoint(console, _tokens, write=False), methods=["GET"]),
        Route(PATH, endpoint(console, _revoke, write=False), methods=["POST"]),
    ]


def _tokens(console: Console, request: Request, who: RequestUser, _: Given) -> Response:
    check_manager(who)
    roles = {scope: role for role, scope in ROLES.items()}
    return bare(
        request, "tokens.jinja", "API tokens", who=who, tokens=console.keys.tokens(), roles=roles, now=time.time()
    )


def _revoke(console: Console, request: Request, who: RequestUser, form: Given) -> Response:
    check_manager(who)
    action, number = form.get("action", [""])[-1], form.get("token", [""])[-1]
    one_of("action", [action], ("revoke",))
    found = [one for one in console.keys.tokens() if one.id == number]
    if not found or not console.keys.revoke(number):
        raise Unknown("token", number, [one.id for one in console.keys.tokens()])
    console.audit.add(who.name, "token revoke", peer=peer_of(request), text=f"{number} {found[0].name}")
    return RedirectResponse(PATH, 303)
