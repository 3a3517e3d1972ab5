"""Stratum: requests of miners, work from pools, and other JSON."""

from __future__ import annotations

from sensor.core.packet import Packet
from sensor.dissectors.stratum import Stratum
from tests.dissectors.samples import events, packets


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Stratum().stream(Packet())
    chosen = [packet for packet in packets("stratum") if port in (packet.sport, packet.dport)]
    return [parsed for packet in chosen for parsed in stream.feed(packet, packet.payload, packet.sport == port)]


def test_subscribe_and_authorize() -> None:
    assert events(session(49300)) == [
        ("StratumRequest", "mining.subscribe", "cgminer/4.10.0", ""),
        ("StratumRequest", "mining.authorize", "", "1ExampleAccount.rig4"),
        ("StratumWork", "mining.set_difficulty"),
    ]


def test_logins() -> None:
    """Logins for Ethereum and Monero are reported without the password."""
    assert events(session(49301)) == [("StratumRequest", "eth_submitLogin", "", "0x00exampleaccount/rig1")]
    assert events(session(49302)) == [
        ("StratumRequest", "login", "xmr-stak-cpu/1.3.0", "4ExampleAccount"),
        ("StratumWork", "job"),
        ("StratumRequest", "submit", "", ""),
    ]


def test_other_json_is_left_alone() -> None:
    """A login without a password yields nothing, and after several unknown lines the stream ends."""
    assert session(49303) == []
    stream, packet = Stratum().stream(Packet()), Packet(proto=6)
    assert list(stream.feed(packet, b'{"id":1,"method":"call"}\n' * 8, True)) == []
    assert stream.done


def test_middle_and_gaps() -> None:
    """A connection captured from the middle or from the pool's side only is parsed, and so is a call after a gap."""
    stream, packet = Stratum().stream(Packet()), Packet(proto=6)
    assert events(list(stream.feed(packet, b'{"id":null,"method":"mining.notify","params":["1"]}\n', False))) == [
        ("StratumWork", "mining.notify")
    ]
    assert list(stream.gap(packet, 10, True)) == []
    assert events(list(stream.feed(packet, b'half"}\n{"method":"mining.submit","params":[]}\n', True))) == [
        ("StratumRequest", "mining.submit", "", "")
    ]
