"""Devices: search, facets, sort, columns, pages."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.device_edits import TOGETHER
from sensor.console.page_request import PageRequest
from sensor.console.pages import devices_at
from sensor.console.render import render
from sensor.views.devices import FACETS, INDEXED, LARGE, DeviceFilter
from sensor.views.errors import one_of

# Columns of the table: name and sort key in URLs, and heading. A hub does not count open alerts.
COLUMNS = {
    "name": "Name", "type": "Type", "vendor": "Vendor", "model": "Model", "ip": "Address", "mac": "MAC", "vlan": "VLAN",
    "confidence": "Confidence", "alerts": "Open alerts", "owner": "Owner", "criticality": "Criticality",
    "os": "System", "firmware": "Firmware", "services": "Services", "first": "First seen", "last": "Last seen",
}  # fmt: skip
USUAL = ("name", "type", "vendor", "model", "ip", "mac", "vlan", "confidence", "alerts", "last")


def page(request: PageRequest) -> Response:
    if request.first("at"):
        return devices_at.page(request)
    wanted, paging = request.filter(DeviceFilter, "columns"), request.paging("last")
    chosen = [name for name in request.given.get("columns", ()) if name]
    one_of("columns", chosen, COLUMNS)
    found = request.views.devices(
        wanted, paging.sort, backwards=paging.backwards, limit=paging.limit, cursor=paging.cursor
    )
    headings = COLUMNS if request.views.on_sensor else {name: COLUMNS[name] for name in COLUMNS if name != "alerts"}
    columns = [name for name in headings if name == "name" or name in (chosen or (*USUAL, paging.sort))]
    return render(
        request, "devices.jinja", "Devices", page=found, wanted=wanted, paging=paging, columns=columns,
        headings=headings, sorts=request.views.device_sorts, facets=FACETS,
        together=[name for name in TOGETHER if name in request.views.device_fields],
        least=INDEXED if found.total > LARGE or not found.exact else 1,
    )  # fmt: skip
