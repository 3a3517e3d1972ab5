"""TCP headers: SYN fingerprints, and segments with invalid flags."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.tcp_syn import Tcp
from tests.dissectors.samples import events, packets, values


def of_sample(index: int) -> list[object]:
    return list(Tcp().dissect(packets("tcp_syn", heads=True)[index]))


def test_two_systems_by_their_options() -> None:
    """The SYN fingerprint contains the initial hop limit, window, MSS, scale and the order of the options."""
    assert values(of_sample(0)) == [("tcp.syn", "64:mss*20:1460:7:mss,sok,ts,nop,ws")]
    assert values(of_sample(1)) == [("tcp.syn", "128:mss*44:1460:8:mss,nop,ws,nop,nop,sok")]
    assert values(of_sample(8)) == [("tcp.syn", "64:mss*10:1440:*:mss")]
    assert events(of_sample(0)) == [
        ("TcpSyn", 29200, ("mss", "sok", "ts", "nop", "ws"), 1460, 7, 5000, False, False, -1)
    ]


@pytest.mark.parametrize(("ttl", "hops"), [(64, None), (63, "1"), (126, "2"), (254, "1"), (61, None), (129, None)])
def test_a_forwarded_packet(ttl: int, hops: str | None) -> None:
    """A TTL just below an initial one shows that a host near the sensor forwarded the packet."""
    header = bytes(12) + bytes([20 << 2, 2]) + bytes(6)
    seen = dict(values(Tcp().dissect(Packet(header, tcp_flags=2, proto=6, ttl=ttl))))
    assert seen.get("tcp.hops") == hops


def test_an_option_with_an_impossible_length() -> None:
    """An option with an invalid length is reported, and the header yields no observation."""
    assert events(of_sample(3)) == [("TcpSyn", 8192, ("ao",), -1, -1, -1, False, False, 29)]
    assert values(of_sample(3)) == []


def test_impossible_flags() -> None:
    """Segments without flags, with invalid combinations, and SYN with FIN are reported."""
    assert [events(of_sample(index))[0][:3] for index in (5, 6, 7)] == [
        ("TcpOddFlags", 0, 128),
        ("TcpOddFlags", 0x29, 65535),
        ("TcpOddFlags", 0x2B, 256),
    ]


@pytest.mark.parametrize("options", [b"\x02\x03\x05\xb4", b"\x02", b"\x03\x09\0\0", b"\x08\x0a\0\0"])
def test_lengths_that_do_not_fit(options: bytes) -> None:
    """Options with a wrong fixed length, or past the end of the header, are reported as broken."""
    header = bytes(12) + bytes([(20 + len(options)) << 2, 2]) + bytes(6)
    [(*_, broken)] = events(Tcp().dissect(Packet(header + options, tcp_flags=2, proto=6)))
    assert broken == options[0]


def test_a_header_that_ends_early() -> None:
    """A header of less than twenty bytes is malformed."""
    with pytest.raises(Malformed):
        Tcp().dissect(Packet(bytes(19), tcp_flags=2, proto=6))


def test_options_end_with_the_longest_header() -> None:
    """What follows sixty bytes is no option."""
    header = bytes(12) + b"\xf0\x02" + bytes(6) + b"\x01" * 400
    [(_, _, options, *_)] = events(Tcp().dissect(Packet(header, tcp_flags=2, proto=6)))
    assert options == ("nop",) * 40
