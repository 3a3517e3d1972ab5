"""ENPC: Epson's printers."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.enpc import Enpc
from tests.dissectors.samples import events, packets, values

# What each message of the small capture says: events, and facts about its sender.
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
    """Each message says its event; facts only where the sender speaks of itself."""
    parsed = list(Enpc().dissect(packets("enpc")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture is looked at."""
    assert len(packets("enpc")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"EPSONX" + bytes(20), b"EPSON"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """What is no message of this protocol says nothing and is no fault."""
    assert list(Enpc().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"EPSONq\3"])
def test_faults(payload: bytes) -> None:
    """A message that cannot be is malformed, and says nothing where the capture cut it."""
    with pytest.raises(Malformed):
        list(Enpc().dissect(Packet(payload)))
    assert list(Enpc().dissect(Packet(payload, problem=1))) == []
