"""Devices at an earlier time: all or one, and the difference to another time."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sensor.console.history import COMPARED, Body, HistoryFilter, Snapshot, changes, containing, inventory_at
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.errors import Unknown

SHOWN = 1000


def page(request: PageRequest) -> Response:
    """``at``: the time; ``against``: the time to compare with; ``text``: words in a device."""
    text = request.filter(HistoryFilter).text
    then = inventory_at(request, "at")
    other = inventory_at(request, "against") if request.first("against") else None
    return render(
        request, "devices_at.jinja", "Devices", then=then, other=other, timely=True, text=text,
        **_shown(text, then, other), shown=SHOWN,
    )  # fmt: skip


def one(request: PageRequest) -> Response:
    """One device, and its changes until the end of the records."""
    then, name = inventory_at(request, "at"), request.http.path_params["id"]
    found = [body for key, body in then.devices.items() if key.startswith(name)]
    if len(found) != 1:
        raise Unknown("id", name, then.devices)
    return render(
        request, "device_at.jinja", str(found[0].get("hostname") or found[0]["id"]), body=found[0], then=then,
        fields=COMPARED, timely=True,
    )  # fmt: skip


def _shown(text: str, then: Snapshot, other: Snapshot | None) -> dict[str, Any]:
    """The devices that match at ``then``; with ``other``, the differences of those that match at either time."""
    devices: dict[str, Body] = containing(then.devices, text)
    if other is None:
        return {"devices": list(devices.values())[:SHOWN], "total": len(devices), "changes": None}
    shown = {*devices, *containing(other.devices, text)}
    found = [one for one in changes(then.devices, other.devices) if one.id in shown]
    return {"devices": [], "total": len(found), "changes": found[:SHOWN]}
