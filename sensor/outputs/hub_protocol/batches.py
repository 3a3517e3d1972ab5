"""Batches of the output ``hub`` in flight: encoded messages, and their results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sensor.core.output import Entry
from sensor.outputs.hub_protocol.messages import Head, Run, batch_id, runs_of, sealed

# Limit of events in one message.
MOST = 200


class BatchMessage(msgspec.Struct):
    """One message. ``places``: indexes of its entries in the runner's batch; ``stored``: JetStream has it, which is not
    a commit.
    """

    id: str
    runs: list[Run]
    places: list[int]
    body: bytes
    stored: bool = False


def batch_messages(entries: Sequence[Entry], key: str, head: Head, limit: int) -> Iterator[BatchMessage]:
    """The entries as messages of at most MOST events and ``limit`` bytes. A larger event has a separate message,
    which exceeds the limit.
    """
    for begin in range(0, len(entries), MOST):
        yield from _fitting(entries, range(begin, min(begin + MOST, len(entries))), key, head, limit)


def _fitting(entries: Sequence[Entry], places: range, key: str, head: Head, limit: int) -> Iterator[BatchMessage]:
    lines = [entries[place].payload for place in places]
    runs = runs_of(entries[place].seq for place in places)
    body = sealed(msgspec.structs.replace(head, runs=runs), lines)
    if len(body) > limit and len(places) > 1:
        middle = len(places) // 2
        yield from _fitting(entries, places[:middle], key, head, limit)
        yield from _fitting(entries, places[middle:], key, head, limit)
        return
    yield BatchMessage(batch_id(key, head.epoch, runs, lines), runs, list(places), body)
