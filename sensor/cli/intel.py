"""Manage threat lists: add, update, check, remove.

A list is a file or an HTTPS URL in any public format: plain lists of addresses, blocks, domains, URLs, JA3, JA4 and certificate hashes,
CSV, abuse.ch, Spamhaus DROP, FireHOL, Emerging Threats, Zeek intel, MISP, STIX 2.1 and TAXII 2.1, OTX. Lists are stored in the state
folder; `run` and `replay` load all of them, and a running sensor loads changes within seconds. Lists with a name that begins with
allow override entries of other lists.

actions:
  add SOURCE                   download a list and store it; with --backtest SPAN, show what a file would match in the traffic
                               records of that time, and store nothing
  list                         show the lists with age, size and faults
  update [NAME…]               download changed lists again; one that would lose most of its entries is rejected and the old one kept
  check VALUE…                 show which lists contain an address, domain, URL, JA3, JA4 or certificate hash
  remove NAME…                 remove lists

A running sensor downloads nothing: let a timer run `sensor intel update`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._actions import is_action
from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._setup import complain, complain_of_faults, lists_folder
from sensor.cli._show import add_json_argument
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.intel.list_sources import ListSource
    from sensor.intel.update import UpdateResult

EXAMPLES = """\
  sensor intel add https://www.spamhaus.org/drop/drop_v4.json --category hijacked
  sensor intel add ~/our-blocklist.txt --name ours --confidence 95
  sensor intel add partners.txt --allow
  sensor intel add new-feed.txt --backtest 30d
  sensor intel add https://threatfox-api.abuse.ch/export/csv/recent/ --name threatfox --keep-days 30 --header-file /etc/sensor/abuse-ch.key
  sensor intel update
  sensor intel check 203.0.113.66 evil.example
"""
ACTIONS = ("add", "list", "update", "check", "remove")
FAULTS_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="ACTION", nargs="*", help="an action with its arguments (default: list)")
    parser.add_argument("--name", metavar="NAME", help="of add: name of the list (default: from its source)")
    parser.add_argument("--allow", action="store_true", help="of add: its entries are benign and override other lists")
    parser.add_argument("--category", metavar="TEXT", default="", help="of add: category of entries without one")
    parser.add_argument(
        "--confidence",
        metavar="PERCENT",
        type=int,
        help="of add: confidence of entries without one (default: 80, of JA3 50)",
    )
    keep = "of add: entries expire this number of days after the last download (default: as the list defines)"
    parser.add_argument("--keep-days", metavar="DAYS", type=int, default=0, help=keep)
    parser.add_argument(
        "--header-file",
        metavar="FILE",
        default="",
        help="of add: file with headers to send, as `Auth-Key: …`, one per line",
    )
    parser.add_argument(
        "--backtest",
        metavar="SPAN",
        default="",
        help="of add: store nothing, show what the file would match in traffic records of the last SPAN, such as 30d",
    )
    parser.add_argument("--data", metavar="NAME", default="", help="of --backtest: dataset whose records are read")
    parser.add_argument("--force", action="store_true", help="of update: accept a list that lost most of its entries")
    parser.add_argument(
        "--state", metavar="DIR", type=Path, help="folder of the sensor's state (default: the state folder)"
    )
    requested = "of check: configuration whose lists are checked too (default: the system's)"
    parser.add_argument("--config", metavar="FILE", type=Path, help=requested)
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if a list or an entry is unknown, 2 for invalid arguments, 3 if a list cannot be fetched or
    written.
    """
    action, *args.operands = args.operands or ["list"]
    if not is_action(action, ACTIONS):
        return USAGE
    from sensor.documents import DocumentErrors
    from sensor.eventlog.paths import folder_to_read
    from sensor.intel.list_sources import load_sources

    folder = lists_folder(args.state or folder_to_read())
    try:
        sources = load_sources(folder)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    actions: dict[str, Callable[[argparse.Namespace, Path, list[ListSource]], int]] = {
        "add": _add,
        "list": _list,
        "update": _update,
        "check": _check,
        "remove": _remove,
    }
    try:
        return actions[action](args, folder, sources)
    except OSError as error:
        complain(f"cannot write {error.filename or folder}: {error.strerror}", error="file.not-written")
        return NOT_OPENED


def _add(args: argparse.Namespace, folder: Path, sources: list[ListSource]) -> int:
    """Fetch first: a list that cannot be fetched is not stored."""
    if len(args.operands) != 1:
        complain("expected add SOURCE, a file or an https:// URL", error="usage.missing-argument")
        return USAGE
    if args.backtest:
        from sensor.cli._intel_backtest import backtest

        return backtest(args)
    one = _made(args, sources)
    if one is None:
        return USAGE
    outcome = _brought(one, folder, force=False)
    _print_outcome(one, outcome)
    return NOT_OPENED if outcome.trouble else 0


