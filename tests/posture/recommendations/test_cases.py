"""Recommendations in memory and in the store: they survive a restart unchanged."""

from __future__ import annotations

import msgspec
import pytest

from sensor.core.addresses import parse
from sensor.core.observation import Subject
from sensor.posture.recommendations.cases import Case, Cases, case_of, kept, packed

HERE, THERE = Subject(0x00408C000001, parse("10.0.0.5"), 7), Subject(0, parse("2001:db8::66"))
PROOF = {"event": "telnet.banner", "ts": "2023-11-14T22:13:20.000000Z"}


def case(setting: str = "telnet", device: str = "dev-5k2m8q", *, reported: int = 5, address: str = "10.0.0.5") -> Case:
    where = Subject(HERE.mac, parse(address), 7)
    return Case(
        (device, setting),
        where,
        "does",
        "seen",
        packed((PROOF,)),
        1,
        2,
        3,
        reported,
        "telnet",
        23,
        THERE,
        40000,
        "1:x",
        periodic=True,
    )


def test_it_is_brought_back_as_it_was() -> None:
    """All fields are restored, including IPv6 addresses, which exceed JSON numbers."""
    before = case()
    after = case_of(kept(before))
    assert msgspec.structs.asdict(after) == msgspec.structs.asdict(before)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        kept(case()).replace(b'"a000005"', b'"no"').replace(b'"ffff0a000005"', b'"no"'),
        b"\xff",
        kept(case()).replace(b'"event"', b"event"),
    ],
)
def test_what_is_none_is_refused(body: bytes) -> None:
    """Invalid data raises the one error that callers handle."""
    with pytest.raises(msgspec.DecodeError):
        Cases(4).restore(body)


def test_only_what_was_reported_is_kept() -> None:
    """A recommendation is stored once for each report; a closed one is stored without a body."""
    cases, reported, waiting = Cases(8), case(), case("ftp", reported=-1)
    cases.put(reported)
    cases.put(waiting)
    cases.note(reported)
    assert [(name, case_of(body).setting) for name, body in cases.take(8)] == [(reported.name, "telnet")]
    assert list(cases.take(8)) == []
    cases.remove(reported)
    cases.remove(waiting)
    assert list(cases.take(8)) == [(reported.name, b"")]


def test_counts_are_kept_now_and_then() -> None:
    """Counts are stored for recommendations that were reported and seen again since."""
    cases, seen, waiting = Cases(8), case(), case("ftp", reported=-1)
    cases.put(seen)
    cases.put(waiting)
    cases.note_counts(2)
    assert list(cases.take(8)) == []
    seen.count, seen.last = 9, 3
    cases.note_counts(2)
    assert [case_of(body).count for _, body in cases.take(8)] == [9]


def test_one_that_makes_room_is_over() -> None:
    """An evicted recommendation is also closed in the store."""
    cases = Cases(2)
    for number in range(3):
        cases.put(case(device=f"dev-{number}", address=f"10.0.0.{number + 1}"))
    assert [name for name, body in cases.take(8) if not body] == [("dev-0", "telnet")]
    assert cases.of(("dev-0", "telnet")) is None
    assert cases.of(("dev-1", "telnet")) is not cases.of(("dev-2", "telnet")) is not None


def test_who_comes_to_an_address_takes_it() -> None:
    """A recommendation that moves to an address replaces that of the earlier device."""
    cases, first, second = Cases(8), case(device="dev-1"), case(device="dev-2", address="10.0.0.9")
    cases.put(first)
    cases.put(second)
    cases.move(second, first.subject)
    assert (cases.of(first.name), cases.of(second.name)) == (None, second)
    assert [name for name, body in cases.take(8) if not body] == [first.name]


def test_it_is_found_wherever_its_device_is() -> None:
    """It is found by endpoint, by device, and by another id once that is known."""
    cases, one = Cases(8), case(device="10.0.0.5")
    cases.put(one)
    cases.rename(one, ("dev-5k2m8q", "telnet"))
    cases.move(one, Subject(HERE.mac, parse("10.0.0.9"), 7))
    assert cases.at((HERE.mac, parse("10.0.0.5"), "telnet")) is None
    assert cases.at((HERE.mac, parse("10.0.0.9"), "telnet")) is cases.of(("dev-5k2m8q", "telnet")) is one
    assert [(name, bool(body)) for name, body in cases.take(8)] == [(("10.0.0.5", "telnet"), False)]


def test_a_device_that_never_was_here_leaves_nothing() -> None:
    """A purged device loses its recommendations, others keep theirs."""
    cases = Cases(8)
    cases.put(case())
    cases.put(case("ftp"))
    cases.put(case(device="dev-other", address="10.0.0.9"))
    cases.forget("dev-5k2m8q")
    assert [one.name for one in cases] == [("dev-other", "telnet")]
