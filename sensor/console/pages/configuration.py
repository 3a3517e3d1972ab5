"""Settings: effective values and their sources. Administrators propose a change of a file, see its effects, apply it,
and go back to an earlier version.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sensor.console.configuration import Proposal, digest_of
from sensor.console.page_request import Given, text_of
from sensor.console.pages.users import check_manager
from sensor.console.render import bare
from sensor.console.request_handling import endpoint
from sensor.console.security.keys import RequestUser
from sensor.console.security.session import peer_of
from sensor.console.settings import Console
from sensor.views.errors import one_of

ACTIONS = ("compare", "apply")


def routes(console: Console) -> list[BaseRoute]:
    return [
        Route("/settings", endpoint(console, _page), methods=["GET"]),
        Route("/settings/edit", endpoint(console, _edit), methods=["GET"]),
        Route("/settings/edit", endpoint(console, _act), methods=["POST"]),
    ]


def _page(console: Console, request: Request, who: RequestUser, _: Given) -> Response:
    """``all``: show defaults too; ``text``: part of a key."""
    there, text = console.configuration, request.query_params.get("text", "").strip()
    everything = there.path is None or bool(text) or request.query_params.get("all", "") == "1"
    found = [(".".join(map(str, one.way)), one.value, one.origin) for one in there.values(everything=everything)]
    rows = [row for row in found if text.casefold() in row[0].casefold()]
    return bare(
        request, "settings.jinja", "Settings", who=who, text=text, everything=everything, files=there.files(),
        sections=[(name, list(some)) for name, some in groupby(rows, lambda row: row[0].partition(".")[0])],
        total=len(rows), earlier=_earlier(console, who), done="done" in request.query_params,
    )  # fmt: skip


def _earlier(console: Console, who: RequestUser) -> list[object]:
    return list(console.configuration.earlier()) if who.may_manage else []


def _edit(console: Console, request: Request, who: RequestUser, _: Given) -> Response:
    """The text of a file; ``earlier``: that of an earlier version, and the effects of going back to it."""
    check_manager(who)
    there, name = console.configuration, request.query_params.get("earlier", "")
    if name:
        version = there.version(name)
        file = there.file(version.file)
        return _editor(console, request, who, file, version.text, _now(file), there.compare(file, version.text))
    file = there.file(request.query_params.get("file", ""))
    return _editor(console, request, who, file, _now(file), _now(file), None)


def _editor(
    console: Console, request: Request, who: RequestUser, file: Path, text: str, before: str, proposal: Proposal | None
) -> Response:
    return bare(
        request, "settings_edit.jinja", file.name, who=who, file=file, text=text, digest=digest_of(before),
        proposal=proposal, writable=console.configuration.writable(file), same=text == before,
    )  # fmt: skip


def _act(console: Console, request: Request, who: RequestUser, form: Given) -> Response:
    """Compare a text with the current configuration, or apply it."""
    check_manager(who)
    action, text = form.get("action", [""])[-1], text_of(form, "text")
    one_of("action", [action], ACTIONS)
    file, digest = console.configuration.file(form.get("file", [""])[-1]), form.get("digest", [""])[-1]
    if action == "compare":
        return _editor(console, request, who, file, text, _now(file), console.configuration.compare(file, text))
    console.audit.add(who.name, "settings apply", peer=peer_of(request), text=str(file))
    found = console.configuration.apply(file, text, digest, who.name)
    if found.faults:
        return _editor(console, request, who, file, text, _now(file), found)
    return RedirectResponse("/settings?done=1", 303)


def _now(file: Path) -> str:
    return file.read_text("utf-8", "replace")
