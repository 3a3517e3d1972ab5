"""Login by a one-time link or by a password, and logout. The link opens a page with a button, so that programs that
prefetch links do not use it up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sensor.console.page_request import Given, form_of
from sensor.console.pages import errors
from sensor.console.render import bare
from sensor.console.security.guard import SAFE
from sensor.console.security.keys import SESSION_S
from sensor.console.security.passwords import MOST
from sensor.console.security.relying_party import party_of
from sensor.console.security.session import Refused, check_form, peer_of, user_of
from sensor.console.security.users import ROLES, User
from sensor.console.settings import Console
from sensor.views.errors import ViewError

Endpoint = Callable[[Request], Awaitable[Response]]


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

    async def by_password(request: Request) -> Response:
        try:
            form = await form_of(request)
        except ViewError as error:
            return await run_in_threadpool(errors.refused, console, request, error)
        return await run_in_threadpool(_by_password, console, request, form)

    return [
        Route("/login", by_password, methods=["POST"]),
        Route("/login/{secret}", offer, methods=["GET"]),
        Route("/login/{secret}", begin, methods=["POST"]),
        Route("/logout", end, methods=["POST"]),
    ]


def needed(console: Console, request: Request, *, failed: str = "") -> Response:
    """The page for a request without a session. SameSite=Strict withholds the cookie on links from other sites; one
    more click continues the session. ``failed``: ``password`` or ``passkey``, after a failed login with one.
    """
    query = f"?{request.url.query}" if request.url.query else ""
    again = f"{request.url.path}{query}" if request.method in SAFE else "/"
    passwords = any(user.has_password for user in console.users.all())
    party = party_of(console.place)
    passkeys = party is not None and console.passkeys.any(party.id)
    provider = console.oidc.host if console.oidc is not None else ""
    return bare(
        request, "login.jinja", "Log in", 401, name="", again=again, passwords=passwords, passkeys=passkeys,
        failed=failed, provider=provider,
    )  # fmt: skip


def refuse(console: Console, request: Request, failed: str, before: User | None) -> Response:
    """Count a failed login. ``before``: its user before the attempt, which may have locked it."""
    console.attempts.failed()
    user = console.users.get(before.name) if before is not None else None
    if user is not None and before is not None and user.locked and not before.locked:
        console.audit.add(user.name, "locked after failed logins", peer=peer_of(request))
    return needed(console, request, failed=failed)


def _offer(console: Console, request: Request) -> Response:
    name = "" if console.attempts.too_many else console.keys.peek(request.path_params["secret"])
    if not name:
        console.attempts.failed()
        return bare(request, "login.jinja", "Log in", 403, name="", again="")
    return bare(request, "login.jinja", "Log in", name=name, again="")


def _begin(console: Console, request: Request) -> Response:
    secret, peer = request.path_params["secret"], peer_of(request)
    session = "" if console.attempts.too_many else console.keys.begin(secret)
    who = console.keys.session(session) if session else None
    if who is None:
        console.attempts.failed()
        return bare(request, "login.jinja", "Log in", 403, name="", again="")
    console.audit.add(who.name, "login", peer=peer)
    return enter(console, RedirectResponse("/", 303), session)


def _by_password(console: Console, request: Request, form: Given) -> Response:
    """Unknown names, wrong passwords and locked users get the same response, which does not reveal existing names."""
    name, password = form.get("name", [""])[-1].strip(), form.get("password", [""])[-1]
    before = console.users.get(name)
    try:
        right = not console.attempts.too_many and len(password) <= MOST and console.users.check(name, password)
    except ViewError as error:
        return errors.refused(console, request, error)
    user = console.users.get(name)
    if not right or user is None:
        return refuse(console, request, "password", before)
    console.audit.add(name, "login by password", peer=peer_of(request))
    return enter(console, RedirectResponse("/", 303), console.keys.open(name, ROLES[user.role]))


def enter(console: Console, answer: Response, session: str, lasts: int = SESSION_S) -> Response:
    """A response that starts a session. ``lasts``: seconds."""
    secure = console.place.secure
    answer.set_cookie(console.cookie, session, max_age=lasts, httponly=True, samesite="strict", secure=secure, path="/")
    return answer


def _end(console: Console, request: Request, form: Given) -> Response:
    who = user_of(console, request)
    if who is not None:
        try:
            check_form(who, form, write=False)
        except Refused as error:
            return errors.refused(console, request, error)
        console.keys.end(request.cookies.get(console.cookie, ""))
        console.audit.add(who.name, "logout", peer=peer_of(request))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(console.cookie, path="/", secure=console.place.secure, httponly=True, samesite="strict")
    return answer
