"""Samsung's Multi-Screen Framework: TVs."""

from __future__ import annotations

import pytest

from pcaps.dissectors.msfd import V1, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.msfd import Msfd
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a TV": ([("MsfdAnnouncement", "alive", "v1,v2", True)], [("msfd.versions", "v1,v2")]),
    "an old TV": ([("MsfdAnnouncement", "up", "v1", True)], [("msfd.versions", "v1")]),
    "somebody else's TV": ([("MsfdAnnouncement", "alive", "v2", False)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender announces itself."""
    parsed = list(Msfd().dissect(packets("msfd")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("msfd")) == len(EXPECTED)


@pytest.mark.parametrize(
    "payload",
    [b'{"type":"discover"}', message(), message(V1).replace(b"data", b"info"), b'{"sid":1,"data":[]}', bytes(20)],
)
def test_other_messages_are_left_alone(payload: bytes) -> None:
    """Searches, messages without an interface and other protocols yield nothing."""
    assert list(Msfd().dissect(Packet(payload))) == []


def test_one_address_of_another_host() -> None:
    """An announcement with the address of another host is not about its sender."""
    other = ("v2", "http://10.20.30.99:8001/api/v2/")
    parsed = list(Msfd().dissect(Packet(message(V1, other), src=packets("msfd")[0].src)))
    assert (events(parsed), values(parsed)) == ([("MsfdAnnouncement", "alive", "v1,v2", False)], [])


def test_malformed() -> None:
    """A message with the mark that is no JSON is malformed."""
    with pytest.raises(Malformed):
        list(Msfd().dissect(Packet(message(V1)[:-2])))


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of an address is a wrong address."""
    for packet in packets("msfd"):
        assert list(Msfd().dissect(Packet(packet.payload, src=packet.src, problem=1))) == []
