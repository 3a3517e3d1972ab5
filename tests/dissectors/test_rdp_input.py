"""Input of remote desktop sessions by the sizes of records: programs, persons, probes, and what is given up."""

from __future__ import annotations

import random

import pytest

from pcaps.dissectors._tls import record
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.rdp_input import RECORDS_LIMIT, RdpInput, RdpInputs, RdpInputStream

# (seconds, bytes before encryption) of the client's messages
Input = list[tuple[float, int]]
KEY, TWO_KEYS, POINTER = 5, 7, 10


def stream() -> RdpInputStream:
    made = RdpInputs().stream(Packet(sport=50000, dport=3389, proto=6))
    assert isinstance(made, RdpInputStream)
    return made


def ended(messages: Input, protection: int = 17) -> list[RdpInput]:
    """What a session yields at its end, after login messages of other sizes."""
    made = stream()
    for at, size in [(0, 600), (1, 120), *((3 + at, size) for at, size in sorted(messages))]:
        data = record(bytes(size + protection), 23, 0x0303)
        assert list(made.feed(Packet(ts=int((1 + at) * SECOND)), data, True)) == []
    return [one for one in made.finish() if isinstance(one, RdpInput)]


def typed(count: int, every: float, size: int = KEY, begin: float = 0) -> Input:
    return [(begin + number * every, size) for number in range(count)]


@pytest.mark.parametrize("protection", [16, 17, 24])
@pytest.mark.parametrize("size", [4, KEY, TWO_KEYS])
def test_a_program_types(protection: int, size: int) -> None:
    """A burst of 60 messages, with every protection of TLS and one or two keys in a message; login messages and a few
    movements of the pointer beside it.
    """
    pointer = 9 if size == 4 else POINTER
    [event] = ended([*typed(60, 0.004, size), *typed(3, 1, pointer, 5)], protection)
    assert (event.burst, event.keys, event.seconds) == (60, 60, 10)
    assert event.pointer in (0, 3)  # one size of keys is ambiguous


def test_a_person_types() -> None:
    """Keys pressed and released at the rate of a person are no burst; the pointer is counted."""
    rng, at, messages = random.Random(7), 0.0, []
    for _ in range(80):
        at += rng.uniform(0.06, 0.3)
        messages += [(at, KEY), (at + rng.uniform(0.03, 0.1), KEY)]
    [event] = ended([*messages, *typed(200, 0.008, POINTER, at + 1)])
    assert event.burst < 6
    assert event.pointer == 200


def test_a_key_that_is_held_and_a_probe() -> None:
    """A held key repeats every 33 ms; monitoring that reads the login screen types nothing."""
    assert ended(typed(90, 0.033))[0].burst == 1
    [event] = ended([])
    assert (event.burst, event.keys) == (0, 0)


def test_records_in_one_segment() -> None:
    """Messages that share a segment count one by one; the server's are skipped."""
    made = stream()
    keys = record(bytes(KEY + 17), 23, 0x0303) * 30
    assert list(made.feed(Packet(ts=SECOND), keys, True)) == []
    assert list(made.feed(Packet(ts=SECOND), keys, False)) == []
    [event] = made.finish()
    assert isinstance(event, RdpInput)
    assert event.keys == event.burst == 30


def test_sessions_that_go_on_are_given_up() -> None:
    """Long sessions, and sessions with much input, yield nothing."""
    assert ended([*typed(60, 0.004), (200, KEY)]) == []
    assert ended(typed(RECORDS_LIMIT + 10, 0.01)) == []


def test_other_data_is_skipped() -> None:
    """Messages before TLS, and sessions without it, are no input; other services are not followed."""
    made, ts = stream(), 0
    for number in range(60):
        ts += SECOND // 250
        assert list(made.feed(Packet(ts=ts), b"\3\0\0\5" + bytes([number]), True)) == []
    assert list(made.finish()) == []
    assert RdpInputs.interest.tcp == (3389,)
    assert not RdpInputs.interest.begins(record(bytes(60), 22))
