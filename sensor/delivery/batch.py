"""A batch in flight: entries in order, in pieces that are settled one after another, and the counts to record once all
are settled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from sensor.core.output import Entry

URGENT = ("alert", "incident")


class Batch(msgspec.Struct):
    """``id``: of the last record that was added or skipped; ``begun``: time of its first entry, monotonic clock;
    ``count``, ``size``: entries and bytes of their payloads; ``urgent``: it contains an alert or an incident; ``full``:
    no more entries are added.

    Counts of numbers: ``delivered``, ``refused``, ``filtered``, ``missing``; ``ahead``: delivered before their turn by
    this batch, ``passed``: by earlier ones. ``pieces``: still to be sent; ``letters``: rejected and not stored yet,
    which are never sent again for that; ``halved``: it was too large once; ``largest``: largest piece that was
    accepted.
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
        """How many numbers the batch settles."""
        return self.delivered + self.refused + self.filtered + self.missing + self.passed

    def took(self, refused: int, busy: tuple[int, ...]) -> None:
        """The destination accepted the first piece, except rejected and busy entries; busy ones are sent again before
        anything else.
        """
        piece = self.pieces.popleft()
        self.delivered += len(piece) - refused - len(busy)
        self.refused += refused
        self.largest = max(self.largest, len(piece))
        if busy:
            self.pieces.appendleft([piece[place] for place in sorted(busy)])

    def halve(self) -> None:
        """Split the first piece in two."""
        piece = self.pieces.popleft()
        half = len(piece) // 2
        self.pieces.extendleft((piece[half:], piece[:half]))
        self.halved = True
