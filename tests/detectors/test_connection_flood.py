"""One client that exhausts a service with answered connections: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.flow import Change, Reason
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.http import HttpUnfinished
from sensor.dissectors.tcp_syn import TcpSyn
from tests.detectors.stories import START, Story, World, alerts_of, detector, device, inspected, one, raised

FLOOD = "impact.connection_flood"
CLIENT, SERVER = "10.0.0.66", "10.0.0.80"


def connections(count: int, *, per_second: float, lasts: float | None, clients: int = 1, port: int = 80) -> Story:
    """Answered connections to a service, from one client or in turn from several."""
    story = Story()
    for n in range(count):
        client = CLIENT if clients == 1 else f"10.0.1.{n % clients + 1}"
        story.flow(n / per_second, client, SERVER, port, answered=True, ended=lasts, sport=1024 + n)
    return story


def grades(alerts: list[Alert]) -> list[Severity]:
    return [alert.severity for alert in alerts]


def test_http_flood() -> None:
    """Continuous requests, each in its own connection, raise an alert."""
    [alert] = raised(FLOOD, connections(1500, per_second=250, lasts=0.1))
    assert (alert.actor.address, alert.target_port, alert.techniques[0].technique) == (parse(CLIENT), 80, "T1499.002")
    assert grades([alert]) == [Severity.low]


def test_a_flood_far_above_the_threshold() -> None:
    """A flood of thousands of connections a second has a second, more severe alert."""
    found = raised(FLOOD, connections(3200, per_second=2000, lasts=0.01))
    assert [(alert.numbers["connections"], alert.severity) for alert in found] == [
        (1000, Severity.low),
        (3000, Severity.medium),
    ]


def reset(count: int, *, packets: tuple[int, int] = (2, 1)) -> list[Alert]:
    """Connections that the client resets."""
    story = Story()
    for n in range(count):
        story.flow(n / 500, CLIENT, SERVER, 80, answered=True, ended=0.01, sport=1024 + n, packets=packets)
    changes = story.changes()
    changes["reason"][changes["kind"] == Change.ENDED] = Reason.RESET
    return alerts_of(detector(FLOOD), changes)


def test_syn_flood_from_one_address() -> None:
    """The client's system resets every connection at the answer to a spoofed SYN: half-open connections."""
    found = reset(1500)
    assert [alert.severity for alert in found] == [Severity.low, Severity.medium]
    assert "half-opened 1000 connections" in found[1].summary
    assert grades(reset(1500, packets=(6, 5))) == [Severity.low]
    assert reset(900) == []


def test_slowloris() -> None:
    """Many connections that are opened and do not end raise an alert."""
    [alert] = raised(FLOOD, connections(300, per_second=50, lasts=None))
    assert (alert.target_port, alert.numbers["threshold"], alert.techniques[0].technique) == (80, 150, "T1499.002")


def test_the_victim_of_reflected_handshakes_is_no_attacker() -> None:
    """SYN-ACKs that answer SYNs with a spoofed address are no connections of their receiver."""
    story = Story()
    for n in range(4000):
        story.flow(n / 500, CLIENT, SERVER, 443, answered=True, sport=1024 + n)
    changes = story.changes()
    assert {alert.numbers["connections"] for alert in alerts_of(detector(FLOOD), changes)} >= {150, 1000}
    changes["client_packets"] = 0
    assert alerts_of(detector(FLOOD), changes) == []


def slowly(window: int, count: int, lasts: float | None = None) -> list[Alert]:
    """Alerts of so many connections of a client that offers a receive window when it opens them."""
    unit = detector(FLOOD)
    opened = Packet(ts=START, src=parse(CLIENT), dst=parse(SERVER), sport=1024, dport=80, proto=6)
    assert inspected(unit, [TcpSyn(opened, window, ("mss", "sack", "timestamps"))]) == []
    return alerts_of(unit, connections(count, per_second=10, lasts=lasts).changes())


def test_slow_read() -> None:
    """Forty connections that stay open, of a client with a tiny receive window, raise an alert; fewer, those that end,
    and those of a client with an ordinary window do not.
    """
    alert = one(slowly(1152, 60))
    assert (alert.numbers["connections"], alert.numbers["threshold"], alert.severity) == (40, 40, Severity.medium)
    assert slowly(1152, 39) == slowly(1152, 60, lasts=0.5) == slowly(64240, 60) == []


