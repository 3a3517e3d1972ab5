"""The cost of native dissectors: the messages of a capture that are selected for each, parsed again and again.

python -m tests.native.speed CAPTURE…
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.capture.files import open_captures
from sensor.core.batch import ROW
from sensor.core.dissector import datagram_bits
from sensor.core.ip_protocols import UDP
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels
from sensor.decode.select import Selector
from sensor.native.reading import Reading
from tests.native.reference import DISSECTORS, NAMES, TCP, TCP_HEAD

LEAST_S = 0.2  # duration of one measurement
CALL = 2_000  # messages per call: few packets are repeated
# A block of bytes and the selected rows of it.
Chosen = tuple[npt.NDArray[np.uint8], npt.NDArray[np.void]]


class Speed(NamedTuple):
    """``messages`` selected, the share ``taken`` of them, and ns per message."""

    messages: int
    taken: float
    ns: float


def chosen(path: Path) -> list[Chosen]:
    """The rows of datagrams and frames of a capture that dissectors want."""
    kernels = Kernels(FlowTable(), Selector([unit.interest for unit in DISSECTORS.values()], RecentSet()))
    found = []
    source = open_captures([str(path)])
    for batch in source.batches():
        work = kernels.run(batch.data, batch.rows)
        rows = batch.rows[work.chosen]
        rows = rows[
            (rows["proto"] != TCP) | (rows["begins"] == TCP_HEAD) | (rows["ip_version"] == 0)
        ]  # bits of segments are those of streams
        if len(rows):
            found.append((batch.data.copy(), rows))
        batch.release()
    source.close()
    return found


def bit_of(name: str) -> tuple[bool, int]:
    """Whether a dissector gets datagrams (else frames), and its bit among those of its kind."""
    names = list(DISSECTORS)
    frames = [each for each, unit in DISSECTORS.items() if unit.interest.frames]
    for bit, shared in enumerate(datagram_bits([unit.interest for unit in DISSECTORS.values()])):
        if name in [names[position] for position in shared]:
            return True, bit
    return False, frames.index(name)


def measure(name: str, blocks: list[Chosen]) -> Speed:
    """Measure one dissector on the rows selected for it."""
    native = importlib.import_module(f"sensor.native.{name}").UNIT
    datagram, bit = bit_of(name)
    mine, messages = [], 0
    for data, rows in blocks:
        wanted = rows[((rows["wanted"] >> np.uint64(bit) & np.uint64(1)) == 1) & ((rows["proto"] == UDP) == datagram)]
        if len(wanted):
            mine.append((data, np.tile(wanted, -(-CALL // len(wanted)))))
            messages += len(wanted)
    taken, count, spent = 0, 0, 0.0
    while messages and spent < LEAST_S:
        for data, rows in mine:
            reading = Reading([native] if datagram else [], [] if datagram else [native])
            again = np.array(rows, ROW)
            again["wanted"] = 1
            began = time.process_time()
            reading.read_rows(data, again)
            spent += time.process_time() - began
            reading.take()
            taken, count = taken + reading.taken, count + len(rows)
    return Speed(messages, taken / max(count, 1), spent / max(count, 1) * 1e9)


def table(path: Path) -> Iterator[tuple[str, Speed]]:
    """One row for each native dissector that has messages in a capture."""
    blocks = chosen(path)
    for name in NAMES:
        speed = measure(name, blocks)
        if speed.messages:
            yield name, speed


def main() -> None:
    for path in sys.argv[1:]:
        for name, speed in table(Path(path)):
            print(f"{name:10} {speed.messages:>8,} messages, {100 * speed.taken:5.1f} % taken, {speed.ns:6.0f} ns each")


if __name__ == "__main__":
    main()
