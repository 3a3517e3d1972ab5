"""``sensor hub`` entities, roaming, conflicts, identify, separate: devices that several sensors see."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sensor.cli._codes import DONE, NOT_FOUND, USAGE, Exit
from sensor.cli._hub_base import check_extra, opened
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.cli._table import table
from sensor.cli._times import clock

if TYPE_CHECKING:
    from sensor.hub.entities import ConflictRow, EntityRow
    from sensor.hub.roaming import SiteStay

Row = TypeVar("Row", bound=msgspec.Struct)
ENTITIES = ("last seen", "entity", "name", "type", "sites", "devices", "reasons")
ROAMING = ("entity", "name", "type", "site", "first seen", "last seen", "device")
CONFLICTS = ("last seen", "first seen", "MAC", "device", "at the same time")
SHOWN = 3


def entities(args: argparse.Namespace) -> int:
    """List devices that several sensors see."""
    check_extra()
    from sensor.hub.entities import list_entities

    with opened(args) as base:
        rows = list_entities(base, args.site, max(1, args.limit))
    return _print(args, rows, ENTITIES, _entity_cells)


def roaming(args: argparse.Namespace) -> int:
    """List the stays of devices that several sites see."""
    check_extra()
    from sensor.hub.roaming import list_roaming

    with opened(args) as base:
        rows = list_roaming(base, args.site, args.find, max(1, args.limit))
    return _print(args, rows, ROAMING, _stay_cells)


def conflicts(args: argparse.Namespace) -> int:
    """List MACs that two sites saw at the same time."""
    check_extra()
    from sensor.hub.entities import list_conflicts

    with opened(args) as base:
        rows = list_conflicts(base, max(1, args.limit))
    return _print(args, rows, CONFLICTS, _conflict_cells)


def identify(args: argparse.Namespace) -> int:
    """Recompute them now."""
    check_extra()
    import sensor.hub.entities as hub

    with opened(args) as base:
        found = hub.identify(base)
    if found is None:
        complain("a worker is finding entities now", "info")
        return DONE
    at_once = f"MAC addresses at two sites at the same time: {found.conflicts:,}"
    put(f"entities: {found.entities:,}; edges: {found.edges:,}; {at_once}")
    return DONE


def separate(args: argparse.Namespace) -> int:
    """1 if a device is unknown."""
    check_extra()
    import sensor.hub.entities as hub
    from sensor.cli._devices_actions import author_of
    from sensor.hub.sensors import Unknown

    if len(args.operands) != 2:
        raise Exit(USAGE, "expected separate SENSOR/DEVICE SENSOR/DEVICE", error="usage.missing-argument")
    with opened(args) as base:
        try:
            hub.separate(base, args.operands[0], args.operands[1], author_of(args), args.comment)
        except Unknown as error:
            message = (
                f"no device {error.args[0]!r} at the hub, expected SENSOR/DEVICE as `sensor hub entities` lists it"
            )
            raise Exit(NOT_FOUND, message, error="device.unknown") from None
        hub.identify(base)
    put(f"{tidy(args.operands[0])} and {tidy(args.operands[1])} are now separate devices")
    return DONE


def _print(
    args: argparse.Namespace, rows: Sequence[Row], columns: Sequence[str], cells: Callable[[Row], tuple[str, ...]]
) -> int:
    if args.json:
        for row in rows:
            put(msgspec.json.encode(row).decode())
    else:
        put(table(columns, [tuple(map(tidy, cells(row))) for row in rows], sys.stdout))
    return DONE


def _entity_cells(row: EntityRow) -> tuple[str, ...]:
    members = ", ".join(row.members[:SHOWN]) + (f" and {len(row.members) - SHOWN} more" if row.members[SHOWN:] else "")
    return (_time(row.last), row.entity, row.name, row.type, ", ".join(row.sites), members, ", ".join(row.reasons))


def _stay_cells(row: SiteStay) -> tuple[str, ...]:
    place = f"{row.sensor}/{row.device}"
    return (row.entity, row.name, row.type, row.site, _time(row.begins), _time(row.ends), place)


def _conflict_cells(row: ConflictRow) -> tuple[str, ...]:
    return (_time(row.ends), _time(row.begins), row.mac, row.one, row.other)


def _time(time: datetime) -> str:
    return clock(time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"))
