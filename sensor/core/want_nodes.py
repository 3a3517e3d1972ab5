"""The nodes of wants (``core.wants``): immutable, each with the fields that it reads.

``holds`` evaluates a node by interpretation; ``code`` returns it as a Python expression for
``engine/compiled_wants.py``, which compiles the wants of all subscribers of a class into one function.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Container, Hashable, Iterable, Sized
from typing import Any, Literal, Protocol

import msgspec

from sensor.core.domains import under
from sensor.core.event import Event
from sensor.core.event_fields import UnknownField, type_of

# The value of a field by its name.
Read = Callable[[str], Any]
Sign = Literal["==", "!=", "<", "<=", ">", ">="]

_ORDERED = (int, float)


class Versioned(Protocol):
    """Data that may be replaced while it is in use: a new ``version`` invalidates earlier answers."""

    @property
    def version(self) -> int: ...


class Table(Container[Any], Sized, Protocol):
    """A bounded table of a detector. A look-up must not change its contents or order."""


class Writer(Protocol):
    """Writes the source code of a function."""

    def named(self, field: str) -> str:
        """The name of a variable that holds a field's value."""
        ...

    def kept(self, value: object) -> str:
        """The name of a constant."""
        ...

    def code(self, want: Want) -> str:
        """A node as an expression, in parentheses if necessary."""
        ...


