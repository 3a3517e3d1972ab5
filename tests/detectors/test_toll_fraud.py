"""Toll fraud: tested outbound prefixes, bursts of calls, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.sip import SipRequest
from tests.detectors.stories import START, detector, inspected, one

FRAUD = "voice.toll_fraud"
FAR, PHONE, EXCHANGE = "203.0.113.9", "10.0.0.66", "10.0.0.5"


def call(number: str, at: float = 0, *, source: str = FAR, method: str = "INVITE", call_id: str = "") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(source), dst=parse(EXCHANGE), sport=5070, dport=5060)
    uri = f"sip:{number}@{EXCHANGE}"
    return SipRequest(
        packet, method, uri, f"100@{EXCHANGE}", f"{number}@{EXCHANGE}", call_id or f"call-{number}-{at}", 1, "", False
    )


def reported(events: list[Event], **options: object) -> list[Alert]:
    return inspected(detector(FRAUD, **options), events)


def test_ways_out_that_are_tried() -> None:
    """One number with many prefixes raises an alert; an external host is severe."""
    tries = [call(f"{prefix}441904911024", n) for n, prefix in enumerate(("00", "900", "9011", "+"))]
    alert = one(reported(tries))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(FAR), parse(EXCHANGE))
    assert (alert.severity, alert.numbers["ways"], alert.techniques[0].technique) == (Severity.high, 4, "T1496")
    assert "00441904911024" in alert.why[1]
    inside = [call(f"{prefix}441904911024", n, source=PHONE) for n, prefix in enumerate(("00", "900", "9011", "011"))]
    assert one(reported(inside)).severity == Severity.medium


@pytest.mark.parametrize("prefix", ["00", "+", "011", "9011", "900"])
def test_bursts_to_numbers_that_cost(prefix: str) -> None:
    alert = one(reported([call(f"{prefix}252611{n:06}", n * 30) for n in range(6)]))
    assert (alert.severity, alert.numbers["calls"]) == (Severity.high, 5)
    assert "premium numbers" in alert.summary


def test_many_calls_abroad_are_a_hint() -> None:
    alert = one(reported([call(f"0033140{n:06}", n * 5, source=PHONE) for n in range(31)]))
    assert (alert.severity, alert.numbers["calls"]) == (Severity.low, 30)


@pytest.mark.parametrize(
    "events",
    [
        [call(f"10{n}", n) for n in range(60)],
        [call(f"0301234{n:04}", n, source=PHONE) for n in range(60)],
        [call(f"00252611{n:06}", n * 3600, source=PHONE) for n in range(12)],
        [call("00252611000001", n, source=PHONE, call_id="one") for n in range(60)],
        [call(f"+252611{n:06}", n, method="OPTIONS") for n in range(60)],
        [call("anna.somalia", n) for n in range(60)],
        [call("0033140123456", 0), call("+33140123456", 1)],
    ],
)
def test_ordinary_calls_are_quiet(events: list[Event]) -> None:
    """Extensions, domestic calls, one international call an hour, retried calls, non-call requests, names, and two
    spellings of a number raise no alert.
    """
    assert reported(events) == []


def test_what_is_at_home_is_quiet() -> None:
    """Calls to numbers of the configured home country raise no alert, as those of a provider."""
    assert reported([call(f"+371670{n:05}", n) for n in range(60)], home=("371",)) == []


def test_repetition_is_one_finding() -> None:
    found = reported([call(f"00252611{n:06}", n * 0.5) for n in range(600)])
    assert len(found) < 8
    assert one(found)
