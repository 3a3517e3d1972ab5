"""Generates the capture of each dissector, byte-identical on every run: ``python -m pcaps.dissectors.make [FOLDER]``.

Each module in this folder is named after its dissector. Its docstring lists the contents of the capture.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from pcaps.dissectors._frames import capture

HERE = Path(__file__).parent


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for path in sorted(HERE.glob("[!_]*.py")):
        if path.stem != "make":
            program = importlib.import_module(f"pcaps.dissectors.{path.stem}")
            (folder / f"{path.stem}.pcap").write_bytes(capture(program.frames()))


if __name__ == "__main__":
    main()
