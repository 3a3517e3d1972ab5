"""Reads the evidence of an alert for display: the frames of its pcapng file, each with a summary of its headers.
Format: draft-ietf-opsawg-pcapng.

Only what ``writer.py`` writes is supported: little-endian sections, times in nanoseconds, enhanced packet blocks. A
truncated file yields its complete blocks.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sensor.core.addresses import mac_text
from sensor.core.reader import clean
from sensor.evidence.links import ETHERNET, network_start

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
COMMENT = 1
VLANS = (0x8100, 0x88A8)
ETHERTYPES = {0x0800: "IPv4", 0x86DD: "IPv6", 0x0806: "ARP", 0x88CC: "LLDP"}
PROTOCOLS = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
FLAGS = (("SYN", 2), ("FIN", 1), ("RST", 4), ("PSH", 8), ("ACK", 16))
BIGGEST = 64 << 20


class NotReadable(Exception):
    """The file cannot be read; the message is the reason."""


class EvidenceFrame(NamedTuple):
    """``ts``: ns; ``size``: bytes on the wire, of which ``data`` may be the first; ``comment``: why it was kept."""

    ts: int
    data: bytes
    size: int
    comment: str
    link: int

    @property
    def summary(self) -> str:
        """Source, destination and content, from the headers."""
        return clean(_summary(self.data, self.link))


def frames_of(path: Path, most: int) -> Iterator[EvidenceFrame]:
    """The first ``most`` frames of a file. Raises NotReadable."""
    try:
        with path.open("rb") as file:
            content = file.read(BIGGEST)
    except OSError as error:
        raise NotReadable(f"{path.name}: {error.strerror}") from None
    if content[:4] != struct.pack("<I", SECTION):
        raise NotReadable(f"{path.name}: found no pcapng section, expected one of this sensor")
    links: list[int] = []
    for kind, body in _blocks(content):
        if kind == SECTION:
            links = []
        elif kind == INTERFACE and len(body) >= 2:
            links.append(struct.unpack_from("<H", body)[0])
        elif kind == PACKET and most > 0 and (frame := _frame(body, links)) is not None:
            most -= 1
            yield frame


def _blocks(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 12 <= len(content):
        kind, size = struct.unpack_from("<II", content, at)
        if size < 12 or at + size > len(content):
            return
        yield kind, content[at + 8 : at + size - 4]
        at += size


def _frame(body: bytes, links: list[int]) -> EvidenceFrame | None:
    if len(body) < 20:
        return None
    number, high, low, held, size = struct.unpack_from("<IIIII", body)
    data = body[20 : 20 + held]
    link = links[number] if number < len(links) else -1
    return EvidenceFrame(high << 32 | low, data, size, _comment(body[20 + held + (-held % 4) :]), link)


def _comment(options: bytes) -> str:
    at = 0
    while at + 4 <= len(options):
        code, size = struct.unpack_from("<HH", options, at)
        if code == COMMENT:
            return clean(options[at + 4 : at + 4 + size])
        at += 4 + size + (-size % 4)
    return ""


def _summary(data: bytes, link: int) -> str:
    start = network_start(data, link)
    if start is None:
        return "truncated frame" if link == ETHERNET else f"frame of link type {link}"
    (kind, at), tag = start, ""
    while kind in VLANS and len(data) >= at + 4:
        tag = f"VLAN {int.from_bytes(data[at : at + 2], 'big') & 0xFFF} "
        kind, at = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
    name = ETHERTYPES.get(kind, f"ethertype 0x{kind:04x}")
    payload = data[at:]
    if name == "IPv4" and len(payload) >= 20:
        return tag + _ip(payload[9], payload[12:16], payload[16:20], payload[(payload[0] & 15) * 4 :])
    if name == "IPv6" and len(payload) >= 40:
        return tag + _ip(payload[6], payload[8:24], payload[24:40], payload[40:])
    if link != ETHERNET:
        return tag + name
    return f"{tag}{name} {mac_text(int.from_bytes(data[6:12], 'big'))} → {mac_text(int.from_bytes(data[:6], 'big'))}"


def _ip(protocol: int, source: bytes, target: bytes, payload: bytes) -> str:
    ends = [_address(source), _address(target)]
    name = PROTOCOLS.get(protocol, f"protocol {protocol}")
    if name not in ("TCP", "UDP") or len(payload) < 8:
        return f"{name} {' → '.join(ends)}"
    ports = struct.unpack_from(">HH", payload)
    text = f"{name} " + " → ".join(
        f"{f'[{end}]' if ':' in end else end}:{port}" for end, port in zip(ends, ports, strict=True)
    )
    if name == "TCP" and len(payload) >= 14:
        text += " " + ", ".join(flag for flag, bit in FLAGS if payload[13] & bit)
    return text


def _address(raw: bytes) -> str:
    return str(ipaddress.ip_address(raw))
