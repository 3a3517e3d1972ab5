"""SIP scans: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.sip import SipRequest, SipResponse
from tests.detectors.stories import START, detector, inspected, one

SCAN = "voice.sip_scan"


def request(
    at: float,
    extension: str,
    *,
    source: str = "10.0.0.66",
    host: str = "10.0.0.5",
    method: str = "REGISTER",
    agent: str = "Telephone 1.0",
) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(source), dst=parse(host), sport=5061, dport=5060)
    return SipRequest(
        packet, method, f"sip:{host}", f"{extension}@{host}", f"{extension}@{host}", "id", 1, agent, False
    )


def response(
    at: float, extension: str, status: int, *, to: str = "10.0.0.66", host: str = "10.0.0.5", method: str = "REGISTER"
) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(host), dst=parse(to), sport=5060, dport=5061)
    return SipResponse(
        packet, status, "x", method, f"{extension}@{host}", f"{extension}@{host}", "id", 1, "PBX", status in (401, 407)
    )


@pytest.mark.parametrize("status", [401, 403, 404])
def test_many_extensions_that_fail_are_a_scan(status: int) -> None:
    """Extensions that are rejected or challenged without a success are one alert with numbers."""
    story = [each for n in range(40) for each in (request(n, str(100 + n)), response(n + 0.01, str(100 + n), status))]
    alert = one(inspected(detector(SCAN), story))
    assert alert.actor.address == parse("10.0.0.66")
    assert alert.numbers["failed"] == 10
    assert "extensions" in alert.summary


def test_many_hosts_that_do_not_answer_are_a_scan() -> None:
    """OPTIONS to many hosts raise an alert if the capture contains a SIP response."""
    story = [
        response(0, "1", 200, to="10.0.0.9"),
        *(request(1 + n, "100", host=f"10.0.1.{n + 1}", method="OPTIONS") for n in range(40)),
    ]
    [alert] = inspected(detector(SCAN), story)
    assert "SIP hosts" in alert.summary
    assert parse("10.0.1.3") in {target.address for target in alert.targets}


def test_targets_over_ipv6_are_addresses_of_the_scan() -> None:
    """Hosts of IPv6 are counted as hashes, which are no targets of the alert."""
    story = [
        response(0, "1", 200, to="10.0.0.9"),
        *(request(1 + n, "100", host=f"2001:db8::{n + 1:x}", method="OPTIONS") for n in range(40)),
    ]
    [alert] = inspected(detector(SCAN), story)
    assert {target.address >> 64 for target in alert.targets} == {parse("2001:db8::") >> 64}


@pytest.mark.parametrize(
    "agent", ["friendly-scanner", "sipcli/v1.8", "pplsip", "VaxSIPUserAgent/3.1", "sundayddr", "SIPVicious 0.3"]
)
def test_a_tool_gives_itself_away(agent: str) -> None:
    """One request of a known tool raises an alert, with one key for all of them."""
    found = inspected(detector(SCAN), [request(n, str(n), agent=agent) for n in range(20)])
    assert len({alert.key for alert in found}) == 1
    assert found[0].numbers["user_agent"] == agent


def test_benign_twins_are_quiet() -> None:
    """A PBX that qualifies its phones, registrations with a challenge, a busy line, and a capture without responses
    raise no alert.
    """
    story: list[Event] = []
    for n in range(60):
        story += [request(n, str(n), source="10.0.0.1", host=f"10.0.2.{n + 1}", method="OPTIONS")]
        story += [
            response(n + 0.01, str(n), 200 if n % 8 else 404, to="10.0.0.1", host=f"10.0.2.{n + 1}", method="OPTIONS")
        ]
        story += [
            request(n, str(n), source="10.0.0.8"),
            response(n, str(n), 401, to="10.0.0.8"),
            request(n + 0.1, str(n), source="10.0.0.8"),
        ]
        story += [response(n + 0.2, str(n), 200, to="10.0.0.8"), request(n, "1", method="SUBSCRIBE"), request(n, "77")]
    assert inspected(detector(SCAN), story) == []
    assert inspected(detector(SCAN), [request(n, str(n)) for n in range(60)]) == []


def test_repetition_is_reported_once_a_window() -> None:
    """A continuing scan is one alert, reported again when it grows."""
    story = [each for n in range(250) for each in (request(n, str(n)), response(n + 0.01, str(n), 404))]
    found = inspected(detector(SCAN), story)
    assert one(found)
    assert [alert.numbers["failed"] for alert in found] == [10, 40, 160]
