"""UNIStim: phones of Nortel and Avaya."""

from __future__ import annotations

import pytest

from pcaps.dissectors.unistim import TERMINAL, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.unistim import Unistim
from tests.dissectors.samples import events, packets, values

PHONE = 0x02005E005302
# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a discovery": ([("UnistimPhone", "", -1, 0, True)], [("unistim.phone", "discovery")]),
    "firmware and type": (
        [("UnistimPhone", "0604DCG", 2, 0, False)],
        [("unistim.firmware", "0604DCG"), ("unistim.type", "2"), ("unistim.phone", "report")],
    ),
    "a hardware ID": (
        [("UnistimPhone", "", -1, PHONE, False)],
        [("unistim.mac", "02:00:5e:00:53:02"), ("unistim.phone", "report")],
    ),
}
KEY = message(3, TERMINAL, (0x99, 0, b"\x41"))


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Unistim().dissect(packets("unistim")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("unistim")) == len(EXPECTED)


@pytest.mark.parametrize(
    "payload",
    [
        KEY,
        message(3, TERMINAL, (0x9A, 2, b"0604DCG"), direction=1),
        b"\0\0\0\3\1\2" + TERMINAL,
        bytes(9),
        b"\0\0\0\3\2\2" + TERMINAL + b"text",
    ],
)
def test_other_messages_are_left_alone(payload: bytes) -> None:
    """Keys, messages of the server, acknowledgements and other protocols yield nothing."""
    assert list(Unistim().dissect(Packet(payload))) == []


@pytest.mark.parametrize("rest", [b"\x9a\2\2", b"\x9a\x0a\x02ab"])
def test_malformed(rest: bytes) -> None:
    """A command shorter than its header or past the end is malformed."""
    with pytest.raises(Malformed):
        list(Unistim().dissect(Packet(message(3, TERMINAL) + rest)))


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing."""
    for packet in packets("unistim"):
        assert list(Unistim().dissect(Packet(packet.payload, src=packet.src, problem=1))) == []
