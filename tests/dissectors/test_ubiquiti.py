"""Discovery of Ubiquiti devices: queries and announcements of both versions."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.ubiquiti import Ubiquiti
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a question, version 1": ([("UbiquitiSearch",)], []),
    "a question, version 2": ([("UbiquitiSearch",)], []),
    "a radio's answer": (
        [
            (
                "UbiquitiAnnouncement",
                "NanoStation M5",
                "N5N",
                "XW.ar934x.v6.1.7.32555.180523.1754",
                "roof-north",
                0x24A43C5E5310,
                "backhaul",
                3600,
                None,
                True,
            )
        ],
        [
            ("ubiquiti.model", "NanoStation M5"),
            ("ubiquiti.platform", "N5N"),
            ("ubiquiti.firmware", "XW.ar934x.v6.1.7.32555.180523.1754"),
            ("ubiquiti.hostname", "roof-north"),
        ],
    ),
    "an access point, factory fresh": (
        [("UbiquitiAnnouncement", "U7PG2", "U7PG2", "4.3.28.11361", "UBNT", 0x788A205E5311, "", 99, True, True)],
        [("ubiquiti.model", "U7PG2"), ("ubiquiti.firmware", "4.3.28.11361"), ("ubiquiti.hostname", "UBNT")],
    ),
    "a gateway of several interfaces": (
        [("UbiquitiAnnouncement", "UGW3", "UGW3", "4.4.57.5578372", "gw", 0x802AA85E5312, "", 0, False, True)],
        [("ubiquiti.model", "UGW3"), ("ubiquiti.firmware", "4.4.57.5578372"), ("ubiquiti.hostname", "gw")],
    ),
    "somebody else about an access point": (
        [("UbiquitiAnnouncement", "U7PG2", "U7PG2", "4.3.28.11361", "UBNT", 0x788A205E5311, "", 99, True, False)],
        [],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Ubiquiti().dissect(packets("ubiquiti")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("ubiquiti")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\2\6\0\1\1", b"MO_I" + bytes(19), b"\1\0\0\7\xaa\0\4abcd"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Ubiquiti().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\1\0\0\x04\1\0\6a", b"\2\6\1\x04" + b"\x0c\0\1a" * 65])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Ubiquiti().dissect(Packet(payload)))
    assert list(Ubiquiti().dissect(Packet(payload, problem=1))) == []
