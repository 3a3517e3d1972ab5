"""Mute marked alerts: a preview of what the mutes would suppress, with other alerts than the marked ones, and then the
mutes themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.responses import RedirectResponse, Response

from sensor.console import mute_forms
from sensor.console.mute_forms import SPAN, SPANS
from sensor.console.page_request import PageRequest, parameters, url_of
from sensor.console.render import render
from sensor.core.phrases import counted
from sensor.views.alerts import AlertRow
from sensor.views.errors import Malformed, one_of

# Marked alerts at once: each may need its own mute.
MOST = 200


def act(request: PageRequest) -> Response:
    """The preview, or, if it was confirmed unchanged, the mutes and a redirect to the list."""
    rows = _marked(request)
    choices = mute_forms.choices(rows)
    chosen = request.field("choice") or next(iter(choices))
    one_of("choice", [chosen], choices)
    if request.field("confirmed") and request.field("previewed") == chosen:
        return _write(request, rows, choices[chosen])
    now = datetime.now(UTC)
    span, reason = request.field("span") or SPAN, request.field("reason") or request.field("text")
    mutes = {
        name: [mute_forms.mute_of({**one, "span": span}, "new", request.who.name, now) for one in several]
        for name, several in choices.items()
    }
    backtest = mute_forms.backtest(request.data, mutes[chosen], frozenset(row.id for row in rows))
    return render(
        request, "mute_marked.jinja", f"Mute {counted(len(rows), 'alert')}", rows=rows, mutes=mutes, chosen=chosen,
        backtest=backtest, spans=SPANS, span=span, reason=reason, form=request.form, file=request.console.mutes,
    )  # fmt: skip


def _marked(request: PageRequest) -> list[AlertRow]:
    names = list(dict.fromkeys(request.form.get("alert", [])))
    if request.field("all"):
        raise Malformed("alert", "all that match", "marked alerts: a detector or an actor is muted from one of them")
    if not 0 < len(names) <= MOST:
        raise Malformed("alert", f"{len(names)} marked alerts" if names else "none", f"1 to {MOST} marked alerts")
    return [request.views.alert(name).alert for name in names]


def _write(request: PageRequest, rows: Sequence[AlertRow], several: Sequence[dict[str, str]]) -> Response:
    more = {"span": request.field("span"), "reason": request.field("reason")}
    now = datetime.now(UTC)
    scopes = [mute_forms.mute_of(one | more, "new", request.who.name, now).scope for one in several]
    request.console.audit.add(
        request.who.name, "mute", peer=request.peer, dataset=request.dataset.name, ids=[row.id for row in rows],
        text="; ".join(scopes),
    )  # fmt: skip
    mutes = mute_forms.add(request.console.mutes, [one | more for one in several], request.who.name, now)
    what = f"{mutes[0].id} mutes {mutes[0].scope}" if len(mutes) == 1 else f"{len(mutes)} mutes were written, in force"
    numbers = [mute.id for mute in mutes]
    done = request.console.undo.keep(
        request.who.name,
        request.dataset.name,
        f"{what} {mute_forms.until(mutes[0])}",
        "/alerts/unmute",
        numbers=numbers,
    )
    return RedirectResponse(url_of("/alerts", parameters(request.field("filter")) | {"done": [done]}), 303)
