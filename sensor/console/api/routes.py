"""Routes of the API. A token (RFC 6750) or a browser session may read; only a token may write."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from sensor.console.api import problems, resources, types
from sensor.console.api.export import exported, format_of
from sensor.console.api.openapi import BASE, openapi
from sensor.console.api.replies import HEADER, Busy
from sensor.console.api.resources import RESOURCES, Resource
from sensor.console.api.writing import WRITES, Write
from sensor.console.page_request import PageRequest, body_of, parameters
from sensor.console.security.guard import API_METHODS
from sensor.console.security.keys import RequestUser
from sensor.console.security.session import Refused, bearer_of, user_of
from sensor.console.settings import Console
from sensor.console.stream import records, sse
from sensor.datasets.card import SITE
from sensor.views.errors import Malformed, NotReadable, ViewError, one_of
from sensor.views.moments import KINDS

Endpoint = Callable[[Request], Awaitable[Response]]


def api_routes(console: Console) -> list[BaseRoute]:
    async def described(_: Request) -> Response:
        return Response(msgspec.json.encode(openapi()), media_type="application/json")

    async def missing(http: Request) -> Response:
        known = [one for one in found[:-1] if one.matches(http.scope)[0] is Match.PARTIAL]
        allowed = {method for one in known for method in one.methods or ()}
        return problems.no_such_path(http.url.path) if not allowed else problems.wrong_method(http, allowed)

    found = [Route(f"{BASE}/openapi.json", described, methods=["GET"])]
    found += [Route(BASE + resource.path, _reading(console, resource), methods=["GET"]) for resource in RESOURCES]
    found += [Route(BASE + one.path, _writing(console, one), methods=["POST"]) for one in WRITES]
    found.append(Route(f"{BASE}/events", _streaming(console), methods=["GET"]))
    found.append(Route("/api/{path:path}", missing, methods=["GET", "POST", *API_METHODS]))
    return list(found)


def _reading(console: Console, resource: Resource) -> Endpoint:
    def read(request: PageRequest) -> Response:
        if resource.files:
            file: Response = resource.answer(request)
            return file
        one_of("sort", [request.first("sort")] if request.first("sort") else [], resource.sorts)
        form = format_of(request)
        return (
            exported(request, resource, form)
            if form != "json"
            else _json(request.http, resources.answer(request, resource))
        )

    async def endpoint(http: Request) -> Response:
        return await run_in_threadpool(_requested, console, http, read)

    return endpoint


def _writing(console: Console, one: Write) -> Endpoint:
    async def endpoint(http: Request) -> Response:
        try:
            body = await body_of(http)
            new = one.decoded(http.headers.get("content-type", ""), body)
        except ViewError as error:
            return problems.of(error)
        return await run_in_threadpool(_once, console, http, body, lambda request: _write(request, one, new))

    return endpoint


def _once(console: Console, http: Request, body: bytes, writing: Callable[[PageRequest], Response]) -> Response:
    """Write; if the idempotency key of the request was used before, repeat the earlier response."""

    def write() -> Response:
        return _requested(console, http, writing, write=True)

    key, who = http.headers.get(HEADER), bearer_of(console, http)
    if key is None or who is None:
        return write()
    mark = hashlib.blake2b(f"{http.url.path}?{http.url.query}\0".encode() + body, digest_size=16).hexdigest()
    try:
        known = console.replies.begin(who.name, key, mark)
    except Busy:
        return problems.busy()
    except ViewError as error:
        return problems.of(error)
    if known is not None:
        return Response(known.body, known.status, {"Idempotent-Replayed": "true"}, "application/json")
    status, reply = 0, b""
    try:
        answer = write()
        status, reply = answer.status_code, bytes(answer.body)
    finally:  # after an internal error as well: the client may repeat the request
        console.replies.end(who.name, key, status, reply)
    return answer


def _write(request: PageRequest, one: Write, new: msgspec.Struct) -> Response:
    """Write, and read the object as it is then. With If-Match (RFC 9110, 13.1.1), only if the object has one of these
    ETags: else another program or user has changed it.
    """
    wanted = request.http.headers.get("if-match")
    if wanted is not None and "*" not in (tags := _tags(wanted)) and _tag(one.answer(request)) not in tags:
        return problems.changed()
    one.write(request, new)
    with request.console.sources.opened(request.dataset, request.who.name) as again:
        return _json(request.http, one.answer(PageRequest(request.console, request.http, request.who, again, {})))


def _streaming(console: Console) -> Endpoint:
    async def endpoint(http: Request) -> Response:
        who = await run_in_threadpool(_who, console, http)
        if who is None:
            return problems.not_logged_in()
        try:
            given = parameters(http.url.query)
            dataset = await run_in_threadpool(console.sources.dataset, given.get("data", [""])[-1], who.name)
            after, kinds = _after(http, given), _kinds(given)
            if dataset.kind == SITE:
                raise NotReadable("a hub has no event log: the API of each sensor streams its events")
        except (ViewError, Refused) as error:
            return problems.of(error)
        return sse(records(dataset.log, after, lambda kind: not kinds or kind in kinds))

    return endpoint


def _kinds(given: dict[str, list[str]]) -> set[str]:
    one_of("kind", given.get("kind", []), KINDS)
    return set(given.get("kind", []))


def _after(http: Request, given: dict[str, list[str]]) -> int:
    text = http.headers.get("last-event-id") or given.get("after", ["0"])[-1]
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Malformed("Last-Event-ID", text, "the number of a record")
    return int(text)


def _requested(
    console: Console, http: Request, answer: Callable[[PageRequest], Response], *, write: bool = False
) -> Response:
    """The response for an open dataset, or a problem."""
    who = bearer_of(console, http) if write else _who(console, http)
    if who is None:
        return problems.not_logged_in()
    if write and not who.may_write:
        return problems.of(Refused(f"the token of {who.name} has read access only"))
    try:
        given = parameters(http.url.query)
        for name in {"at", "against"} & given.keys():
            raise Malformed(name, given[name][-1], "no time: the API returns the current state")
        dataset = console.sources.dataset(given.get("data", [""])[-1], who.name)
        with console.sources.opened(dataset, who.name) as opened:
            return answer(PageRequest(console, http, who, opened, {}))
    except (ViewError, Refused, OSError) as error:
        return problems.of(error)


def _who(console: Console, http: Request) -> RequestUser | None:
    return bearer_of(console, http) if "authorization" in http.headers else user_of(console, http)


def _json(http: Request, answer: Any) -> Response:
    """A response with its ETag; 304 if the client already has it."""
    body = msgspec.json.encode(answer)
    tag = _tag(answer) if isinstance(answer, types.One) else _tag_of(body)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = [one.removeprefix("W/") for one in _tags(http.headers.get("if-none-match", ""))]
    if tag in known:
        return Response(None, 304, headers)
    return Response(body, headers=headers, media_type="application/json")


def _tag(answer: types.One[Any]) -> str:
    """The ETag of a single object. It leaves out ``source``, which changes with each new record."""
    return _tag_of(msgspec.json.encode(answer.item))


def _tag_of(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _tags(header: str) -> list[str]:
    return [one.strip() for one in header.split(",")]
