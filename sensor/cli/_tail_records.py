"""`sensor tail --kind conn,dns`: the newest traffic records, or live ones."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import USAGE
from sensor.cli._colors import coloured, paint
from sensor.cli._records import asking, catch_up, folder_of
from sensor.cli._setup import complain
from sensor.cli._show import tidy

if TYPE_CHECKING:
    from pathlib import Path

    from sensor.cli._tail_filter import EndFilter

Row = dict[str, Any]
LAST, MOST = 10, 10_000
# Polling interval, seconds.
PAUSE_S = 1.0


def tail_records(args: argparse.Namespace) -> int:
    """Print; 2 for a filter that records do not support."""
    if args.detector or args.severity != "info":
        complain("found --severity or --detector, which traffic records do not have", error="usage.unexpected-argument")
        return USAGE
    colours = coloured(sys.stdout)
    for row in _rows(args):
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":")) if args.json else _line(row, colours)
        print(text, flush=args.follow)
    return 0


def _rows(args: argparse.Namespace) -> Iterator[Row]:
    """The last matching ones, then new ones. Following starts first, so that none is missed."""
    from sensor.records.follow import Follower
    from sensor.records.search import search

    own = argparse.Namespace(**vars(args) | {"records": None, "since": args.since or "", "until": ""})
    folder: Path = folder_of(own)
    catch_up(folder)
    follower = Follower(folder, args.kind) if args.follow else None
    count = args.lines if args.lines is not None else LAST if args.follow and not args.since else MOST
    if count:
        with asking(own) as query:
            rows, more = search(query, None, (), args.kind, MOST)
        if more and count == MOST:
            complain(f"only the newest {len(rows):,} records were searched: narrow them with `sensor search`", "info")
        yield from [row for row in rows if _wanted(row, args)][-count:]
    while follower is not None:
        catch_up(folder)
        yield from (row for row in follower.rows() if _wanted(row, args))
        time.sleep(PAUSE_S)


def _wanted(row: Row, args: argparse.Namespace) -> bool:
    """Whether a record passes the filters."""
    src, dst = ([row.get(f"{end}_{name}") for name in ("ip", "mac", "device")] for end in ("src", "dst"))
    requested: list[tuple[EndFilter | None, list[Any]]] = [
        (args.src, src),
        (args.dst, dst),
        (args.device, [*src, *dst]),
    ]
    return all(who is None or who.is_one_of(names) for who, names in requested) and args.vlan in (None, row.get("vlan"))


def _line(row: Row, colours: bool) -> str:
    from sensor.records.summary import summary

    ends = [row.get("src_ip") or row.get("src_mac"), row.get("dst_ip") or row.get("dst_mac")]
    head = f"{row['ts'][:19]}Z {row['table']:5}"
    return f"{paint(head, 'dim', colours)} {' → '.join(tidy(one) for one in ends if one)}  {tidy(summary(row))}"
