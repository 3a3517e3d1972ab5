"""The events that a subscriber of an event class needs, as data: ``field("status").is_in(401, 403)``.

A want is evaluated before its detector is called: the detector never gets the events it excludes. It may match more
events than the detector needs, never fewer. Wants read fields of one event and nothing else, so that they can be
evaluated over columns. The exceptions are ``held`` and ``armed``, which look into a table of the detector, in packet
order, right before the detector is called.

Fields are those of the event class (``status``) and of its packet (``packet.sport``). They build nodes of
``core.want_nodes``.
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
    Under,
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
    """A field by name; its methods and operators return wants."""

    __slots__ = ("name",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        self.name = name

    def filled(self) -> Want:
        return Filled(self.name)

    def is_in(self, *values: Hashable) -> Want:
        """``values``: the accepted values."""
        return OneOf(self.name, frozenset(values))

    def has(self, *values: Hashable) -> Want:
        return Has(self.name, frozenset(values))

    def matches(self, pattern: str | re.Pattern[str], flags: int = 0) -> Want:
        return (
            Matches(self.name, pattern, flags)
            if isinstance(pattern, str)
            else Matches(self.name, pattern.pattern, pattern.flags)
        )

    def under(self, domains: Iterable[str]) -> Want:
        """A host name that is one of the domains (in lower case) or below one, ignoring case."""
        return Under(self.name, frozenset(domains))

    def passes(self, test: Callable[[Any], object], of: Versioned | None = None) -> Want:
        """``test`` must be pure except for reading ``of``: its answers are cached by value until the version of ``of``
        changes.
        """
        return Passes(self.name, test, of)

    def read_as(self, read: Callable[[Any], Any]) -> ReadAs:
        """The result of a pure function of the field, to be tested instead of its value."""
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
    """A field that is tested by the result of a pure function of its value."""

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
    """Several fields that are tested together."""

    __slots__ = ("names",)

    def __init__(self, *names: str) -> None:
        self.names = names

    def matches(self, pattern: str, flags: int = 0) -> Want:
        """The pattern is found in the texts, joined by spaces."""

        def found(*texts: str) -> object:
            return searching(pattern, flags)(" ".join(texts))

        return self.passes(found)

    def is_in(self, values: Iterable[tuple[Hashable, ...]]) -> Want:
        return Together(self.names, frozenset(values))

    def passes(self, test: Callable[..., object], of: Versioned | None = None) -> Want:
        """``test`` gets the values in order. It must be pure except for reading ``of``."""
        return PassTogether(self.names, test, of)


def held(table: Table, *key: str) -> Want:
    """Whether a table of the detector contains this key when the event is about to be inspected. A key of several
    fields is their tuple.
    """
    return Held(table, key)


def armed(table: Table) -> Want:
    """Whether a table of the detector is not empty when the event is about to be inspected."""
    return Armed(table)


def any_of(wants: Iterable[Want]) -> Want:
    return joined(AnyOf, ALWAYS, NEVER, wants)


def all_of(wants: Iterable[Want]) -> Want:
    return joined(AllOf, NEVER, ALWAYS, wants)


# Fields in which text is searched.
Searched = field | ReadAs | fields


class Listener(NamedTuple):
    """A subscriber of events of one class that raises no alerts, with the name under which its errors are counted."""

    unit: str
    event: type[Event]
    receive: Callable[[Any], None]
    want: Want = ALWAYS


def event_reader(event: Event) -> Read:
    """A function that reads the fields of an event."""
    return functools.partial(_value_of, event)


def _value_of(event: Event, name: str) -> Any:
    return getattr(event.packet, name.removeprefix(PACKET)) if name.startswith(PACKET) else getattr(event, name)
