"""IPMI: controllers, what they require, and how sessions are set up."""

from __future__ import annotations

import pytest

from pcaps.dissectors.ipmi import CHANNEL, DEVICE, message, opened, presence, rakp_2, session
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.ipmi import Ipmi
from tests.dissectors.samples import events, packets, values

CONTROLLER = ("ipmi.role", "management controller")
DELL = ("ipmi.manufacturer", "674")

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: list[tuple[list[object], list[tuple[str, str]]]] = [
    ([("IpmiPresence", False, False)], []),
    ([("IpmiPresence", True, True)], [CONTROLLER]),
    ([("IpmiChannel", True, True, False)], [CONTROLLER, DELL]),
    ([("IpmiSession", "open", 0, "", 1, False)], []),
    ([("IpmiSession", "opened", 0, "", 1, False)], []),
    ([("IpmiSession", "rakp_1", 0, "admin", -1, False)], []),
    ([("IpmiSession", "rakp_2", 0, "", -1, True)], []),
    ([("IpmiSession", "rakp_3", 0, "", -1, False)], []),
    ([("IpmiSession", "rakp_4", 0, "", -1, False)], []),
    ([("IpmiSession", "rakp_1", 0, "nobody", -1, False)], []),
    ([("IpmiSession", "rakp_2", 13, "", -1, False)], []),
    ([("IpmiSession", "open", 0, "", 0, False)], []),
    ([("IpmiSession", "opened", 0, "", 0, False)], []),
    ([("IpmiSession", "opened", 17, "", -1, False)], []),
    ([("IpmiDevice", 674, 256, "3.21", "2.0")], [CONTROLLER, DELL, ("ipmi.firmware", "3.21")]),
]


def dissect(payload: bytes) -> list[object]:
    return events(Ipmi().dissect(Packet(payload, sport=623, dport=50000)))


def test_messages() -> None:
    """Each message of a search, a login, a rejection and an identity."""
    found = [list(Ipmi().dissect(packet)) for packet in packets("ipmi")]
    assert [(events(parsed), values(parsed)) for parsed in found] == EXPECTED


def test_a_session_without_authentication_has_no_hash() -> None:
    assert dissect(rakp_2(code=0)) == [("IpmiSession", "rakp_2", 0, "", -1, False)]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x06\0\xff\x06\0\0\x11\xbf\x80\0\0\0",  # another enterprise
        message(7, 0x01, b"\xc1"),  # an error
        message(7, 0x02, bytes(12)),  # another command
        message(6, 0x38, b"\x8e\4"),  # a request
        bytes([*CHANNEL[:14], CHANNEL[14] ^ 1, *CHANNEL[15:]]),  # a wrong checksum
        DEVICE.replace(b"\x20\x38\x01", b"\x2c\x38\x01"),  # of another controller behind this one
        session(0xC0, bytes(40)),  # encrypted
        session(0x21, bytes(40)),  # of a vendor
        b"\0\x1c\x10\x0b" * 8,
    ],
)
def test_others_report_nothing(payload: bytes) -> None:
    assert dissect(payload) == []


def test_malformed() -> None:
    """Messages that end early."""
    for payload in (presence(True)[:20], CHANNEL[:-4], opened(1)[:-9], session(0x11, bytes(12)), session(0x12, b"")):
        with pytest.raises(Malformed):
            dissect(payload)
