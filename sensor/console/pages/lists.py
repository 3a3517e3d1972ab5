"""Threat lists: their entries, a check of values, backtests, and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import RedirectResponse, Response

from sensor.console.list_backtest import Backtest, backtest
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.security.session import Refused
from sensor.console.threat_lists import FIELDS, PAGE, read_text
from sensor.documents import Fault
from sensor.views.errors import Malformed, one_of

ACTIONS = ("backtest", "save", "remove")
FAULTS_SHOWN = 10


def page(request: PageRequest) -> Response:
    """``check``: values; the page shows the lists that contain them."""
    return _page(request, {}, "")


def _page(
    request: PageRequest,
    given: Mapping[str, str],
    text: str,
    backtest: Backtest | None = None,
    faults: Sequence[Fault] = (),
) -> Response:
    lists, values = request.console.lists, request.first("check").split()[:50]
    found, unread = lists.check(values, request.console.configuration.intel) if values else ([], [])
    return render(
        request, "lists.jinja", "Threat lists", lists=lists.all(), configured=request.console.configuration.intel,
        values=values, found=found, unread=unread,
        missing=sorted({*values} - {match.value for match in found}),
        given=given, text=text, backtest=backtest, faults=faults[:FAULTS_SHOWN],
    )  # fmt: skip


def one(request: PageRequest) -> Response:
    """The entries of a list, one page from ``begin``; local lists can be edited."""
    name, begin = request.http.path_params["name"], request.first("begin") or "0"
    if not begin.isascii() or not begin.isdigit() or len(begin) > 9:
        raise Malformed("begin", begin, "a number")
    shown, entries = request.console.lists.get(name), request.console.lists.entries(name, int(begin))
    return render(
        request, "list.jinja", name, shown=shown, entries=entries, begin=int(begin), step=PAGE,
        text=request.console.lists.text(name), faults=entries.faults[:FAULTS_SHOWN],
    )  # fmt: skip


def act(request: PageRequest) -> Response:
    """Backtest the entries of the form, write them, or remove a list."""
    action, name = request.field("action"), request.field("name").strip()
    one_of("action", [action], ACTIONS)
    given, text = {field: request.field(field) for field in FIELDS}, request.text("text")
    if action == "backtest":
        lists, faults = read_text(text, allow=False)
        return _page(request, given, text, backtest(lists, request.dataset), faults)
    if given["source"].strip() and not request.who.may_manage:
        raise Refused(
            f"{request.who.name} is not an administrator: only administrators may add URLs, which the host "
            "of the sensor opens."
        )
    request.console.audit.add(
        request.who.name, f"list {action}", peer=request.peer, text=f"{name} {given['source']}".strip()
    )
    if action == "remove":
        request.console.lists.remove(name)
        return RedirectResponse(request.url("/lists"), 303)
    kept = request.console.lists.write(given, text)
    return RedirectResponse(request.url("/lists" if kept.is_url else f"/lists/{kept.name}"), 303)
