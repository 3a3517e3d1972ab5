"""Mute similar alerts: a form, a backtest on the stored alerts, and then the mute itself."""

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


def page(request: PageRequest) -> Response:
    """The form with its backtest: the mute in the URL, otherwise the narrowest that matches the alert."""
    row = alert(request.data, request.http.path_params["id"]).alert
    requested = {name: request.first(name) for name in (*FIELDS, "span", "reason") if request.first(name)}
    given = (
        requested
        if "detector" in requested or "src" in requested or "dst" in requested
        else mute_forms.proposed(row) | requested
    )
    mute = mute_forms.mute_of(given, "new", request.who.name, datetime.now(UTC))
    return render(
        request, "mute.jinja", "Mute", row=row, given=given, mute=mute,
        backtest=mute_forms.backtest(request.data, [mute]),
        scopes=mute_forms.scopes(row), spans=SPANS, span=given.get("span", SPAN), types=TYPES,
        file=request.console.mutes,
    )  # fmt: skip


def act(request: PageRequest) -> Response:
    """Write the mute and redirect to the alert."""
    row = alert(request.data, request.http.path_params["id"]).alert
    given = {name: request.field(name) for name in (*FIELDS, "span", "reason")}
    scope = mute_forms.mute_of(given, "new", request.who.name, datetime.now(UTC)).scope
    request.console.audit.add(
        request.who.name, "mute", peer=request.peer, dataset=request.dataset.name, ids=[row.id], text=scope
    )
    (mute,) = mute_forms.add(request.console.mutes, [given], request.who.name, datetime.now(UTC))
    text = f"{mute.id} mutes {mute.scope} {mute_forms.until(mute)}"
    name = request.console.undo.keep(request.who.name, request.dataset.name, text, "/alerts/unmute", numbers=[mute.id])
    return RedirectResponse(request.url(f"/alerts/{row.id}", done=name), 303)


def undo(request: PageRequest) -> Response:
    """Remove the mutes that were just written."""
    done = request.console.undo.take(request.field("name"), request.who.name)
    if done is None or not done.numbers:
        raise Refused("This can no longer be undone.")
    request.console.audit.add(
        request.who.name, "unmute", peer=request.peer, dataset=request.dataset.name, text=done.text
    )
    mute_forms.remove(request.console.mutes, done.numbers)
    return RedirectResponse(request.url("/alerts"), 303)
