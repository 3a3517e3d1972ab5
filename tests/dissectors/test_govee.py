"""Govee: lamps."""

from __future__ import annotations

import pytest

from pcaps.dissectors.govee import message
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.govee import Govee
from tests.dissectors.samples import events, packets, values

LAMP = parse("10.20.30.16")
# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("GoveeSearch",)], []),
    "a lamp": (
        [("GoveeAnswer", "H6076", "1.02.11", LAMP, True)],
        [("govee.model", "H6076"), ("govee.firmware", "1.02.11")],
    ),
    "somebody else's lamp": ([("GoveeAnswer", "H6076", "1.02.11", LAMP, False)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Govee().dissect(packets("govee")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("govee")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b'{"cmd":"scan"}', message().replace(b"scan", b"turn"), b'{"msg":[]}', bytes(20)])
def test_other_messages_are_left_alone(payload: bytes) -> None:
    """Orders and other protocols yield nothing."""
    assert list(Govee().dissect(Packet(payload))) == []


def test_malformed() -> None:
    """A message with the mark that is no JSON is malformed."""
    with pytest.raises(Malformed):
        list(Govee().dissect(Packet(message()[:-1])))


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("govee"):
        assert list(Govee().dissect(Packet(packet.payload, src=packet.src, problem=1))) == []
