"""Observations about the sender of a packet."""

from __future__ import annotations

from collections.abc import Iterable

from sensor.core.dissector import Parsed
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet


def fact(packet: Packet, kind: str, value: str) -> Observation:
    """An observation about the sender. The value must be clean."""
    return Observation(packet.ts, Subject(packet.src_mac, packet.src, packet.vlan), kind, value, packet.flow)


def facts(packet: Packet, pairs: Iterable[tuple[str, str]]) -> list[Parsed]:
    """An observation about the sender for each (kind, value) that is not empty. Values must be clean."""
    ts, subject, flow = packet.ts, Subject(packet.src_mac, packet.src, packet.vlan), packet.flow
    return [Observation(ts, subject, kind, value, flow) for kind, value in pairs if value]
