"""IP protocol scans: the attack, similar benign traffic, repetition; and its packets."""

from __future__ import annotations

from sensor.config import load_config
from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.record import Record
from sensor.core.time_units import SECOND
from sensor.runtime.assembly import assemble
from tests.detectors.stories import Story, World, device, raised
from tests.kit import batch_of, ethernet, ipv4

SCAN = "discovery.protocol_scan"
ACTOR, TARGET = "10.0.0.66", "10.0.0.1"


def scan(protocols: list[int], *, step: float = 0.1, target: str = TARGET) -> Story:
    story = Story()
    for n, proto in enumerate(protocols):
        story.flow(1 + n * step, ACTOR, target, 0, proto=proto, sport=0)
    return story


def test_many_protocols_are_a_scan() -> None:
    """Many protocols in any order, also slowly, raise an alert; a scan by a camera is more severe."""
    [alert] = raised(SCAN, scan([*range(256)][::-1]))
    assert alert.target is not None
    assert (alert.actor.address, alert.target.address) == (parse(ACTOR), parse(TARGET))
    assert (alert.severity, alert.numbers["protocols"], alert.techniques[0].technique) == (Severity.medium, 8, "T1046")
    assert len(raised(SCAN, scan([*range(100, 112)], step=300))) == 1
    assert len(raised(SCAN, scan([*range(100, 112)], step=7200))) == 1
    assert raised(SCAN, scan([*range(256)]), World(device("camera", ACTOR)))[0].severity == Severity.high


def test_benign_twins_are_quiet() -> None:
    """Usual protocols of hosts and routers, one protocol to many hosts, seven in an hour, a dozen in four days, and the
    own scanner raise no alert.
    """
    assert raised(SCAN, scan([1, 6, 17, 58] * 10)) == []
    assert raised(SCAN, scan([2, 47, 50, 51, 89, 103, 112] * 20)) == []
    assert raised(SCAN, scan([*range(100, 112)], step=30_000)) == []
    gre = Story()
    for n in range(200):
        gre.flow(n, ACTOR, f"10.0.1.{n}", 0, proto=47, sport=0)
    assert raised(SCAN, gre) == []
    assert raised(SCAN, scan([*range(256)]), exempt=("10.0.0.64/28",)) == []


def test_repetition_is_reported_once_in_a_day() -> None:
    """Ten repetitions of a scan are one alert; another target is another alert."""
    assert len(raised(SCAN, scan([*range(100, 200)] * 10))) == 1
    both = scan([*range(100, 120)])
    for n in range(100, 120):
        both.flow(50 + n, ACTOR, "10.0.0.2", 0, proto=n, sport=0)
    assert len({alert.key for alert in raised(SCAN, both)}) == 2


def test_packets_as_nmap_sends_them() -> None:
    """256 packets without payload, one for each protocol (also tunnels and extension headers), raise an alert."""
    frames = [ethernet(ipv4(b"", proto, ACTOR, TARGET), 0x0800) for proto in range(256)]
    records: list[Record] = []
    engine = assemble(load_config(None), records.append)
    engine.process(batch_of(frames, times=[SECOND * 1_000_000 + n * SECOND // 20 for n in range(256)]))
    engine.finish()
    alerts = [record.alert for record in records if record.kind == "alert" and isinstance(record.alert, dict)]
    assert [alert["detector"] for alert in alerts] == [SCAN]
