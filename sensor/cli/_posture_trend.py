"""``sensor posture record`` and ``trend``: storing the scores of each day, and their history."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from sensor.cli._codes import INCOMPLETE, NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._data import complain_unknown, dataset_of, need_log
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.cli._table import table
from sensor.core.phrases import counted
from sensor.datasets.card import LOG
from sensor.documents import nearest
from sensor.posture.scores.exposure import band_of
from sensor.posture.scores.trend import DAMAGED, FILE, Day, History, day_of, keep, read

COLUMNS = ("day", "score", "band", "change", "devices (high, medium, low)", "weaknesses (critical, high)")
SEGMENT_COLUMNS = ("day", "score", "band", "change")
STYLES = {"high": "bold red", "medium": "yellow"}
ROWS_SHOWN, COLUMNS_SHOWN = 30, 60
# Eight heights for 100 points; a day without a score is a gap.
HEIGHTS, GAP = "▁▂▃▄▅▆▇█", " "


def record(args: argparse.Namespace) -> int:
    """Store today's figures, in the time of the site."""
    from sensor.cli._site import site_of
    from sensor.posture.scores.exposure import exposures

    folder = _folder(args)
    need_log(args, "scores")
    site = site_of(args)
    if site is None:
        return NOT_OPENED
    if not site.now:
        put("no observations yet: no scores to store")
        return 0
    try:
        day = day_of(site, exposures(site))
        before = keep(folder, day)
    except ValueError:
        found = f"found the time {tidy(site.now)!r} in the last record"
        complain(f"{found}, expected one such as 2026-11-24T09:00:00Z: nothing was stored", error="log.damaged")
        return NOT_OPENED
    except OSError as error:
        complain(f"cannot write the scores to {folder / FILE}: {error.strerror}", error="file.not-written")
        return NOT_OPENED
    _left_out(folder / FILE, before)
    if before.broken:
        complain(f"the previous file is in {folder / DAMAGED}", error="posture.damaged-history")
    put(_stored(day, before))
    return 0


def _stored(day: Day, before: History) -> str:
    """The result for today's figures."""
    newer = next((one.ts for one in before.days if one.day == day.day and one.ts > day.ts), "")
    if newer:
        return f"{day.day}: nothing was stored: these scores are of {day.ts[11:19]}, stored ones of {newer[11:19]}"
    devices, weak = sum(day.devices.values()), sum(day.weaknesses.values())
    counts = f"{counted(devices, 'device')}, {counted(weak, 'weakness', 'weaknesses')}"
    unclear = f", unknown for {day.unclear:,} more" if day.unclear else ""
    return f"{day.day}: site {day.points:.1f} of 100, {band_of(day.points)}; {counts}{unclear}"


def trend(args: argparse.Namespace) -> int:
    """Print the history of the site, or of one segment."""
    folder = _folder(args)
    try:
        history = read(folder)
    except OSError as error:
        complain(f"cannot read {folder / FILE}: {error.strerror}", error="file.not-read")
        return NOT_OPENED
    _left_out(folder / FILE, history)
    if not history.days:
        complain(
            f"no scores in {folder / FILE}: record them with `sensor posture record`, once a day from a timer",
            error="posture.no-history",
        )
        return NOT_OPENED
    try:
        days = _since(history.days, args.since)
    except argparse.ArgumentTypeError as error:
        complain(f"--since: {error}", error="usage.invalid-value")
        return USAGE
    segment = args.operands[0] if args.operands else ""
    names = {name for one in days for name in one.segments}
    if segment and segment not in names:
        complain(
            f"no segment {tidy(segment)!r} was recorded, {nearest(segment, sorted(names)) or 'there are none'}",
            error="posture.unknown-segment",
        )
        return NOT_FOUND
    _put(args, [one for one in days if not segment or segment in one.segments], segment)
    return 0


def _folder(args: argparse.Namespace) -> Path:
    """The folder of stored scores. Raises Exit for a log alone, whose sensor is unknown."""
    dataset = dataset_of(args)
    if dataset.kind == LOG:
        complain_unknown(args, "scores of earlier days", f"{dataset.name} is only an event log, without stored scores")
        raise Exit(INCOMPLETE)
    return dataset.folder


def _left_out(path: Path, history: History) -> None:
    if history.broken:
        complain(
            f"{path}: skipped {history.broken:,} invalid lines, the first {tidy(history.fault)}",
            error="posture.damaged-history",
        )


def _since(days: Sequence[Day], text: str) -> Sequence[Day]:
    """Days since a time; spans refer to the last stored day. Raises ArgumentTypeError for an invalid text."""
    from sensor.cli._tail_filter import moment

    first = moment(text, datetime.fromisoformat(f"{days[-1].day}T00:00:00+00:00"))[:10] if text else ""
    return [one for one in days if one.day >= first]


def _put(args: argparse.Namespace, days: Sequence[Day], segment: str) -> None:
    if args.json:
        for one in days:
            trend = (
                {"day": one.day, "ts": one.ts, "segment": segment, "points": one.segments[segment]} if segment else one
            )
            print(msgspec.json.encode(trend).decode())
        return
    if not days:
        put("no days since then")
        return
    points = [one.segments[segment] if segment else one.points for one in days]
    span = f"{days[0].day} to {days[-1].day}" if len(days) > 1 else days[0].day
    put(f"{tidy(segment) or 'site'}, {span}: now {points[-1]:.1f}, highest {max(points):.1f}, lowest {min(points):.1f}")
    put(f"  {picture([one.day for one in days], points)}")
    rows = [
        _row(one, value, before, segment) for one, value, before in zip(days, points, [None, *points[:-1]], strict=True)
    ]
    put(
        table(
            SEGMENT_COLUMNS if segment else COLUMNS, rows[-ROWS_SHOWN:], sys.stdout, lambda row: STYLES.get(row[2], "")
        )
    )
    if len(rows) > ROWS_SHOWN:
        put(f"the last {ROWS_SHOWN} of {len(rows):,} days; --json has all")


def _row(one: Day, points: float, before: float | None, segment: str) -> tuple[str, ...]:
    change = "" if before is None else f"{points - before:+.1f}"
    mine = (one.day, f"{points:.1f}", band_of(points), change)
    if segment:
        return mine
    bands = ", ".join(f"{one.devices.get(band, 0):,}" for band in ("high", "medium", "low"))
    weak = ", ".join(f"{one.weaknesses.get(severity, 0):,}" for severity in ("critical", "high"))
    return *mine, f"{sum(one.devices.values()):,} ({bands})", f"{sum(one.weaknesses.values()):,} ({weak})"


def picture(days: Sequence[str], points: Sequence[float], width: int = COLUMNS_SHOWN) -> str:
    """One column per day, or per several days if they do not fit, with their maximum. Days are in ISO 8601."""
    places = [date.fromisoformat(day).toordinal() for day in days]
    share = -(-(places[-1] - places[0] + 1) // width)
    columns: dict[int, float] = {}
    for place, value in zip(places, points, strict=True):
        column = (place - places[0]) // share
        columns[column] = max(columns.get(column, 0.0), value)
    return "".join(
        HEIGHTS[min(int(columns[one] * len(HEIGHTS) / 100), 7)] if one in columns else GAP
        for one in range(max(columns) + 1)
    )
