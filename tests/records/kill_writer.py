"""A writer in a loop: writes, compacts and deletes until it is killed. For test_kill.py."""

from __future__ import annotations

import sys
from pathlib import Path

from sensor.records.upkeep import Upkeep
from sensor.records.writer import Writer

if __name__ == "__main__":
    writer = Writer(Path(sys.argv[1]), print)
    upkeep = Upkeep(writer, 7, 5)
    print("ready", flush=True)
    while True:
        writer.write()
        upkeep.compact()
        upkeep.delete(0.0)