def kept_open(
    count: int, packets: tuple[int, int], *, lasts: float = 5, port: int = 80, size: int = 150
) -> list[tuple[float, Severity]]:
    """Alerts of so many connections that stay open, each with so many packets of client and server."""
    story = Story()
    for n in range(count):
        story.flow(n / 100, CLIENT, SERVER, port, answered=True, ended=lasts, sport=1024 + n, packets=packets)
    changes = story.changes()
    changes["client_bytes"], changes["last"] = changes["client_packets"] * size, changes["ts"]
    found = alerts_of(detector(FLOOD), changes)
    return [(alert.numbers["threshold"], alert.severity) for alert in found]  # type: ignore[misc]


def test_requests_over_connections_that_stay_open() -> None:
    """A flood over 40 kept-alive connections is low from the threshold on, and medium at three times as much; with TLS
    too. Of a long connection the requests of ten seconds count.
    """
    assert kept_open(40, (100, 100)) == [(3000, Severity.low)]
    assert kept_open(40, (400, 390), port=443) == [(3000, Severity.low), (9000, Severity.medium)]
    assert kept_open(5, (72_000, 72_000), lasts=1000) == [(3000, Severity.low)]
    assert kept_open(5, (58_000, 58_000), lasts=1000) == []


def test_busy_connections_that_are_no_flood() -> None:
    """Downloads, uploads, a client without answers, a browser, a busy database, a VPN over TLS and few requests raise
    no alert.
    """
    assert kept_open(40, (400, 800), size=66) == kept_open(40, (900, 400), size=1500) == []
    assert kept_open(40, (400, 100)) == kept_open(40, (90, 90)) == kept_open(10, (290, 290)) == []
    assert kept_open(2, (20_000, 40_000)) == []
    assert kept_open(40, (400, 400), lasts=60) == kept_open(40, (4000, 4000), port=5432) == []


def test_a_flood_that_continues_is_counted_once() -> None:
    """Progress of a connection, and its end, count their new requests only."""
    story = Story().flow(0, CLIENT, SERVER, 80, answered=True, ended=9, packets=(2900, 2900))
    changes = story.changes()
    again = changes[-1:].copy()
    again["kind"] = Change.PROGRESS
    again["client_packets"] = 2000
    assert alerts_of(detector(FLOOD), np.concatenate([changes[:-1], again, changes[-1:]])) == []


def test_a_camera_has_no_reason_to() -> None:
    """A flood by a fixed-function device is more severe."""
    story = connections(300, per_second=50, lasts=None)
    assert grades(raised(FLOOD, story, World(device("camera", CLIENT)))) == [Severity.medium]


@pytest.mark.parametrize(
    "given",
    [
        {"count": 400, "per_second": 4, "lasts": 5},
        {"count": 140, "per_second": 5, "lasts": None},
        {"count": 1500, "per_second": 250, "lasts": 0.1, "clients": 20},
        {"count": 300, "per_second": 3, "lasts": 40},
    ],
    ids=["a busy client", "a browser with many tabs", "many clients", "connections that end"],
)
def test_benign_twins_are_quiet(given: dict[str, Any]) -> None:
    """Busy clients raise no alert."""
    assert raised(FLOOD, connections(**given)) == []


def test_a_load_test_is_exempt() -> None:
    """A load test from an exempt source raises no alert."""
    assert raised(FLOOD, connections(1500, per_second=250, lasts=0.1), exempt=(f"{CLIENT}/32",)) == []


def test_repetition_is_one_finding() -> None:
    """A flood of a minute is one alert."""
    assert one(raised(FLOOD, connections(6000, per_second=250, lasts=0.1)))


def unfinished(count: int, every: float, *, client: str = CLIENT) -> list[Alert]:
    """Connections whose requests go on in small pieces, and are reported one after the other, twice each."""
    ends = {"src": parse(client), "dst": parse(SERVER), "sport": 40000, "dport": 80, "proto": 6}
    events = [
        HttpUnfinished(Packet(ts=START + int(n * every * SECOND), flow=1 + n // 2, **ends)) for n in range(2 * count)
    ]
    return inspected(detector(FLOOD), events)


def test_unfinished_requests() -> None:
    """A hundred connections with unfinished requests (slowhttptest) are an attack, once; thirty, or as many within
    minutes, are clients with a slow network.
    """
    [alert] = unfinished(100, 0.02)
    assert (alert.severity, alert.numbers["connections"], alert.target_port) == (Severity.medium, 40, 80)
    assert unfinished(30, 0.02) == []
    assert unfinished(100, 2) == []
