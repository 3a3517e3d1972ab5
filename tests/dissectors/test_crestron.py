"""Discovery of Crestron devices."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.crestron import Crestron
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("CrestronSearch",)], []),
    "a touch panel": (
        [("CrestronAnswer", "TSW-760", "2.001.0040", "00A1B2C3", "board-room")],
        [
            ("crestron.model", "TSW-760"),
            ("crestron.firmware", "2.001.0040"),
            ("crestron.serial", "00A1B2C3"),
            ("crestron.hostname", "board-room"),
        ],
    ),
    "a control system without a serial number": (
        [("CrestronAnswer", "CP3", "1.8001.4925.22648", "", "CP3-00107F5E533C")],
        [
            ("crestron.model", "CP3"),
            ("crestron.firmware", "1.8001.4925.22648"),
            ("crestron.hostname", "CP3-00107F5E533C"),
        ],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Crestron().dissect(packets("crestron")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("crestron")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [bytes(20), b"\x14\0"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Crestron().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\x15\0\0\0" + bytes(300)])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Crestron().dissect(Packet(payload)))
    assert list(Crestron().dissect(Packet(payload, problem=1))) == []
