"""``sensor posture recommendations``: settings to change, as text or JSON."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from sensor.cli._codes import NOT_FOUND
from sensor.cli._colors import STYLES, coloured, paint
from sensor.cli._setup import complain
from sensor.cli._show import end_name, level, number, part, tidy, with_state
from sensor.cli._table import table
from sensor.cli._times import clock
from sensor.cli._views import stop_of, views_of
from sensor.core.ids import means, short_id
from sensor.core.phrases import counted
from sensor.core.severities import SEVERITIES
from sensor.views.errors import ViewError
from sensor.views.page import MOST
from sensor.views.stories import StoryFilter
from sensor.views.stories import recommendations as view

COLUMNS = ("severity", "last seen", "recommendation", "device", "count", "state", "summary")
TEXT_LIMIT = 1024
Record = dict[str, Any]


def recommendations(args: argparse.Namespace) -> int:
    """List recommendations, or explain some; 1 if one is unknown, 3 if there is nothing to read."""
    wanted = _wanted(args)
    for name in args.operands:
        if not any(_is(name, one) for one in wanted):
            complain(
                f"no recommendation {name}, and no device with this id, address or name has one",
                error="recommendation.unknown",
            )
            return NOT_FOUND
    chosen = [one for one in _ordered(wanted) if not args.operands or any(_is(name, one) for name in args.operands)]
    if args.json:
        for one in chosen:
            print(json.dumps(one, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    elif args.operands:
        print("\n\n".join("\n".join(_explained(one, coloured(sys.stdout))) for one in chosen))
    else:
        print(_table(chosen, sys.stdout))
    return 0


def _wanted(args: argparse.Namespace) -> list[Record]:
    """The last record of each selected recommendation, page after page."""
    data, records, cursor = views_of(args, "recommendations"), list[Record](), ""
    filtered = StoryFilter(severity=args.severity, state=("open",) if args.open else ())
    try:
        while True:
            page = view(data, filtered, limit=MOST, cursor=cursor)
            records += [with_state(row) for row in page.rows]
            if not (cursor := page.cursor):
                return records
    except (ViewError, sqlite3.DatabaseError) as error:
        raise stop_of(error) from None


def _closed(record: Record) -> bool:
    return record.get("action") == "close"


def _is(name: str, record: Record) -> bool:
    """Whether a word names a recommendation or its device."""
    src = part(record, "src")
    ids = (tidy(part(record, "recommendation").get("id")), tidy(src.get("device")))
    return any(means(name, one) for one in ids) or name in [src.get(key) for key in ("ip", "mac", "hostname")]


def _ordered(records: Iterable[Record]) -> list[Record]:
    """Most severe and newest first."""
    return sorted(
        sorted(records, key=lambda record: tidy(part(record, "recommendation").get("last")), reverse=True),
        key=level,
        reverse=True,
    )


def _table(records: list[Record], out: TextIO) -> str:
    if not records:
        return "no recommendations"
    text = table(COLUMNS, [_row(one) for one in records], out, lambda row: STYLES.get(row[0], ""))
    return f"{text}\n{counted(len(records), 'recommendation')}"


def _row(record: Record) -> tuple[str, ...]:
    about = part(record, "recommendation")
    return (
        SEVERITIES[level(record)],
        clock(about.get("last")),
        short_id(tidy(about.get("id"))),
        end_name(part(record, "src")),
        tidy(about.get("count")),
        "closed" if _closed(record) else "open",
        tidy(record.get("msg")),
    )


def _explained(record: Record, colours: bool) -> list[str]:
    """One as lines of text: the setting, the reason, the evidence, and the fix."""
    about, severity = part(record, "recommendation"), SEVERITIES[level(record)]
    why = about.get("why")
    proof = record.get("evidence")
    first = proof[0] if isinstance(proof, list) and proof and isinstance(proof[0], dict) else {}
    other = end_name(part(record, "dst"))
    maker = f" ({tidy(about.get('maker'))})" if about.get("maker") else ""
    times = counted(number(about.get("count")), "time")
    facts = {
        "why": " ".join(tidy(one, TEXT_LIMIT) for one in why) if isinstance(why, list) else "",
        "proof": tidy(about.get("seen"), TEXT_LIMIT),
        "packet": " ".join(
            filter(None, (clock(first.get("ts")), tidy(first.get("event")), f"with {other}" if other else ""))
        ),
        "seen": f"{times}, {clock(about.get('first'))} to {clock(about.get('last'))}",
        "do": tidy(about.get("fix"), TEXT_LIMIT),
        "where": tidy(about.get("steps"), TEXT_LIMIT) + maker if about.get("steps") else "",
        "test": tidy(about.get("test"), TEXT_LIMIT),
        "done": tidy(about.get("closed"), TEXT_LIMIT),
    }
    head = (
        f"{severity}: {tidy(about.get('title'))} ({tidy(about.get('id'))}, {'closed' if _closed(record) else 'open'})"
    )
    lines = [paint(head, STYLES.get(severity, "") or "bold", colours), f"  {tidy(record.get('msg'))}"]
    return lines + [f"  {name:7} {value}" for name, value in facts.items() if value]
