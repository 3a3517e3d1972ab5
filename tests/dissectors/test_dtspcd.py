"""CDE's subprocess control service: overlong requests."""

from __future__ import annotations

import pytest

from pcaps.dissectors.dtspcd import OVERFLOW, QUERY
from sensor.core.packet import Packet
from sensor.dissectors.dtspcd import Dtspcd
from tests.dissectors.samples import events, packets

ODD = ("ServiceCommand", "dtspcd", "REQUEST overflow")


def test_sample() -> None:
    """The request for the system of a host yields nothing, the overflow one event for its segments."""
    stream = Dtspcd().stream(Packet())
    found = [
        one for each in packets("dtspcd") for one in events(stream.feed(each, bytes(each.payload), each.dport == 6112))
    ]
    assert (found, stream.done) == ([ODD], True)


@pytest.mark.parametrize(
    ("data", "from_client"), [(QUERY, True), (OVERFLOW, False), (b"\x01\xff\x50" + OVERFLOW, True), (b"", True)]
)
def test_others_report_nothing(data: bytes, from_client: bool) -> None:
    """Ordinary requests, responses, and the messages of games yield nothing; a gap is no error."""
    stream = Dtspcd().stream(Packet())
    assert list(stream.feed(Packet(data), data, from_client)) == []
    assert list(stream.gap(Packet(), 100, True)) == []
