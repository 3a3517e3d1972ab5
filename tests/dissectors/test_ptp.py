"""PTP: clocks, their grandmaster and their products."""

from __future__ import annotations

import pytest

from pcaps.dissectors.ptp import announce, message, version_1
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.ptp import Ptp
from tests.dissectors.samples import events, packets, values

GATEWAY, PHONE, CAMERA, PRINTER = (f"02:00:5e:ff:fe:00:53:{n:02x}" for n in (1, 2, 6, 3))
DESKTOP_MAC, PRINTER_MAC = "02:00:5e:00:53:04", "02:00:5e:00:53:03"
REVISION = "1.0;7.06.004;2024"
GRANDMASTER = ("ptp.role", "PTP grandmaster")
# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a grandmaster with a satellite receiver": (
        [("PtpAnnounce", "announce", 2, GATEWAY, 0, "", GATEWAY, (128, 128), 6, "gnss", 0)],
        [GRANDMASTER, ("ptp.time_source", "gnss")],
    ),
    "its description": (
        [
            (
                "PtpDescription", "management", 2, GATEWAY, 0, "default", "Meinberg", "LANTIME M300", "030112345",
                REVISION, "Studio clock", "rack 3", True
            )
        ],
        [
            ("ptp.profile", "default"),
            ("ptp.vendor", "Meinberg"),
            ("ptp.model", "LANTIME M300"),
            ("ptp.serial", "030112345"),
            ("ptp.firmware", "7.06.004"),
            ("ptp.device_name", "Studio clock"),
        ],
    ),
    "a description that a boundary clock forwards": (
        [("PtpDescription", "management", 2, PRINTER, 0, "default", "Other", "", "", "", "forwarded", "", False)],
        [],
    ),
    "802.1AS": (
        [("PtpAnnounce", "announce", 2, CAMERA, 0, "802.1AS", CAMERA, (128, 128), 248, "", 0)],
        [("ptp.profile", "802.1AS"), GRANDMASTER],
    ),
    "a slave": (
        [("PtpMessage", "delay_req", 2, PHONE, 127, "ST 2059-2")],
        [("ptp.profile", "ST 2059-2")],
    ),
    "a boundary clock": (
        [("PtpAnnounce", "announce", 2, PHONE, 127, "ST 2059-2", GATEWAY, (128, 128), 248, "", 1)],
        [("ptp.profile", "ST 2059-2")],
    ),
    "the leader of version 1": (
        [("PtpAnnounce", "sync", 1, DESKTOP_MAC, 0, "PTPv1", DESKTOP_MAC, (0, 0), 4, "", 0)],
        [("ptp.profile", "PTPv1"), GRANDMASTER],
    ),
    "a follower of version 1": (
        [("PtpMessage", "delay_req", 1, PRINTER_MAC, 0, "PTPv1")],
        [("ptp.profile", "PTPv1")],
    ),
}  # fmt: skip
SYNC = message("sync", DESKTOP_MAC, bytes(10))


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Ptp().dissect(packets("ptp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("ptp")) == len(EXPECTED)


def test_time_of_an_atomic_clock() -> None:
    """Version 1 names the source of its time in four letters."""
    parsed = list(Ptp().dissect(Packet(version_1(DESKTOP_MAC, 0, DESKTOP_MAC, identifier=b"ATOM"))))
    assert values(parsed)[-1] == ("ptp.time_source", "atomic")


@pytest.mark.parametrize(
    "payload",
    [SYNC[:33], b"\0\3" + SYNC[2:], b"\7" + SYNC[1:], version_1(DESKTOP_MAC, 9, DESKTOP_MAC), b"\0\1" + bytes(20)],
)
def test_other_messages_are_left_alone(payload: bytes) -> None:
    """Other protocols, versions and types of messages yield nothing."""
    assert list(Ptp().dissect(Packet(payload))) == []


@pytest.mark.parametrize(
    "payload",
    [SYNC[:-1], SYNC[:2] + b"\0\4" + SYNC[4:], message("announce", DESKTOP_MAC, announce(DESKTOP_MAC)[:-1])],
)
def test_malformed(payload: bytes) -> None:
    """A length that contradicts the message is malformed."""
    with pytest.raises(Malformed):
        list(Ptp().dissect(Packet(payload)))


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("ptp"):
        assert list(Ptp().dissect(Packet(packet.payload, src=packet.src, src_mac=packet.src_mac, problem=1))) == []
