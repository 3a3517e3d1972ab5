"""Custom rules: what is loaded, the files that are written here, their tests, and what they would have reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import RedirectResponse, Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.rule_files import Examined
from sensor.rules.example import EXAMPLE
from sensor.rules.fields import DEVICE_WORDS, FLOW_WORDS, event_classes, fields_of
from sensor.rules.load import Nowhere
from sensor.rules.values import WORDS
from sensor.views.errors import Malformed, one_of

ACTIONS = ("test", "rehearse", "save", "remove")
SHOWN = 100


def page(ask: PageRequest) -> Response:
    """All rules, as a sensor loads them, and their faults."""
    loaded, faults = ask.console.rules.all()
    return render(
        ask, "rules.jinja", "Rules", loaded=loaded, faults=faults, names=ask.console.rules.names(),
        name_of=ask.console.rules.name_of,
    )  # fmt: skip


def new(ask: PageRequest) -> Response:
    """An editor with examples."""
    return _editor(ask, "", EXAMPLE)


def one(ask: PageRequest) -> Response:
    """A file of our own, with its tests."""
    name = ask.request.path_params["name"]
    text = ask.console.rules.text(name)
    return _editor(ask, name, text, ask.console.rules.examine(name, text))


def _editor(
    ask: PageRequest,
    name: str,
    text: str,
    examined: Examined | None = None,
    alerts: Sequence[dict[str, Any]] | None = None,
) -> Response:
    """``when``: of the URL: what a rule watches, whose fields are listed."""
    kinds, when = _kinds(), ask.first("when")
    one_of("when", [when] if when else [], kinds)
    fields = sorted(fields_of([when], Nowhere()).items()) if when else []
    return render(
        ask, "rule.jinja", name or "New rules", name=name, text=text, examined=examined, shown=SHOWN,
        alerts=alerts, kinds=kinds, when=when, fields=[(key, one.kind.value, WORDS[one.kind]) for key, one in fields],
        known=name in ask.console.rules.names(),
    )  # fmt: skip


def _kinds() -> dict[str, str]:
    """What rules watch, with its meaning."""
    meanings = {kind: (event.__doc__ or "").replace("`", "").split() for kind, event in event_classes().items()}
    flows = dict.fromkeys(FLOW_WORDS, "a flow: fields of both ends, bytes and packets")
    devices = dict.fromkeys(DEVICE_WORDS, "a device: its fields begin with src")
    return flows | devices | {kind: " ".join(words)[:160] for kind, words in meanings.items()}


def act(ask: PageRequest) -> Response:
    """Test a text, rehearse it, write it, or remove a file."""
    action, name, text = ask.field("action"), ask.field("name").strip(), ask.text("text")
    one_of("action", [action], ACTIONS)
    if action in ("test", "rehearse"):
        found = ask.console.rules.examine(name, text)
        alerts = None
        if action == "rehearse" and not found.faults:
            alerts = ask.console.rules.rehearse(name, text, ask.dataset)
        return _editor(ask, name, text, found, alerts)
    ask.console.audit.add(ask.who.name, f"rules {action}", peer=ask.peer, text=name)
    if action == "remove":
        ask.console.rules.remove(name)
        return RedirectResponse(ask.url("/rules"), 303)
    if name in ask.console.rules.names() and not ask.field("known"):
        raise Malformed("name", name, "a name that no file has: open that file to change it")
    found = ask.console.rules.save(name, text)
    return RedirectResponse(ask.url("/rules"), 303) if found.good else _editor(ask, name, text, found)
