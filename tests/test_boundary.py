"""The boundary: exceptions of units are counted by kind, reported once, and earlier results are kept."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.boundary import SHAPES_LIMIT, Boundary, Fault
from sensor.core.packet import Packet
from sensor.core.reader import Malformed


def sends(*words: str) -> Iterator[str]:
    yield from words


def breaks(error: Exception) -> Iterator[str]:
    yield "before"
    raise error


def test_a_sound_unit() -> None:
    """All results are returned, and that the unit completed."""
    assert Boundary().run("dns", sends, "a", "b") == (["a", "b"], True)


def test_a_malformed_message_is_the_peers_fault() -> None:
    """A malformed message is counted by unit and fault, with its first packet as a sample."""
    boundary, packet = Boundary(), Packet(b"bad")
    for _ in range(3):
        assert boundary.run("dns", breaks, Malformed("label loop"), packet=packet) == (["before"], False)
    assert dict(boundary.malformed.items()) == {("dns", "label loop"): 3}
    assert list(boundary.samples.values()) == [packet]
    assert len(boundary.faults) == 0


def test_our_fault_is_reported_once_and_counted() -> None:
    """Repetitions of one kind are one report with a count; the packet that caused it is stored."""
    reports: list[Fault] = []
    boundary, packet = Boundary(reports.append), Packet(b"poison")
    for _ in range(5):
        boundary.run("sip", breaks, IndexError("list index"), packet=packet)
    assert [(fault.unit, fault.error, fault.packet, fault.count) for fault in reports] == [
        ("sip", "IndexError: list index", packet, 5)
    ]


def test_the_place_of_a_fault_is_where_it_was_raised() -> None:
    """It is found without reading source code, also below a hundred calls."""

    def deep(calls: int) -> None:
        if calls:
            deep(calls - 1)
        else:
            raise RecursionError("too deep")

    boundary = Boundary()
    boundary.run("sip", deep, 100)
    [fault] = boundary.faults.values()
    line = deep.__code__.co_firstlineno + 4
    assert (fault.error, fault.place) == ("RecursionError: too deep", f"deep:{line}")


def test_a_thing_that_breaks_costs_only_itself() -> None:
    """The remaining calls still run, in their order."""
    boundary, brought = Boundary(), []

    def call(number: int) -> None:
        brought.append(10 // number)

    boundary.all("store", call, [1, 0, 2, 0, 5])
    assert brought == [10, 5, 2]
    assert [(fault.unit, fault.count) for fault in boundary.faults.values()] == [("store", 2)]


def test_a_call_may_report_nothing_and_be_quiet() -> None:
    """A call may return None; faults of a quiet call are not counted."""
    boundary = Boundary()
    assert boundary.each((("store", lambda _: None), ("sip", sends)), ("a",), None) == (["a"], True)
    assert boundary.each((("sip", breaks),), (IndexError(),), None, quiet=True) == (["before"], False)
    assert len(boundary.faults) == 0


def test_shapes_are_bounded() -> None:
    """A host cannot grow the counters."""
    boundary = Boundary()
    for number in range(SHAPES_LIMIT * 2):
        boundary.run("x", breaks, Malformed(f"fault {number}"))
    assert len(boundary.malformed) == SHAPES_LIMIT
