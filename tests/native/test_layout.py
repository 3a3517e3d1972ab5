"""Layouts: the constants of native dissectors match the classes, every event has a layout, and views stay within what
was written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import sensor.dissectors
import sensor.native
import sensor.records.files.seen  # its events come from no dissector, so that no other module here loads them
from sensor.core.addresses import Address
from sensor.core.dissector import Dissector
from sensor.core.event import Derived, Event
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.native.layout import Code, Layout, constants, fields_of, layout_of
from sensor.native.out import Messages
from sensor.native.units import FACTS, KINDS, UNITS
from sensor.native.view import View
from sensor.registry import units
from tests.dissectors.samples import packets
from tests.native.reference import SAMPLES, Pair

DISSECTORS = units(sensor.dissectors, Dissector)
# These have none: an optional value or a mapping has no fixed size. No kernel reads them.
WITHOUT = {
    "SadpAnswer": "activated: bool | None",
    "TdpAnswer": "factory_default: bool | None",
    "UbiquitiAnnouncement": "factory_default: bool | None",
    "SlpAttributes": "values: dict",
    "FileBegun": "client: Subject",
    "FileSeen": "client: Subject",
}


def classes(base: type[Event] = Event) -> list[type[Event]]:
    some = [
        one
        for child in base.__subclasses__()
        if child.__module__.startswith("sensor.")
        for one in (child, *classes(child))
    ]
    return [one for one in some if not issubclass(one, Derived)]


def test_constants_are_current() -> None:
    """`python -m sensor.native.layout` would change no file."""
    written = Path(sensor.native.__file__).with_name("kinds.pxd").read_text(encoding="utf-8")
    assert written == "\n".join(constants()) + "\n"


def test_every_event_has_a_layout() -> None:
    def has(kind: type[Event]) -> bool:
        try:
            fields_of(kind)
        except TypeError:
            return False
        return True

    assert len(classes()) > 280
    assert {kind.__name__ for kind in classes() if not has(kind)} == set(WITHOUT)


def test_kinds_of_facts_are_numbered_once() -> None:
    assert len(set(FACTS)) == len(FACTS)
    assert len(set(KINDS)) == len(KINDS)
    assert {unit.name for unit in UNITS} <= set(DISSECTORS)


def fits(layout: Layout, value: Any) -> bool:
    """Whether a value fits into its layout."""
    if layout.code == Code.GROUP:
        parts = value if isinstance(value, tuple) else msgspec.structs.astuple(value)
        return all(fits(part, one) for (_, part), one in zip(layout.parts, parts, strict=True))
    if layout.code == Code.TUPLE:
        return all(fits(layout.parts[0][1], one) for one in value)
    if layout.code == Code.INT:
        return -(1 << 63) <= value < 1 << 63
    return layout.code != Code.ADDRESS or 0 <= value < 1 << 128


def test_values_fit_their_slots() -> None:
    """Values of more than 64 bits are declared as addresses. Covers each dissector of single messages."""
    text = [one for name in DISSECTORS for one in events_of(name) if type(one).__name__ not in WITHOUT]
    assert len({type(one) for one in text}) > 60
    assert [
        (type(one).__name__, field)
        for one in text
        for (field, part), value in zip(fields_of(type(one)).parts, msgspec.structs.astuple(one)[1:], strict=True)
        if not fits(part, value)
    ] == []


def events_of(name: str) -> list[Event]:
    """The events of a dissector for its samples, without segments of streams."""
    dissector = DISSECTORS[name]()
    heads = dissector.interest.tcp_heads
    read = [packet for packet in packets(name, heads) if packet.proto != 6 or heads]
    return [one for packet in read for one in dissector.dissect(packet) if isinstance(one, Event)]


def test_a_layout_is_that_of_the_annotations() -> None:
    layout = fields_of(DnsResponse)
    assert [field for field, _ in layout.parts] == ["id", "name", "type", "rcode", "truncated", "answers"]
    assert layout.parts[5][1].code == Code.TUPLE
    assert layout.parts[5][1].parts[0][1].size == 9  # an address takes two
    with pytest.raises(TypeError, match="no layout"):
        layout_of(dict[str, str])


def messages(slots: int) -> Messages:
    """The output of native DNS: the first event of so many slots."""
    pair = Pair("dns")
    for packet in SAMPLES["dns"]:
        if pair.native(packet) is not None and fields_of(type(pair.received[0])).size == slots:
            return pair.messages[0]
    raise LookupError(slots)


@pytest.mark.parametrize(
    ("annotation", "at"),
    [
        (int, 10_000),  # beyond all slots
        (Address, 10_000),
        (str, 0),  # a DNS id taken for the offset of a text: no text of that length was written
        (bytes, 0),
        (tuple[int, ...], 0),  # and for a tuple of that many items
        (tuple[tuple[int, str], ...], 0),
        (DnsResponse, 1_000_000),
    ],
)
def test_views_stay_within_what_was_written(annotation: Any, at: int) -> None:
    """A span outside is an error, and is not read."""
    view = View(layout_of(annotation))
    with pytest.raises(IndexError):
        view.of(messages(fields_of(DnsQuery).size), at)


def test_views_read_what_was_written() -> None:
    query = messages(fields_of(DnsQuery).size)
    assert isinstance(View(layout_of(int)).of(query, 0), int)
    assert View(layout_of(str)).of(query, 1)
