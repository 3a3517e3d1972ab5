"""Upload of captures: in parts sent by a script, the state of each upload, and its dataset."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

import anyio
import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sensor.console.page_request import form_of
from sensor.console.pages import errors, login
from sensor.console.render import bare
from sensor.console.security.keys import RequestUser
from sensor.console.security.session import Refused, check_form, peer_of, user_of
from sensor.console.settings import Console
from sensor.console.uploads import MOST, PART, Upload
from sensor.views.errors import Malformed, Unknown, ViewError

Work = Callable[[Console, Request, RequestUser], Awaitable[Response]]
# A client that sends nothing for this long is gone, or slow on purpose.
SECONDS = 30.0
HEADER = "x-csrf-token"


def routes(console: Console) -> list[BaseRoute]:
    return [
        Route("/uploads", _endpoint(console, _page), methods=["GET"]),
        Route("/uploads", _endpoint(console, _begin), methods=["POST"]),
        Route("/uploads/remove", _endpoint(console, _remove), methods=["POST"]),
        Route("/uploads/{id}", _endpoint(console, _state), methods=["GET"]),
        Route("/uploads/{id}", _endpoint(console, _append), methods=["POST"]),
    ]


def _endpoint(console: Console, work: Work) -> login.Endpoint:
    async def endpoint(request: Request) -> Response:
        who = await run_in_threadpool(user_of, console, request)
        if who is None:
            return await run_in_threadpool(login.needed, console, request)
        try:
            return await work(console, request, who)
        except (ViewError, Refused) as error:
            return await run_in_threadpool(_failed, console, request, error)
        except OSError as error:
            return await run_in_threadpool(errors.unreadable, console, request, error)

    return endpoint


def _failed(console: Console, request: Request, error: ViewError | Refused) -> Response:
    """The error as text for the script, as a page for the user."""
    if HEADER in request.headers:
        status = 403 if isinstance(error, Refused) else 404 if isinstance(error, Unknown) else 400
        return _json({"error": str(error)}, status)
    return errors.refused(console, request, error)


async def _page(console: Console, request: Request, who: RequestUser) -> Response:
    found = await run_in_threadpool(console.uploads.all)
    return await run_in_threadpool(
        lambda: bare(request, "uploads.jinja", "Uploads", who=who, uploads=found, most=MOST, part=PART)
    )


async def _state(console: Console, request: Request, who: RequestUser) -> Response:  # noqa: ARG001
    return _shown(await run_in_threadpool(console.uploads.get, request.path_params["id"]))


async def _begin(console: Console, request: Request, who: RequestUser) -> Response:
    """Start an upload from a form with ``name`` and ``size``; the response contains its id."""
    form = await form_of(request)
    check_form(who, form)
    name, size = form.get("name", [""])[-1], form.get("size", [""])[-1]
    if not size.isascii() or not size.isdigit() or len(size) > 15:
        raise Malformed("size", size, "a number of bytes")
    console.audit.add(who.name, "upload", peer=peer_of(request), text=f"{name}, {int(size):,} bytes")
    return _shown(await run_in_threadpool(console.uploads.begin, name, int(size), who.name))


async def _append(console: Console, request: Request, who: RequestUser) -> Response:
    """A raw part, with its position in ``offset`` and the session's token in a header."""
    if not who.csrf or not hmac.compare_digest(request.headers.get(HEADER, "").encode(), who.csrf.encode()):
        raise Refused("The part does not belong to this session: open the page again.")
    if not who.may_write:
        raise Refused(f"{who.name} has read access only.")
    offset = request.query_params.get("offset", "")
    if not offset.isascii() or not offset.isdigit() or len(offset) > 15:
        raise Malformed("offset", offset, "a number of bytes")
    data = await _part(request)
    return _shown(await run_in_threadpool(console.uploads.append, request.path_params["id"], int(offset), data))


async def _part(request: Request) -> bytes:
    """The bytes of a part. Raises Malformed if it is too long, too slow, or incomplete."""
    data, parts = bytearray(), request.stream().__aiter__()
    try:
        while True:
            with anyio.fail_after(SECONDS):
                data += await anext(parts)
            if len(data) > PART:
                raise Malformed("part", f"more than {PART:,} bytes", "less")
    except StopAsyncIteration:
        return bytes(data)
    except (TimeoutError, ClientDisconnect):
        raise Malformed("part", f"{len(data):,} bytes before the end", "all of it") from None


async def _remove(console: Console, request: Request, who: RequestUser) -> Response:
    form = await form_of(request)
    check_form(who, form)
    name = form.get("id", [""])[-1]
    console.audit.add(who.name, "upload remove", peer=peer_of(request), text=name)
    await run_in_threadpool(console.uploads.remove, name)
    return RedirectResponse("/uploads", 303)


def _shown(upload: Upload) -> Response:
    return _json(upload, 200)


def _json(body: object, status: int) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
