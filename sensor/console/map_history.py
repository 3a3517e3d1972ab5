"""The map as of a time: devices and alerts from the traffic records, and conversations of the baseline until then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sensor.console.alerts_history import PastAlerts, alerts_of
from sensor.console.history import Body, inventory_at, recorded_at
from sensor.console.moments import moment_of
from sensor.console.page_request import PageRequest
from sensor.console.parts import each
from sensor.core.moments import FIRST
from sensor.posture.build import main_address, segment_of
from sensor.posture.picture import Picture
from sensor.posture.site import Node
from sensor.records.asof import targets_at
from sensor.views.topology import PastState

Record = dict[str, Any]


def then_of(request: PageRequest, picture: Picture) -> PastState:
    """The state at ``at``; with ``against``, the later of both, and only conversations that began between them. Raises
    Malformed, NotReadable.
    """
    given = [name for name in ("at", "against") if request.first(name)]
    times = {name: moment_of(name, request.first(name), request.now) for name in given}
    latest = max(times, key=lambda name: times[name])
    bodies = inventory_at(request, latest).devices
    nodes = {name: _node(node, bodies.get(name)) for name, node in picture.site.nodes.items()}
    after = min(times.values()) if len(times) > 1 else FIRST - 1
    targets = recorded_at(request, targets_at, latest)[2]
    return PastState(nodes, _open(alerts_of(request, latest), targets), after, times[latest])


def _node(node: Node, body: Body | None) -> Node:
    """The device with the values of that time; unknown ones if the records have none."""
    there: Mapping[str, object] = body or {}
    address = main_address([str(one) for one in each(there.get("ips"))])
    return node._replace(
        name=str(there.get("hostname") or ""), type=str(there.get("type") or "unknown"),
        vendor=str(there.get("vendor") or ""), model=str(there.get("model") or ""), address=address or node.address,
        segment=segment_of(there.get("vlan"), address) if body else node.segment,
    )  # fmt: skip


def _open(alerts: PastAlerts, targets: Mapping[str, list[Record]]) -> list[Record]:
    """The alerts that were open, as records. ``targets``: by the id of the alert."""
    return [_record(one.row, targets.get(one.row["alert"], [])) for one in alerts.alerts if one.state != "closed"]


def _record(row: Mapping[str, Any], targets: list[Record]) -> Record:
    ends = {end: {"ip": row[f"{end}_ip"], "device": row[f"{end}_device"]} for end in ("src", "dst")}
    alert = {"id": row["alert"], "title": row["title"], "first": row["first"], "last": row["ts"]}
    return {"severity": row["severity"], "alert": alert, "targets": targets, **ends}
