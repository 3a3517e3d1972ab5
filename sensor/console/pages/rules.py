"""Custom rules: loaded rules, local files, their tests, and backtests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import RedirectResponse, Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.rule_files import CheckedRules
from sensor.rules.example import EXAMPLE
from sensor.rules.fields import DEVICE_KINDS, FLOW_KINDS, event_classes, fields_of
from sensor.rules.load import EmptyContext
from sensor.rules.values import OPERATORS
from sensor.views.errors import Malformed, one_of

ACTIONS = ("test", "backtest", "save", "remove")
SHOWN = 100


def page(request: PageRequest) -> Response:
    """All rules as a sensor loads them, and their faults."""
    loaded, faults = request.console.rules.all()
    return render(
        request, "rules.jinja", "Rules", loaded=loaded, faults=faults, names=request.console.rules.names(),
        name_of=request.console.rules.name_of,
    )  # fmt: skip


def new(request: PageRequest) -> Response:
    """An editor with examples."""
    return _editor(request, "", EXAMPLE)


def one(request: PageRequest) -> Response:
    """A local file with its tests."""
    name = request.http.path_params["name"]
    text = request.console.rules.text(name)
    return _editor(request, name, text, request.console.rules.examine(name, text))


def _editor(
    request: PageRequest,
    name: str,
    text: str,
    examined: CheckedRules | None = None,
    alerts: Sequence[dict[str, Any]] | None = None,
) -> Response:
    """``when``: from the URL: the kind of traffic whose fields are listed."""
    kinds, when = _kinds(), request.first("when")
    one_of("when", [when] if when else [], kinds)
    fields = sorted(fields_of([when], EmptyContext()).items()) if when else []
    return render(
        request, "rule.jinja", name or "New rules", name=name, text=text, examined=examined, shown=SHOWN,
        alerts=alerts, kinds=kinds, when=when,
        fields=[(key, one.kind.value, OPERATORS[one.kind]) for key, one in fields],
        known=name in request.console.rules.names(),
    )  # fmt: skip


def _kinds() -> dict[str, str]:
    """Kinds of traffic that rules match, with their descriptions."""
    meanings = {
        kind: " ".join((event.__doc__ or "").replace("`", "").split()) for kind, event in event_classes().items()
    }
    flows = dict.fromkeys(FLOW_KINDS, "a flow: fields of both ends, bytes and packets")
    devices = dict.fromkeys(DEVICE_KINDS, "a device: its fields begin with src")
    return flows | devices | {kind: meaning[:160] for kind, meaning in meanings.items()}


def act(request: PageRequest) -> Response:
    """Test a text, backtest it, write it, or remove a file."""
    action, name, text = request.field("action"), request.field("name").strip(), request.text("text")
    one_of("action", [action], ACTIONS)
    if action in ("test", "backtest"):
        found = request.console.rules.examine(name, text)
        alerts = None
        if action == "backtest" and not found.faults:
            alerts = request.console.rules.backtest(name, text, request.dataset)
        return _editor(request, name, text, found, alerts)
    request.console.audit.add(request.who.name, f"rules {action}", peer=request.peer, text=name)
    if action == "remove":
        request.console.rules.remove(name)
        return RedirectResponse(request.url("/rules"), 303)
    if name in request.console.rules.names() and not request.field("known"):
        raise Malformed("name", name, "an unused name: open the existing file to change it")
    found = request.console.rules.save(name, text)
    return RedirectResponse(request.url("/rules"), 303) if found.good else _editor(request, name, text, found)
