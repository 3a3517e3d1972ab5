"""Reports: made of a dataset by a child process, downloaded, compared with earlier ones, and removed."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sensor.console.answering import endpoint
from sensor.console.page_request import Given
from sensor.console.render import bare
from sensor.console.reports import DONE, FORMATS, MAKING, WAITING, Report
from sensor.console.security.keys import Who
from sensor.console.security.session import peer_of
from sensor.console.settings import Console
from sensor.views.errors import Malformed

FIELDS = ("period", "since", "until", "against")
LONGEST = 64


def routes(console: Console) -> list[BaseRoute]:
    return [
        Route("/reports", endpoint(console, _page), methods=["GET"]),
        Route("/reports", endpoint(console, _begin), methods=["POST"]),
        Route("/reports/remove", endpoint(console, _remove), methods=["POST"]),
        Route("/reports/{id}/file", endpoint(console, _file), methods=["GET"]),
    ]


def _page(console: Console, request: Request, who: Who, _: Given) -> Response:
    found = console.reports.all()
    return bare(
        request, "reports.jinja", "Reports", who=who, reports=found, formats=tuple(FORMATS), of=console.sources.all(),
        comparable=[one for one in found if one.state == DONE and one.format != "pdf"],
        usual=request.query_params.get("data", ""), waiting=any(one.state in (WAITING, MAKING) for one in found),
    )  # fmt: skip


def _begin(console: Console, request: Request, who: Who, form: Given) -> Response:
    dataset, kind = console.sources.dataset(_field(form, "dataset")), _field(form, "format")
    given = {name: _field(form, name) for name in FIELDS}
    for name, value in given.items():
        if len(value) > LONGEST:
            raise Malformed(name, value[:LONGEST], f"at most {LONGEST} characters")
    if given["period"] and (given["since"] or given["until"]):
        raise Malformed("period", given["period"], "either a period, or begin and end")
    wanted = msgspec.convert({"id": "", "dataset": dataset.name, "format": kind, "who": who.name, **given}, Report)
    words = " ".join([kind, *(f"{name} {value}" for name, value in given.items() if value)])
    console.audit.add(who.name, "report", peer=peer_of(request), dataset=dataset.name, text=words)
    console.reports.begin(wanted)
    return RedirectResponse("/reports", 303)


def _file(console: Console, request: Request, who: Who, _: Given) -> Response:  # noqa: ARG001
    """As an attachment: a page of another origin's making never runs in the console's own."""
    one = console.reports.get(request.path_params["id"])
    return FileResponse(console.reports.path(one), media_type=FORMATS[one.format], filename=one.file_name)


def _remove(console: Console, request: Request, who: Who, form: Given) -> Response:
    name = _field(form, "id")
    console.audit.add(who.name, "report remove", peer=peer_of(request), text=name)
    console.reports.remove(name)
    return RedirectResponse("/reports", 303)


def _field(form: Given, name: str) -> str:
    return form.get(name, [""])[-1].strip()
