"""Look-ups at port mappers and endpoint mappers; zones asked for."""

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
    """Eight hosts, one every half hour."""
    [alert] = inspected(detector(RPC), [lookup(n * 1800, f"10.0.0.{n + 1}") for n in range(8)])
    assert (alert.numbers["hosts"], alert.techniques[0].technique, len(alert.targets)) == (8, "T1046", 8)


def test_the_administration_daemon_counts_sooner() -> None:
    """Nobody needs it of two hosts."""
    assert (
        inspected(detector(RPC), [lookup(n, f"10.0.0.{n + 1}", "sadmind", 100232) for n in range(2)])[0].numbers[
            "threshold"
        ]
        == 2
    )


def test_many_look_ups_at_one_host() -> None:
    """Of the port mapper and of the endpoint mapper."""
    assert (
        inspected(detector(RPC), [lookup(n / 10, "10.0.0.5", "", 200000 + n) for n in range(60)])[0].numbers["lookups"]
        == 50
    )
    assert "endpoint mapper" in inspected(detector(RPC), [mapper(n / 1000) for n in range(60)])[0].summary


def test_a_list_of_everything_is_a_hint() -> None:
    """Of the endpoint mapper: programs look up what they use. Once, however many pieces it comes in."""
    [alert] = inspected(detector(RPC), [mapper(n, "ept_lookup") for n in range(5)])
    assert (alert.severity, alert.techniques[0].technique) == (Severity.low, "T1046")


def test_benign_twins_are_quiet() -> None:
    """A client of a few file servers all day, and one that looks up an interface now and then."""
    client = [lookup(n * 60, f"10.0.0.{n % 4 + 1}") for n in range(600)]
    assert inspected(detector(RPC), client) == []
    assert inspected(detector(RPC), [mapper(n * 5) for n in range(500)]) == []


def test_repetition_is_folded() -> None:
    """The same key while it grows, told again when it doubles."""
    found = inspected(detector(RPC), [lookup(n, f"10.0.0.{n + 1}") for n in range(60)])
    assert len({alert.key for alert in found}) == 1
    assert len(found) <= 4


def query(at: float, kind: int = 252, src: str = "10.0.0.66") -> Event:
    return DnsQuery(packet(at, "10.0.0.53", src, 6), 1, "corp.example", kind, 0, False)


def test_a_zone_is_requested() -> None:
    """Once is enough; a printer that does it is high; ten minutes are one finding."""
    [alert] = inspected(detector(ZONE), [query(n) for n in range(5)])
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1590.002")
    assert inspected(detector(ZONE, World(device("printer", "10.0.0.66"))), [query(0)])[0].severity == Severity.high


def test_secondary_servers_may() -> None:
    """Who answers questions is a name server; ordinary questions and incremental transfers are none of our business."""
    served = DnsResponse(packet(0, "10.0.0.9", "10.0.0.66"), 1, "a.example", 1, 0, False, ())
    assert inspected(detector(ZONE), [served, query(1)]) == []
    assert inspected(detector(ZONE), [query(0, 1), query(1, 251)]) == []
    assert inspected(detector(ZONE, exempt=("10.0.0.64/28",)), [query(0)]) == []
