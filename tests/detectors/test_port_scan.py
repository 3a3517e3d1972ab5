"""Port scans: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.ip_protocols import SCTP
from sensor.core.time_units import SECOND
from tests.detectors.stories import START, UDP, Story, World, device, lit, raised

SCAN = "discovery.port_scan"


def scan(story: Story, ports: int, *, step: float = 0.1, proto: int = 6, refused: bool = False) -> Story:
    for n in range(ports):
        story.flow(1 + n * step, "10.0.0.66", "10.0.0.1", 1 + n, proto=proto, refused=refused)
    return story


def test_refused_ports_are_a_scan_at_the_twenty_fifth() -> None:
    """25 ports in two minutes raise an alert with target, ports and threshold."""
    [alert] = raised(SCAN, scan(lit(Story()), 60, refused=True))
    assert alert.ts == START + int((1 + 24 * 0.1 + 0.001) * SECOND)
    assert alert.target is not None
    assert (alert.actor.address, alert.target.address) == (parse("10.0.0.66"), parse("10.0.0.1"))
    assert (alert.numbers["failed"], alert.numbers["threshold"]) == (25, 25)
    assert alert.why[2].startswith("among the ports 1, 2, 3")
    assert raised(SCAN, scan(lit(Story()), 24, refused=True)) == []


def test_silent_ports_are_a_scan_some_seconds_later() -> None:
    """Ports behind a firewall that drops count after a timeout; a scan by a camera is severe."""
    [alert] = raised(SCAN, scan(lit(Story()), 100), World(device("camera", "10.0.0.66")))
    assert START + 6 * SECOND < alert.ts < START + 9 * SECOND
    assert alert.severity == Severity.high


def test_udp_services_are_scanned_too() -> None:
    """UDP ports below the ephemeral range count."""
    assert len(raised(SCAN, scan(lit(Story()), 100, proto=UDP))) == 1


def test_sctp_ports_are_scanned_too() -> None:
    """SCTP ports that reject the association, or are silent, count; those of a signalling peer that answer do not."""
    assert raised(SCAN, scan(lit(Story()), 60, proto=SCTP, refused=True))[0].network["proto"] == "sctp"
    assert len(raised(SCAN, scan(lit(Story()), 60, proto=SCTP))) == 1
    peers = lit(Story())
    for n in range(60):
        peers.flow(1 + n, "10.0.0.66", "10.0.0.1", 2905, proto=SCTP, answered=True, sport=2905 + n)
    assert raised(SCAN, peers) == []


def test_a_slow_scan_is_seen_within_the_hour() -> None:
    """One port a minute is below the fast threshold and exceeds the slow one."""
    [alert] = raised(SCAN, scan(lit(Story()), 55, step=60, refused=True))
    assert (alert.numbers["failed"], alert.numbers["window_s"]) == (50, 3600)


def test_a_scan_of_which_only_one_direction_is_seen() -> None:
    """Single SYNs and UDP datagrams in a one-way capture count when their flows end; a client that continues to send is
    not a scanner.
    """
    story = Story()
    for n in range(29):
        story.flow(1 + n * 0.1, "10.0.0.66", "10.0.0.1", 1 + n, ended=31)
    assert len(raised(SCAN, story)) == 1
    story = Story()
    for n in range(29):
        story.flow(1 + n * 0.1, "10.0.0.66", "198.51.100.7", 1 + n, proto=UDP, ended=31)
    assert len(raised(SCAN, story)) == 1
    conversations = Story()
    for n in range(29):
        conversations.flow(1 + n * 0.1, "10.0.0.5", "10.0.0.1", 1 + n, proto=UDP, ended=31, packets=(9, 0))
    assert raised(SCAN, conversations) == []


def test_benign_twins_are_quiet() -> None:
    """Passive FTP and RPC with answers, traceroute, answers to SSDP and WS-Discovery, and a browser's connections to
    one port raise no alert.
    """
    story = lit(Story())
    for n in range(90):
        at = 1 + n * 0.5
        story.flow(at, "10.0.0.5", "10.0.0.21", 50000 + n, answered=True)
        story.flow(at, "10.0.0.5", "8.8.8.8", 33434 + n, proto=UDP)
        story.flow(at, "10.0.0.1", "10.0.0.5", 20000 + n, proto=UDP, sport=1900)
        story.flow(at, "10.0.0.9", "10.0.0.5", 21000 + n, proto=UDP, sport=3702)
        story.flow(at, "10.0.0.5", "10.0.0.80", 443, sport=40000 + n)
        story.flow(at, "10.0.0.5", "10.0.0.22", 1024 + n, answered=n % 3 > 0, refused=n % 3 == 0)
    assert raised(SCAN, story) == []


def test_repetition_is_reported_once_a_window() -> None:
    """Five minutes of one scan are a few reports with one key."""
    story = lit(Story())
    for n in range(3000):
        story.flow(1 + n * 0.1, "10.0.0.66", "10.0.0.1", 1 + n, refused=True)
    found = raised(SCAN, story)
    assert 3 <= len(found) <= 10
    assert len({alert.key for alert in found}) == 1
