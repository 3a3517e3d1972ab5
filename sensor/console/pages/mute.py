"""Mute alerts like one: a form, what it would have silenced among the stored alerts, and then the mute itself."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import RedirectResponse, Response

from sensor.console import mute_forms
from sensor.console.mute_forms import FIELDS, SPAN, SPANS
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.security.session import Refused
from sensor.core.device import TYPES
from sensor.views.alerts import alert


def page(ask: PageRequest) -> Response:
    """The form, with its rehearsal: as the URL names it, else the narrowest that fits the alert."""
    row = alert(ask.data, ask.request.path_params["id"]).alert
    asked = {name: ask.first(name) for name in (*FIELDS, "span", "reason") if ask.first(name)}
    given = asked if "detector" in asked or "src" in asked or "dst" in asked else mute_forms.proposed(row) | asked
    mute = mute_forms.mute_of(given, "new", ask.who.name, datetime.now(UTC))
    return render(
        ask, "mute.jinja", "Mute", row=row, given=given, mute=mute, rehearsal=mute_forms.rehearse(ask.data, mute),
        spans=SPANS, span=given.get("span", SPAN), types=TYPES, file=ask.console.mutes,
    )  # fmt: skip


def act(ask: PageRequest) -> Response:
    """Write it, and lead back to the alert."""
    row = alert(ask.data, ask.request.path_params["id"]).alert
    given = {name: ask.field(name) for name in (*FIELDS, "span", "reason")}
    scope = mute_forms.mute_of(given, "new", ask.who.name, datetime.now(UTC)).scope
    ask.console.audit.add(ask.who.name, "mute", peer=ask.peer, dataset=ask.dataset.name, ids=[row.id], text=scope)
    mute = mute_forms.add(ask.console.mutes, given, ask.who.name, datetime.now(UTC))
    text = f"{mute.id} mutes {mute.scope} {f'until {mute.expires}' if mute.expires else 'for ever'}"
    name = ask.console.undo.keep(ask.who.name, ask.dataset.name, text, "/alerts/unmute", numbers=[mute.id])
    return RedirectResponse(ask.url(f"/alerts/{row.id}", done=name), 303)


def undo(ask: PageRequest) -> Response:
    """Remove the mute that was just written."""
    done = ask.console.undo.take(ask.field("name"), ask.who.name)
    if done is None or not done.numbers:
        raise Refused("This cannot be undone any more.")
    ask.console.audit.add(ask.who.name, "unmute", peer=ask.peer, dataset=ask.dataset.name, text=done.text)
    mute_forms.remove(ask.console.mutes, done.numbers[0])
    return RedirectResponse(ask.url("/alerts"), 303)
