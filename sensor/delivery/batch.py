"""A batch on its way: entries in order, in pieces that are settled one after the other, and what else is done with once
all of them are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from sensor.core.output import Entry

URGENT = ("alert", "incident")


class Batch(msgspec.Struct):
    """``id``: of the last record that was taken in or passed; ``begun``: when its first entry came, by the clock that
    only goes forward; ``count``, ``size``: its entries and the bytes of their payloads; ``urgent``: it holds an alert
    or an incident; ``full``: nothing more goes in.

    What becomes of numbers: ``delivered``, ``refused``, ``filtered``, ``missing``; ``ahead``: those that this batch
    gets done before their turn, ``passed``: those that were. ``pieces``: what is still to be sent; ``letters``: what
    was refused and is not kept yet, which is never sent again for it; ``halved``: it was too large once; ``largest``:
    piece that went.
    """

    id: str = ""
    begun: float = 0
    count: int = 0
    size: int = 0
    urgent: bool = False
    full: bool = False
    delivered: int = 0
    refused: int = 0
    filtered: int = 0
    missing: int = 0
    ahead: int = 0
    passed: int = 0
    halved: bool = False
    largest: int = 0
    pieces: deque[list[Entry]] = msgspec.field(default_factory=deque)
    letters: list[tuple[int, Mapping[str, Any], str]] = msgspec.field(default_factory=list)

    def add(self, entry: Entry, now: float) -> None:
        if not self.count:
            self.begun = now
            self.pieces.append([])
        self.pieces[-1].append(entry)
        self.count += 1
        self.size += len(entry.payload)
        self.urgent = self.urgent or entry.kind in URGENT

    @property
    def numbers(self) -> int:
        """How many numbers are done with when it is."""
        return self.delivered + self.refused + self.filtered + self.missing + self.passed

    def took(self, refused: int, busy: tuple[int, ...]) -> None:
        """The destination has the first piece, save what it refused and what it had no room for, which comes again
        before anything else.
        """
        piece = self.pieces.popleft()
        self.delivered += len(piece) - refused - len(busy)
        self.refused += refused
        self.largest = max(self.largest, len(piece))
        if busy:
            self.pieces.appendleft([piece[place] for place in sorted(busy)])

    def halve(self) -> None:
        """The first piece in two."""
        piece = self.pieces.popleft()
        half = len(piece) // 2
        self.pieces.extendleft((piece[half:], piece[:half]))
        self.halved = True
