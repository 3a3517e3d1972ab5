"""The native dissectors of an engine: those for which the Python dissector of the same name, their reference, is the
built-in one.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sensor.core.dissector import Dissector, Interest, datagram_bits, stream_bits
from sensor.native.reading import Reading
from sensor.native.stream import Conversations, NativeStream
from sensor.native.unit import Native
from sensor.native.units import NAMES

CONVERSATIONS, HELD_LIMIT, MEMORY_LIMIT = 8192, 16 << 20, 64 << 20


def reading(dissectors: Mapping[str, Dissector], conversations: int = CONVERSATIONS, held: int = HELD_LIMIT) -> Reading:
    """The native dissectors for the given Python dissectors, by the bits of the select pass. ``conversations``: flows
    that each stream dissector follows at once; ``held``: bytes of out-of-order segments.
    """

    def native(name: str, unit: Dissector) -> Any:
        ours = name in NAMES and type(unit).__module__ == f"sensor.dissectors.{name}"
        return importlib.import_module(f"sensor.native.{name}").UNIT if ours else None

    given = dissectors.items()
    units = list(given)
    streams = [[units[position] for position in shared] for shared in stream_bits([unit.interest for _, unit in units])]
    followers = [
        (bit, name, native(name, unit), unit.interest, _after(name, streams))
        for bit, ((name, unit), *others) in enumerate(streams)
        if not others
    ]
    followers = [one for one in followers if isinstance(one[2], NativeStream)]
    bits = datagram_bits([unit.interest for _, unit in units])
    datagrams = [native(*units[shared[0]]) if len(shared) == 1 else None for shared in bits]
    return Reading(
        [one if isinstance(one, Native) else None for one in datagrams],
        [native(name, unit) for name, unit in given if unit.interest.frames],
        followers,
        Conversations(conversations * max(len(followers), 1), held, MEMORY_LIMIT),
    )


def selected(dissectors: Iterable[Dissector], readers: Reading | None) -> list[Interest]:
    """The interests for the select pass: the flows of a dissector that follows after a native one are not selected by
    its own rules.
    """
    names = readers.names if readers is not None else ()
    return [
        msgspec.structs.replace(unit.interest, tcp=(), starts=(), magic=())
        if unit.interest.after in names
        else unit.interest
        for unit in dissectors
    ]


def _after(name: str, streams: Sequence[Sequence[tuple[str, Dissector]]]) -> int:
    """The bits of the dissectors that follow after this one."""
    return sum(1 << bit for bit, ((_, unit), *_) in enumerate(streams) if unit.interest.after == name)
