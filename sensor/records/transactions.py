"""Joins the messages of an exchange: a query with its answer, the messages of a handshake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core.row_copies import copied
from sensor.records.block import Rows

Places = npt.NDArray[np.int64]


class Exchange(NamedTuple):
    """The messages that form one row, in the order in which they are sent; ``keys``: the key that the messages of an
    exchange share. When the last message has arrived, the exchange is complete. ``servers``: which messages come from
    the server; ``timed``: False if their order in time is meaningless.
    """

    parts: Sequence[Rows]
    keys: Sequence[npt.NDArray[np.uint64]]
    servers: Sequence[bool]
    timed: bool = True

    def places(self) -> Places:
        """A row per exchange: the index of each of its messages in its part, -1 if there is none. In order of time.

        A message begins another exchange unless it comes later in the sequence than the previous one with the same key.
        """
        sizes = [len(part) for part in self.parts]
        kind = np.repeat(np.arange(len(sizes)), sizes)
        own = np.concatenate([np.arange(size) for size in sizes])
        key, ts = np.concatenate(self.keys), np.concatenate([part.heads["ts"] for part in self.parts])
        order = np.lexsort((kind, ts, key) if self.timed else (ts, kind, key))
        kind, own, key, ts = kind[order], own[order], key[order], ts[order]
        opens = np.ones(len(key), np.bool_)
        opens[1:] = (key[1:] != key[:-1]) | (kind[1:] <= kind[:-1])
        groups = np.cumsum(opens) - 1
        places = np.full((int(opens.sum()), len(sizes)), -1, np.int64)
        places[groups, kind] = own
        return places[np.argsort(self.first(places)["ts"], kind="stable")]

    def first(self, places: Places) -> npt.NDArray[np.void]:
        """The head of the earliest message of each exchange, with client and server as in a client's message."""
        heads = np.zeros(len(places), self.parts[0].heads.dtype)
        found = np.full(len(places), np.iinfo(np.int64).max)
        for number, part in enumerate(self.parts):
            there = (places[:, number] >= 0).nonzero()[0]
            own = part.heads.take(places[there, number])
            earlier = own["ts"] < found[there]
            there, own = there[earlier], own.compress(earlier)
            heads[there], found[there] = turned(own) if self.servers[number] else own, own["ts"]
        return heads

    def split(self, places: Places, since: int, more: npt.NDArray[np.bool_] | None = None) -> tuple[Places, list[Rows]]:
        """The exchanges that can be written, and the messages of the others: those that are incomplete and began after
        ``since`` (ns). ``more``: last messages after which more data is expected.
        """
        last = places[:, -1]
        open_ = last < 0
        if more is not None and len(more):
            open_ |= more[last] & (last >= 0)
        waits = open_ & (self.first(places)["ts"] > since)
        left = [part.take(places[waits, number][places[waits, number] >= 0]) for number, part in enumerate(self.parts)]
        return places[~waits], left


PAIRS = (("src_hi", "dst_hi"), ("src_lo", "dst_lo"), ("src_mac", "dst_mac"), ("sport", "dport"))


def turned(heads: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """The heads with both sides exchanged."""
    other = copied(heads)
    for one, two in PAIRS:
        other[one], other[two] = heads[two], heads[one]
    return other


def member(rows: Rows, places: npt.NDArray[np.int64]) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """One message of each exchange, and whether it exists; otherwise its row is all zero, which means no text."""
    there = places >= 0
    words: npt.NDArray[Any] = np.zeros((len(places), rows.words.shape[1]), np.uint64)
    words[there] = rows.words[places[there]]
    heads = np.zeros(len(places), rows.heads.dtype)
    heads[there] = rows.heads.take(places[there])
    return Rows(heads, words, rows.text), there
