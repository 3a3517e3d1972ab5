"""What native dissectors cost: the messages of a capture that are chosen for each, read again and again.

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
from sensor.core.ip_protocols import UDP
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels
from sensor.decode.select import Selector
from sensor.native.reading import Reading
from tests.native.reference import DISSECTORS, NAMES, TCP, TCP_HEAD

LEAST_S = 0.2  # how long one measurement is to take
CALL = 2_000  # messages at once: what few packets of a block hold is read several times
# A block of bytes and the rows of it that are chosen.
Chosen = tuple[npt.NDArray[np.uint8], npt.NDArray[np.void]]


class Speed(NamedTuple):
    """``messages`` chosen, the share ``taken`` of them, and ns each."""

    messages: int
    taken: float
    ns: float


def chosen(path: Path) -> list[Chosen]:
    """The rows that dissectors want of the datagrams and frames of a capture."""
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
    """Whether a dissector reads datagrams (else frames), and its bit among those of its kind."""
    datagrams = [each for each, unit in DISSECTORS.items() if unit.interest.datagrams]
    frames = [each for each, unit in DISSECTORS.items() if unit.interest.frames]
    return (True, datagrams.index(name)) if name in datagrams else (False, frames.index(name))


def measure(name: str, blocks: list[Chosen]) -> Speed:
    """One dissector on what was chosen for it."""
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
    """Each native dissector that has something to read in a capture."""
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
