"""ENPC: printers of Epson."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.enpc import Enpc
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("EnpcRequest", "Q")], []),
    "a printer": (
        [("EnpcAnswer", "q", 0x02005E005303, "WF-2650 Series", True)],
        [("enpc.answer", "q"), ("enpc.name", "WF-2650 Series")],
    ),
    "somebody else's printer": ([("EnpcAnswer", "q", 0x0026AB5E5309, "EPSON5E5309", False)], []),
    "a question about status": ([("EnpcRequest", "P")], []),
    "its answer": ([("EnpcAnswer", "p", 0, "", True)], [("enpc.answer", "p")]),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Enpc().dissect(packets("enpc")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("enpc")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"EPSONX" + bytes(20), b"EPSON"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Enpc().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"EPSONq\3"])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Enpc().dissect(Packet(payload)))
    assert list(Enpc().dissect(Packet(payload, problem=1))) == []
