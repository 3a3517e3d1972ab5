"""Dante: products and modules of audio devices."""

from __future__ import annotations

import pytest

from pcaps.dissectors.dante import message, module
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dante import Dante
from tests.dissectors.samples import events, packets, values

PHONE, CAMERA = "02:00:5e:ff:fe:00:53:02", "02:00:5e:ff:fe:00:53:06"
CONVERTER = "A32 Dante AD/DA Converter"
# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a module": ([("DanteModule", PHONE, "DAO2", "4.1.0.9")], [("dante.module", "DAO2")]),
    "a product": (
        [("DanteProduct", PHONE, "Ferrofish GmbH", CONVERTER, "1.2.0.3")],
        [("dante.vendor", "Ferrofish GmbH"), ("dante.model", CONVERTER), ("dante.firmware", "1.2.0.3")],
    ),
    "a product without a version": (
        [("DanteProduct", CAMERA, "Shure Incorporated", "MXA910", "")],
        [("dante.vendor", "Shure Incorporated"), ("dante.model", "MXA910")],
    ),
    "another message": ([("DanteStatus", PHONE, 0x0102)], []),
}
MODULE = message("02:00:5e:00:53:02", 0x60, module("DAO2", "DAO2"))


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Dante().dissect(packets("dante")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("dante")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [MODULE[:31], b"\xff\xfe" + MODULE[2:], MODULE.replace(b"Audinate", b"Another1")])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Dante().dissect(Packet(payload))) == []


def test_malformed() -> None:
    """A length larger than the message is malformed."""
    with pytest.raises(Malformed):
        list(Dante().dissect(Packet(MODULE[:-1])))


def test_a_short_description_is_only_reported() -> None:
    """A message without the place of the name has none."""
    short = message("02:00:5e:00:53:02", 0x60, bytes(60))
    assert events(Dante().dissect(Packet(short))) == [("DanteStatus", PHONE, 0x60)]


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("dante"):
        assert list(Dante().dissect(Packet(packet.payload, src=packet.src, problem=1))) == []
