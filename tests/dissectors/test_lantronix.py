"""Lantronix: device servers, and requests for their setup."""

from __future__ import annotations

import pytest

from pcaps.dissectors.lantronix import found
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.lantronix import Lantronix
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "search": ([("LantronixMessage", "search")], []),
    "found": ([("LantronixMessage", "found")], [("lantronix.role", "device server")]),
    "another one behind it": ([("LantronixMessage", "found")], []),
    "get setup": ([("LantronixMessage", "get setup")], []),
    "setup": ([("LantronixMessage", "setup")], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    parsed = list(Lantronix().dissect(packets("lantronix")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


@pytest.mark.parametrize("payload", [b"", b"\0\0\0", b"\0\0\0\x01", b"\0\0\1\xf7" + bytes(26), b"\xf7" * 30])
def test_others_report_nothing(payload: bytes) -> None:
    assert list(Lantronix().dissect(Packet(payload, sport=30718))) == []


def test_malformed() -> None:
    with pytest.raises(Malformed):
        list(Lantronix().dissect(Packet(found("00:80:a3:5e:53:07")[:-1], sport=30718)))