class Want(msgspec.Struct, frozen=True):
    """Base of all nodes."""

    def __or__(self, other: Want) -> Want:
        return joined(AnyOf, ALWAYS, NEVER, (self, other))

    def __and__(self, other: Want) -> Want:
        return joined(AllOf, NEVER, ALWAYS, (self, other))

    def __invert__(self) -> Want:
        if isinstance(self, Constant):
            return NEVER if self.value else ALWAYS
        return self.want if isinstance(self, Not) else Not(self)

    @property
    def parts(self) -> tuple[Want, ...]:
        """The direct child nodes."""
        return ()

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it reads."""
        return frozenset().union(*(part.fields for part in self.parts))

    @property
    def state(self) -> bool:
        """Whether it looks into a table, so that its answer depends on the time of the call."""
        return any(part.state for part in self.parts)

    @property
    def costly(self) -> bool:
        """Whether caching its answer by value pays off."""
        return any(part.costly for part in self.parts)

    @property
    def versions(self) -> frozenset[Versioned]:
        """The versioned data that its answer depends on."""
        return frozenset().union(*(part.versions for part in self.parts))

    def holds(self, read: Read) -> bool:
        raise NotImplementedError

    def code(self, write: Writer) -> str:
        """The node as a Python expression, used as a condition."""
        raise NotImplementedError

    def check(self, kind: type[Event]) -> None:
        """Raises UnknownField if the class has no such field, or one of another type."""
        for part in self.parts:
            part.check(kind)
        for name in self.fields:
            type_of(kind, name)


class Constant(Want, frozen=True):
    """True for every event, or for none."""

    value: bool

    def holds(self, read: Read) -> bool:
        return self.value

    def code(self, write: Writer) -> str:
        return str(self.value)


ALWAYS, NEVER = Constant(True), Constant(False)


class AnyOf(Want, frozen=True):
    """At least one of them."""

    wants: tuple[Want, ...]

    @property
    def parts(self) -> tuple[Want, ...]:
        return self.wants

    def holds(self, read: Read) -> bool:
        return any(want.holds(read) for want in self.wants)

    def code(self, write: Writer) -> str:
        return f"({' or '.join(write.code(want) for want in self.wants)})"


class AllOf(Want, frozen=True):
    """All of them."""

    wants: tuple[Want, ...]

    @property
    def parts(self) -> tuple[Want, ...]:
        return self.wants

    def holds(self, read: Read) -> bool:
        return all(want.holds(read) for want in self.wants)

    def code(self, write: Writer) -> str:
        return f"({' and '.join(write.code(want) for want in self.wants)})"


class Not(Want, frozen=True):
    """True if the other want is not."""

    want: Want

    @property
    def parts(self) -> tuple[Want, ...]:
        return (self.want,)

    def holds(self, read: Read) -> bool:
        return not self.want.holds(read)

    def code(self, write: Writer) -> str:
        return f"(not {write.code(self.want)})"


class OfField(Want, frozen=True):
    """Base of nodes that read one field."""

    name: str

    @property
    def fields(self) -> frozenset[str]:
        return frozenset((self.name,))


class Filled(OfField, frozen=True):
    """Not empty, not zero; for a flag: it is set."""

    def holds(self, read: Read) -> bool:
        return bool(read(self.name))

    def code(self, write: Writer) -> str:
        return write.named(self.name)


class OneOf(OfField, frozen=True):
    """Equal to one of some values."""

    values: frozenset[Hashable]

    def holds(self, read: Read) -> bool:
        return read(self.name) in self.values

    def code(self, write: Writer) -> str:
        return f"{write.named(self.name)} in {write.kept(self.values)}"


class Has(OfField, frozen=True):
    """A sequence that contains one of some values."""

    values: frozenset[Hashable]

    def holds(self, read: Read) -> bool:
        return not self.values.isdisjoint(read(self.name))

    def code(self, write: Writer) -> str:
        return f"(not {write.kept(self.values)}.isdisjoint({write.named(self.name)}))"


class Compared(OfField, frozen=True):
    """A number or text compared with a constant or with another field (``other``)."""

    sign: Sign
    value: Any
    other: str = ""

    @property
    def fields(self) -> frozenset[str]:
        return frozenset((self.name, self.other)) if self.other else frozenset((self.name,))

    def holds(self, read: Read) -> bool:
        left, right = read(self.name), read(self.other) if self.other else self.value
        return bool(_COMPARE[self.sign](left, right))

    def code(self, write: Writer) -> str:
        return (
            f"{write.named(self.name)} {self.sign} {write.named(self.other) if self.other else write.kept(self.value)}"
        )

    def check(self, kind: type[Event]) -> None:
        super().check(kind)
        held = type_of(kind, self.name)
        if self.sign not in ("==", "!=") and held not in _ORDERED:
            raise UnknownField(f"{kind.__name__}.{self.name} is not a number and has no order")


class OfText(OfField, frozen=True):
    """Base of nodes that read one text."""

    @property
    def costly(self) -> bool:
        return True

    def check(self, kind: type[Event]) -> None:
        if type_of(kind, self.name) is not str:
            raise UnknownField(f"{kind.__name__}.{self.name} is not a text")


class Matches(OfText, frozen=True):
    """A text that a regular expression matches; compiled on first use, since many are never used."""

    pattern: str
    flags: int = 0

    def holds(self, read: Read) -> bool:
        return searching(self.pattern, self.flags)(read(self.name)) is not None

    def code(self, write: Writer) -> str:
        return f"{write.kept(searching(self.pattern, self.flags))}({write.named(self.name)})"


class Under(OfText, frozen=True):
    """A host name that is one of some domains (in lower case) or below one, ignoring case."""

    domains: frozenset[str]

    def holds(self, read: Read) -> bool:
        return under(read(self.name).lower(), self.domains)

    def code(self, write: Writer) -> str:
        return f"{write.kept(under)}({write.named(self.name)}.lower(), {write.kept(self.domains)})"


class Passes(OfField, frozen=True):
    """A value for which a pure function returns true. ``of``: the versioned data that the function reads."""

    test: Callable[[Any], object]
    of: Versioned | None = None

    @property
    def costly(self) -> bool:
        return True

    @property
    def versions(self) -> frozenset[Versioned]:
        return frozenset((self.of,)) if self.of is not None else frozenset()

    def holds(self, read: Read) -> bool:
        return bool(self.test(read(self.name)))

    def code(self, write: Writer) -> str:
        return f"{write.kept(self.test)}({write.named(self.name)})"


class Together(Want, frozen=True):
    """Several fields that, as a tuple, equal one of some tuples."""

    names: tuple[str, ...]
    values: frozenset[tuple[Hashable, ...]]

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self.names)

    def holds(self, read: Read) -> bool:
        return tuple(map(read, self.names)) in self.values

    def code(self, write: Writer) -> str:
        return f"(({', '.join(map(write.named, self.names))}) in {write.kept(self.values)})"


class PassTogether(Want, frozen=True):
    """Several fields for which a pure function returns true. ``of``: the versioned data that the function reads."""

    names: tuple[str, ...]
    test: Callable[..., object]
    of: Versioned | None = None

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self.names)

    @property
    def versions(self) -> frozenset[Versioned]:
        return frozenset((self.of,)) if self.of is not None else frozenset()

    def holds(self, read: Read) -> bool:
        return bool(self.test(*map(read, self.names)))

    def code(self, write: Writer) -> str:
        return f"{write.kept(self.test)}({', '.join(map(write.named, self.names))})"


class Held(Want, frozen=True):
    """A key, made of fields, that is now in a table."""

    table: Table
    key: tuple[str, ...]

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self.key)

    @property
    def state(self) -> bool:
        return True

    def holds(self, read: Read) -> bool:
        key = tuple(map(read, self.key))
        return (key[0] if len(key) == 1 else key) in self.table

    def code(self, write: Writer) -> str:
        key = ", ".join(map(write.named, self.key))
        return f"({key if len(self.key) == 1 else f'({key})'} in {write.kept(self.table)})"


class Armed(Want, frozen=True):
    """A table that is now not empty."""

    table: Table

    @property
    def state(self) -> bool:
        return True

    def holds(self, read: Read) -> bool:
        return len(self.table) > 0

    def code(self, write: Writer) -> str:
        return f"{write.kept(self.table.__len__)}()"


@functools.cache
def searching(pattern: str, flags: int) -> Callable[[str], re.Match[str] | None]:
    return re.compile(pattern, flags).search


def joined(into: type[AnyOf | AllOf], last: Constant, void: Constant, wants: Iterable[Want]) -> Want:
    """The wants flattened, without duplicates and without constants that have no effect."""
    flat: dict[Want, None] = {}
    for want in wants:
        flat |= dict.fromkeys(want.parts if isinstance(want, into) else (want,))
    flat.pop(void, None)
    if last in flat:
        return last
    return next(iter(flat)) if len(flat) == 1 else into(tuple(flat)) if flat else void


_COMPARE: dict[str, Callable[[Any, Any], object]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
