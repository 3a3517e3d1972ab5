"""Subscribers of events: those that match, in order; a failing filter loses no event."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

import sensor.detectors
from sensor import registry
from sensor.boundary import Boundary
from sensor.core.alert import Alert
from sensor.core.detector import Detector, EventDetector
from sensor.core.event import Event
from sensor.core.event_fields import UnknownField
from sensor.core.packet import Packet
from sensor.core.wants import ALWAYS, Want, field
from sensor.engine.members import Member, detecting
from sensor.engine.subscribers import Subscribers
from tests.detectors.stories import World


class Parsed(Event):
    """An event with a word."""

    word: str
    size: int = 0


def sends(name: str) -> Any:
    return lambda event: [f"{name}: {event.word}"]


def subscribers(boundary: Boundary, **wants: Want) -> Subscribers:
    return Subscribers(boundary, ((Parsed, Member(name, sends(name), want)) for name, want in wants.items()))


def test_only_those_receive_that_want_it_in_their_order() -> None:
    """Events of an unsubscribed class reach no subscriber."""
    short = field("word").passes(lambda word: len(word) < 3)
    some = subscribers(Boundary(), a=short, b=ALWAYS, c=~short)
    assert some.deliver(Parsed(Packet(), "no")) == ["a: no", "b: no"]
    assert some.deliver(Parsed(Packet(), "long")) == ["b: long", "c: long"]
    assert some.deliver(Event(Packet())) == []


@pytest.mark.parametrize("want", [field("word").passes(lambda word: 1 // (word != "break")), field("size") > 3])
def test_a_want_that_breaks_is_a_fault_of_its_owner_who_then_receives_all(want: Want) -> None:
    """A failing filter passes all events; other filters are evaluated as before."""
    boundary = Boundary()
    some = subscribers(boundary, a=want, b=field("word") == "other")
    broken = Parsed(Packet(b"poison"), "break", "no number")  # type: ignore[arg-type]
    assert some.deliver(broken) == ["a: break", "b: break"]  # this once all of them
    [fault] = boundary.faults.values()
    assert (fault.unit, fault.count, fault.packet) == ("a", 1, broken.packet)
    assert some.deliver(Parsed(Packet(), "other")) == ["a: other", "b: other"]
    assert some.deliver(Parsed(Packet(), "word")) == ["a: word"]
    assert len(boundary.faults) == 1


class Answered(Event):
    """The answer to a parsed message, which repeats its word."""

    word: str
    size: int = 0


def test_a_want_that_breaks_is_no_fault_of_a_class_that_shares_its_answers() -> None:
    """Classes with a filter in common evaluate their filters on a value together; a filter of one class that fails
    leaves those of the other as they are.
    """
    boundary, short = Boundary(), field("word").passes(lambda word: len(word) < 3)
    breaks = field("word").passes(lambda word: 1 // (word != "break"))
    members = [
        (Parsed, Member("a", sends("a"), short)),
        (Parsed, Member("b", sends("b"), breaks)),
        (Answered, Member("c", sends("c"), short)),
        (Answered, Member("d", sends("d"), ALWAYS)),
    ]
    some = Subscribers(boundary, members)
    assert some.deliver(Answered(Packet(), "break")) == ["c: break", "d: break"]  # this once all of them
    assert some.deliver(Answered(Packet(), "break")) == ["d: break"]
    assert some.deliver(Parsed(Packet(), "break")) == ["a: break", "b: break"]
    assert some.deliver(Parsed(Packet(), "broken")) == ["b: broken"]
    assert [fault.unit for fault in boundary.faults.values()] == ["b"]


def test_wants_of_which_none_breaks_alone_are_dropped() -> None:
    """If filters fail together and none fails when it is called alone, all subscribers receive every event."""
    boundary, calls = Boundary(), itertools.count(1)
    some = subscribers(boundary, a=field("word").passes(lambda _: 0 // (1 - next(calls) % 2)))
    for word in ("one", "two", "three"):
        assert some.deliver(Parsed(Packet(), word)) == [f"a: {word}"]
    assert [fault.unit for fault in boundary.faults.values()] == ["Parsed"]


class Narrow(EventDetector):
    """Filters a class that it does not subscribe to."""

    watches = (Parsed,)

    def wants(self) -> dict[type[Event], Want]:
        return {Event: ALWAYS}

    def inspect(self, event: Event) -> Iterator[Alert]:
        return iter(())


def test_a_want_of_a_class_that_is_not_watched_is_an_error() -> None:
    """The message names the detector and the class."""
    unit = Narrow(World())
    unit.id = "test.narrow"
    with pytest.raises(UnknownField, match=r"^test\.narrow .*\bEvent\b"):
        list(detecting([unit]))


def test_the_wants_of_all_detectors_are_sound() -> None:
    """All detectors, including disabled ones, have valid filters: fields exist, and have the required types."""
    units = [unit(World()) for unit in registry.units(sensor.detectors, Detector).values()]
    Subscribers(Boundary(), detecting(units))
    assert sum(bool(unit.wants()) for unit in units if isinstance(unit, EventDetector)) > 60
