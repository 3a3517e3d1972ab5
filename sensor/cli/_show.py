"""Shared by reading commands: text, tables, and colors. Plain aligned text if the output is not a terminal, so that
grep and awk work.
"""

from __future__ import annotations

import argparse
import errno
import ipaddress
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from operator import itemgetter
from sys import intern
from typing import TYPE_CHECKING, Any, TextIO

from sensor.cli._colors import STYLES
from sensor.cli._table import Row, for_terminal, table
from sensor.cli._times import clock
from sensor.core.foreign import host_of, part, tidy
from sensor.core.ids import short_id, short_ids
from sensor.core.phrases import counted
from sensor.core.severities import SEVERITIES

__all__ = ["part", "tidy"]

if TYPE_CHECKING:
    from sensor.eventlog.fold import Fold
    from sensor.views.stories import StoryRow

Record = dict[str, Any]

# Errors of writing without free space; reading never has them.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
DEVICE_COLUMNS = ("type", "vendor", "model", "name", "address", "MAC", "confidence", "last seen")
# Largest argument of -n.
ROWS_LIMIT = 1_000_000
VLAN_LIMIT = 4094
ALERT_COLUMNS = ("severity", "last seen", "alert", "detector", "actor → target", "count", "risk", "state", "summary")


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON, one object per line")
    add_view_arguments(parser)


def meant(near: Sequence[str]) -> str:
    """The nearest names, at the end of a message about an unknown one; empty if there are none."""
    return f", did you mean {' or '.join(map(repr, near))}?" if near else ""


def row_count(text: str) -> int:
    """The argument of -n. Raises ArgumentTypeError."""
    return _number(text, "number", ROWS_LIMIT)


def vlan_number(text: str) -> int:
    """The argument of --vlan (IEEE 802.1Q). Raises ArgumentTypeError."""
    return _number(text, "VLAN", VLAN_LIMIT)


