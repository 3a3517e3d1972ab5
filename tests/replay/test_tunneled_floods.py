"""Floods in tunnels: counted for the host in the tunnel that receives them, not for the ends of the tunnel."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sensor.config import load_config
from sensor.core.record import Record
from sensor.core.time_units import SECOND
from sensor.runtime.assembly import assemble
from tests.kit import batch_of, ethernet, ipv4, tcp, udp

VICTIM, BLOCK, BUSY = "10.7.0.5", "10.7.0.0/24", "10.8.0.5"
SYN, SYN_ACK = 0x02, 0x12
APART = SECOND // 2000
Wrap = Callable[[bytes], bytes]


def gre(packet: bytes) -> bytes:
    """RFC 2784, without optional fields."""
    return ethernet(ipv4(b"\0\0\x08\0" + packet, 47, "192.0.2.1", "192.0.2.2"), 0x0800)


def vxlan(packet: bytes) -> bytes:
    """RFC 7348, 5: the flag of a valid network identifier, and the identifier."""
    inner = b"\x08\0\0\0\0\0\x07\0" + ethernet(packet, 0x0800)
    return ethernet(ipv4(udp(inner, 50000, 4789), 17, "192.0.2.1", "192.0.2.2"), 0x0800)


def gtp(packet: bytes) -> bytes:
    """3GPP TS 29.281, 5.1: a user packet of one tunnel."""
    inner = b"\x30\xff" + len(packet).to_bytes(2, "big") + b"\0\0\0\5" + packet
    return ethernet(ipv4(udp(inner, 2152, 2152), 17, "192.0.2.1", "192.0.2.2"), 0x0800)


def segment(client: str, server: str, port: int, flags: int) -> bytes:
    if flags == SYN:
        return ipv4(tcp(b"", port, 80, flags=flags), 6, client, server)
    return ipv4(tcp(b"", 80, port, flags=flags, ack=2), 6, server, client)


def flood(count: int) -> Iterator[bytes]:
    """SYN of many sources, of which none is answered."""
    for n in range(count):
        yield segment(f"198.51.{n % 200}.{n % 97 + 1}", VICTIM, 1024 + n, SYN)


def sales(count: int) -> Iterator[bytes]:
    """As many clients, all of which are answered."""
    for n in range(count):
        for flags in (SYN, SYN_ACK):
            yield segment(f"198.51.{n % 200}.{n % 97 + 1}", BUSY, 1024 + n, flags)


def flooded(wrap: Wrap, *stories: Iterator[bytes]) -> list[tuple[str, str]]:
    """(severity, target block) of the reported floods."""
    reported: list[Record] = []
    pipeline = assemble(load_config(None), reported.append)
    frames = [wrap(packet) for story in stories for packet in story]
    pipeline.process(batch_of(frames, times=[SECOND + n * APART for n in range(len(frames))]))
    pipeline.finish()
    return [
        (record.severity, record.alert["numbers"]["block"])
        for record in reported
        if record.kind == "alert" and record.alert["detector"] == "impact.flood"
    ]


@pytest.mark.parametrize("wrap", [gre, vxlan, gtp])
def test_the_host_in_the_tunnel_is_the_target(wrap: Wrap) -> None:
    """A popular host behind the same tunnel is none; a longer flood is one alert."""
    assert flooded(wrap, sales(1000)) == []
    assert set(flooded(wrap, sales(1000), flood(1000))) == {("high", BLOCK)}
    assert set(flooded(wrap, flood(2500))) == {("high", BLOCK)}
