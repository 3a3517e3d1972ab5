"""CAPWAP: access points and controllers by the direction of their messages, with the names that they send."""

from __future__ import annotations

import pytest

from pcaps.dissectors.capwap import BOARD, RECORD, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.capwap import PORT, Capwap
from tests.dissectors.samples import packets, values

POINT, CONTROLLER = ("capwap.role", "access_point"), ("capwap.role", "wireless_controller")
INVENTORY = [("capwap.model", "FAP221E"), ("capwap.serial", "FP221E5E5302AB")]
# Observations about the sender of each message of the sample capture.
EXPECTED = {
    "discovery with board data": [POINT, *INVENTORY],
    "discovery with a name of the vendor": [POINT, ("capwap.hostname", "AP0015.655e.5302")],
    "the controller's answer": [CONTROLLER, ("capwap.hostname", "wlc-attic")],
    "join": [POINT, ("capwap.hostname", "ap-lobby"), *INVENTORY],
    "encrypted, of the access point": [POINT],
    "encrypted, of the controller": [CONTROLLER],
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message shows the role of its sender; those without DTLS also names."""
    assert values(Capwap().dissect(packets("capwap")[number])) == EXPECTED[name]


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
