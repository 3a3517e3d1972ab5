"""Threat lists: what each contains, which of them name a value, what a list would have matched, and changes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import RedirectResponse, Response

from sensor.console.list_rehearsal import Rehearsal, rehearse
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.security.session import Refused
from sensor.console.threat_lists import FIELDS, PAGE, read_text
from sensor.documents import Fault
from sensor.views.errors import Malformed, one_of

ACTIONS = ("rehearse", "save", "remove")
FAULTS_SHOWN = 10


def page(ask: PageRequest) -> Response:
    """``check``: values, of which it shows the lists that name them."""
    return _page(ask, {}, "")


def _page(
    ask: PageRequest,
    given: Mapping[str, str],
    text: str,
    rehearsal: Rehearsal | None = None,
    faults: Sequence[Fault] = (),
) -> Response:
    lists, values = ask.console.lists, ask.first("check").split()[:50]
    found, unread = lists.check(values, ask.console.configuration.intel) if values else ([], [])
    return render(
        ask, "lists.jinja", "Threat lists", lists=lists.all(), configured=ask.console.configuration.intel,
        values=values, found=found, unread=unread,
        missing=sorted({*values} - {match.value for match in found}),
        given=given, text=text, rehearsal=rehearsal, faults=faults[:FAULTS_SHOWN],
    )  # fmt: skip


def one(ask: PageRequest) -> Response:
    """The entries of a list, a page of them from ``begin`` on; those of our own can be edited."""
    name, begin = ask.request.path_params["name"], ask.first("begin") or "0"
    if not begin.isascii() or not begin.isdigit() or len(begin) > 9:
        raise Malformed("begin", begin, "a number")
    shown, entries = ask.console.lists.get(name), ask.console.lists.entries(name, int(begin))
    return render(
        ask, "list.jinja", name, shown=shown, entries=entries, begin=int(begin), step=PAGE,
        text=ask.console.lists.text(name), faults=entries.faults[:FAULTS_SHOWN],
    )  # fmt: skip


def act(ask: PageRequest) -> Response:
    """Rehearse the entries of the form, write them, or remove a list."""
    action, name = ask.field("action"), ask.field("name").strip()
    one_of("action", [action], ACTIONS)
    given, text = {field: ask.field(field) for field in FIELDS}, ask.text("text")
    if action == "rehearse":
        lists, faults = read_text(text, allow=False)
        return _page(ask, given, text, rehearse(lists, ask.dataset), faults)
    if given["source"].strip() and not ask.who.may_manage:
        raise Refused(f"{ask.who.name} is no administrator: only those may name URLs, which the sensor's host opens.")
    ask.console.audit.add(ask.who.name, f"list {action}", peer=ask.peer, text=f"{name} {given['source']}".strip())
    if action == "remove":
        ask.console.lists.remove(name)
        return RedirectResponse(ask.url("/lists"), 303)
    kept = ask.console.lists.write(given, text)
    return RedirectResponse(ask.url("/lists" if kept.is_url else f"/lists/{kept.name}"), 303)
