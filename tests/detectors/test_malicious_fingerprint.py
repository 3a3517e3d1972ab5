"""Listed fingerprints: JA3, JA4 and certificates; similar benign traffic; repetition."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.tls import TlsCertificate, TlsClientHello
from sensor.intel.store import ThreatLists
from tests.detectors.stories import START, World, detector, inspected, one

LISTED = "command_and_control.malicious_fingerprint"
JA3 = "49ed2ef3f1321e5f044f1e71b0e6fdd5"
JA4 = "t13d190900_9dc949149365_97f8aa674fd9"
SHA1 = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "prints.txt").write_text(f"{JA3} # TrickBot\n{JA4}\n{SHA1.upper()} # Cobalt\n")
    return World(lists=ThreatLists([tmp_path / "prints.txt"]))


def hello(ja3: str = "", ja4: str = "", at: float = 0) -> Event:
    return TlsClientHello(
        Packet(ts=START + int(at * SECOND), src=parse("10.0.0.5"), dst=parse("203.0.113.6"), dport=443),
        "",
        (),
        "",
        ja3,
        ja4,
        (),
        False,
    )


def certificate(sha1: str) -> Event:
    packet = Packet(ts=START, src=parse("203.0.113.6"), dst=parse("10.0.0.5"), sport=443)
    return TlsCertificate(packet, False, "", "", "", "", "", (), 0, 0, True, "rsa", 2048, sha1, "")


@pytest.mark.parametrize(
    ("event", "severity"),
    [(hello(JA3), Severity.medium), (hello("", JA4), Severity.medium), (certificate(SHA1), Severity.high)],
    ids=["ja3", "ja4", "certificate"],
)
def test_listed_fingerprints(world: World, event: Event, severity: Severity) -> None:
    """A certificate is more severe than a ClientHello fingerprint."""
    alert = one(inspected(detector(LISTED, world), [event]))
    assert alert.target
    assert (alert.severity, alert.actor.address, alert.target.address) == (
        severity,
        parse("10.0.0.5"),
        parse("203.0.113.6"),
    )


def test_benign_twins_are_quiet(world: World) -> None:
    """Other fingerprints, no fingerprints, and missing lists raise no alert."""
    assert inspected(detector(LISTED, world), [hello(JA3[::-1]), hello(), certificate("")]) == []
    assert inspected(detector(LISTED), [hello(JA3)]) == []


def test_repetition_is_one_finding(world: World) -> None:
    """A fingerprint is reported once a day for each pair."""
    assert len(inspected(detector(LISTED, world), [hello(JA3, at=n) for n in range(500)])) == 1
