"""Mute alerts, with an expiry and a reason.

add creates a mute from the conditions given: all of them must match. A running sensor applies it within a second; muted alerts are
counted, and listed by `sensor alerts muted`. test lists the alerts of an event log that the mutes (or the given ones, or one made from the
options) would have suppressed; add --backtest does the same for a mute before it is added. Hours are UTC.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._data import add_data_arguments
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import add_view_arguments, part, put, table_of_alerts, tidy
from sensor.cli._table import table
from sensor.cli._times import clock
from sensor.core.moments import span_of

if TYPE_CHECKING:
    from pydantic import ValidationError

    from sensor.alerts.mutes import Mute

EXAMPLES = """\
  sensor mute add --detector discovery.port_scan --src 10.20.1.9 --for 90d --reason 'the vulnerability scanner'
  sensor mute add --detector 'discovery.*' --src 10.20.1.0/24 --hours 01:00-04:00 --for ever --reason 'nightly inventory'
  sensor mute add --detector 'discovery.*' --src 10.20.1.9 --backtest 30d
  sensor mute list
  sensor mute test --type printer --port 9100
  sensor mute remove m3
"""
ACTIONS = ("add", "list", "test", "remove")
COLUMNS = ("mute", "scope", "until", "muted", "author", "reason", "since")
DEFAULT_SPAN = "30d"
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FIELDS = ("detector", "src", "dst", "port", "type", "vlan", "hours")
Record = dict[str, Any]
_SPAN = re.compile(r"([1-9]\d{0,4})([mhdw])")
_MAC = re.compile(r"(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="list", help="action (default: list)")
    parser.add_argument("ids", metavar="MUTE", nargs="*", help="of remove and test: names of mutes")
    parser.add_argument("--detector", metavar="GLOB", default="", help="detections with a matching id")
    party = "address, CIDR block, MAC, device id or host name (* and ? as in file names)"
    parser.add_argument("--src", "--source", metavar="HOST", default="", help=f"actor: {party}")
    parser.add_argument(
        "--dst", "--target", metavar="HOST", default="", help="target; if there are several targets, all must match"
    )
    parser.add_argument("--port", metavar="NUMBER", type=int, help="port of the target")
    parser.add_argument("--type", metavar="TYPE", default="", help="device type of the actor")
    parser.add_argument("--vlan", metavar="NUMBER", type=int, help="VLAN of the alert")
    parser.add_argument("--hours", metavar="HH:MM-HH:MM", default="", help="only at these hours (UTC)")
    parser.add_argument(
        "--all", action="store_true", help="of add: accept a mute without detector, source and destination"
    )
    parser.add_argument(
        "--backtest",
        metavar="SPAN",
        type=_span,
        help="of add and test: write nothing, list the alerts of the last SPAN of the dataset, such as 30d, that would be muted",
    )
    parser.add_argument(
        "--for",
        metavar="SPAN",
        dest="span",
        default=DEFAULT_SPAN,
        help=f"duration, such as 12h, 7d, 4w or ever (default: {DEFAULT_SPAN})",
    )
    parser.add_argument("--reason", metavar="TEXT", default="", help="reason, shown with the mute")
    parser.add_argument("--author", metavar="NAME", help="author (default: the user)")
    mutes = (
        "file of mutes (default: alerts.mutes: of the system's configuration, else mutes.yaml in the folder of --state)"
    )
    parser.add_argument("--mutes", metavar="FILE", type=Path, help=mutes)
    add_data_arguments(parser)
    add_view_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if a mute is unknown, 2 if one is invalid, 3 if its file cannot be read or written."""
    from sensor.alerts.mutes import load_mutes, load_shared_mutes
    from sensor.documents import DocumentErrors

    files = _files(args)
    if files is None:
        return USAGE
    path, *shared = files
    try:
        mutes = load_mutes(path)
        if args.action == "list":
            mutes += [mute for file in shared for mute in load_shared_mutes(file)]
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    unknown = [name for name in args.ids if name not in {mute.id for mute in mutes}]
    if unknown:
        complain(f"no mute {', '.join(unknown)} in {path}", error="mute.unknown")
        return NOT_FOUND
    action = {"add": _add, "list": _list, "test": _test, "remove": _remove}[args.action]
    try:
        return action(args, path, mutes)
    except OSError as error:
        if str(error.filename or path) != str(path):  # a file of the dataset
            complain(f"cannot read {error.filename}: {error.strerror}", error="file.not-read")
        else:
            complain(f"cannot write {path}: {error.strerror}", error="file.not-written")
        return NOT_OPENED


