"""TiVo Connect: recorders and media servers."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.tivo import Tivo
from tests.dissectors.samples import events, packets, values

VERSION = "20.7.4d.RC2-746-2-746"
# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a recorder": (
        [("TivoBeacon", "Living Room", "tcd/Series4", VERSION)],
        [("tivo.platform", "tcd/Series4"), ("tivo.device_name", "Living Room"), ("tivo.firmware", VERSION)],
    ),
    "a program": (
        [("TivoBeacon", "R7000P", "pc/minidlna", "1.0")],
        [("tivo.platform", "pc/minidlna"), ("tivo.device_name", "R7000P")],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations about its sender."""
    parsed = list(Tivo().dissect(packets("tivo")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("tivo")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"tivo", b"machine=a\ntivoconnect=1\n", bytes(40)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Tivo().dissect(Packet(payload))) == []


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("tivo"):
        assert list(Tivo().dissect(Packet(packet.payload, src=packet.src, problem=1))) == []
