"""The output of ``sensor status`` if no sensor runs: from the log, the inventory, the state of the outputs and the
lists in the state folder.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from sensor.cli._colors import coloured, paint
from sensor.cli._show import number, part, tidy
from sensor.cli._status_client import Locations
from sensor.cli._status_text import Line, Part, decimal, output, page, several, size
from sensor.cli._times import age
from sensor.core.record_parts import time_text

if TYPE_CHECKING:
    from sensor.views.dataset import Data
    from sensor.views.moments import Moment

Known = dict[str, Any]


def rest(place: Locations) -> Known:
    """The status from files alone."""
    log, devices = _stored(place)
    return {
        "state": str(place.state),
        "log": _log(place) | log,
        "devices": devices,
        "outputs": _outputs(place),
        "intel": {"lists": _lists(place)},
    }


def _log(place: Locations) -> Known:
    """The files of the log."""
    from sensor.eventlog.log_lines import parts

    with contextlib.suppress(OSError):
        if there := parts(place.log):
            size = sum(one.path.stat().st_size for one in there)
            return {"path": str(place.log), "segments": len(there), "bytes": size}
    return {"path": str(place.log)}


def _stored(place: Locations) -> tuple[Known, Known]:
    """The state of the log and of the devices, from the tables; ``unknown``: why they cannot be read."""
    import sqlite3

    from sensor.views.dataset_summary import dataset_summary
    from sensor.views.errors import ViewError

    try:
        if (data := _opened(place)) is None:
            return {}, {}
        with data:
            found = dataset_summary(data)
    except (ViewError, sqlite3.Error, OSError) as error:
        return {}, {"unknown": str(error)}
    devices = {"devices": found.devices} if found.devices is not None else {}
    if not found.last:
        return {}, devices
    newest = {"said": _moment(found.newest)} if found.newest is not None else {"said": {}}
    return {"last": time_text(found.last), **newest}, devices


def _moment(moment: Moment) -> Known:
    return {
        "ts": time_text(moment.ts),
        "action": moment.action,
        "severity": moment.severity,
        "msg": moment.summary,
    }


def _opened(place: Locations) -> Data | None:
    """The tables of the state folder; those of its log alone if it has no inventory, None without either. Outdated
    tables that cannot be updated are read as they are: reading a whole log takes too long for a status.
    """
    import msgspec

    from sensor.datasets.dataset import dataset_in
    from sensor.inventory.store.database import StoreError
    from sensor.tables.ready import make_devices_ready, make_ready
    from sensor.views.dataset import open_folder, open_log

    dataset = msgspec.structs.replace(dataset_in(place.state), log=place.log)
    if dataset.inventory is None:
        return open_log(dataset.log) if dataset.has_log else None
    with contextlib.suppress(StoreError):  # opening it reports the reason
        if dataset.has_log:
            make_ready(dataset.folder, dataset.log)
        else:
            make_devices_ready(dataset.folder)
    return open_folder(dataset.folder)


def _outputs(place: Locations) -> Known:
    from sensor.telemetry.host_facts import output as status_of

    return {name: status_of(place.log, name) for name in place.outputs}


def _lists(place: Locations) -> Known:
    """The files of the threat lists, and their modification times."""
    from sensor.intel.names import SUFFIX

    found: Known = {}
    with contextlib.suppress(OSError):
        for path in sorted([*place.intel, *(place.state / "intel").glob(f"*{SUFFIX}")]):
            found[str(path)] = {"written": path.stat().st_mtime}
    return found


def rest_screen(known: Known, why: str, out: TextIO, now: float) -> str:
    """The same as text."""
    return page(paint(tidy(why), "yellow", coloured(out)), _parts(known, now), out)


def _parts(known: Known, now: float) -> list[Part]:
    log, outputs, lists = part(known, "log"), part(known, "outputs"), part(part(known, "intel"), "lists")
    parts: list[Part] = [
        ("log", _log_lines(log, now)),
        ("devices", [_devices_line(known)]),
        ("outputs", [output(name, outputs[name], now) for name in outputs]),
        ("lists", [(f"{tidy(name)}: {age(now - decimal(one.get('written')))} old", "") for name, one in lists.items()]),
    ]
    return [(name, lines) for name, lines in parts if lines]


def _devices_line(known: Known) -> Line:
    devices, state = part(known, "devices"), tidy(known.get("state"))
    if "unknown" in devices:
        return f"unknown: {tidy(devices['unknown'])}", "yellow"
    return (f"{number(devices['devices']):,} in {state}" if "devices" in devices else f"no inventory in {state}"), ""


def _log_lines(log: Known, now: float) -> list[Line]:
    if "bytes" not in log:
        return [(f"none at {tidy(log.get('path'))}", "")]
    lines = [(f"{tidy(log.get('path'))}: {size(log.get('bytes'))} in {several(log.get('segments'), 'segment')}", "")]
    newest = part(log, "said")
    if newest:
        lines.append(
            (
                f"last event {_ago(newest.get('ts'), now)}: {tidy(newest.get('msg'))}",
                "" if newest.get("action") == "stopped" else "yellow",
            )
        )
    return lines


def _ago(moment: Any, now: float) -> str:
    try:
        return f"{age(now - datetime.fromisoformat(str(moment)).timestamp())} ago"
    except ValueError:
        return "at an unknown time"
