"""GOOSE: published states of relays."""

from __future__ import annotations

import pytest

from pcaps.dissectors.goose import RELAY, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.goose import Goose
from tests.dissectors.samples import events, packets, values

NODE, BAY = "GEDeviceF650/LLN0", "REF615A_204LD0/LLN0"
OWN = [("goose.role", "publisher"), ("goose.reference", f"{NODE}$GO$gcb01")]


def published(node: str, state: int, sequence: int, test: bool = False) -> list[object]:
    return [("GooseMessage", f"{node}$GO$gcb01", f"{node}$GOOSE1", "F650_GOOSE1", state, sequence, 1, test)]


# Events of each frame of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a new state": (published(NODE, 1, 0), OWN),
    "its repetition": (published(NODE, 1, 1), OWN),
    "a test in a VLAN": (published(NODE, 2, 0, True), OWN),
    "a signature behind it": (
        published(BAY, 7, 10), [("goose.role", "publisher"), ("goose.reference", f"{BAY}$GO$gcb01")]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations about its publisher."""
    parsed = list(Goose().dissect(packets("goose")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("goose")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\0\1\0\x0a\0\0\0\0\x60\0", b"\0\1\0\x08\0\0\0\0", b"\0" * 46])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """GSE management and padding yield nothing and are not malformed."""
    assert list(Goose().dissect(Packet(payload))) == []


def test_malformed() -> None:
    """Fields that are longer than the message, numbers that are too long, no control block."""
    whole = message(RELAY, 1, 0)
    shorter = whole[:2] + b"\0\x40" + whole[4:]
    nameless = b"\0\1\0\x0e\0\0\0\0\x61\4\x85\2\0\1"
    long = b"\0\1\0\x15\0\0\0\0\x61\x0b\x80\1a\x85\6" + bytes(6)
    for payload in (shorter, nameless, long):
        with pytest.raises(Malformed):
            list(Goose().dissect(Packet(payload)))


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("goose"):
        assert list(Goose().dissect(Packet(packet.payload[:40], src_mac=packet.src_mac, problem=1))) == []
