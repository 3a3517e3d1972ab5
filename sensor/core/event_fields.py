"""The fields of event classes by name, and their types: ``status`` of the event, ``packet.sport`` of its packet."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any, get_type_hints

from sensor.core.event import Event
from sensor.core.packet import Packet

PACKET = "packet."
# By annotation, those of most fields: evaluating all of a class takes half a millisecond, and a start reads 85 classes.
PLAIN: dict[str, Any] = {
    "str": str,
    "int": int,
    "bool": bool,
    "float": float,
    "bytes": bytes,
    "tuple[str, ...]": tuple[str, ...],
    "tuple[int, ...]": tuple[int, ...],
}


class UnknownField(Exception):
    """A want reads a field that its event class does not have, or compares it with a value it can never have; the
    message names class and field.
    """


def type_of(kind: type[Event], name: str) -> Any:
    """The type of a field of a class. Raises UnknownField if the class has no such field."""
    if name.startswith(PACKET):
        if not hasattr(Packet, name.removeprefix(PACKET)):
            raise UnknownField(f"a packet has no field {name.removeprefix(PACKET)}")
        return {"packet.payload": bytes, "packet.frame": bytes, "packet.truncated": bool, "packet.one_sided": bool}.get(
            name, int
        )
    if name not in kind.__struct_fields__:
        raise UnknownField(f"{kind.__name__} has no field {name}: it has {', '.join(kind.__struct_fields__)}")
    text = _annotations(kind)[name]
    return PLAIN[text] if text in PLAIN else _types(kind)[name]


@functools.cache
def _annotations(kind: type[Event]) -> Mapping[str, Any]:
    """The annotations of a class and its base classes, as they are written."""
    return {name: text for each in reversed(kind.__mro__) for name, text in inspect.get_annotations(each).items()}


@functools.cache
def _types(kind: type[Event]) -> Mapping[str, Any]:
    return get_type_hints(kind)  # addresses are integers
