"""What ``sensor status`` tells where no sensor runs: by the log, the inventory, the state of the outputs and the lists in the state folder."""

from __future__ import annotations

import contextlib
from datetime import datetime
from itertools import islice
from typing import Any, TextIO

from sensor.cli._show import coloured, number, paint, part, tidy
from sensor.cli._status_client import Place
from sensor.cli._status_words import Line, Part, decimal, output, page, several, size
from sensor.cli._times import age

# Records from the end of the log among which the last word of the sensor is looked for.
LOOKED_AT = 2000

Known = dict[str, Any]


def rest(place: Place) -> Known:
    """All that the files tell."""
    return {
        "state": str(place.state),
        "log": _log(place),
        "devices": _devices(place),
        "outputs": _outputs(place),
        "intel": {"lists": _lists(place)},
    }


def _log(place: Place) -> Known:
    """The log: its size, and what the sensor said last of itself."""
    from sensor.eventlog.log_end import backwards, end_of
    from sensor.eventlog.log_lines import parts
    from sensor.eventlog.reader import record_of

    told: Known = {"path": str(place.log)}
    with contextlib.suppress(OSError):
        there, end = parts(place.log), end_of(place.log)
        if end is None:
            return told
        told |= {"segments": len(there), "bytes": sum(one.path.stat().st_size for one in there)}
        records = (
            record for line in islice(backwards(place.log, end), LOOKED_AT) if (record := record_of(line)) is not None
        )
        last = next(records, None)
        if last is not None:
            told["last"] = last.get("ts")
            said = (
                last
                if last.get("kind") == "sensor"
                else next((one for one in records if one.get("kind") == "sensor"), None)
            )
            told["said"] = (
                {name: said.get(name) for name in ("ts", "action", "severity", "msg")} if said is not None else {}
            )
    return told


def _devices(place: Place) -> Known:
    """How many there are in the inventory; nothing where it cannot be read."""
    from sensor.inventory.store.database import StoreError
    from sensor.inventory.store.reader import Reader

    try:
        reader = Reader(place.state)
    except (StoreError, OSError):
        return {}
    try:
        return {"devices": sum(1 for _ in reader.records())}
    except StoreError:
        return {}
    finally:
        reader.close()


def _outputs(place: Place) -> Known:
    from sensor.telemetry.beside import output as told_of

    return {name: told_of(place.log, name) for name in place.outputs}


def _lists(place: Place) -> Known:
    """The files of the threat lists, and when they were written."""
    from sensor.intel.names import SUFFIX

    found: Known = {}
    with contextlib.suppress(OSError):
        for path in sorted([*place.intel, *(place.state / "intel").glob(f"*{SUFFIX}")]):
            found[str(path)] = {"written": path.stat().st_mtime}
    return found


def rest_screen(known: Known, why: str, out: TextIO, now: float) -> str:
    """The same for people."""
    return page(paint(f"no sensor is running: {tidy(why)}", "yellow", coloured(out)), _parts(known, now), out)


def _parts(known: Known, now: float) -> list[Part]:
    log, outputs, lists = part(known, "log"), part(known, "outputs"), part(part(known, "intel"), "lists")
    devices = part(known, "devices")
    told: list[Part] = [
        ("log", _log_lines(log, now)),
        (
            "devices",
            [
                (
                    f"{number(devices.get('devices')):,} in {tidy(known.get('state'))}"
                    if devices
                    else f"no inventory in {tidy(known.get('state'))}",
                    "",
                )
            ],
        ),
        ("outputs", [output(name, outputs[name], now) for name in outputs]),
        ("lists", [(f"{tidy(name)}: {age(now - decimal(one.get('written')))} old", "") for name, one in lists.items()]),
    ]
    return [(name, said) for name, said in told if said]


def _log_lines(log: Known, now: float) -> list[Line]:
    if "bytes" not in log:
        return [(f"none at {tidy(log.get('path'))}", "")]
    lines = [(f"{tidy(log.get('path'))}: {size(log.get('bytes'))} in {several(log.get('segments'), 'segment')}", "")]
    said = part(log, "said")
    if said:
        lines.append(
            (
                f"last word {_ago(said.get('ts'), now)}: {tidy(said.get('msg'))}",
                "" if said.get("action") == "stopped" else "yellow",
            )
        )
    return lines


def _ago(moment: Any, now: float) -> str:
    try:
        return f"{age(now - datetime.fromisoformat(str(moment)).timestamp())} ago"
    except ValueError:
        return "at a time that cannot be read"
