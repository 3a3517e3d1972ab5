"""Changes of devices: one on its page, several in the list. Each change can be undone."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from sensor.console import device_edits
from sensor.console.device_edits import TOGETHER, Body, Plan
from sensor.console.page_request import PageRequest, own_path, parameters, url_of
from sensor.console.security.session import Refused
from sensor.core.foreign import part
from sensor.inventory.corrections import FIELDS
from sensor.views.errors import one_of


def act(request: PageRequest) -> Response:
    """Perform the change and redirect to the page that it came from."""
    action = request.field("action")
    one_of("action", [action], device_edits.ACTIONS)
    records = device_edits.known(request.views, request.form.get("device", []))
    ids = [str(part(record, "device").get("id")) for record in records]
    plan = _plan(request, action, records)
    numbers = _write(request, plan, f"device {action}", ids)
    path = f"/devices/{ids[0]}" if request.field("back") == "device" else "/devices"
    if action == "undo":
        return RedirectResponse(request.url(path), 303)
    name = request.console.undo.keep(
        request.who.name, request.dataset.name, plan.text, "/devices/undo", numbers=numbers
    )
    return RedirectResponse(url_of(path, parameters(request.field("filter")) | {"done": [name]}), 303)


def undo(request: PageRequest) -> Response:
    """Undo a change from the message that reported it."""
    done = request.console.undo.take(request.field("name"), request.who.name)
    if done is None or done.dataset != request.dataset.name or not done.numbers:
        raise Refused("This can no longer be undone.")
    _write(request, device_edits.undo(done.numbers), "undo", [], done.text)
    return RedirectResponse(own_path(request.field("back")), 303)


def _write(request: PageRequest, plan: Plan, action: str, ids: list[str], text: str = "") -> list[str]:
    """Write to the audit log, then to the inventory; returns the numbers that undo it."""
    reason = request.field("reason")
    note = f"{text or plan.text}{f' ({reason})' if reason else ''}"
    request.console.audit.add(
        request.who.name, action, peer=request.peer, dataset=request.dataset.name, ids=ids, text=note
    )
    with request.opened.changing_devices(request.who.name) as changes:
        return plan.write(changes)


def _plan(request: PageRequest, action: str, records: list[Body]) -> Plan:
    reason = request.field("reason")
    if action in ("tag", "untag"):
        return device_edits.retag(records, request.field("tags"), reason, remove=action == "untag")
    if action == "merge":
        return device_edits.merge(records[0], device_edits.the_other(request.views, request.field("other")), reason)
    if action == "split":
        return device_edits.split(records[0], request.field("other"), reason)
    if action == "undo":
        return device_edits.undo([request.field("number")])
    return device_edits.set_values(records, request.views.device_fields, _values(request), reason)


def _values(request: PageRequest) -> dict[str, str]:
    """The fields of the form: all fields from the page of a device, the chosen one from the list."""
    if field := request.field("field"):
        one_of("field", [field], TOGETHER)
        return {field: request.field("value")}
    return {field: request.field(field) for field in FIELDS if field in request.form}