def _made(args: argparse.Namespace, sources: list[ListSource]) -> ListSource | None:
    """The list in the options; None after an error if it is invalid."""
    from pydantic import ValidationError

    from sensor.documents.validation import value_text
    from sensor.intel.list_sources import ListSource, name_of
    from sensor.intel.names import ALLOW

    source = args.operands[0]
    if "://" not in source:
        source = str(Path(source).expanduser().absolute())
    name = args.name or name_of(source, allow=args.allow)
    if args.allow and not name.startswith(ALLOW):
        name = f"{ALLOW}-{name}"
    if any(one.name == name for one in sources):
        complain(
            f"the list {name} exists: choose another name with --name, or remove it with `sensor intel remove {name}`",
            error="intel.list-exists",
        )
        return None
    given = {"category": args.category, "confidence": args.confidence, "keep_days": args.keep_days}
    header_file = str(Path(args.header_file).expanduser().absolute()) if args.header_file else ""
    try:
        return ListSource.model_validate(
            {"name": name, "source": source, "header_file": header_file, "added": _moment(time.time()), **given}
        )
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            where = "".join(f"--{str(part).replace('_', '-')}: " for part in fault["loc"][:1] if part != "source")
            complain(where + value_text(fault), error="usage.invalid-value")
        return None


def _brought(one: ListSource, folder: Path, *, force: bool) -> UpdateResult:
    from sensor.intel.update import update

    now = int(time.time())
    return update(one, folder, now, moment=_moment(now), force=force)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _print_outcome(one: ListSource, outcome: UpdateResult) -> None:
    """The result of a fetch: the outcome on standard output, its faults on standard error."""
    entries = counted(outcome.list_source.entries, "entry", "entries")
    for fault in outcome.faults[:FAULTS_SHOWN]:
        if fault.message == outcome.trouble:  # printed below
            continue
        complain(f"{one.source}:{fault.line}: {fault.message}", error="intel.invalid-line")
    if len(outcome.faults) > FAULTS_SHOWN:
        complain(f"{one.source}: and {len(outcome.faults) - FAULTS_SHOWN:,} more lines", error="intel.invalid-line")
    if outcome.trouble:
        complain(f"{one.name}: {one.source} {outcome.trouble}", error="intel.list-failed")
    elif outcome.unchanged:
        print(f"{one.name}: unchanged, {entries}")
    else:
        print(f"{one.name}: {entries}, {outcome.added:,} added, {outcome.removed:,} removed")


def _update(args: argparse.Namespace, folder: Path, sources: list[ListSource]) -> int:
    """Update each separately: a failed one does not affect the others."""
    chosen = _named(args.operands, sources, folder) if args.operands else sources
    if chosen is None:
        return NOT_FOUND
    if not chosen:
        print(f"no lists in {folder}")
    troubled = 0
    for one in chosen:
        outcome = _brought(one, folder, force=args.force)
        _print_outcome(one, outcome)
        troubled += bool(outcome.trouble)
    return NOT_OPENED if troubled else 0


def _named(names: list[str], sources: list[ListSource], folder: Path) -> list[ListSource] | None:
    """The lists with these names. None after an error if a name is unknown."""
    from sensor.documents import nearest

    known = {one.name: one for one in sources}
    unknown = [name for name in names if name not in known]
    for name in unknown:
        complain(
            f"no list {name!r} in {folder}, {nearest(name, list(known)) or 'there are none'}",
            error="intel.unknown-list",
        )
    return None if unknown else [known[name] for name in names]


def _remove(args: argparse.Namespace, folder: Path, sources: list[ListSource]) -> int:
    from sensor.intel.list_sources import save_sources

    if not args.operands:
        complain("expected remove NAME…, as in `sensor intel list`", error="usage.missing-argument")
        return USAGE
    gone = _named(args.operands, sources, folder)
    if gone is None:
        return NOT_FOUND
    save_sources(folder, [one for one in sources if one not in gone])
    for one in gone:
        one.path(folder).unlink(missing_ok=True)
    print(f"removed {', '.join(one.name for one in gone)}")
    return 0


def _list(args: argparse.Namespace, folder: Path, sources: list[ListSource]) -> int:
    from sensor.cli._intel_text import lists_json, lists_table

    if args.json:
        for line in lists_json(sources, folder):
            print(line)
    else:
        print(
            lists_table(sources, folder, sys.stdout, time.time())
            if sources
            else f"no lists in {folder}: add one with `sensor intel add SOURCE`"
        )
    return 0


def _check(args: argparse.Namespace, folder: Path, _: list[ListSource]) -> int:
    from sensor.cli._intel_text import check

    if not args.operands:
        complain(
            "expected check VALUE…: an address, a domain, a URL, a JA3, a JA4 or the hash of a certificate",
            error="usage.missing-argument",
        )
        return USAGE
    from sensor.cli._setup import settings

    args.log_format = "console"
    config = settings(args)
    return USAGE if config is None else check(args, folder, list(config.intel), time.time())
