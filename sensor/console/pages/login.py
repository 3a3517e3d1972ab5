"""Login by a one-time link, and logout. The link shows a button: a program that only looks at links uses none up."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sensor.console.ask import form_of
from sensor.console.pages import errors
from sensor.console.render import bare
from sensor.console.security.keys import SESSION_S
from sensor.console.security.session import Refused, check_form, user_of
from sensor.console.settings import Console
from sensor.views.errors import ViewError


def routes(console: Console) -> list[BaseRoute]:
    async def offer(request: Request) -> Response:
        return await run_in_threadpool(_offer, console, request)

    async def begin(request: Request) -> Response:
        return await run_in_threadpool(_begin, console, request)

    async def end(request: Request) -> Response:
        try:
            form = await form_of(request)
        except ViewError as error:
            return await run_in_threadpool(errors.refused, console, request, error)
        return await run_in_threadpool(_end, console, request, form)

    return [
        Route("/login/{secret}", offer, methods=["GET"]),
        Route("/login/{secret}", begin, methods=["POST"]),
        Route("/logout", end, methods=["POST"]),
    ]


def needed(request: Request) -> Response:
    """What who has no session sees. A session whose cookie a link from another site did not send (SameSite=Strict) goes
    on by one more click.
    """
    query = f"?{request.url.query}" if request.url.query else ""
    return bare(request, "login.jinja", "Log in", 401, name="", again=f"{request.url.path}{query}")


def _offer(console: Console, request: Request) -> Response:
    name = "" if console.attempts.too_many else console.keys.peek(request.path_params["secret"])
    if not name:
        console.attempts.failed()
        return bare(request, "login.jinja", "Log in", 403, name="", again="")
    return bare(request, "login.jinja", "Log in", name=name, again="")


def _begin(console: Console, request: Request) -> Response:
    secret, peer = request.path_params["secret"], request.client.host if request.client is not None else "unix"
    session = "" if console.attempts.too_many else console.keys.begin(secret)
    who = console.keys.session(session) if session else None
    if who is None:
        console.attempts.failed()
        return bare(request, "login.jinja", "Log in", 403, name="", again="")
    console.audit.add(who.name, "login", peer=peer)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        console.cookie,
        session,
        max_age=SESSION_S,
        httponly=True,
        samesite="strict",
        secure=console.place.secure,
        path="/",
    )
    return answer


def _end(console: Console, request: Request, form: dict[str, list[str]]) -> Response:
    who = user_of(console, request)
    if who is not None:
        try:
            check_form(who._replace(scope="write"), form)
        except Refused as error:
            return errors.refused(console, request, error)
        console.keys.end(request.cookies[console.cookie])
        console.audit.add(who.name, "logout", peer=request.client.host if request.client is not None else "unix")
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(console.cookie, path="/", secure=console.place.secure, httponly=True, samesite="strict")
    return answer
