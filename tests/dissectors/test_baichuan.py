"""Baichuan discovery: searches and answers."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.baichuan import Baichuan
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("BaichuanDiscovery", False)], []),
    "an answer": ([("BaichuanDiscovery", True)], [("baichuan.answer", "discovery")]),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Baichuan().dissect(packets("baichuan")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("baichuan")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\x20\xcf\x87\x2a" + bytes(20)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Baichuan().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\x3a\xcf\x87\x2a", b"\x3a\xcf\x87\x2a" + bytes(30)])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Baichuan().dissect(Packet(payload)))
    assert list(Baichuan().dissect(Packet(payload, problem=1))) == []
