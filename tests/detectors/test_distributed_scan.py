"""Port scans that several sources share: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from tests.detectors.stories import UDP, Story, lit, one, raised

SCAN = "discovery.distributed_scan"
TARGET = "10.0.0.80"


def shared(ports: int, sources: int, *, net: str = "10.0.5", answered: bool = False, rounds: int = 1) -> Story:
    """Ports of one target, each tried by the next source in turn."""
    story = lit(Story())
    for n in range(ports * rounds):
        story.flow(1 + n, f"{net}.{n % sources + 1}", TARGET, 1000 + n % ports, refused=not answered, answered=answered)
    return story


def test_six_sources_that_share_sixty_ports() -> None:
    """Six sources and sixty ports raise an alert about the target, whichever source is last."""
    alert = one(raised(SCAN, shared(60, 6)))
    assert (alert.numbers["ports"], alert.numbers["sources"], alert.severity) == (50, 6, Severity.medium)
    assert alert.target is not None
    assert alert.target.address == parse(TARGET)
    assert one(raised(SCAN, shared(60, 6, net="203.0.113"))).severity == Severity.low


def test_benign_twins_are_quiet() -> None:
    """Answered ports, few sources, few ports (many clients of a server that is down), and answers of reflectors raise
    no alert.
    """
    assert raised(SCAN, shared(60, 6, answered=True)) == []
    assert raised(SCAN, shared(60, 2)) == []
    assert raised(SCAN, shared(3, 90, rounds=30)) == []
    flood = lit(Story())
    for n in range(60):
        flood.flow(1 + n, f"203.0.113.{n % 6 + 1}", TARGET, 1000 + n, proto=UDP, refused=True, sport=11211)
    assert raised(SCAN, flood) == []


def test_repetition_is_reported_once_a_window() -> None:
    """Five rounds within ten minutes are reported once."""
    assert len(raised(SCAN, shared(60, 6, rounds=5))) == 1
