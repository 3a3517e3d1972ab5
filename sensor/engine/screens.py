"""Screens: what decides whether any subscriber wants an event of a class, as a function of the event's content and of a
few look-ups. For content that none of them wanted before, no object is created again (``unwanted.pyx``).

A want may look into a table of its detector (``held``, ``armed``), so that its answer is not a function of the content
alone. It is replaced by two that are: one as if each look-up had the answer that the want needs least, and one as if it
had the answer that it needs most. Where only the second holds, the look-ups decide.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sensor.core.event import Event
from sensor.core.event_fields import PACKET
from sensor.core.want_nodes import ALWAYS, NEVER, AllOf, AnyOf, Armed, Held, Not, Versioned, Want
from sensor.core.wants import all_of, any_of
from sensor.engine.compiled_wants import Choice, Known, compiled
from sensor.native.row_hash import packet_number

# Bits of an answer: one if it is wanted, and one per look-up. Not all 64 are set.
LOOKUPS_LIMIT = 62


class Lookup(NamedTuple):
    """A look-up that can make a want hold: if the table contains the key (``key``: names of the packet's fields; none:
    if it has entries), or if it does not (``absent``).
    """

    table: object
    key: tuple[str, ...]
    absent: bool


class Screen(NamedTuple):
    """``choice``: from an event to bits: 1 if a subscriber wants it, 2 << i if look-up ``i`` decides; ``fields``: what
    the answer depends on, besides the versions of ``data``.
    """

    choice: Choice
    fields: tuple[str, ...]
    lookups: tuple[Lookup, ...]
    data: frozenset[Versioned]


def screen(kind: type[Event], wants: Iterable[Want], known: Known | None = None) -> Screen | None:
    """The screen of a class with these wants; None if each event is wanted, or too much would have to be compared.
    ``known``: as for ``compiled``.
    """
    sure, by_lookup = list[Want](), dict[Lookup, list[Want]]()
    for want in wants:
        sure.append(_assumed(want, best=False))
        found = list(_lookups(want))
        if not all(_is_of_packet(one) for one in found):
            sure.append(_assumed(want, best=True))
            continue
        for one in found:
            by_lookup.setdefault(one, []).append(_assumed(want, best=True))
    parts = [any_of(sure), *map(any_of, by_lookup.values())]
    fields = sorted(frozenset[str]().union(*(part.fields for part in parts)))
    if parts[0] == ALWAYS or len(by_lookup) > LOOKUPS_LIMIT or not all(map(_is_comparable, fields)):
        return None
    data = frozenset[Versioned]().union(*(part.versions for part in parts))
    return Screen(compiled(kind, parts, known), tuple(fields), tuple(by_lookup), data)


def _assumed(want: Want, *, best: bool) -> Want:
    """The want as if each look-up had the answer that makes it hold (``best``), or not hold."""
    if isinstance(want, Held | Armed):
        return ALWAYS if best else NEVER
    if isinstance(want, Not):
        return ~_assumed(want.want, best=not best)
    if isinstance(want, AnyOf | AllOf):
        parts = map(functools.partial(_assumed, best=best), want.parts)
        return any_of(parts) if isinstance(want, AnyOf) else all_of(parts)
    return want


def _lookups(want: Want, *, absent: bool = False) -> Iterator[Lookup]:
    if isinstance(want, Held | Armed):
        yield Lookup(want.table, want.key if isinstance(want, Held) else (), absent)
    for part in want.parts:
        yield from _lookups(part, absent=absent != isinstance(want, Not))


def _is_of_packet(lookup: Lookup) -> bool:
    return all(name.startswith(PACKET) and _is_comparable(name) for name in lookup.key)


def _is_comparable(field: str) -> bool:
    return not field.startswith(PACKET) or packet_number(field) >= 0