def _number(text: str, what: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a {what} from 1 to {most}")
    return int(text)


def add_view_arguments(parser: argparse.ArgumentParser) -> None:
    """Options for the format of text output."""
    parser.add_argument("--wide", action="store_true", help="all columns, even if the terminal is narrower")
    parser.add_argument(
        "--tz",
        metavar="ZONE",
        default="",
        help="time zone, such as Europe/Berlin or local (default: $SENSOR_TZ, timezone: in the configuration, UTC)",
    )


# Text.


def first_of(value: Any) -> str:
    """The first text of a list."""
    return tidy(value[0]) if isinstance(value, list) and value else ""


def decimal(value: Any) -> str:
    """A confidence with two digits; empty if there is none."""
    return f"{value:.2f}" if isinstance(value, int | float) and not isinstance(value, bool) else ""


def number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def with_state(row: StoryRow) -> Record:
    """The record of an incident or a recommendation with its state, as `sensor alerts` prints alerts."""
    kind = str(row.record.get("kind"))
    return row.record | {kind: part(row.record, kind) | {"state": row.state}}


def level(record: Record) -> int:
    """The severity as a number; unknown words are treated as the lowest."""
    severity = record.get("severity")
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


# Tables.


def device_table(fold: Fold, out: TextIO) -> str:
    """All devices of a log, and the number of each type."""
    return table_of_devices(fold.devices.values(), out)


def table_of_devices(records: Iterable[Record], out: TextIO, *, ordered: bool = True, empty: str = "no devices") -> str:
    """Devices, sorted by type, vendor, model and address unless ``ordered`` is false; then the number of each type.
    ``empty``: text without devices. Open alerts have a column if the records have them.
    """
    found = [(_device_order(record) if ordered else (), device_row(record)) for record in records]
    found.sort(key=itemgetter(0))
    rows = [row for _, row in found]
    del found  # in a network of thousands of devices the keys take megabytes
    if not rows:
        return empty
    columns = (*DEVICE_COLUMNS, "open alerts")[: len(rows[0])]
    return f"{table(columns, rows, out)}\n{_count('device', Counter(row[0] for row in rows).most_common(), out)}"


def device_row(record: Record) -> Row:
    device = part(record, "device")
    seen = clock(device.get("last_seen")) + (" gone" if record.get("action") == "gone" else "")
    sure = decimal(device.get("confidence")) if device.get("confidence") else ""
    address = _first_and_more(device.get("ips"))
    kind = tidy(device.get("type")) or "unknown"
    # The same words stand in thousands of rows.
    kind, vendor, model = (intern(text) for text in (kind, tidy(device.get("vendor")), tidy(device.get("model"))))
    row = kind, vendor, model, tidy(device.get("hostname")), address, _first_and_more(device.get("macs")), sure, seen
    return (*row, _open_alerts(record)) if "open_alerts" in record else row


def _open_alerts(record: Record) -> str:
    """The most severe and the number: ``high (2)``; empty if there is none."""
    count = record["open_alerts"]
    return "unknown" if count is None else f"{record['alert_severity']} ({count:,})" if count else ""


def _first_and_more(value: Any) -> str:
    return first_of(value) + (f" +{len(value) - 1}" if isinstance(value, list) and len(value) > 1 else "")


def _device_order(record: Record) -> tuple[Any, ...]:
    """Unknown types last; addresses in numerical order."""
    device = part(record, "device")
    kind = tidy(device.get("type")) or "unknown"
    try:
        address = ipaddress.ip_address(first_of(device.get("ips")))
        place: tuple[int, int] = (address.version, int(address))
    except ValueError:
        place = (9, 0)
    return (
        kind == "unknown",
        intern(kind),
        intern(tidy(device.get("vendor")).casefold()),
        intern(tidy(device.get("model")).casefold()),
        place,
        tidy(device.get("id")),
    )


def alert_table(fold: Fold, out: TextIO) -> str:
    """All alerts of a log, and the number of each severity."""
    return table_of_alerts(fold.alerts.values(), out)


def table_of_alerts(records: Iterable[Record], out: TextIO, *, ordered: bool = True, empty: str = "no alerts") -> str:
    """Alerts, most severe and newest first unless ``ordered`` is false; then the number of each severity. ``empty``:
    text without alerts. Records of a log have no state: operators set it later.
    """
    found = [_alert_line(record) for record in records]
    if ordered:
        found.sort(key=itemgetter(1), reverse=True)
        found.sort(key=itemgetter(0), reverse=True)
    if not found:
        return empty
    shown = short_ids([name for *_, name, _ in found])
    rows = [(*row[:2], shown[name] or row[2], *row[3:]) for *_, name, row in found]
    columns: Row = ALERT_COLUMNS
    at = columns.index("state")
    if not any(row[at] for row in rows):
        columns, rows = (*columns[:at], *columns[at + 1 :]), [(*row[:at], *row[at + 1 :]) for row in rows]
    return f"{table(columns, rows, out, lambda row: STYLES.get(row[0], ''))}\n{_count('alert', Counter(row[0] for row in rows).items(), out)}"


def _alert_line(record: Record) -> tuple[int, str, str, Row]:
    """(severity, time of the last occurrence, id, row); the record is no longer needed."""
    alert = part(record, "alert")
    return level(record), tidy(alert.get("last")), tidy(alert.get("id")), alert_row(record)


def alert_row(record: Record) -> Row:
    alert = part(record, "alert")
    target = end_name(part(record, "dst"))
    others = record.get("targets")
    if isinstance(others, list) and others:
        target = target or (end_name(others[0]) if isinstance(others[0], dict) else "")
        target += f" +{len(others) - 1}" if len(others) > 1 else ""
    parties = end_name(part(record, "src")) + (f" → {target}" if target else "")
    when = clock(alert.get("last") or record.get("ts"))
    return (
        SEVERITIES[level(record)],
        when,
        short_id(tidy(alert.get("id"))),
        tidy(alert.get("detector")),
        parties,
        *(tidy(alert.get(name)) for name in ("count", "risk", "state")),
        tidy(record.get("msg")),
    )


def end_name(end: Record) -> str:
    """One end of a flow in short: address and name."""
    name = tidy(end.get("hostname"))
    place = tidy(host_of(end))
    return f"{place} ({name})" if name and place else place or name


def _count(singular: str, kinds: Iterable[tuple[str, int]], out: TextIO) -> str:
    found = list(kinds)
    total = sum(count for _, count in found)
    listed = ", ".join(f"{count:,} {kind}" for kind, count in found)
    return for_terminal(f"{counted(total, singular)}: {listed}", out)


def put(line: str) -> None:
    """Print a line on standard output."""
    print(line, file=sys.stdout)