def _files(args: argparse.Namespace) -> list[Path] | None:
    """The given file, otherwise those of the sensor on this machine, its own first. None after printing the faults of
    its configuration.
    """
    named: Path | None = args.mutes
    if named is not None:
        return [named]
    from sensor.cli._places import places_of

    if (found := places_of(None, args.state)) is None:
        return None
    config, places = found
    if args.state:
        return [places.state / "mutes.yaml"]
    return [config.alerts.mutes or places.state / "mutes.yaml", *config.alerts.shared_mutes]


def _add(args: argparse.Namespace, path: Path, mutes: list[Mute]) -> int:
    from sensor.alerts.mutes import save_mutes

    numbers = [int(mute.id[1:]) for mute in mutes if re.fullmatch(r"m\d{1,9}", mute.id)]
    mute = _made(args, f"m{max(numbers, default=0) + 1}")
    if mute is None:
        return USAGE
    if args.backtest is not None:
        return _backtest(args, [mute])
    save_mutes(path, [*mutes, mute])
    put(f"{mute.id} mutes {mute.scope} {_until(mute)}; `sensor mute remove {mute.id}` removes it")
    return 0


def _made(args: argparse.Namespace, name: str) -> Mute | None:
    """The mute in the options; None after an error if it is invalid."""
    from pydantic import ValidationError

    from sensor.alerts.mutes import Mute
    from sensor.cli._devices_actions import author_of

    found = _SPAN.fullmatch(args.span)
    if fault := _fault(args, spans=found is not None):
        complain(fault[0], error=fault[1])
        return None
    now = datetime.fromtimestamp(int(time.time()), UTC)
    expires = _moment(now + timedelta(**{UNITS[found[2]]: int(found[1])})) if found else ""
    given = {field: value for field in FIELDS if (value := getattr(args, field)) not in ("", None)}
    try:
        return Mute.model_validate(
            {
                "id": name,
                "author": author_of(args),
                "reason": args.reason or "no reason given",
                "created": _moment(now),
                "expires": expires,
                **given,
            }
        )
    except ValidationError as error:
        _complain_of_values(error)
        return None


def _fault(args: argparse.Namespace, *, spans: bool) -> tuple[str, str] | None:
    """The fault of the options, and its error code. ``spans``: --for is a time span."""
    if unknown := _unknown(args.detector):
        return unknown, "mute.unknown-detector"
    if fault := next((f"--{end}: {why}" for end in ("src", "dst") if (why := _no_address(getattr(args, end)))), ""):
        return fault, "usage.invalid-value"
    if not args.all and args.action == "add" and not (args.detector.strip("*?.") or args.src or args.dst):
        what = "a mute without any of them suppresses all alerts; confirm this with --all"
        return f"expected --detector, --src or --dst: {what}", "usage.missing-argument"
    if not spans and args.span != "ever":
        return f"--for: found {args.span!r}, expected a span such as 12h, 7d or 4w, or ever", "usage.invalid-value"
    return None


def _complain_of_values(error: ValidationError) -> None:
    """Print one line for each option with an invalid value."""
    from sensor.core.device import TYPES
    from sensor.documents import nearest
    from sensor.documents.validation import value_text

    for fault in error.errors(include_url=False):
        where = "".join(f"--{name}: " for name in fault["loc"][:1])
        expected = value_text(fault)
        if fault["type"] == "literal_error":
            expected = f"found {fault['input']!r}, {nearest(fault['input'], [kind for kind in TYPES if kind])}"
        complain(where + expected, error="usage.invalid-value")


def _no_address(end: str) -> str:
    """The fault of an end that has the form of an address (digits and dots, or digits and colons); empty if it is
    valid.
    """
    from sensor.core import addresses

    if not re.fullmatch(r"[0-9.]*\.[0-9.]*|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*", end) or _MAC.fullmatch(end):
        return ""
    try:
        addresses.parse(end)
    except ValueError:
        return f"found {end!r}, expected an address, a CIDR block, a MAC, a device id or a host name"
    return ""


