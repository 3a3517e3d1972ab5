"""Actions on selected alerts, or on all that match a filter after a confirmation with their number. Each write can be
undone.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import RedirectResponse, Response

from sensor.console.alert_actions import AT_ONCE, DONE, NoteParts, add_notes, notes_of, undo_notes
from sensor.console.filters import filter_of
from sensor.console.page_request import PageRequest, own_path, parameters, url_of
from sensor.console.render import render
from sensor.console.security.session import Refused
from sensor.core.phrases import counted
from sensor.views.alert_filter import EVERY_ALERT, AlertFilter
from sensor.views.alerts import AlertRow
from sensor.views.backend import matching
from sensor.views.errors import Malformed

LISTED = 20


def act(request: PageRequest) -> Response:
    """Perform the action and redirect to the page that it came from."""
    notes = notes_of(
        request.field("action"),
        request.field("assignee" if request.field("action") == "assign" else "verdict"),
        request.field("text"),
    )
    if request.field("all") and not request.field("confirmed"):
        return _confirm(request)
    rows = (
        _all(request)
        if request.field("all")
        else [request.views.alert(name).alert for name in dict.fromkeys(request.form.get("alert", []))]
    )
    if not rows:
        raise Malformed("alert", "none", "at least one marked alert")
    done = _do(request, rows, notes)
    query = parameters(request.field("filter")) | {"done": [done]}
    return RedirectResponse(url_of(_back(request, rows[0].id), query), 303)


def _back(request: PageRequest, alert: str) -> str:
    """The path of the page that the form was on."""
    if request.field("back") == "incident":
        return f"/incidents/{request.views.incident(request.field('incident')).id}"
    return f"/alerts/{alert}" if request.field("back") == "alert" else "/alerts"


def undo(request: PageRequest) -> Response:
    """Restore the alerts of a write. Comments stay: notes are never removed."""
    done = request.console.undo.take(request.field("name"), request.who.name)
    if done is None or done.dataset != request.dataset.name:
        raise Refused("This can no longer be undone.")
    ids = [one.id for one in done.before]
    rows = [request.views.alert(name).alert for name in ids]
    request.console.audit.add(
        request.who.name, "undo", peer=request.peer, dataset=request.dataset.name, ids=ids, text=done.text
    )
    undo_notes(request.opened, request.who.name, done.before, rows)
    return RedirectResponse(own_path(request.field("back") or request.url("/alerts")), 303)


def _confirm(request: PageRequest) -> Response:
    """Show the number of matching alerts and the first of them, before the action."""
    found = request.views.alerts(_filter(request), "severity", limit=LISTED)
    title = f"{request.field('action').capitalize()} {counted(found.total, 'alert')}"
    return render(request, "confirm.jinja", title, page=found, form=request.form, done=DONE[request.field("action")])


def _all(request: PageRequest) -> list[AlertRow]:
    """All alerts that match the filter, if their number is the confirmed one."""
    rows = matching(request.views, _filter(request), AT_ONCE)
    if request.field("expected") != str(len(rows)):
        raise Refused(
            f"{request.field('expected')} alerts were confirmed, but {len(rows):,} match now: check the list again."
        )
    return rows


def _filter(request: PageRequest) -> AlertFilter:
    wanted = filter_of(AlertFilter, parameters(request.field("filter")), request.now)
    if wanted == EVERY_ALERT:
        raise Malformed("filter", "none", "a filter: actions on all alerts of a dataset are done one page at a time")
    return wanted


def _do(request: PageRequest, rows: Sequence[AlertRow], notes: Sequence[NoteParts]) -> str:
    """Write the notes; returns the name that undoes the write."""
    action, value, text = notes[-1]
    message = f"{counted(len(rows), 'alert')} {DONE[action]}{f': {value}' if value else ''}"
    note = " ".join(filter(None, (value, text)))
    request.console.audit.add(
        request.who.name,
        action,
        peer=request.peer,
        dataset=request.dataset.name,
        ids=[row.id for row in rows],
        text=note,
    )
    add_notes(request.opened, request.who.name, rows, notes)
    before = rows if action != "comment" else []
    return request.console.undo.keep(request.who.name, request.dataset.name, message, "/alerts/undo", before)
