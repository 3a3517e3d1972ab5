"""What the subscriber of an event class needs, as data: ``field("status").is_in(401, 403)``.

A want is evaluated before its detector is called: what it excludes, the detector never sees. It may be wider than what
the detector then looks for, never narrower. Wants read fields of one event and nothing else, so that they can be
evaluated over columns; ``held`` and ``armed`` are the exceptions: they look into a table of the detector, in packet
order, right before it judges.

Fields are those of the event class (``status``) and of its packet (``packet.sport``). What is made of them are the
nodes of ``core.want_nodes``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

from sensor.core.event import Event
from sensor.core.event_fields import PACKET
from sensor.core.want_nodes import (
    ALWAYS,
    NEVER,
    AllOf,
    AnyOf,
    Armed,
    Compared,
    Filled,
    Has,
    Held,
    Matches,
    OneOf,
    Passes,
    PassTogether,
    Read,
    Sign,
    Table,
    Together,
    Versioned,
    Want,
    joined,
    searching,
)

__all__ = [
    "ALWAYS",
    "Listener",
    "ReadAs",
    "Searched",
    "Want",
    "all_of",
    "any_of",
    "armed",
    "event_reader",
    "field",
    "fields",
    "held",
]


class field:  # noqa: N801 - reads as a word of the language
    """A field by its name: what may be asked of it makes a want."""

    __slots__ = ("name",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        self.name = name

    def filled(self) -> Want:
        return Filled(self.name)

    def is_in(self, *values: Hashable) -> Want:
        """``values``: the values themselves."""
        return OneOf(self.name, frozenset(values))

    def has(self, *values: Hashable) -> Want:
        return Has(self.name, frozenset(values))

    def matches(self, pattern: str | re.Pattern[str], flags: int = 0) -> Want:
        return (
            Matches(self.name, pattern, flags)
            if isinstance(pattern, str)
            else Matches(self.name, pattern.pattern, pattern.flags)
        )

    def passes(self, test: Callable[[Any], object], of: Versioned | None = None) -> Want:
        """``test`` is pure but for what it asks of ``of``: its answers are remembered by value until that has another
        version.
        """
        return Passes(self.name, test, of)

    def read_as(self, read: Callable[[Any], Any]) -> ReadAs:
        """What a pure function makes of it, to be asked instead."""
        return ReadAs(self.name, read)

    def __eq__(self, other: object) -> Want:  # type: ignore[override]
        return self._compared("==", other)

    def __ne__(self, other: object) -> Want:  # type: ignore[override]
        return self._compared("!=", other)

    def __lt__(self, other: object) -> Want:
        return self._compared("<", other)

    def __le__(self, other: object) -> Want:
        return self._compared("<=", other)

    def __gt__(self, other: object) -> Want:
        return self._compared(">", other)

    def __ge__(self, other: object) -> Want:
        return self._compared(">=", other)

    def _compared(self, sign: Sign, other: object) -> Want:
        return (
            Compared(self.name, sign, None, other.name)
            if isinstance(other, field)
            else Compared(self.name, sign, other)
        )


class ReadAs:
    """A field of which not the value itself is asked, but what a pure function makes of it."""

    __slots__ = ("_name", "_read")

    def __init__(self, name: str, read: Callable[[Any], Any]) -> None:
        self._name, self._read = name, read

    def matches(self, pattern: str | re.Pattern[str], flags: int = 0) -> Want:
        text, flags = (pattern, flags) if isinstance(pattern, str) else (pattern.pattern, pattern.flags)

        def found(value: str) -> object:
            return searching(text, flags)(value)

        return self.passes(found)

    def passes(self, test: Callable[[Any], object], of: Versioned | None = None) -> Want:
        read = self._read
        return Passes(self._name, lambda value: test(read(value)), of)


class fields:  # noqa: N801 - reads as a word of the language
    """Several fields that are asked for together."""

    __slots__ = ("names",)

    def __init__(self, *names: str) -> None:
        self.names = names

    def matches(self, pattern: str, flags: int = 0) -> Want:
        """The texts, joined by blanks, hold what is searched for."""

        def found(*texts: str) -> object:
            return searching(pattern, flags)(" ".join(texts))

        return self.passes(found)

    def is_in(self, values: Iterable[tuple[Hashable, ...]]) -> Want:
        return Together(self.names, frozenset(values))

    def passes(self, test: Callable[..., object]) -> Want:
        """``test`` is pure but for knowledge that it asks each time; it gets the values in their order."""
        return PassTogether(self.names, test)


def held(table: Table, *key: str) -> Want:
    """Whether a table of the detector has this key when the event is about to be judged. A key of several fields is
    their tuple.
    """
    return Held(table, key)


def armed(table: Table) -> Want:
    """Whether a table of the detector is not empty when the event is about to be judged."""
    return Armed(table)


def any_of(wants: Iterable[Want]) -> Want:
    return joined(AnyOf, ALWAYS, NEVER, wants)


def all_of(wants: Iterable[Want]) -> Want:
    return joined(AllOf, NEVER, ALWAYS, wants)


# Where a text is searched for.
Searched = field | ReadAs | fields


class Listener(NamedTuple):
    """A subscriber of events of one class that raises no alerts, by the name under which it is counted where it
    breaks.
    """

    unit: str
    event: type[Event]
    receive: Callable[[Any], None]
    want: Want = ALWAYS


def event_reader(event: Event) -> Read:
    """Reads the fields of an event."""
    return functools.partial(_value_of, event)


def _value_of(event: Event, name: str) -> Any:
    return getattr(event.packet, name.removeprefix(PACKET)) if name.startswith(PACKET) else getattr(event, name)
