"""HTTP errors and failed RPC calls: the alert, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.http import HttpResponse
from sensor.dissectors.shared.rpc_events import RpcAnswer, RpcRefused
from tests.detectors.stories import START, detector, inspected, one

WEB, CALLS = "device.http_errors", "device.rpc_errors"
CLIENT, SERVER = "10.0.0.66", "10.0.0.5"


def packet(at: float, port: int, client: str = CLIENT) -> Packet:
    return Packet(ts=START + int(at * SECOND), src=parse(SERVER), dst=parse(client), sport=port, dport=50000, proto=6)


def page(status: int, at: float, client: str = CLIENT) -> Event:
    return HttpResponse(packet(at, 80, client), status, "", "", 0, (), "", "", "GET", "/api", False)


def call(fault: bool, at: float) -> Event:
    return RpcAnswer(packet(at, 445), "spoolss", "spoolss", "OpenPrinter", 1, fault, 5 if fault else 0, 20)


@pytest.mark.parametrize("unit", [WEB, CALLS])
def test_they_are_off_unless_switched_on(unit: str) -> None:
    assert not detector(unit).options.enabled


def test_a_server_that_fails() -> None:
    """A server that returns errors to many clients is the actor."""
    alert = one(inspected(detector(WEB), [page(500 + n % 4, n, f"10.0.0.{n}") for n in range(30)]))
    assert (alert.actor.address, alert.severity, alert.numbers["errors"]) == (parse(SERVER), Severity.low, 20)
    assert (alert.numbers["errors"], alert.numbers["answers"]) == (20, 20)


def test_a_client_whose_requests_are_wrong() -> None:
    alert = one(inspected(detector(WEB), [page(404 if n % 3 else 200, n) for n in range(40)]))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(SERVER))
    assert (alert.numbers["errors"], alert.numbers["answers"]) == (20, 30)


def test_calls_that_fail() -> None:
    """RPC faults and rejected binds raise an alert."""
    alert = one(inspected(detector(CALLS), [call(True, n) for n in range(25)]))
    assert (alert.actor.address, alert.target and alert.target.address, alert.numbers["errors"]) == (
        parse(CLIENT),
        parse(SERVER),
        20,
    )
    assert (
        one(inspected(detector(CALLS), [RpcRefused(packet(n, 135), "", ("winreg",), 2) for n in range(25)]))
        .why[1]
        .endswith(" winreg")
    )


@pytest.mark.parametrize(
    ("unit", "events"),
    [
        (WEB, [page(200 if n % 3 else 500, n) for n in range(300)]),
        (WEB, [page(401, n) for n in range(300)]),
        (WEB, [page(404, n * 600) for n in range(300)]),
        (WEB, [page(404, n, f"10.0.{n}.1") for n in range(200)]),
        (CALLS, [call(n % 3 == 0, n) for n in range(300)]),
    ],
)
def test_ordinary_errors_are_quiet(unit: str, events: list[Event]) -> None:
    """Errors among many successes, 401 responses, rare errors, one per client, and some faults raise no alert."""
    assert inspected(detector(unit), events) == []


def test_repetition_is_one_finding_an_hour() -> None:
    found = inspected(detector(WEB), [page(503, n) for n in range(7000)])
    assert len(found) == 2
    assert one(found)
    assert len(inspected(detector(CALLS), [call(True, n) for n in range(3000)])) == 1
