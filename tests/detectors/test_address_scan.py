"""Address scans: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.alerts.aggregation import AlertAggregator
from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.time_units import SECOND
from tests.detectors.stories import PING, START, TCP, UDP, Story, World, device, lit, one, raised

SCAN = "discovery.address_scan"


def sweep(
    story: Story,
    count: int,
    *,
    source: str = "10.0.0.66",
    net: str = "10.0.5",
    port: int = 445,
    proto: int = TCP,
    step: float = 0.1,
    at: float = 1,
    **how: bool,
) -> Story:
    for n in range(count):
        story.flow(at + n * step, source, f"{net}.{n + 1}", port, proto=proto, **how)
    return story


def after(story: Story, at: float = 60) -> Story:
    """Later flows of the scanner, at which its earlier ones are evaluated."""
    return story.flow(at, "10.0.0.66", "10.0.5.250", 445)


@pytest.mark.parametrize(("proto", "port"), [(TCP, 445), (UDP, 161), (PING, 8)])
def test_a_sweep_of_the_network_is_reported_early(proto: int, port: int) -> None:
    """Ten internal addresses that do not answer are a scan, over TCP, UDP and ping; the alert contains actor, targets
    and numbers.
    """
    story = sweep(lit(Story()), 60, proto=proto, port=port, step=0.5)
    alert = one(raised(SCAN, story))
    assert alert.ts <= START + 12 * SECOND
    assert alert.actor.address == parse("10.0.0.66")
    assert alert.numbers["failed"] >= 10
    assert alert.numbers["threshold"] == 50
    assert parse("10.0.5.1") in {target.address for target in alert.targets}
    assert alert.severity == Severity.medium


def test_a_growing_scan_is_reported_again() -> None:
    """A scan with four times as many targets is reported again, with the same key and the new numbers."""
    found = raised(SCAN, sweep(lit(Story()), 200, port=22, refused=True, step=0.01))
    assert one(found)
    assert [alert.numbers["failed"] for alert in found] == [10, 40, 160]


def test_refused_contacts_count_at_once() -> None:
    """Rejected connections count at once: a scan of port 22 is reported at the tenth host."""
    [alert] = raised(SCAN, sweep(lit(Story()), 30, port=22, refused=True, step=0.01))
    assert alert.numbers["failed"] == 10


def test_half_of_the_network_answers_and_it_is_a_scan_still() -> None:
    """Fifty failed connections are a scan although as many hosts answered; hosts that answered are not targets."""
    story = lit(Story())
    for n in range(120):
        story.flow(1 + n * 0.1, "10.0.0.66", f"10.0.5.{n + 1}", 8, proto=PING, answered=n % 2 == 0)
    [alert] = raised(SCAN, story.flow(40, "10.0.0.66", "10.0.6.1", 8, proto=PING))
    assert alert.numbers["failed"] >= 50
    assert alert.numbers["answered"] >= 50


def test_a_scan_of_the_outside_needs_fifty() -> None:
    """External addresses often do not answer: 49 failed connections raise no alert, 90 are a scan."""
    assert raised(SCAN, after(sweep(lit(Story()), 49, net="203.0.113"))) == []
    assert len(raised(SCAN, sweep(lit(Story()), 90, net="203.0.113"))) == 1


def test_from_outside_it_is_reconnaissance_and_low() -> None:
    """A scan by an external host is low; a fixed-function device that scans is more severe."""
    [alert] = raised(SCAN, sweep(lit(Story()), 60, source="203.0.113.9"))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.low, "T1595.001")
    [alert] = raised(SCAN, sweep(lit(Story()), 60), World(device("camera", "10.0.0.66", "CAM-1")))
    assert alert.severity == Severity.high
    assert alert.summary.startswith("camera CAM-1 (10.0.0.66) ")


def test_browsing_and_resolving_are_quiet() -> None:
    """Hundreds of addresses that answer, in bursts, and a few that do not, are no scan."""
    story = lit(Story())
    for n in range(400):
        dead = n % 12 == 0
        story.flow(1 + n * 0.02, "10.0.0.5", f"198.51.{n // 200}.{n % 200 + 1}", 443, answered=not dead)
        story.flow(1 + n * 0.02, "10.0.0.53", f"203.0.{n // 200}.{n % 200 + 1}", 53, proto=UDP, answered=not dead)
    assert (
        raised(SCAN, story.flow(60, "10.0.0.5", "198.51.9.9", 443).flow(60, "10.0.0.53", "203.0.9.9", 53, proto=UDP))
        == []
    )


def test_a_burst_of_a_monitoring_system_is_quiet() -> None:
    """Two hundred pings before the first answer, with nine hosts down, are no scan."""
    story = lit(Story())
    for n in range(200):
        story.flow(1 + n * 0.000001, "10.0.0.7", f"10.0.5.{n + 1}", 8, proto=PING, answered=n >= 9)
    assert raised(SCAN, story.flow(30, "10.0.0.7", "10.0.5.20", 8, proto=PING, answered=True)) == []


def printers(story: Story, turns: int = 10, dead: int = 12) -> Story:
    """A print server that requests the state of thirty printers each minute, of the living ones each third minute."""
    for turn in range(turns):
        for n in range(30):
            if n < dead or turn % 3 == 0:
                at = 1 + turn * 60 + n * 0.1
                story.flow(at, "10.0.0.7", f"10.0.6.{n + 1}", 9100, answered=n >= dead, ended=30)
    return story


def test_printers_that_are_off_are_no_scan() -> None:
    """A print server contacts printers that are off again and again: no scan, although in some minutes nothing answers;
    addresses that it never contacted are, and so are the same addresses for a host that tries them first.
    """
    assert raised(SCAN, printers(lit(Story()))) == []
    story = sweep(printers(lit(Story())), 20, source="10.0.0.7", port=9100, at=500, step=0.5)
    assert one(raised(SCAN, story)).numbers == {"failed": 10, "answered": 0, "threshold": 50, "window_s": 120}
    story = sweep(printers(lit(Story()), dead=20), 20, net="10.0.6", port=9100, at=500, step=0.5)
    assert one(raised(SCAN, story)).actor.address == parse("10.0.0.66")


def test_a_scan_is_reported_again_after_an_hour() -> None:
    """The same scan within the hour is part of the first; an hour after its last contact it is reported again."""
    story = lit(Story())
    for at in (1, 1200, 8000):
        sweep(story, 20, at=at, refused=True)
    found = raised(SCAN, story)
    assert one(found)
    assert [(alert.ts - START) // (1000 * SECOND) for alert in found] == [0, 8]


def test_peer_to_peer_is_quiet() -> None:
    """Many unreachable peers on many ports, or on usual peer-to-peer ports, are no scan."""
    story = lit(Story())
    for n in range(200):
        story.flow(1 + n * 0.3, "10.0.0.5", f"203.0.113.{n + 1}", 20000 + n, proto=UDP)
        story.flow(1 + n * 0.3, "10.0.0.5", f"198.51.100.{n + 1}", 6881, proto=UDP)
    assert raised(SCAN, story) == []


def test_updates_from_peers_are_quiet() -> None:
    """A Windows client that looks for the same update at many peers, of which most are off, is no scan; the same
    contacts on another port are.
    """
    assert raised(SCAN, after(sweep(lit(Story()), 60, port=7680, step=0.5))) == []
    assert one(raised(SCAN, after(sweep(lit(Story()), 30, port=7681, step=0.5)))).numbers["failed"] == 10


def test_multicast_and_broadcast_are_no_targets() -> None:
    """Discovery messages to multicast and broadcast addresses are no scan, although they get no answer."""
    story = lit(Story())
    for n in range(60):
        story.flow(1 + n, "10.0.0.5", f"239.1.1.{n + 1}", 1900, proto=UDP)
        story.flow(1 + n, "10.0.0.5", f"10.0.{n}.255", 137, proto=UDP, group=True)
    assert raised(SCAN, story) == []


@pytest.mark.parametrize(("server", "client"), [(67, 68), (547, 546), (5353, 5353)])
def test_a_server_that_answers_many_is_quiet(server: int, client: int) -> None:
    """DHCP leases after a power cut and a printer's answers to broadcast queries are no scan, although each answer
    opens a flow without an answer.
    """
    story = lit(Story())
    for n in range(80):
        story.flow(1 + n * 0.5, "10.0.0.1", f"10.0.5.{n + 1}", client, proto=UDP, sport=server, ended=60)
    assert raised(SCAN, story.flow(120, "10.0.0.1", "10.0.5.250", client, proto=UDP, sport=server)) == []


def test_the_port_of_dhcp_clients_can_be_scanned() -> None:
    """Datagrams to the DHCP client port that do not come from a server port count as a scan."""
    assert one(raised(SCAN, sweep(lit(Story()), 60, port=68, proto=UDP)))


def test_a_capture_of_one_direction_accuses_no_host() -> None:
    """In a capture without answers, clients that continue to send are no scanners."""
    story = Story()
    for n in range(100):
        story.flow(1 + n * 0.5, "10.0.0.5", f"10.0.5.{n + 1}", 443, ended=20, packets=(12, 0))
        story.flow(1 + n * 0.5, "10.0.0.5", f"10.0.6.{n % 40 + 1}", 53, proto=UDP, ended=20)
        story.flow(1 + n * 0.5, "10.0.0.5", f"198.51.100.{n + 1}", 53, proto=UDP, ended=20)
    assert raised(SCAN, story) == []


def test_many_questions_over_udp_are_a_hint_where_no_answer_can_be_seen() -> None:
    """Datagrams to fifty internal hosts in a capture without answers are a low alert."""
    story = Story()
    for n in range(60):
        story.flow(1 + n * 0.1, "10.0.0.66", f"10.0.5.{n + 1}", 40125, proto=UDP, ended=20)
    alert = one(raised(SCAN, story))
    assert (alert.numbers["failed"], alert.severity) == (50, Severity.low)


def test_lone_syns_are_a_scan_even_without_an_answer_in_sight() -> None:
    """In a capture without answers, flows of one or two packets are evaluated when they end."""
    story = Story()
    for n in range(30):
        story.flow(1 + n * 0.1, "10.0.0.66", f"10.0.5.{n + 1}", 445, ended=31)
    [alert] = raised(SCAN, story)
    assert alert.numbers["failed"] == 10


def test_repeats_fold_into_one_alert() -> None:
    """A scan of an hour is one alert with a count."""
    story = lit(Story())
    for n in range(3600):
        story.flow(1 + n, "10.0.0.66", f"10.{n // 250 + 1}.5.{n % 250 + 1}", 445)
    found = raised(SCAN, story)
    assert 20 < len(found) < 40
    desk = AlertAggregator()
    opened = [action for alert in found for action, _ in desk.take(alert)]
    assert opened.count("open") == 1
    [(_, alert)] = desk.finish(START + 3600 * SECOND)
    assert alert.count == len(found)


def test_our_own_scanner_is_exempt() -> None:
    """Addresses and networks of the option raise no alert."""
    assert raised(SCAN, sweep(lit(Story()), 60), exempt=("10.0.0.64/30",)) == []
