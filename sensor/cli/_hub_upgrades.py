"""``sensor hub`` release, rollout, ring, upgrades: packages and rollouts in rings."""

from __future__ import annotations

import argparse
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sensor.cli._codes import DONE, NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._hub_base import check_extra, hub_of, opened
from sensor.cli._show import put, tidy
from sensor.cli._table import table
from sensor.cli._times import age

if TYPE_CHECKING:
    from sensor.hub.database import Connection
    from sensor.hub.rollouts import Rollout
    from sensor.hub.upgrade_list import UpgradeRow

COLUMNS = ("sensor", "installed", "ring", "upgrade", "last report", "fault")
RELEASES = ("version", "architecture", "size", "signed by", "age")
_DURATION = re.compile(r"(\d{1,4})([hd])")
MIB = 1 << 20


def release(args: argparse.Namespace) -> int:
    """Sign and store a package; 1 if it is none, 3 if it cannot be read."""
    check_extra()
    from sensor.cli._devices_actions import author_of
    from sensor.hub.folder import FolderError, load_pair
    from sensor.hub.releases import add_release
    from sensor.upgrades.releases import Rejected

    if len(args.operands) != 1:
        raise Exit(USAGE, "expected sensor hub release FILE, a Debian package", error="usage.missing-argument")
    path = Path(args.operands[0])
    try:
        operator = load_pair(hub_of(args).folder, "operator")
        with opened(args) as base:
            added = add_release(base, operator, path, author_of(args), datetime.now(UTC))
    except FolderError as error:
        raise Exit(NOT_OPENED, str(error), error="hub.folder") from None
    except Rejected as error:
        raise Exit(NOT_FOUND, f"{path}: {error}", error="hub.release") from None
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot read {path}: {error.strerror}", error="file.not-read") from None
    put(f"version {added.version} for {added.architecture} is signed and stored ({added.size / MIB:.1f} MiB)")
    return DONE


def rollout(args: argparse.Namespace) -> int:
    """Begin, continue or stop a rollout; 1 if that is not possible."""
    check_extra()
    from sensor.hub import rollouts

    if len(args.operands) != 1:
        raise Exit(USAGE, "expected sensor hub rollout VERSION, next or stop", error="usage.missing-argument")
    (word,), now = args.operands, datetime.now(UTC)
    try:
        with opened(args) as base:
            if word == "next":
                found = rollouts.advance(base)
                put(f"ring {found.ring} of version {tidy(found.version)} has started")
            elif word == "stop":
                found = rollouts.stop(base, args.comment or "stopped by the operator")
                put(f"the rollout of version {tidy(found.version)} is stopped; sensors keep their current version")
            else:
                _begin(base, args, word, now)
    except rollouts.CannotRoll as error:
        raise Exit(NOT_FOUND, str(error), error="hub.rollout") from None
    return DONE


def _begin(base: Connection, args: argparse.Namespace, version: str, now: datetime) -> None:
    from sensor.cli._devices_actions import author_of
    from sensor.hub import rollouts

    wait = _wait(args.healthy)
    first = rollouts.begin(base, version, wait, author_of(args), now)
    after = f"after it was healthy for {args.healthy}" if wait is not None else "with `sensor hub rollout next`"
    sensors = "1 sensor" if first == 1 else f"{first:,} sensors"
    put(f"version {tidy(version)} is offered to ring 1 ({sensors}); the next ring begins {after}")


def ring(args: argparse.Namespace) -> int:
    """Set the ring of a sensor; 1 if the sensor is unknown."""
    check_extra()
    from sensor.hub.rollouts import choose_ring
    from sensor.hub.sensors import Unknown

    if len(args.operands) != 2 or args.operands[1] not in ("1", "2", "3", "auto"):
        raise Exit(USAGE, "expected sensor hub ring NAME 1, 2, 3 or auto", error="usage.missing-argument")
    name, word = args.operands
    try:
        with opened(args) as base:
            choose_ring(base, name, None if word == "auto" else int(word))
    except Unknown:
        raise Exit(NOT_FOUND, f"no sensor {name!r} at the hub", error="hub.unknown-sensor") from None
    put(f"{tidy(name)} is in ring {word} in later rollouts")
    return DONE


def upgrades(args: argparse.Namespace) -> int:
    """List releases, the last rollout, and the state of each sensor."""
    check_extra()
    from sensor.hub.releases import list_releases
    from sensor.hub.rollouts import latest
    from sensor.hub.upgrade_list import list_upgrades

    with opened(args) as base:
        releases, last = list_releases(base), latest(base)
        rows = [row for row in list_upgrades(base, last) if _is_chosen(row, args)]
    if args.json:
        for one in (*releases, *([last._asdict()] if last else []), *rows):
            put(msgspec.json.encode(one).decode())
        return DONE
    cells = [(one.version, one.architecture, f"{one.size / MIB:.1f} MiB", one.author, _age(one.at)) for one in releases]
    put(table(RELEASES, [tuple(map(tidy, row)) for row in cells], sys.stdout) if cells else "no releases")
    put(_line(last))
    put(table(COLUMNS, [tuple(map(tidy, _cells(row, last))) for row in rows], sys.stdout))
    return DONE


def _is_chosen(row: UpgradeRow, args: argparse.Namespace) -> bool:
    return args.site in (None, row.site) and args.sensor in (None, row.name)


def _line(last: Rollout | None) -> str:
    if last is None:
        return "\nno rollout: `sensor hub rollout VERSION` starts one\n"
    more = f": {tidy(last.reason, 300)}" if last.reason else ""
    return f"\nrollout of version {tidy(last.version)}: ring {last.ring} of 3, {last.state}{more}\n"


def _cells(row: UpgradeRow, last: Rollout | None) -> tuple[str, ...]:
    now = datetime.now(UTC)
    number = f"{row.chosen} (set)" if row.chosen else str(row.ring or "-")
    reported = "never" if row.at is None else _age(row.at)
    return (
        f"{row.site}/{row.name}", row.installed or "unknown", number, row.progress(last, now), reported,
        row.fault(last, now),
    )  # fmt: skip


def _age(at: datetime) -> str:
    return f"{age(time.time() - at.timestamp())} ago"


def _wait(text: str | None) -> timedelta | None:
    """Raises Exit unless it is a duration such as 24h or 3d."""
    if text is None:
        return None
    if not (found := _DURATION.fullmatch(text)):
        raise Exit(USAGE, f"--healthy: found {text!r}, expected hours or days such as 24h", error="usage.invalid-value")
    return timedelta(hours=int(found[1])) if found[2] == "h" else timedelta(days=int(found[1]))
