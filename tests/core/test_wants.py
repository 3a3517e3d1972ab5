"""The language of wants: the meaning of each node, how nodes are combined, and which are rejected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_type_hints

import pytest

import sensor.derived
import sensor.dissectors
from sensor.core.bounded import Bounded
from sensor.core.event import Event
from sensor.core.event_fields import UnknownField, type_of
from sensor.core.packet import Packet
from sensor.core.want_nodes import NEVER, AllOf, AnyOf
from sensor.core.wants import ALWAYS, Want, all_of, any_of, armed, event_reader, field, fields, held
from sensor.registry import modules
from tests.golden import Golden


class Stated(Event):
    """The event class that nodes are evaluated on."""

    status: int
    path: str
    names: tuple[str, ...] = ()
    old: bool = False


def event_classes(base: type[Event]) -> Iterator[type[Event]]:
    """All classes of events of the sensor below one."""
    for kind in type.__subclasses__(base):
        if kind.__module__.startswith("sensor."):
            yield kind
        yield from event_classes(kind)


def holds(want: Want, *values: object, sport: int = 80) -> bool:
    return want.holds(event_reader(Stated(Packet(sport=sport, dport=40000), *values)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("want", "held_by", "not_by"),
    [
        (field("status").is_in(401, 403), (403, "/"), (404, "/")),
        (field("status") == 404, (404, "/"), (200, "/")),
        (field("status") != 404, (200, "/"), (404, "/")),
        (field("status") < 300, (299, "/"), (300, "/")),
        (field("status") <= 300, (300, "/"), (301, "/")),
        (field("status") > 300, (301, "/"), (300, "/")),
        (field("status") >= 300, (300, "/"), (299, "/")),
        (field("status") < field("packet.dport"), (39999, "/"), (40000, "/")),
        (field("names").filled(), (1, "/", ("a",)), (1, "/", ())),
        (field("names").has("a", "b"), (1, "/", ("c", "b")), (1, "/", ("c",))),
        (field("old").filled(), (1, "/", (), True), (1, "/", (), False)),
        (field("path").matches("^/ADMIN", re.IGNORECASE), (1, "/admin"), (1, "/x/admin")),
        (field("path").matches(re.compile("^/ADMIN", re.IGNORECASE)), (1, "/admin"), (1, "/x/admin")),
        (field("path").read_as(str.upper).matches("^/ADMIN"), (1, "/admin"), (1, "/root")),
        (field("path").passes(str.isupper), (1, "/A"), (1, "/a")),
        (field("path").under(["example.com"]), (1, "www.Example.com"), (1, "notexample.com")),
        (fields("status", "path").is_in(((1, "/"), (2, "/a"))), (2, "/a"), (2, "/")),
        (fields("status", "path").passes(lambda status, path: len(path) > status), (1, "/a"), (2, "/a")),
        (~(field("status") == 1) | field("old").filled(), (1, "/", (), True), (1, "/")),
        ((field("status") == 1) & ~field("old").filled(), (1, "/"), (1, "/", (), True)),
    ],
)
def test_nodes(want: Want, held_by: tuple[object, ...], not_by: tuple[object, ...]) -> None:
    """Each node holds for one event and not for another."""
    assert holds(want, *held_by)
    assert not holds(want, *not_by)
    assert not holds(~want, *held_by)


def test_tables_are_looked_into_and_not_touched() -> None:
    """A lookup does not change the order of eviction: the least recently updated entry is evicted."""
    table: Bounded[object, bool] = Bounded(2)
    want = held(table, "status")
    assert not holds(armed(table), 1, "/")
    table.put(1, True)
    table.put(2, True)
    assert holds(want, 1, "/")
    assert holds(armed(table), 1, "/")
    table.put(3, True)
    assert not holds(want, 1, "/")
    table.put((80, 3), True)
    assert holds(held(table, "packet.sport", "status"), 3, "/")
    assert want.state
    assert not field("status").filled().state


def test_nodes_are_flat_and_constants_vanish() -> None:
    """Constants without effect are removed; a constant that decides replaces the expression."""
    one, two, three = (field("status") == number for number in (1, 2, 3))
    assert one | two | three == AnyOf((one, two, three))
    assert one & (two & three) == AllOf((one, two, three))
    assert one | one == one
    assert (one | ALWAYS, one & NEVER) == (ALWAYS, NEVER)
    assert (one | NEVER, one & ALWAYS) == (one, one)
    assert (~ALWAYS, ~NEVER, ~~one) == (NEVER, ALWAYS, one)
    assert (any_of(()), all_of(())) == (NEVER, ALWAYS)
    assert (one | (two & field("packet.sport").filled())).fields == {"status", "packet.sport"}


@pytest.mark.parametrize(
    "want",
    [
        field("state").filled(),
        ~(field("status").filled() | field("packet.port").filled()),
        field("path") < 3,
        field("status").matches("1"),
        held(Bounded(1), "key"),
    ],
)
def test_what_a_class_does_not_have_is_an_error(golden: Golden, want: Want) -> None:
    """The message names the class and the field."""
    with pytest.raises(UnknownField) as raised:
        want.check(Stated)
    golden(str(raised.value))


def test_the_type_of_a_field_is_its_annotation() -> None:
    """For every field of every event class, whichever way it is found."""
    for package in (sensor.dissectors, sensor.derived):
        list(modules(package))
    found = {(kind, name): type_of(kind, name) for kind in event_classes(Event) for name in kind.__struct_fields__}
    assert len(found) > 1000
    assert found == {(kind, name): get_type_hints(kind)[name] for kind, name in found}
