"""What is set on devices: on one from its page, on several from the list. Each change can be undone."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from sensor.console import device_edits
from sensor.console.device_edits import TOGETHER, Body, Plan
from sensor.console.page_request import PageRequest, own_path, parameters, url_of
from sensor.console.security.session import Refused
from sensor.core.foreign import part
from sensor.inventory.corrections import FIELDS
from sensor.views.errors import one_of


def act(ask: PageRequest) -> Response:
    """Do it, and lead back to the page that it was asked on."""
    action = ask.field("action")
    one_of("action", [action], device_edits.ACTIONS)
    records = device_edits.known(ask.data, ask.form.get("device", []))
    ids = [str(part(record, "device").get("id")) for record in records]
    plan = _plan(ask, action, records)
    numbers = _write(ask, plan, f"device {action}", ids)
    path = f"/devices/{ids[0]}" if ask.field("back") == "device" else "/devices"
    if action == "undo":
        return RedirectResponse(ask.url(path), 303)
    name = ask.console.undo.keep(ask.who.name, ask.dataset.name, plan.text, "/devices/undo", numbers=numbers)
    return RedirectResponse(url_of(path, parameters(ask.field("filter")) | {"done": [name]}), 303)


def undo(ask: PageRequest) -> Response:
    """Undo a change by the line that reported it."""
    done = ask.console.undo.take(ask.field("name"), ask.who.name)
    if done is None or done.dataset != ask.dataset.name or not done.numbers:
        raise Refused("This cannot be undone any more.")
    _write(ask, device_edits.undo(done.numbers), "undo", [], done.text)
    return RedirectResponse(ask.url(own_path(ask.field("back"))), 303)


def _write(ask: PageRequest, plan: Plan, action: str, ids: list[str], text: str = "") -> list[str]:
    """Into the audit log, then into the inventory; the numbers by which it can be undone."""
    reason = ask.field("reason")
    note = f"{text or plan.text}{f' ({reason})' if reason else ''}"
    ask.console.audit.add(ask.who.name, action, peer=ask.peer, dataset=ask.dataset.name, ids=ids, text=note)
    with device_edits.writing(ask.data, ask.who.name) as changes:
        return plan.write(changes)


def _plan(ask: PageRequest, action: str, records: list[Body]) -> Plan:
    reason = ask.field("reason")
    if action in ("tag", "untag"):
        return device_edits.retag(records, ask.field("tags"), reason, remove=action == "untag")
    if action == "merge":
        return device_edits.merge(records[0], device_edits.the_other(ask.data, ask.field("other")), reason)
    if action == "split":
        return device_edits.split(records[0], ask.field("other"), reason)
    if action == "undo":
        return device_edits.undo([ask.field("number")])
    return device_edits.set_values(records, _values(ask), reason)


def _values(ask: PageRequest) -> dict[str, str]:
    """The fields of the form: of the page of a device all of them, of the list the one that was chosen."""
    if field := ask.field("field"):
        one_of("field", [field], TOGETHER)
        return {field: ask.field("value")}
    return {field: ask.field(field) for field in FIELDS if field in ask.form}
