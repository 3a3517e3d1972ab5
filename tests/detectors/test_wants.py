"""The builders detect a detector's event filter that is too narrow: ``inspected`` then finds different alerts."""

from __future__ import annotations

from typing import Any

import pytest

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.want_nodes import NEVER
from sensor.core.wants import field
from sensor.dissectors.http import HttpRequest, HttpResponse
from tests.detectors.stories import START, detector, inspected

SCAN = "initial_access.web_scan"


def request(agent: str) -> Event:
    packet = Packet(ts=START, src=parse("10.0.0.66"), dst=parse("10.0.0.80"), sport=40000, dport=80, proto=6)
    return HttpRequest(packet, "GET", "www", "/", agent, "", "", "", "", -1, False)


@pytest.mark.parametrize("narrow", [NEVER, field("path").matches("env"), field("packet.sport") < 40000])
def test_a_want_that_is_too_narrow_fails_its_story(narrow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same events pass with the detector's own filter, and with a filter that selects all events."""
    story = [request("Mozilla/5.0"), request("sqlmap/1.7")]
    assert len(inspected(detector(SCAN), story)) == 1
    monkeypatch.setattr(type(detector(SCAN)), "wants", lambda _: {})
    assert len(inspected(detector(SCAN), story)) == 1
    monkeypatch.setattr(type(detector(SCAN)), "wants", lambda _: {HttpRequest: narrow, HttpResponse: NEVER})
    with pytest.raises(AssertionError, match=r"^initial_access\.web_scan "):
        inspected(detector(SCAN), story)
