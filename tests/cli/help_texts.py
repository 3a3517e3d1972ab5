"""The help of every command, as stored in the golden files of tests/cli/golden.

``python -m tests.cli.help_texts`` rewrites the files: read the difference before you commit it.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from sensor.cli.main import names, parser

GOLDEN = Path(__file__).parent / "golden"
COLUMNS = "100"


def texts() -> dict[str, str]:
    """Help by file name, without the usage line, which argparse wraps differently in each version."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = COLUMNS
    try:
        top = parser()
        below = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
        shown = {"sensor.txt": top, **{f"{name}.txt": below.choices[name] for name in names()}}
        return {name: one.format_help().partition("\n\n")[2] for name, one in shown.items()}
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def main() -> None:
    """Writes the files, and deletes those of removed commands."""
    GOLDEN.mkdir(exist_ok=True)
    found = texts()
    for path in GOLDEN.glob("*.txt"):
        if path.name not in found:
            path.unlink()
    for name, text in found.items():
        (GOLDEN / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
