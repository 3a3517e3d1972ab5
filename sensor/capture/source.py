"""The interface of packet sources, between capture and everything that reads packets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.capture.linktypes import link_name
from sensor.core.batch import Batch
from sensor.decode.records import sums


class CaptureError(Exception):
    """A packet source cannot be opened. The message is one line that includes the fix; ``code``: its entry in the
    catalogue of errors.
    """

    code = "capture.not-opened"


class InvalidArguments(CaptureError):
    """Invalid arguments: a filter that does not compile, an interface that is named twice."""

    code = "capture.invalid-argument"


class NotPermitted(CaptureError):
    """Opening the source needs more privileges."""

    code = "capture.no-permission"


class Tally(msgspec.Struct):
    """Totals of a source so far. ``bytes`` were captured, ``wire_bytes`` were on the wire; ``truncated`` counts frames
    that were captured in part.

    ``dropped``: packets lost before they reached the sensor, by interface or file, as reported by the kernel, the
    interface or the capture file. ``linktypes``: packets by name of their link type.
    """

    packets: int = 0
    bytes: int = 0
    wire_bytes: int = 0
    truncated: int = 0
    dropped: dict[str, int] = {}
    linktypes: dict[str, int] = {}

    def add(self, rows: npt.NDArray[np.void]) -> None:
        """Count the rows of one batch."""
        if not len(rows):
            return
        captured, wire, truncated, same = sums(rows)
        self.packets += len(rows)
        self.bytes += captured
        self.wire_bytes += wire
        self.truncated += truncated
        kinds = Counter({int(rows["link"][0]): same}) if same == len(rows) else Counter(rows["link"].tolist())
        for number, count in kinds.items():
            name = link_name(number)
            self.linktypes[name] = self.linktypes.get(name, 0) + count

    @property
    def lost(self) -> int:
        """Total number of dropped packets."""
        return sum(self.dropped.values())


class Damage(msgspec.Struct, frozen=True):
    """A place where a source could not be read further. ``path`` is the file or interface; ``offset`` (bytes, after
    decompression) is the start of the first unreadable record; ``found`` describes the fault; ``kind`` is one of ``cut,
    record, compression, limit, read, interface``.
    """

    path: str
    offset: int
    found: str
    kind: str

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.found}"
            if self.kind == "interface"
            else f"{self.path}: at byte {self.offset}: {self.found}"
        )


class Source(Protocol):
    """A source of packets. Row column ``source`` is an index into ``names``, which may grow while packets are read."""

    @property
    def name(self) -> str:
        """The source's name for users."""
        ...

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def tally(self) -> Tally: ...

    @property
    def damages(self) -> Sequence[Damage]: ...

    def batches(self) -> Iterator[Batch]:
        """Batches in order of their packets. Sources that wait for packets return an empty batch at least every 200
        ms.
        """
        ...

    def backlog(self) -> float:
        """Share of the packet memory that waits to be read, 0 to 1; when it is full, packets are lost. 0 for sources
        that wait for their reader.
        """
        ...

    def stop(self) -> None:
        """End ``batches`` soon. Safe in a signal handler and from any thread."""
        ...

    def close(self) -> None:
        """Release files, sockets and memory; batches in use stay readable."""
        ...
