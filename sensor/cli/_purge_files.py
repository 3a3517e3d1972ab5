"""Files beside the inventory with data of a device: packets of alerts, tickets, its profiles, and backup copies."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._log import folded
from sensor.cli._setup import complain
from sensor.cli._show import part, tidy

if TYPE_CHECKING:
    from sensor.cli._known import Record
    from sensor.lifecycle.places import SensorPaths

# Packets of an alert are collected for a minute after its report, and the writer may lag.
GROWING_S = 180
_PACKETS = re.compile(r"(?:.*/)?(alert-[0-9a-z-]{6,32}\.pcapng)")


def packets_of(places: SensorPaths, devices: list[Record]) -> list[Path]:
    """Files with the packets of alerts that involve one of the devices, as far as the event log still contains the
    alerts.
    """
    from sensor.eventlog.log_lines import parts

    if not parts(places.log):
        return []
    fold = folded(places.log)
    ids = {tidy(part(record, "device").get("id")) for record in devices}
    macs = {tidy(mac) for record in devices for mac in part(record, "device").get("macs") or ()}
    found = {
        _file(record)
        for record in fold.alerts.values()
        if any(tidy(end.get("device")) in ids or tidy(end.get("mac")) in macs for end in _ends(record))
    }
    return sorted(path for name in found if name and (path := places.evidence / name).is_file())


def out_of_records(places: SensorPaths, devices: list[Record]) -> int | None:
    """Remove devices from the traffic records; returns the number of rows, or None if the process that writes them will
    do so. Raises OSError.
    """
    from sensor.records.installed import installed
    from sensor.records.manifest import ManifestError
    from sensor.records.paths import MANIFEST, records_folder

    folder = records_folder(places.log)
    if not (folder / MANIFEST).exists():
        return 0
    if not installed():
        raise OSError(0, "the packages to read them are not installed", str(folder))
    from sensor.records.forget import carry_out_now, order

    ids, macs = names_of(devices)
    order(folder, ids, macs)
    try:
        return carry_out_now(folder, complain)
    except ManifestError as error:
        raise OSError(0, str(error), str(folder)) from None


def names_of(devices: list[Record]) -> tuple[list[str], list[str]]:
    """Ids and MACs of devices."""
    macs = [tidy(mac) for record in devices for mac in part(record, "device").get("macs") or ()]
    return [tidy(part(record, "device").get("id")) for record in devices], macs


def pattern_of(devices: list[Record]) -> re.Pattern[bytes]:
    """A pattern that matches each record of the log about one of the devices."""
    from sensor.lifecycle.redact import theirs

    ids, macs = names_of(devices)
    return theirs([*ids, *macs])


def _ends(record: Record) -> Iterator[Record]:
    """The ends of an alert."""
    yield part(record, "src")
    yield part(record, "dst")
    targets = record.get("targets")
    yield from (one for one in targets if isinstance(one, dict)) if isinstance(targets, list) else ()


def _file(record: Record) -> str:
    """The name of its file: a foreign log must not name files elsewhere."""
    match = _PACKETS.fullmatch(tidy(part(record, "packets").get("file")))
    return match[1] if match else ""


def out_of_tickets(places: SensorPaths, devices: Collection[str]) -> int:
    """Remove devices from tickets, by id; returns how many were in one. Raises LedgerError."""
    from sensor.posture.tickets.ledger import read_ledger, write_ledger

    ledger, changed = read_ledger(places.state), 0
    for note in ledger.tickets.values():
        theirs = (note.devices.keys() | note.over.keys()) & set(devices)
        for device in theirs:
            note.devices.pop(device, None)
            note.over.pop(device, None)
        changed += bool(theirs)
    if changed:
        write_ledger(places.state, ledger)
    return changed


def out_of_profiles(places: SensorPaths, devices: Collection[str]) -> int:
    """Remove the profiles installed only for one of the devices, by id; returns how many. The scope of an invalid one
    is unknown. Raises OSError.
    """
    from sensor.posture.profiles.installed import DEVICE, FOLDER, load

    folder = places.state / FOLDER
    theirs = [one.name for one in load(folder).installed if one.target[0] == DEVICE and one.target[1] in devices]
    for name in theirs:
        (folder / f"{name}.json").unlink(missing_ok=True)
    return len(theirs)


def copies(places: SensorPaths) -> list[Path]:
    """Copies of the state from upgrades, repairs and restores, and damaged files."""
    from sensor.records.paths import records_folder

    in_state = ("inventory.db.version-*", "inventory.db.damaged-*", "before-restore-*", "backup-before-datasets")
    of_records = ("manifest.db.damaged-*", "*/*.parquet.damaged")
    found = [
        path
        for folder, patterns in ((places.state, in_state), (records_folder(places.log), of_records))
        for pattern in patterns
        for path in folder.glob(pattern)
    ]
    return sorted(path for path in found if not path.name.endswith(("-wal", "-shm")))
