"""History of scores: one line of JSON per day in ``posture.jsonl`` of the state folder, for ten years.

Days are in the site's time, which is packet time. The newest figures of a day apply. The file is written atomically;
invalid lines are reported by number, and the rest is read.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from sensor.core.alert import Severity
from sensor.posture.scores.exposure import BANDS, Exposures
from sensor.posture.site import Site

FILE, DAMAGED = "posture.jsonl", "posture.jsonl.damaged"
DAYS_LIMIT = 3660
# Number of worst segments that are stored per day; longer lines are invalid.
SEGMENTS_LIMIT, LINE_LIMIT = 100, 1 << 16

Points = Annotated[float, msgspec.Meta(ge=0, le=100)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Day(msgspec.Struct, frozen=True):
    """``day``: 2026-11-24; ``ts``: time of the figures; ``points``: of the site; ``devices``: number by band;
    ``weaknesses``: number by severity, without ``unclear`` ones whose state is unknown; ``segments``: points by name.
    """

    day: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    ts: str
    points: Points
    devices: dict[str, Count]
    weaknesses: dict[str, Count]
    segments: dict[str, Points]
    unclear: Count = 0


class History(NamedTuple):
    """``days``: oldest first; ``broken``: number of invalid lines, ``fault``: of the first of them."""

    days: Sequence[Day] = ()
    broken: int = 0
    fault: str = ""


def day_of(site: Site, found: Exposures) -> Day:
    """The figures of a site. Raises ValueError if its time is invalid, as in another program's log."""
    date.fromisoformat(site.now[:10])
    bands = Counter(one.band for one in found.devices.values())
    there = [one for node, one in site.weak() if not node.gone]
    weak = Counter(one.severity.name for one in there if one.sure)
    worst = sorted(found.segments.items(), key=lambda one: (-one[1].points, one[0]))[:SEGMENTS_LIMIT]
    return Day(
        site.now[:10],
        site.now,
        found.site.points,
        {band: bands[band] for _, band in BANDS},
        {severity.name: weak[severity.name] for severity in reversed(Severity)},
        {name: one.points for name, one in worst},
        sum(not one.sure for one in there),
    )


def read(folder: Path) -> History:
    """The stored history; empty without a file. Raises OSError if it cannot be read."""
    try:
        with (folder / FILE).open("rb") as file:
            return _read(iter(lambda: file.readline(LINE_LIMIT + 1), b""))
    except FileNotFoundError:
        return History()


def _read(lines: Iterable[bytes]) -> History:
    """One line per day; of two for the same day the newer applies."""
    known: dict[str, Day] = {}
    broken, fault = 0, ""
    for number, line in enumerate(lines, 1):
        try:
            day = _day(line)
        except (ValueError, msgspec.MsgspecError) as error:
            broken, fault = broken + 1, fault or f"line {number}: {error}"
            continue
        if day.day not in known or known[day.day].ts <= day.ts:
            known[day.day] = day
    return History(sorted(known.values(), key=lambda one: one.day)[-DAYS_LIMIT:], broken, fault)


def _day(line: bytes) -> Day:
    if len(line) > LINE_LIMIT:
        raise ValueError(f"found more than {LINE_LIMIT:,} bytes, expected one day")
    day = msgspec.json.decode(line, type=Day)
    date.fromisoformat(day.day)
    return day


def keep(folder: Path, day: Day) -> History:
    """Store the figures of a day, unless newer ones exist. Returns the previous history; a file with invalid lines is
    backed up first. Raises OSError if it cannot be read or written.
    """
    before = read(folder)
    days = {one.day: one for one in before.days}
    if day.day in days and days[day.day].ts > day.ts:
        return before
    if before.broken:
        shutil.copyfile(folder / FILE, folder / DAMAGED)
    days[day.day] = day
    kept = sorted(days.values(), key=lambda one: one.day)[-DAYS_LIMIT:]
    _write(folder / FILE, b"".join(msgspec.json.encode(one) + b"\n" for one in kept))
    return before


def _write(path: Path, text: bytes) -> None:
    """Replace the file atomically."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(number)
            os.fchmod(number, 0o640)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
