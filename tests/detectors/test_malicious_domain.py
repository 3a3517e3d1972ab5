"""Listed names in DNS queries, handshakes, HTTP requests and certificates; similar benign names; repetition."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.tls import TlsCertificate, TlsClientHello
from sensor.intel.store import ThreatLists
from tests.detectors.stories import START, World, detector, device, inspected, one

LISTED = "command_and_control.malicious_domain"
CLIENT, SERVER = "10.0.0.5", "203.0.113.66"


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "bad.txt").write_text("evil.example # Emotet\nhttp://host.example/bin.sh\n")
    (tmp_path / "old.csv").write_text(
        "domain,first_seen,valid_until,confidence\nstale.example,2020-01-01,2021-01-01,90\nfresh.example,2023-11-01,2030-01-01,60\n"
    )
    (tmp_path / "allow.txt").write_text("good.evil.example\n")
    return World(
        device("camera", "10.0.0.44"),
        lists=ThreatLists([tmp_path / "bad.txt", tmp_path / "old.csv", tmp_path / "allow.txt"]),
    )


def packet(at: float = 0, source: str = CLIENT, target: str = SERVER) -> Packet:
    return Packet(ts=START + int(at * SECOND), src=parse(source), dst=parse(target), sport=5000, dport=443, proto=6)


def query(name: str, at: float = 0, source: str = CLIENT) -> Event:
    return DnsQuery(packet(at, source), 1, name, 1, 0, True)


def response(name: str) -> Event:
    return DnsResponse(packet(0, SERVER, CLIENT), 1, name, 1, 0, False, ())


def request(host: str, path: str) -> Event:
    return HttpRequest(packet(), "GET", host, path, "", "", "", "", "", -1, False)


def certificate(*names: str) -> Event:
    return TlsCertificate(packet(0, SERVER, CLIENT), False, "", "", "", "", "", names, 0, 0, True, "rsa", 2048, "", "")


@pytest.mark.parametrize(
    ("event", "severity"),
    [
        (query("a.b.EVIL.example."), Severity.medium),
        (query("a.evil.example", source="10.0.0.44"), Severity.high),
        (response("a.evil.example"), Severity.medium),
        (TlsClientHello(packet(), "evil.example", (), "TLS 1.3", "", "", (), False), Severity.high),
        (QuicClientHello(packet(), "1", "www.evil.example", (), "TLS 1.3", "", "", False), Severity.high),
        (request("evil.example", "/"), Severity.high),
        (request("host.example", "/bin.sh"), Severity.high),
        (request("host.example", "http://host.example/bin.sh"), Severity.high),
        (certificate("ok.example", "*.evil.example"), Severity.high),
    ],
)
def test_wherever_the_name_stands(world: World, event: Event, severity: Severity) -> None:
    """One occurrence raises an alert; the internal host is the actor, list and line are included."""
    alert = one(inspected(detector(LISTED, world), [event]))
    assert alert.severity == severity
    assert alert.actor.address in (parse(CLIENT), parse("10.0.0.44"))
    assert alert.numbers["list"] == "bad"


def test_age_and_confidence(world: World) -> None:
    """The alert contains the age of the list entry and has its confidence."""
    alert = one(inspected(detector(LISTED, world), [query("fresh.example")]))
    assert (alert.numbers["age_days"], alert.confidence) == (13, 0.6)
    assert "first seen 13 days before" in alert.why[0]


def test_benign_twins_are_quiet(world: World) -> None:
    """Similar names, allowed names, expired entries, other paths of a listed URL, and missing lists raise no alert."""
    story = [
        query(name)
        for name in (
            "notevil.example",
            "example",
            "evil.example.org",
            "good.evil.example",
            "x.good.evil.example",
            "stale.example",
        )
    ]
    story += [request("host.example", "/index.html"), certificate("ok.example")]
    assert inspected(detector(LISTED, world), story) == []
    assert inspected(detector(LISTED), [query("evil.example")]) == []


def test_an_exception_counts_until_it_expires(tmp_path: Path) -> None:
    """The time of the packet decides, also before its name is compared in full."""
    (tmp_path / "bad.txt").write_text("evil.example\n")
    (tmp_path / "allow.csv").write_text(
        "domain,valid_until\npast.evil.example,2021-01-01\ngood.evil.example,2030-01-01\n"
    )
    world = World(lists=ThreatLists([tmp_path / "bad.txt", tmp_path / "allow.csv"]))
    unit = detector(LISTED, world)
    found = inspected(unit, [query("good.evil.example"), query("past.evil.example")])
    assert [alert.numbers["name"] for alert in found] == ["past.evil.example"]


def test_an_expired_domain_hides_no_listed_url(tmp_path: Path) -> None:
    """A request for a listed URL below a domain whose entry expired."""
    (tmp_path / "old.csv").write_text("indicator,valid_until\nhost.example,2021-01-01\n")
    (tmp_path / "bad.txt").write_text("http://host.example/bin.sh\n")
    unit = detector(LISTED, World(lists=ThreatLists([tmp_path / "old.csv", tmp_path / "bad.txt"])))
    found = inspected(unit, [request("host.example", "/bin.sh"), request("host.example", "/index.html")])
    assert [alert.numbers["entry"] for alert in found] == ["http://host.example/bin.sh"]


def test_repetition_is_one_finding(world: World) -> None:
    """Queries every minute for two days have one alert key."""
    assert len(inspected(detector(LISTED, world), [query(f"{n}.evil.example", 60 * n) for n in range(2880)])) == 2
