"""Explain a command, a detection, an error code or an exit code.

TOPIC is a command, the id of a detection, an error code as shown in brackets after a message, the first part of error codes, `detections` or `errors` for a list of all, or `exit-codes`.
Without a topic, all topics are listed.
"""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sensor.cli._codes import EXIT_CODES, NOT_FOUND
from sensor.cli._setup import complain
from sensor.cli._tasks import TASKS

if TYPE_CHECKING:
    from sensor.cli._errors import Entry

EXAMPLES = """\
  sensor help
  sensor help dataset.missing
  sensor help capture
  sensor help detections
  sensor help discovery.port_scan
  sensor help exit-codes
"""
MOST_WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "topic",
        metavar="TOPIC",
        nargs="?",
        default="",
        help="a command, a detection, an error code or its first part, detections, errors, or exit-codes",
    )


def main(args: argparse.Namespace) -> int:
    """Print the topic; 1 if it does not exist."""
    from sensor.cli._detections_text import PACKAGE, detection, detections
    from sensor.cli._errors import catalogue
    from sensor.cli.main import names, parser
    from sensor.registry import names as names_of

    entries, topic = catalogue(), args.topic.strip("[]")
    known = names_of(PACKAGE)
    if topic in names():
        below = parser([topic])
        below.parse_args([topic, "--help"])
    found = [entry for code, entry in entries.items() if code == topic or code.partition(".")[0] == topic]
    if not topic:
        lines = _topics(entries)
    elif topic == "exit-codes":
        lines = (f"{code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())
    elif topic == "errors":
        lines = _overview(entries.values())
    elif topic == "detections":
        lines = detections()
    elif topic in known:
        lines = detection(topic, _wrapped)
    elif found:
        lines = _entries(found)
    else:
        return _unknown(topic, ["detections", "errors", "exit-codes", *names(), *entries, *known])
    print("\n".join(lines))
    return 0


def _unknown(topic: str, known: list[str]) -> int:
    from sensor.cli._show import tidy
    from sensor.documents import nearest

    complain(f"no topic {tidy(topic)!r}, {nearest(topic, known)}", error="usage.invalid-value")
    return NOT_FOUND


def _topics(entries: Iterable[str]) -> Iterator[str]:
    yield "commands:"
    yield from (f"  {task:12} {' '.join(names)}" for task, names in TASKS.items())
    yield from ("", "error codes (sensor help CODE; sensor help errors lists all):")
    yield _wrapped(" ".join(dict.fromkeys(code.partition(".")[0] for code in entries)), "  ")
    yield from (
        "",
        "other topics:",
        "  detections   every detection with its severity; sensor help DETECTION describes one",
        "  errors       every error code with its meaning",
        "  exit-codes   what the exit code of a command means",
    )


def _overview(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        yield from (entry.code, _wrapped(entry.meaning, "    "))


def _entries(entries: list[Entry]) -> Iterator[str]:
    for number, entry in enumerate(entries):
        yield from (*([""] if number else []), entry.code, _wrapped(entry.meaning, "  "), "", "  example:")
        yield from (
            _wrapped(f"sensor: {entry.example} [{entry.code}]", "    "),
            "",
            "  fix:",
            _wrapped(entry.fix, "    "),
        )


def _wrapped(text: str, indent: str) -> str:
    width = min(shutil.get_terminal_size().columns, MOST_WIDTH)
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
