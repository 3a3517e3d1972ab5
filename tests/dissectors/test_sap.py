"""SAP: announced sessions."""

from __future__ import annotations

import pytest

from pcaps.dissectors.sap import DANTE, TYPE, message
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.sap import Sap
from tests.dissectors.samples import events, packets, values

DESKTOP, IPV6 = parse("10.20.30.14"), "fe80::5eff:fe00:5306"
TOOL = "libavformat 61.7.103"
# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a Dante adapter": (
        [
            (
                "SapAnnouncement", parse("10.20.30.12"), "", "10.20.30.12", "AVIOUSBC-522880 : 2", "",
                ("audio 5004",), False, True
            )
        ],
        [
            ("sap.session", "AVIOUSBC-522880 : 2"),
            ("sap.keywords", "Dante"),
            ("sap.clock", "ptp"),
            ("sap.hostname", "AVIOUSBC-522880"),
        ],
    ),
    "a library that does not know its address": (
        [("SapAnnouncement", DESKTOP, "", "127.0.0.1", "No Name", TOOL, ("audio 5004",), False, True)],
        [("sap.tool", TOOL), ("sap.session", "No Name")],
    ),
    "a session of another host": (
        [("SapAnnouncement", DESKTOP, "radio", "10.20.30.99", "Lobby", "", ("video 5006",), False, False)],
        [],
    ),
    "over IPv6": (
        [("SapAnnouncement", parse(IPV6), "", IPV6, "Yard", "vlc 3.0.24", (), False, True)],
        [("sap.tool", "vlc 3.0.24"), ("sap.session", "Yard")],
    ),
    "a deletion": (
        [("SapAnnouncement", DESKTOP, "", "127.0.0.1", "No Name", TOOL, ("audio 5004",), True, True)],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Sap().dissect(packets("sap")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("sap")) == len(EXPECTED)


@pytest.mark.parametrize(
    "payload",
    [
        b"\x40" + message("10.20.30.12", DANTE)[1:],
        message("10.20.30.12", DANTE, flags=2),
        message("10.20.30.12", TYPE + b"x\x9c", flags=1),
        message("10.20.30.12", b"text/plain\0hello"),
    ],
)
def test_other_messages_are_left_alone(payload: bytes) -> None:
    """Other versions, encrypted or compressed sessions and other descriptions yield nothing."""
    assert list(Sap().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\x20", b"\x20\0\0\0\1\2", message("10.20.30.12", b"v=0", words=2)[:12]])
def test_malformed(payload: bytes) -> None:
    """A message that ends within its header is malformed."""
    with pytest.raises(Malformed):
        list(Sap().dissect(Packet(payload)))


def test_a_forged_source_yields_no_facts() -> None:
    """The source in the message is not the sender's address."""
    parsed = list(Sap().dissect(Packet(message("10.20.30.12", DANTE), src=DESKTOP)))
    assert not events(parsed)[0][-1]
    assert values(parsed) == []


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("sap"):
        assert list(Sap().dissect(Packet(packet.payload, src=packet.src, problem=1))) == []
