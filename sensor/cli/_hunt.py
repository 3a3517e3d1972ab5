"""Actions of `sensor hunt`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._records import asking, found, print_csv, print_json, put_coverage
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import tidy
from sensor.cli._table import table, use_all_columns

if TYPE_CHECKING:
    from sensor.records.hunts_library import Hunt
    from sensor.records.query import Query
    from sensor.records.query_process import Answer


def sql(args: argparse.Namespace) -> int:
    """Print the rows of a query."""
    with asking(args) as query:
        answer = query.run(args.operands[0], most=args.count)
        _print(args, answer)
        put_coverage(args, query)
    return found(answer.rows)


def kql(args: argparse.Namespace) -> int:
    """Print the rows of a query in KQL."""
    from sensor.records.kql import MISSING, KqlError, installed, translated

    if not installed():
        complain(MISSING, error="records.kql-not-installed")
        return NOT_OPENED
    with asking(args) as query:
        try:
            answer = query.run(translated(args.operands[0], query), most=args.count)
        except KqlError as error:
            code = "records.kql-unsupported" if error.unsupported else "records.invalid-query"
            complain(f"KQL: {tidy(str(error))}", error=code)
            return USAGE
        _print(args, answer)
        put_coverage(args, query)
    return found(answer.rows)


def tables(args: argparse.Namespace) -> int:
    """Print all tables with their number of rows."""
    from sensor.records.schema import TABLES

    with asking(args) as query:
        rows = [
            (name, query.run(f"SELECT count(*) FROM {name}").rows[0][0] if one.stored else None, one.meaning)
            for name, one in TABLES.items()
        ]
        if args.json:
            print_json([dict(zip(("table", "rows", "meaning"), row, strict=True)) for row in rows])
        elif args.csv:
            print_csv(("table", "rows", "meaning"), rows)
        else:
            print(
                table(
                    ("table", "count", "summary"),
                    [
                        (name, f"{count:,}" if count is not None else "computed", meaning)
                        for name, count, meaning in rows
                    ],
                    sys.stdout,
                )
            )
        put_coverage(args, query)
    return 0


def describe(args: argparse.Namespace) -> int:
    """Print the columns of a table, or of all; they do not depend on the data."""
    from sensor.documents import nearest
    from sensor.records.schema import TABLES

    if args.operands and args.operands[0] not in TABLES:
        complain(
            f"found the table {tidy(args.operands[0])!r}, {nearest(args.operands[0], list(TABLES))}",
            error="records.unknown-table",
        )
        return USAGE
    heads = ("table", "column", "type", "meaning", "ECS", "Zeek")
    chosen = [TABLES[args.operands[0]]] if args.operands else list(TABLES.values())
    rows = [(one.name, *column[:5]) for one in chosen for column in one.columns]
    if args.json:
        print_json([dict(zip(heads, row, strict=True)) for row in rows])
    elif args.csv:
        print_csv(heads, rows)
    else:
        print(table((*heads[:3], "summary"), [row[:4] for row in rows], sys.stdout))
    return 0


def listed(args: argparse.Namespace) -> int:
    """Print the hunts of the library and of the operator."""
    from sensor.documents.spans import span_text
    from sensor.records.hunts_library import hunt, library, load_hunts

    own, faults = load_hunts(own_folders(args))
    complain_of_faults(faults)
    hunts = {name: hunt(path) for name, path in library().items()} | own
    rows = [
        (name, span_text(one.schedule) if one.schedule else "", ", ".join(one.techniques), one.title)
        for name, one in hunts.items()
    ]
    heads = ("hunt", "schedule", "techniques", "title")
    if args.json:
        print_json([dict(zip(heads, row, strict=True)) for row in rows])
    elif args.csv:
        print_csv(heads, rows)
    else:
        print(table(heads, rows, sys.stdout))
    return 0


def show(args: argparse.Namespace) -> int:
    """Print the text of a hunt."""
    path = path_of(args, args.operands[0])
    print(path.read_text(encoding="utf-8"), end="")
    return 0


def run(args: argparse.Namespace) -> int:
    """Run hunts; with `all`, those without results are listed in one line."""
    from sensor.documents import DocumentErrors
    from sensor.records.hunts_library import hunt, library

    paths = list(library().values()) if args.operands == ["all"] else [path_of(args, word) for word in args.operands]
    try:
        hunts = {path.stem: hunt(path) for path in paths}
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    with asking(args) as query:
        some = [name for name, one in hunts.items() if _one(args, query, name, one)]
        put_coverage(args, query)
    return found(some)


def _one(args: argparse.Namespace, query: Query, name: str, one: Hunt) -> bool:
    """Run one; returns whether it found something."""
    answer = query.run(one.sql, most=args.count)
    if args.json:
        print_json([{"hunt": name} | row for row in _dicts(answer)])
    elif args.csv:
        print_csv(("hunt", *answer.columns), [(name, *row) for row in answer.rows])
    elif answer.rows:
        print(f"{name}: {one.title} ({', '.join(one.techniques)})\n")
        _print(args, answer)
        print()
    else:
        print(f"{name}: nothing found")
    return bool(answer.rows)


def own_folders(args: argparse.Namespace) -> list[Path]:
    """Folders of the operator's hunts."""
    from sensor.cli._setup import hunt_folders
    from sensor.eventlog.paths import folder_to_read

    return hunt_folders(args, args.state or folder_to_read())


def path_of(args: argparse.Namespace, word: str) -> Path:
    """A hunt of the library or of the operator, or a file. Raises Exit otherwise."""
    from sensor.documents import nearest
    from sensor.records.hunts_library import files_of, library

    known = library() | {path.stem: path for path in files_of(own_folders(args))}
    if word in known:
        return known[word]
    if word.endswith((".yaml", ".yml")) and Path(word).is_file():
        return Path(word)
    text = f"no hunt and no YAML file {tidy(word)!r}, {nearest(word, list(known))}"
    raise Exit(NOT_FOUND, text, error="hunt.unknown")


def _print(args: argparse.Namespace, answer: Answer) -> None:
    if args.json:
        print_json(_dicts(answer))
    elif args.csv:
        print_csv(answer.columns, answer.rows)
    elif answer.rows:
        use_all_columns(True)  # all columns were requested
        print(table(answer.columns, [[tidy(value) for value in row] for row in answer.rows], sys.stdout))
    if answer.more:
        complain(f"more rows than {len(answer.rows):,}: -n shows more", "info")


def _dicts(answer: Answer) -> list[dict[str, Any]]:
    return [dict(zip(answer.columns, row, strict=False)) for row in answer.rows]
