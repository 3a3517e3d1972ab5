"""One device: each attribute with its evidence and contesting values, addresses, alerts, recommendations, history."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.responses import Response

from sensor.console.device_edits import own_values
from sensor.console.lookups import connections, recorded
from sensor.console.page_request import PageRequest
from sensor.console.pages import devices_at
from sensor.console.parts import each
from sensor.console.render import render
from sensor.core.device import TYPES
from sensor.core.foreign import part
from sensor.core.record_parts import objects
from sensor.core.type_labels import type_label
from sensor.fingerprinting.fuse import SEVERAL
from sensor.fingerprinting.sums import Sum, comparable, reported
from sensor.inventory.corrections import CRITICALITIES
from sensor.views.alert_filter import AlertFilter
from sensor.views.stories import StoryFilter, recommendations

SHOWN = 50
Body = dict[str, Any]


class Value(NamedTuple):
    """A value that evidence supports. ``sum``: how its confidence adds up; ``chosen``: it is the value of
    the device.
    """

    value: str
    sum: Sum
    claims: list[Body]
    chosen: bool


class Attribute(NamedTuple):
    """``shown``: value of the device, empty if none is likely enough; ``values``: that value first, then contesting
    ones; ``notes``: how these change its confidence.
    """

    name: str
    shown: str
    confidence: float | None
    contested: bool
    values: list[Value]
    notes: list[str]


def page(request: PageRequest) -> Response:
    if request.first("at"):
        return devices_at.one(request)
    record = request.views.device(request.http.path_params["id"])
    body = part(record, "device")
    name = str(body.get("id"))
    known, on_sensor = request.opened.alerts_known, request.views.on_sensor
    found = request.views.alerts(AlertFilter(device=name), limit=SHOWN) if known else None
    todo = recommendations(request.data, StoryFilter(device=name), limit=SHOWN) if known and on_sensor else None
    kind = type_label(str(body.get("type") or "device"))
    title = f"{kind} {body.get('hostname') or next(iter(each(body.get('ips'))), name)}"
    return render(
        request,
        "device.jinja",
        title,
        record=record,
        device=body,
        attributes=attributes(record),
        alerts=found,
        todo=todo,
        editable=request.opened.device_changes is not None,
        own=own_values(record),
        types=TYPES,
        criticalities=CRITICALITIES,
        connections=connections(name) if on_sensor and recorded(request.dataset) else "",
    )


def attributes(record: Body) -> list[Attribute]:
    """Attributes with their evidence, the type first."""
    body, claims = part(record, "device"), objects(record.get("evidence"))
    names = sorted(
        {str(claim.get("attribute")) for claim in claims},
        key=lambda name: (name != "type", name != "vendor", name != "model", name),
    )
    return [
        _attribute(body, name, [claim for claim in claims if str(claim.get("attribute")) == name]) for name in names
    ]


def _strength(claim: Body) -> float:
    confidence = claim.get("confidence")
    return confidence if isinstance(confidence, int | float) else 0.0


def _attribute(body: Body, name: str, claims: list[Body]) -> Attribute:
    given = body.get("hostname" if name == "name" else name) or part(body, "attributes").get(name) or ""
    shown = ", ".join(map(str, given)) if isinstance(given, list) else str(given)
    equal: dict[str, list[Body]] = {}
    for claim in sorted(claims, key=_strength, reverse=True):
        equal.setdefault(comparable(name, str(claim.get("value"))), []).append(claim)
    sums, winners = {key: Sum.of(some) for key, some in equal.items()}, reported(name, shown)
    values = [Value(str(some[0].get("value")), sums[key], some, key in winners) for key, some in equal.items()]
    values.sort(key=lambda one: (not one.chosen, -one.sum.sure, one.value))
    confidence = part(body, "confidences").get(name, body.get("confidence") if name == "type" else None)
    corrected = any(claim.get("family") == "operator" for claim in claims)
    winner = "" if name in SEVERAL or corrected else winners[0]
    notes = list(sums[winner].against(name, winner, sums, confidence)) if winner in sums else []
    contested = name in each(body.get("contested"))
    return Attribute(name, "" if shown == "unknown" else shown, confidence, contested, values, notes)
