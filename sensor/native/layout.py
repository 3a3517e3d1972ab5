"""How the fields of an event lie in slots of 64 bits: read from the annotations of its class, which is its only
declaration.

The layout of a class makes three things: the constants that native dissectors write by (``kinds.pxd``, made by ``python
-m sensor.native.layout``), the view that makes an object of a row (``view.pyx``), and later the columns of traffic
records.
"""

from __future__ import annotations

import enum
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sensor.core.addresses import Address


class Code(enum.IntEnum):
    """What a field holds. ``ADDRESS`` takes two slots, ``GROUP`` (a class, or a tuple of fixed length) those of its
    parts; ``TUPLE`` is a span of items.
    """

    INT = 1
    FLAG = 2
    TEXT = 3
    BYTES = 4
    ADDRESS = 5
    FLOAT = 6
    TUPLE = 7
    GROUP = 8


class Layout(NamedTuple):
    """``size``: slots; ``maker``: the class of a group, ``tuple`` where it has none; ``parts``: (name, layout) of a
    group's fields, or the one of a tuple's items.
    """

    code: Code
    size: int
    maker: type | None = None
    parts: tuple[tuple[str, Layout], ...] = ()


PLAIN = {int: Code.INT, bool: Code.FLAG, str: Code.TEXT, bytes: Code.BYTES, float: Code.FLOAT}


def layout_of(annotation: Any) -> Layout:
    """The layout of a field's type. TypeError where a type has none."""
    if annotation == Address:
        return Layout(Code.ADDRESS, 2)
    if annotation in PLAIN:
        return Layout(PLAIN[annotation], 1)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return fields_of(annotation)
    if typing.get_origin(annotation) is tuple:
        first, *others = typing.get_args(annotation)
        if others == [...]:
            return Layout(Code.TUPLE, 1, tuple, (("", layout_of(first)),))
        return _group(tuple, [("", first), *(("", other) for other in others)])
    raise TypeError(f"no layout for {annotation!r}")


def fields_of(struct: type[msgspec.Struct]) -> Layout:
    """The layout of a class: of an event without its packet."""
    hints = typing.get_type_hints(struct, include_extras=True)
    return _group(struct, [(name, hints[name]) for name in struct.__struct_fields__ if name != "packet"])


def _group(maker: type, fields: list[tuple[str, Any]]) -> Layout:
    parts = tuple((name, layout_of(annotation)) for name, annotation in fields)
    return Layout(Code.GROUP, sum(part.size for _, part in parts), maker, parts)


def constant(name: str) -> str:
    """``DNS_QUERY`` of ``DnsQuery`` and of ``dns.query``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[.\W]", "_", name).upper()


def constants() -> Iterator[str]:
    """The lines of ``kinds.pxd``."""
    from sensor.native.units import FACTS, KINDS, PUNTED, RECORDS

    yield (
        "# Numbers of event classes and of their fields' slots. Made by `python -m "
        "sensor.native.layout` from the classes; do not edit."
    )
    yield "cdef enum:"
    for number, kind in enumerate(KINDS):
        yield f"    {constant(kind.__name__)} = {number}"
    for number, name in enumerate(FACTS):
        yield f"    FACT_{constant(name)} = {number}"
    for number, punted in enumerate(PUNTED):
        yield f"    PUNTED_{constant(punted.__name__)} = {number}"
    for struct in (*KINDS, *RECORDS, *PUNTED):
        name, at, layout = constant(struct.__name__), 0, fields_of(struct)
        for field, part in layout.parts:
            yield f"    {name}_{constant(field)} = {at}"
            at += part.size
        yield f"    {name}_SLOTS = {layout.size}"


def main() -> None:
    Path(__file__).with_name("kinds.pxd").write_text("\n".join(constants()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
