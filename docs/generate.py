"""Writes the pages of docs/reference, the listings in docs/develop and the man pages from the code.

python -m docs.generate               writes docs/reference, refreshes the listings in docs/develop
python -m docs.generate --check       lists pages that are not up to date; exit code 1 if there are any
python -m docs.generate --man DIR     writes sensor.1, a page for each command, and sensor.yaml.5
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# Before numpy and pydantic are: see sensor/cli/main.py.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from docs._api import api
from docs._commands import command_page
from docs._configuration import configuration
from docs._detections import detections
from docs._errors import errors
from docs._events import events
from docs._health import health
from docs._listings import listings
from docs._man_pages import man_pages
from docs._metrics import metrics
from docs._recommendations import recommendations
from docs._records import records

FOLDER = Path(__file__).parent / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "api.md": api,
    "commands.md": command_page,
    "configuration.md": configuration,
    "detections.md": detections,
    "errors.md": errors,
    "events.md": events,
    "health.md": health,
    "metrics.md": metrics,
    "recommendations.md": recommendations,
    "records.md": records,
}


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of pages that are missing, outdated, or have no source."""
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    made = {name: write() for name, write in PAGES.items()}
    old = [path.name for path, text in listings().items() if text != path.read_text(encoding="utf-8")]
    return sorted([name for name in there.keys() | made.keys() if there.get(name) != made.get(name)] + old)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=str(__doc__).splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; list pages that are not up to date")
    parser.add_argument("--man", metavar="DIR", type=Path, help="write the man pages into this folder instead")
    args = parser.parse_args(argv)
    if args.man is not None:
        return _write(args.man, man_pages())
    if args.check:
        found = stale()
        for name in found:
            print(f"{name} is not up to date: run python -m docs.generate", file=sys.stderr)
        return 1 if found else 0
    for path, text in listings().items():
        path.write_text(text, encoding="utf-8")
    return _write(FOLDER, {name: write() for name, write in PAGES.items()})


def _write(folder: Path, texts: Mapping[str, str]) -> int:
    """The exit code: 3 if a folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"{error.filename}: {error.strerror}: name a folder that can be written", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
