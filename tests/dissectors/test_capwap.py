"""CAPWAP: access points and controllers by the direction of their messages, with the names that they send."""

from __future__ import annotations

import pytest

from pcaps.dissectors.capwap import BOARD, RECORD, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.capwap import PORT, Capwap
from tests.dissectors.samples import events, packets, values

POINT, CONTROLLER = ("capwap.role", "access_point"), ("capwap.role", "wireless_controller")
MODEL, SERIAL = "FAP221E", "FP221E5E5302AB"
INVENTORY = [("capwap.model", MODEL), ("capwap.serial", SERIAL)]
# Fields of the event of each message of the sample capture, and observations about its sender.
EXPECTED = {
    "discovery with board data": ((False, False, "", MODEL, SERIAL), [POINT, *INVENTORY]),
    "discovery with a name of the vendor": (
        (False, False, "AP0015.655e.5302", "", ""),
        [POINT, ("capwap.hostname", "AP0015.655e.5302")],
    ),
    "the controller's answer": (
        (True, False, "wlc-attic", "", ""),
        [CONTROLLER, ("capwap.hostname", "wlc-attic")],
    ),
    "join": ((False, False, "ap-lobby", MODEL, SERIAL), [POINT, ("capwap.hostname", "ap-lobby"), *INVENTORY]),
    "encrypted, of the access point": ((False, True, "", "", ""), [POINT]),
    "encrypted, of the controller": ((True, True, "", "", ""), [CONTROLLER]),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message shows the role of its sender; those without DTLS also names."""
    parsed = list(Capwap().dissect(packets("capwap")[number]))
    assert ([one[1:] for one in events(parsed)], values(parsed)) == ([EXPECTED[name][0]], EXPECTED[name][1])


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("capwap")) == len(EXPECTED)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\1\0\0\0",
        b"\1\0\0\0" + b"\x17\3\3" + bytes(20),
        b"\1\0\0\0" + b"\x40\xfe\xff" + bytes(20),
        RECORD,
        bytes(40),
        b"\0\x08" + bytes(40),
        message(1, vendor=9),
    ],
)
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Datagrams of other protocols on the port yield nothing and are not malformed."""
    assert list(Capwap().dissect(Packet(payload, sport=40000, dport=PORT))) == []


def test_cut_message_reports_its_complete_fields() -> None:
    """Of a message that the capture truncated the complete fields are read; one that ends early is malformed."""
    payload = message(3, BOARD, BOARD)[:-3]
    found = Capwap().dissect(Packet(payload, sport=40000, dport=PORT, src=1, problem=1))
    assert values(found) == [POINT, *INVENTORY]
    with pytest.raises(Malformed):
        list(Capwap().dissect(Packet(payload, sport=40000, dport=PORT, src=1)))