def _unknown(detector: str) -> str:
    """The fault of an unknown detector; empty if it exists. The operator's rules may be added later."""
    from sensor.views.errors import Unknown
    from sensor.views.known_values import check_detectors

    try:
        check_detectors([detector] if detector else [])
    except Unknown as error:
        return f"--{error}"
    return ""


def _list(args: argparse.Namespace, path: Path, mutes: list[Mute]) -> int:
    if not mutes:
        put(f"no mutes in {path}")
        return 0
    counts = _silenced(args)
    rows = [
        (
            mute.id,
            mute.scope,
            _until(mute).removeprefix("until "),
            "unknown" if counts is None else str(counts[mute.id]),
            mute.author,
            mute.reason,
            clock(mute.created),
        )
        for mute in mutes
    ]
    put(table(COLUMNS, [tuple(map(tidy, row)) for row in rows], sys.stdout))
    return 0


def _silenced(args: argparse.Namespace) -> Counter[str] | None:
    """Number of findings that each mute suppressed in the dataset; None without data."""
    from sensor.cli._views import stop_of, views_of
    from sensor.views.mutes import silenced

    try:
        data = views_of(args, "alerts suppressed by mutes")
    except Exit:
        if args.data or args.events:
            raise
        return None
    try:
        return Counter(silenced(data))
    except sqlite3.DatabaseError as error:
        raise stop_of(error) from None


def _test(args: argparse.Namespace, path: Path, mutes: list[Mute]) -> int:
    """Print alerts that mutes of the file, or the one in the options, would suppress."""
    requested = [mute for mute in mutes if mute.id in args.ids] if args.ids else mutes
    if any(getattr(args, field) not in ("", None) for field in FIELDS):
        made = _made(args, "new")
        if made is None:
            return USAGE
        requested = [made]
    if not requested:
        put(f"no mutes in {path}")
        return 0
    return _backtest(args, requested)


def _backtest(args: argparse.Namespace, mutes: list[Mute]) -> int:
    """Print the alerts of the dataset that mutes would have suppressed. An expiry is evaluated at the time of the
    alert, so that expired mutes show their earlier effect.
    """
    from sensor.alerts.mutes import Mutes, finding_of_record

    records, ready = _alerts(args), Mutes(mutes)
    muted = [
        record for record in records if (finding := finding_of_record(record)) is not None and ready.match(finding)
    ]
    put(table_of_alerts(muted, sys.stdout))
    put(f"{len(muted):,} of {len(records):,} alerts would be muted")
    return 0


def _alerts(args: argparse.Namespace) -> list[Record]:
    """The last record of each alert of the dataset; with --backtest those of its last days."""
    from sensor.cli._views import stop_of, views_of
    from sensor.views.latest import stories_of

    try:
        records = list(stories_of(views_of(args, "alerts")).alerts.values())
    except sqlite3.DatabaseError as error:
        raise stop_of(error) from None
    if args.backtest is None:
        return records
    from sensor.tables.lines import time_or

    last = {id(record): time_or(tidy(part(record, "alert").get("last")), 0) for record in records}
    newest = max(last.values(), default=0)
    return [record for record in records if last[id(record)] >= newest - args.backtest]


def _span(text: str) -> int:
    """A span in ns. Raises ArgumentTypeError."""
    try:
        return span_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a span such as 24h, 7d or 30d") from None


def _remove(args: argparse.Namespace, path: Path, mutes: list[Mute]) -> int:
    from sensor.alerts.mutes import save_mutes

    if not args.ids:
        complain("expected remove MUTE…, as in `sensor mute list`", error="usage.missing-argument")
        return USAGE
    save_mutes(path, [mute for mute in mutes if mute.id not in args.ids])
    put(f"removed {', '.join(args.ids)}")
    return 0


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _until(mute: Mute) -> str:
    if not mute.expires:
        return "for ever"
    end = datetime.fromisoformat(mute.expires)
    over = (end if end.tzinfo else end.replace(tzinfo=UTC)) <= datetime.now(UTC)
    return f"{'expired' if over else 'until'} {clock(mute.expires)}"
