"""What is done with alerts: those that are marked, or all that match a filter, after a page that names their number.
Each write can be undone.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import RedirectResponse, Response

from sensor.console.alert_actions import AT_ONCE, DONE, Word, add_notes, undo_notes, words_of
from sensor.console.filters import filter_of
from sensor.console.page_request import PageRequest, parameters, url_of
from sensor.console.render import render
from sensor.console.security.session import Refused
from sensor.views.alert_filter import EVERY_ALERT, AlertFilter
from sensor.views.alerts import AlertRow, alert, alerts, matching
from sensor.views.errors import Malformed

LISTED = 20


def act(ask: PageRequest) -> Response:
    """Do it, and lead back to the page that it was asked on."""
    words = words_of(
        ask.field("action"), ask.field("assignee" if ask.field("action") == "assign" else "verdict"), ask.field("text")
    )
    if ask.field("all") and not ask.field("confirmed"):
        return _confirm(ask)
    rows = (
        _all(ask)
        if ask.field("all")
        else [alert(ask.data, name).alert for name in dict.fromkeys(ask.form.get("alert", []))]
    )
    if not rows:
        raise Malformed("alert", "none", "at least one alert that is marked")
    done = _do(ask, rows, words)
    query = parameters(ask.field("filter")) | {"done": [done]}
    path = f"/alerts/{rows[0].id}" if ask.field("back") == "alert" else "/alerts"
    return RedirectResponse(url_of(path, query), 303)


def undo(ask: PageRequest) -> Response:
    """Bring the alerts of a write back to how they were. Comments stay: notes are never removed."""
    done = ask.console.undo.take(ask.field("name"), ask.who.name)
    if done is None or done.dataset != ask.dataset.name:
        raise Refused("This cannot be undone any more.")
    ids = [one.id for one in done.before]
    rows = [alert(ask.data, name).alert for name in ids]
    ask.console.audit.add(ask.who.name, "undo", peer=ask.peer, dataset=ask.dataset.name, ids=ids, text=done.text)
    undo_notes(ask.dataset, ask.who.name, done.before, rows)
    return RedirectResponse(f"/alerts/{ids[0]}" if len(ids) == 1 else ask.url("/alerts"), 303)


def _confirm(ask: PageRequest) -> Response:
    """How many alerts a filter leaves, and the first of them, before anything is done to them."""
    found = alerts(ask.data, _filter(ask), "severity", limit=LISTED)
    title = f"{ask.field('action').capitalize()} {found.total:,} alerts"
    return render(ask, "confirm.jinja", title, page=found, form=ask.form, done=DONE[ask.field("action")])


def _all(ask: PageRequest) -> list[AlertRow]:
    """All that match the filter, if they are as many as were confirmed."""
    rows = matching(ask.data, _filter(ask), AT_ONCE)
    if ask.field("expected") != str(len(rows)):
        raise Refused(
            f"{ask.field('expected')} alerts were confirmed, and {len(rows):,} match now: look at the list again."
        )
    return rows


def _filter(ask: PageRequest) -> AlertFilter:
    wanted = filter_of(AlertFilter, parameters(ask.field("filter")), ask.now)
    if wanted == EVERY_ALERT:
        raise Malformed(
            "filter", "none", "a filter: what is done to all alerts of a dataset is done one page at a time"
        )
    return wanted


def _do(ask: PageRequest, rows: Sequence[AlertRow], words: Sequence[Word]) -> str:
    """Write it; the name by which it can be undone."""
    action, value, text = words[-1]
    message = f"{len(rows):,} alert{'s' if len(rows) != 1 else ''} {DONE[action]}{f': {value}' if value else ''}"
    note = " ".join(filter(None, (value, text)))
    ask.console.audit.add(
        ask.who.name, action, peer=ask.peer, dataset=ask.dataset.name, ids=[row.id for row in rows], text=note
    )
    add_notes(ask.dataset, ask.who.name, rows, words)
    before = rows if action != "comment" else []
    return ask.console.undo.keep(ask.who.name, ask.dataset.name, message, "/alerts/undo", before)
