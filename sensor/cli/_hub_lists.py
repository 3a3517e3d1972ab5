"""``sensor hub`` sensors, quarantine, devices, alerts, incidents: lists, as tables or JSON lines. Texts of sensors and
of peers are cleaned before they are printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sensor.cli._codes import DONE, USAGE, Exit
from sensor.cli._hub_base import check_extra, opened
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.cli._table import table
from sensor.cli._times import age, clock
from sensor.core.ids import short_id
from sensor.core.severities import SEVERITIES

if TYPE_CHECKING:
    from sensor.hub.database import Connection
    from sensor.hub.reading import AlertRow, DeviceRow, HubFilter, IncidentRow, QuarantineRow, SensorRow

Row = TypeVar("Row", bound=msgspec.Struct)
Cells = tuple[str, ...]
SENSORS = ("sensor", "enrolment", "last batch", "held", "gaps", "clock", "quarantined", "software", "expires")
DEVICES = ("last seen", "device", "name", "type", "vendor", "model", "addresses", "sensor")
ALERTS = ("severity", "last seen", "alert", "title", "actor → target", "count", "state", "sensor")
INCIDENTS = ("severity", "last seen", "incident", "alerts", "state", "summary", "sensor")
QUARANTINE = ("time", "sensor", "reason", "summary", "size")
# Smaller clock differences are not shown: the transport of a batch takes as long.
CLOCK_S = 5


def sensors(args: argparse.Namespace) -> int:
    """List sensors with their status."""
    check_extra()
    from sensor.hub.reading import list_sensors

    return _listed(args, list_sensors, SENSORS, _sensor_cells)


def devices(args: argparse.Namespace) -> int:
    """List the last states of devices."""
    check_extra()
    from sensor.hub.reading import list_devices

    return _listed(args, list_devices, DEVICES, _device_cells)


def alerts(args: argparse.Namespace) -> int:
    """List alerts with the operator's state."""
    check_extra()
    from sensor.hub.reading import list_alerts

    return _listed(args, list_alerts, ALERTS, _alert_cells)


def incidents(args: argparse.Namespace) -> int:
    """List incidents."""
    check_extra()
    from sensor.hub.reading import list_incidents

    return _listed(args, list_incidents, INCIDENTS, _incident_cells)


def quarantine(args: argparse.Namespace) -> int:
    """List rejected batches."""
    check_extra()
    from sensor.hub.reading import list_quarantine

    return _listed(args, list_quarantine, QUARANTINE, _quarantine_cells)


def _listed(
    args: argparse.Namespace,
    rows_of: Callable[[Connection, HubFilter], list[Row]],
    columns: Sequence[str],
    cells: Callable[[Row], Cells],
) -> int:
    from sensor.hub.reading import HubFilter

    least = SEVERITIES.index(args.severity)
    chosen = HubFilter(args.site, args.sensor, args.type, args.find, least, max(1, args.limit))
    with opened(args) as base:
        _check(base, chosen)
        rows = rows_of(base, chosen)
    if args.json:
        for row in rows:
            put(msgspec.json.encode(row).decode())
        return DONE
    put(table(columns, [tuple(map(tidy, cells(row))) for row in rows], sys.stdout))
    if len(rows) == chosen.limit:
        complain(f"the first {chosen.limit:,} rows: --limit shows more", "info")
    return DONE


def _check(base: Connection, chosen: HubFilter) -> None:
    """Raises Exit for a type that does not exist, and for a site or sensor that the hub does not have."""
    from sensor.hub.reading import names_of
    from sensor.views.errors import Unknown, one_of
    from sensor.views.known_values import check

    try:
        if chosen.type is not None:
            check("type", [chosen.type], lambda: names_of(base, "type"))
        for field, value in ("site", chosen.site), ("sensor", chosen.name):
            if value is not None:
                one_of(field, [value], names_of(base, field))
    except Unknown as error:
        raise Exit(USAGE, tidy(f"--{error}"), error="usage.invalid-value") from None


def _sensor_cells(row: SensorRow) -> Cells:
    seen = "never" if row.seen is None else f"{age(time.time() - row.seen.timestamp())} ago"
    clock = "unknown" if row.seen is None else f"{row.clock_ms / 1000:+.0f} s" if _is_off(row) else "ok"
    left = "-" if row.expires is None else f"in {age(row.expires.timestamp() - time.time())}"
    numbers = f"{row.held:,}", _gaps(row), clock, f"{row.quarantined:,}"
    return (f"{row.site}/{row.name}", row.state, seen, *numbers, row.version, left)


def _is_off(row: SensorRow) -> bool:
    return abs(row.clock_ms) >= CLOCK_S * 1000


def _gaps(row: SensorRow) -> str:
    """Ranges of numbers that the hub lacks, and their total."""
    if row.gaps is None:
        return "unknown"
    if not row.gaps:
        return "none"
    return "filtered" if row.filtered else f"{row.gaps:,} ({row.high - row.held:,} events)"


def _device_cells(row: DeviceRow) -> Cells:
    address = ", ".join([*row.ips[:1], *row.macs[:1]])
    texts = (row.name, row.type, row.vendor, row.model, address, ", ".join((_origin(row), *row.others)))
    return (_clock(row.last), short_id(row.id), *texts)


def _alert_cells(row: AlertRow) -> Cells:
    state = ", ".join(filter(None, (row.state or ("closed" if row.closed else "open"), row.verdict, row.assignee)))
    ends = " → ".join(filter(None, (row.src, row.dst)))
    texts = (row.title, ends, f"{row.count:,}", state, ", ".join((_origin(row), *row.others)))
    return (SEVERITIES[row.severity], _clock(row.last), short_id(row.id), *texts)


def _incident_cells(row: IncidentRow) -> Cells:
    state = "closed" if row.closed else "open"
    head = (SEVERITIES[row.severity], _clock(row.last), short_id(row.id))
    return (*head, f"{row.count:,}", state, row.summary, ", ".join((_origin(row), *row.others)))


def _quarantine_cells(row: QuarantineRow) -> Cells:
    return (_clock(row.at), row.sensor, row.reason, row.detail, f"{row.size:,}")


def _origin(row: DeviceRow | AlertRow | IncidentRow) -> str:
    """Site and sensor as one word."""
    return f"{row.site}/{row.sensor}"


def _clock(time: datetime) -> str:
    return clock(time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"))
