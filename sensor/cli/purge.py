"""Delete devices and all data about them from the inventory.

DEVICE is an id, a MAC, an address or a name, as in `sensor explain`; --before selects all devices not seen since. This
deletes attributes and evidence, history, addresses, baselines, operator values, their part of tickets, profiles installed for them
alone, the packets of their alerts, and the rows of traffic records that contain their id or a MAC. A running sensor does so within a second,
and creates a new device when it sees traffic again.

The event log is kept: its retention removes events by age (retention.age_days). With --log, every event that contains the id or a MAC of
a device, alerts included, is replaced by a marker with the same time, id and number; neither `sensor run` nor `sensor forward` may run.

exit codes: 0 done, 1 a device is unknown, 2 wrong usage or not confirmed, 3 the inventory cannot be read or written
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._configuration import texts_of
from sensor.cli._places import add_state_argument, places_of, reason_of
from sensor.cli._setup import complain
from sensor.cli._show import first_of, part, put, tidy
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.cli._known import Known, Record
    from sensor.lifecycle.places import SensorPaths

EXAMPLES = """\
  sensor purge 10.20.10.62
  sensor purge --reason 'erasure request of a visitor' dev-5k2m8q da:a1:19:00:00:01
  sensor purge --before 90d --dry-run
"""
SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="DEVICE", nargs="*", help="id, MAC, address or name of a device")
    parser.add_argument(
        "--before",
        metavar="SPAN",
        default="",
        help="devices not seen for this span, such as 90d or 12h, or since a time such as 2026-08-24",
    )
    parser.add_argument(
        "--log", action="store_true", help="also remove them from the event log; sensor and forwarder must be stopped"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would be deleted")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--reason", metavar="TEXT", default="", help="reason, stored with the id of the device")
    parser.add_argument("--author", metavar="NAME", help="author (default: the user)")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="configuration of the sensor (default: the system's)",
    )
    add_state_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Purge; 1 if a device is unknown, 2 for wrong usage or without confirmation, 3 if the inventory cannot be read or
    written.
    """
    from sensor.cli._known import known
    from sensor.cli._times import moment_of
    from sensor.datasets.dataset import dataset_in

    since = moment_of(args.before, time.time()) if args.before else ""
    if args.before and not since:
        complain(
            f"--before: found {args.before!r}, expected a span or a day such as 90d, 12h or 2026-08-24",
            error="usage.invalid-value",
        )
        return USAGE
    if bool(args.operands) == bool(args.before):
        complain("expected DEVICE… or --before SPAN, such as 90d, 12h or 2026-08-24", error="usage.missing-argument")
        return USAGE
    places = places_of(args.config, args.state, texts_of(args))
    if places is None:
        return USAGE
    dataset = dataset_in(places[1].state)
    if dataset.inventory is None:
        complain(f"{dataset.folder}: no inventory", error="inventory.missing")
        return NOT_OPENED
    found = known(argparse.Namespace(dataset=dataset))
    chosen = _chosen(args, found, since)
    if chosen is None:
        return NOT_FOUND
    if not chosen:
        put(f"no device was last seen before {since[:19]}Z")
        return 0
    return _purge(args, places[1], found, chosen)


def _chosen(args: argparse.Namespace, found: Known, since: str) -> list[Record] | None:
    """The selected devices, without duplicates. None after an error if one is unknown."""
    from sensor.cli._known import the_device

    if since:
        return [
            record for record in found.fold.devices.values() if tidy(part(record, "device").get("last_seen")) < since
        ]
    named = [the_device(found.fold, what) for what in args.operands]
    if None in named:
        return None
    return list({tidy(part(record, "device").get("id")): record for record in named if record is not None}.values())


def _purge(args: argparse.Namespace, places: SensorPaths, found: Known, chosen: list[Record]) -> int:
    from sensor.cli._purge_files import packets_of, pattern_of
    from sensor.lifecycle.redact import redact

    packets, pattern = packets_of(places, chosen), pattern_of(chosen) if args.log else None
    _list_removed(places, chosen, packets)
    if args.dry_run:
        if pattern is not None:
            put(f"{counted(redact(places.log, pattern, dry_run=True).records, 'record')} of the event log")
        put(f"{counted(len(chosen), 'device')} would be purged")
        return 0
    if not _agreed(args, len(chosen)):
        return USAGE
    if found.reader is not None:
        found.reader.close()
    return _done(args, places, chosen, packets, pattern)


