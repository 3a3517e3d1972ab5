"""Requested names in a capture of DNS responses only."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsQuery, DnsResponse
from tests.detectors.stories import START, detector, inspected, one

CLIENT, RESOLVER = parse("10.0.0.66"), parse("10.0.0.1")
NAMED = {
    "command_and_control.anonymiser": "www.onion.to",
    "command_and_control.lookalike_domain": "www.micosoft.com",
    "command_and_control.mining": "eu1-zcash.flypool.org",
    "command_and_control.tunnel_service": "a.ngrok.io",
}


def query(name: str, at: float = 0) -> Event:
    ends = {"src": CLIENT, "dst": RESOLVER, "sport": 50000, "dport": 53}
    return DnsQuery(Packet(ts=START + int(at * SECOND), **ends), 1, name, 1, 0, True)


def response(name: str, at: float = 0) -> Event:
    ends = {"src": RESOLVER, "dst": CLIENT, "sport": 53, "dport": 50000}
    return DnsResponse(Packet(ts=START + int(at * SECOND), **ends), 1, name, 1, 0, False, ())


@pytest.mark.parametrize("unit", NAMED)
def test_a_response_names_the_client(unit: str) -> None:
    """The receiver of the response requested the name; other names raise no alert."""
    alert = one(inspected(detector(unit), [response(NAMED[unit])]))
    assert (alert.actor.address, alert.target and alert.target.address) == (CLIENT, RESOLVER)
    assert (alert.actor_port, alert.target_port) == (50000, 53)
    assert inspected(detector(unit), [response("www.example.org"), response("")]) == []


@pytest.mark.parametrize("unit", NAMED)
def test_query_and_response_are_one_finding(unit: str) -> None:
    """Where both directions are captured, the response adds nothing; nor does a repetition."""
    story = [each for n in range(5) for each in (query(NAMED[unit], n), response(NAMED[unit], n + 0.1))]
    assert len(inspected(detector(unit), story)) == len(inspected(detector(unit), story[:1])) == 1
    assert len(inspected(detector(unit), story[1::2])) == 1
