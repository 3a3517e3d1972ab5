"""What the commands about devices read: an event log, or the inventory that a sensor keeps."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sensor.cli._log import Take, add_events_argument, folded
from sensor.cli._opened import until_over
from sensor.cli._setup import complain
from sensor.cli._show import part, tidy

if TYPE_CHECKING:
    from sensor.eventlog.fold import Fold
    from sensor.inventory.store.reader import Reader

Record = dict[str, Any]


class Known(NamedTuple):
    """How things stand. ``reader``: the inventory, where it is read and not a log; ``folder``: where it lies."""

    fold: Fold
    reader: Reader | None = None
    folder: Path | None = None

    def details(self, record: Record) -> Record:
        """A record of a device with everything there is of it."""
        if self.reader is None:
            return record
        return self.reader.details(tidy(part(record, "device").get("id"))) or record


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    add_events_argument(parser)
    parser.add_argument("--state", metavar="DIR", type=Path, help="folder of the inventory to read (default: the state folder)")


def add_site_arguments(parser: argparse.ArgumentParser) -> None:
    """Of commands that look at the whole site (``_site.py``)."""
    parser.add_argument("--config", metavar="FILE", type=Path, help="configuration, for its networks: (default: the system's)")
    add_source_arguments(parser)


def known(args: argparse.Namespace, *, alerts: bool = False, take: Take | None = None) -> Known | None:
    """Read what the arguments name: a log, or an inventory; else the inventory of the state folder, unless a replay was logged there after it was written.

    ``alerts``: what logs know beyond devices as well: of the log that is named beside an inventory, else of the log of live runs. None after it was said why
    nothing can be read. ``take`` hears every record of the log, and says which of them count.
    """
    from sensor.eventlog.fold import Fold
    from sensor.eventlog.log_lines import parts
    from sensor.eventlog.paths import RUN_LOG, folder_to_read, newest_log
    from sensor.inventory.store.database import FILE, StoreError

    if args.events is not None and (args.state is None or not alerts):
        return _of_log(args.events, take)
    folder = args.state or folder_to_read()
    store, newest = folder / FILE, newest_log(folder)
    if args.state is None and (not store.is_file() or (newest is not None and newest.name != RUN_LOG and _age(newest) > _age(store))):
        return _of_log(None, take)
    log = args.events or folder / RUN_LOG
    there = bool(args.events or parts(log))
    fold = folded(log, take) if alerts and there else Fold()
    if fold is None and args.events:
        return None
    try:
        found = _of_store(folder, fold or Fold())
    except StoreError as error:
        complain(str(error))
        return None
    if alerts and not there:
        complain(f"no event log {log}: alerts and recommendations are not known; --events names a log" + (f", such as {newest}" if newest else ""))
    if args.state is None:
        complain(f"reading {store}")
    return found


def _age(path: Path) -> int:
    """When it was last written; of a store, its log of late changes counts too."""
    beside = path.with_name(f"{path.name}-wal")
    return max((one.stat().st_mtime_ns for one in (path, beside) if one.exists()), default=0)


def _of_log(path: Path | None, take: Take | None) -> Known | None:
    fold = folded(path, take)
    return None if fold is None else Known(fold)


def _of_store(folder: Path, fold: Fold) -> Known:
    """The devices of a store with the alerts of a log."""
    from sensor.inventory.store.reader import Reader

    reader = until_over(Reader(folder))
    fold.devices = {record["device"]["id"]: record for record in reader.records()}
    fold.merged = reader.merged()
    return Known(fold, reader, folder)


def find_devices(fold: Fold, what: str) -> list[Record]:
    """Devices of that id, address, MAC or name."""
    named = fold.device(what)
    if named is not None:
        return [named]
    mac, word = mac_of(what), what.casefold().rstrip(".")
    return [record for record in fold.devices.values() if mac in handles(record) or word in handles(record)]


def the_device(fold: Fold, what: str) -> Record | None:
    """The one device of that name; None after it was said that there is none, or that there are several."""
    found = find_devices(fold, what)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(tidy(part(record, "device").get("id")) for record in found)
        complain(f"{what!r} may be any of {names}: name one by its id")
        return None
    from difflib import get_close_matches

    near = get_close_matches(what.casefold(), sorted({handle for record in fold.devices.values() for handle in handles(record)}), 3)
    complain(f"no device {what!r}" + (f": did you mean {' or '.join(near)}?" if near else ""))
    return None


def handles(record: Record) -> set[str]:
    """What a device can be called by, in small letters."""
    device = part(record, "device")
    values = [device.get("id"), device.get("hostname")]
    for name in ("ips", "macs", "names"):
        several = device.get(name)
        values += several if isinstance(several, list) else []
    return {tidy(value).casefold() for value in values} - {""}


def mac_of(text: str) -> str:
    """A MAC as records write it; empty where the text is none."""
    from sensor.core.addresses import mac_text, parse_mac

    try:
        return mac_text(parse_mac(text))
    except ValueError:
        return ""
