"""A small office network: frames with times of printers and clients. Each scenario changes how it is mirrored."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence

from sensor.core.addresses import Networks, parse
from sensor.doctor.finding import Finding, findings
from sensor.doctor.traffic import Seen, Traffic
from sensor.doctor.traffic_checks import TRAFFIC
from tests.kit import batch_of, ethernet, ipv4, tcp, udp

MS = 1_000_000
START = 1_700_000_000_000 * MS
ALL = (1 << 48) - 1
Timed = tuple[int, bytes]
PEOPLE = 30


def mac(address: str) -> int:
    """The MAC of a machine."""
    return 0x0017_C800_0000 | parse(address) & 0xFFFF


def arp(asker: str, requested: str, vlan: int = 0) -> bytes:
    sender = mac(asker).to_bytes(6, "big")
    payload = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + sender + _four(asker) + bytes(6) + _four(requested)
    return ethernet(payload, 0x0806, src=mac(asker), dst=ALL, vlan=vlan)


def segment(source: str, target: str, number: int, *, back: bool = False, vlan: int = 0, flags: int = 0x18) -> bytes:
    """A TCP segment of a connection from ``source`` to ``target``, or of its responses."""
    if back:
        payload = ipv4(tcp(bytes([number & 255]) * 400, 445, 40000, seq=number, flags=flags), 6, target, source)
        return ethernet(payload, 0x0800, src=mac(target), dst=mac(source), vlan=vlan)
    payload = ipv4(tcp(bytes([number & 255]) * 400, 40000, 445, seq=number, flags=flags), 6, source, target)
    return ethernet(payload, 0x0800, src=mac(source), dst=mac(target), vlan=vlan)


def office(net: str = "10.0.0", vlan: int = 0) -> list[Timed]:
    """Each client resolves a server by ARP and talks to it over TCP, 20 ms from frame to frame."""
    frames: list[bytes] = []
    for person in range(2, 2 + PEOPLE):
        one, server = f"{net}.{person}", f"{net}.{200 + person % 3}"
        frames.append(arp(one, server, vlan))
        for number in range(4):
            frames += segment(one, server, number, vlan=vlan), segment(one, server, number, back=True, vlan=vlan)
    return [(START + 20 * MS * place, frame) for place, frame in enumerate(frames)]


def keepalive(count: int) -> list[Timed]:
    """The same datagram repeated every 20 ms, as some phones send it."""
    payload = ethernet(
        ipv4(udp(b"\0\0", 5060, 5060), 17, "10.0.0.7", "10.0.0.200"), 0x0800, src=mac("10.0.0.7"), dst=mac("10.0.0.200")
    )
    return [(START + 20 * MS * place, payload) for place in range(count)]


def seen(
    frames: Iterable[Timed],
    *,
    networks: Sequence[str] = (),
    step: int = 100,
    live: bool = False,
    own: int = 0,
    **more: int,
) -> Seen:
    """The traffic statistics of the frames, in batches of ``step``; ``more``: ``mtu`` and ``cut`` (bytes captured of
    each frame).
    """
    mtu, cut, lost = more.get("mtu", 0), more.get("cut", 1 << 20), more.get("lost", 0)
    traffic = Traffic(Networks(networks), live=live, mac=own, mtu=mtu)
    ordered = sorted(frames, key=lambda one: one[0])
    for first in range(0, len(ordered), step):
        part = ordered[first : first + step]
        batch = batch_of(
            [frame[:cut] for _, frame in part], times=[ts for ts, _ in part], wire=[len(frame) for _, frame in part]
        )
        traffic.add(batch, part[-1][0] + 40 * MS if live else 0)
    return traffic.seen(lost)


def findings_of(one: Seen) -> dict[str, Finding]:
    """The findings by name of their check."""
    return {finding.check: finding for finding in findings(TRAFFIC, "wire", one)}


def failed_checks(one: Seen) -> dict[str, str]:
    """Checks that are not ok."""
    return {name: finding.level for name, finding in findings_of(one).items() if finding.level != "ok"}


def changed(frames: Iterable[Timed], change: Callable[[bytes], bytes | None]) -> list[Timed]:
    """Frames after a change on the way to the sensor; None: the frame is lost."""
    return [(ts, new) for ts, frame in frames if (new := change(frame)) is not None]


def _four(address: str) -> bytes:
    return (parse(address) & 0xFFFFFFFF).to_bytes(4, "big")
