"""miIO: greetings, answers with and without the token, and the rest."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.miio import Miio
from tests.dissectors.samples import events, packets, values

# What each message of the small capture says: events, and facts about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a greeting": ([("MiioGreeting",)], []),
    "an answer": ([("MiioAnswer", 72123456, 3600, False)], [("miio.device", "72123456")]),
    "an answer with the token in it": ([("MiioAnswer", 72123456, 3601, True)], [("miio.device", "72123456")]),
    "an encrypted message": ([("MiioMessage", 72123456, 64)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message says its event; facts only where the sender speaks of itself."""
    parsed = list(Miio().dissect(packets("miio")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture is looked at."""
    assert len(packets("miio")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\x21\x32" + bytes(30)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """What is no message of this protocol says nothing and is no fault."""
    assert list(Miio().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\x21\x31\0\x20", b"\x21\x31\0\x21" + bytes(28)])
def test_faults(payload: bytes) -> None:
    """A message that cannot be is malformed, and says nothing where the capture cut it."""
    with pytest.raises(Malformed):
        list(Miio().dissect(Packet(payload)))
    assert list(Miio().dissect(Packet(payload, problem=1))) == []


def test_token_is_not_kept() -> None:
    """The key in the answer of a device without an owner is nowhere in what is said."""
    parsed = repr([events(Miio().dissect(packets("miio")[2])), values(Miio().dissect(packets("miio")[2]))])
    assert bytes(range(16)).hex() not in parsed
    assert "\\x0e" not in parsed