def _done(
    args: argparse.Namespace,
    places: SensorPaths,
    chosen: list[Record],
    packets: list[Path],
    pattern: re.Pattern[bytes] | None,
) -> int:
    """The log is first: if it cannot be changed, nothing is deleted."""
    from sensor.cli._devices_actions import author_of
    from sensor.cli._purge_files import out_of_profiles, out_of_records, out_of_tickets
    from sensor.inventory.store.database import StoreError
    from sensor.lifecycle.purge import purge
    from sensor.posture.tickets.ledger import LedgerError

    devices = [(tidy(record.get("key")), tidy(part(record, "device").get("id"))) for record in chosen]
    try:
        unread = _redacted(places, pattern) if pattern is not None else []
        tickets, profiles = (out(places, [name for _, name in devices]) for out in (out_of_tickets, out_of_profiles))
        running = purge(places.state, devices, author_of(args), args.reason, time.time_ns())
        left = _remove(packets, running=running)
        rows = out_of_records(places, chosen)
    except (StoreError, LedgerError) as error:
        complain(str(error), error="inventory.not-read")
        return NOT_OPENED
    except OSError as error:
        complain(reason_of(error), error="file.not-written")
        return NOT_OPENED
    _list_done(rows, tickets, profiles, len(chosen), running=running)
    _list_kept(places, left, unread, log=args.log)
    return 0


def _list_done(rows: int | None, tickets: int, profiles: int, devices: int, *, running: bool) -> None:
    """Print the result. ``rows``: of the traffic records, None if another process removes them."""
    from sensor.runtime.keeper import ORDERS

    if rows is None:
        put("removed from the traffic records by their writer process within 10 s")
    elif rows:
        put(f"{counted(rows, 'row')} removed from the traffic records")
    if tickets:
        put(f"removed from {counted(tickets, 'ticket')}")
    if profiles:
        still = ": the sensor uses it until `systemctl reload sensor`" if running else ""
        put(f"{counted(profiles, 'installed profile')} removed{still}")
    when = f"will be purged by the running sensor within {1 + devices // ORDERS} s" if running else "purged"
    put(f"{counted(devices, 'device')} {when}")


def _list_removed(places: SensorPaths, chosen: list[Record], packets: list[Path]) -> None:
    for record in chosen[:SHOWN]:
        put(_line(record))
    if len(chosen) > SHOWN:
        put(f"and {len(chosen) - SHOWN:,} more")
    if packets:
        put(f"{counted(len(packets), 'file')} with packets in {places.evidence}")


def _line(record: Record) -> str:
    """A device in one line."""
    device = part(record, "device")
    cells = [
        device.get("id"),
        device.get("type"),
        device.get("vendor"),
        device.get("model"),
        device.get("hostname"),
        first_of(device.get("ips")),
    ]
    return "  ".join([*filter(None, map(tidy, cells)), f"last seen {tidy(device.get('last_seen'))[:10]}"])


def _agreed(args: argparse.Namespace, count: int) -> bool:
    """Whether the user confirms: a purge cannot be undone."""
    if args.yes:
        return True
    if not sys.stdin.isatty():
        complain("nothing was purged: confirm with --yes, preview with --dry-run", error="purge.not-confirmed")
        return False
    print(f"purge {counted(count, 'device')}? This cannot be undone. [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    complain("nothing was purged", error="purge.not-confirmed")
    return False


def _redacted(places: SensorPaths, pattern: re.Pattern[bytes]) -> list[Path]:
    """Replace records of the log; returns the files that were left. Raises StoreError or OSError if another process
    uses it, or it cannot be written.
    """
    from sensor.lifecycle.alone import alone
    from sensor.lifecycle.redact import redact

    with alone(places):
        done = redact(places.log, pattern)
    put(f"{counted(done.records, 'record')} of the event log replaced by markers")
    return done.left


def _remove(packets: list[Path], *, running: bool) -> list[Path]:
    """Remove files of packets. Those that a running sensor may still write to are left, and returned."""
    from sensor.cli._purge_files import GROWING_S

    left = []
    for path in packets:
        with contextlib.suppress(FileNotFoundError):  # it was removed to make room meanwhile
            if running and time.time() - path.stat().st_mtime < GROWING_S:
                left.append(path)
            else:
                path.unlink()
    return left


def _list_kept(places: SensorPaths, left: list[Path], unread: list[Path], *, log: bool) -> None:
    from sensor.cli._purge_files import copies

    for path in left:
        put(f"kept: {path}, which is still being written: purge again in a few minutes")
    for path in unread:
        put(f"kept: {path}, which is damaged and was not changed")
    for path in copies(places):
        put(f"kept: {path}, an earlier copy or a damaged file")
    if not log:
        put("kept: its events in the event log, until retention removes them (retention.age_days)")
    put("kept: data that outputs delivered")
