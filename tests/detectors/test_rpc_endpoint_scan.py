"""Queries of port mappers and endpoint mappers; zone transfers."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.portmap import PortmapCall
from sensor.dissectors.shared.rpc_events import RpcCall
from tests.detectors.stories import START, World, detector, device, inspected

RPC, ZONE = "discovery.rpc_endpoint_scan", "discovery.zone_transfer"


def packet(at: float, dst: str = "10.0.0.5", src: str = "10.0.0.66", proto: int = 17) -> Packet:
    return Packet(
        ts=START + int(at * SECOND), src=parse(src), dst=parse(dst), src_mac=0x66, sport=800, dport=111, proto=proto
    )


def lookup(at: float, dst: str, name: str = "nfs", program: int = 100003) -> Event:
    return PortmapCall(packet(at, dst), 1, "getport", program, name, 3)


def mapper(at: float, call: str = "ept_map") -> Event:
    return RpcCall(packet(at, proto=6), "", "epm", call, {"ept_lookup": 2, "ept_map": 3}[call], 0, 100, (), (), False)


def test_a_sweep_for_one_program_over_hours() -> None:
    """Eight hosts, one every half hour, raise an alert."""
    [alert] = inspected(detector(RPC), [lookup(n * 1800, f"10.0.0.{n + 1}") for n in range(8)])
    assert (alert.numbers["hosts"], alert.techniques[0].technique, len(alert.targets)) == (8, "T1046", 8)


def test_the_administration_daemon_counts_sooner() -> None:
    """Queries for the administration daemon have a threshold of two hosts."""
    assert (
        inspected(detector(RPC), [lookup(n, f"10.0.0.{n + 1}", "sadmind", 100232) for n in range(2)])[0].numbers[
            "threshold"
        ]
        == 2
    )


def test_many_look_ups_at_one_host() -> None:
    """Many queries at a port mapper or at an endpoint mapper raise an alert."""
    assert (
        inspected(detector(RPC), [lookup(n / 10, "10.0.0.5", "", 200000 + n) for n in range(60)])[0].numbers["lookups"]
        == 50
    )
    assert "endpoint mapper" in inspected(detector(RPC), [mapper(n / 1000) for n in range(60)])[0].summary


def test_a_list_of_everything_is_a_hint() -> None:
    """A full list of the endpoint mapper is low, and reported once for all its fragments."""
    [alert] = inspected(detector(RPC), [mapper(n, "ept_lookup") for n in range(5)])
    assert (alert.severity, alert.techniques[0].technique) == (Severity.low, "T1046")


def test_benign_twins_are_quiet() -> None:
    """A client of a few file servers, and occasional interface queries, raise no alert."""
    client = [lookup(n * 60, f"10.0.0.{n % 4 + 1}") for n in range(600)]
    assert inspected(detector(RPC), client) == []
    assert inspected(detector(RPC), [mapper(n * 5) for n in range(500)]) == []


def test_repetition_is_folded() -> None:
    """A growing scan has one key, reported again when it doubles."""
    found = inspected(detector(RPC), [lookup(n, f"10.0.0.{n + 1}") for n in range(60)])
    assert len({alert.key for alert in found}) == 1
    assert len(found) <= 4


def query(at: float, kind: int = 252, src: str = "10.0.0.66") -> Event:
    return DnsQuery(packet(at, "10.0.0.53", src, 6), 1, "corp.example", kind, 0, False)


def test_a_zone_is_requested() -> None:
    """One zone transfer raises an alert; a printer is high; ten minutes are one alert."""
    [alert] = inspected(detector(ZONE), [query(n) for n in range(5)])
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1590.002")
    assert inspected(detector(ZONE, World(device("printer", "10.0.0.66"))), [query(0)])[0].severity == Severity.high


def test_a_zone_is_refused() -> None:
    """The response shows the request where queries are not captured; with the query, it is the same alert. Responses of
    a primary to its secondary raise none.
    """
    refused = DnsResponse(packet(1, "10.0.0.66", "10.0.0.53"), 1, "corp.example", 252, 5, False, ())
    [alert] = inspected(detector(ZONE), [refused])
    assert (alert.actor.address, alert.target and alert.target.address) == (parse("10.0.0.66"), parse("10.0.0.53"))
    assert len(inspected(detector(ZONE), [query(0), refused])) == 1
    served = DnsResponse(packet(0, "10.0.0.9", "10.0.0.66"), 1, "a.example", 1, 0, False, ())
    assert inspected(detector(ZONE), [served, refused]) == []


def test_secondary_servers_may() -> None:
    """A host that answers DNS queries is a name server, and so is one that the server notifies of changes; usual
    queries and incremental transfers raise no alert.
    """
    served = DnsResponse(packet(0, "10.0.0.9", "10.0.0.66"), 1, "a.example", 1, 0, False, ())
    assert inspected(detector(ZONE), [served, query(1)]) == []
    assert inspected(detector(ZONE), [query(0, 1), query(1, 251)]) == []
    notified = [
        DnsQuery(packet(0, secondary, "10.0.0.53"), 1, "corp.example", 6, 4, False)
        for secondary in ("10.0.0.66", "10.0.0.67")
    ]
    assert inspected(detector(ZONE), [notified[0], query(1)]) == []
    assert len(inspected(detector(ZONE), [notified[1], query(1)])) == 1
    assert inspected(detector(ZONE, exempt=("10.0.0.64/28",)), [query(0)]) == []
