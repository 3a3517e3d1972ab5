"""Devices: search, facets, sort, pages."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.ask import Ask
from sensor.console.device_words import TOGETHER
from sensor.console.pages import devices_then
from sensor.console.render import render
from sensor.views.devices import FACETS, SORTS, DeviceFilter, devices

# Columns of the table: what a column sorts by, and its heading.
COLUMNS = (
    ("name", "Name"), ("type", "Type"), ("vendor", "Vendor"), ("model", "Model"), ("ip", "Address"), ("mac", "MAC"),
    ("vlan", "VLAN"),
    ("confidence", "Confidence"), ("last", "Last seen"),
)  # fmt: skip


def page(ask: Ask) -> Response:
    if ask.first("at"):
        return devices_then.page(ask)
    wanted, paging = ask.filter(DeviceFilter), ask.paging("last", 100)
    found = devices(ask.data, wanted, paging.sort, backwards=paging.backwards, limit=paging.limit, cursor=paging.cursor)
    return render(
        ask,
        "devices.jinja",
        "Devices",
        page=found,
        wanted=wanted,
        paging=paging,
        columns=COLUMNS,
        sorts=SORTS,
        facets=FACETS,
        together=TOGETHER,
    )
