"""Shared by the tests of the dissectors: packets of the sample captures, and parsed results in a comparable form."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from sensor.core.addresses import mac_text, text
from sensor.core.dissector import Parsed
from sensor.core.event import Event
from sensor.core.observation import Observation
from sensor.core.packet import Packet, Packets
from tests.kit import batch_of

PCAPS = Path(__file__).resolve().parents[2] / "pcaps" / "dissectors"


def frames(name: str) -> list[bytes]:
    """The frames of ``pcaps/dissectors/<name>.pcap``, which is little-endian."""
    data = (PCAPS / f"{name}.pcap").read_bytes()
    found, offset = [], 24
    while offset < len(data):
        size = struct.unpack_from("<I", data, offset + 8)[0]
        found.append(data[offset + 16 : offset + 16 + size])
        offset += 16 + size
    return found


def packets(name: str, heads: bool = False) -> list[Packet]:
    """The packets of a sample capture as the decode pass returns them, without those that have no payload; ``heads``:
    with the header as payload of TCP segments.
    """
    batch = batch_of(frames(name))
    if heads:
        size = 4 * batch.rows["begins"].astype("u4")
        batch.rows["payload"] -= size
        batch.rows["payload_len"] += size
    rows = Packets(batch.data, batch.rows)
    found = [packet for packet in (rows.at(i) for i in range(len(batch.rows))) if packet.payload]
    assert found, f"{name}: no packet with a payload"
    return found


def facts(parsed: Iterable[Parsed]) -> list[tuple[str, str, str, str]]:
    """(MAC, address, kind, value) of each observation, as text; ``-`` for a missing MAC or address."""
    return [
        (
            mac_text(one.subject.mac) if one.subject.mac else "-",
            text(one.subject.address) if one.subject.address else "-",
            one.kind,
            one.value,
        )
        for one in parsed
        if isinstance(one, Observation)
    ]


def values(parsed: Iterable[Parsed]) -> list[tuple[str, str]]:
    """(kind, value) of each observation."""
    return [(one.kind, one.value) for one in parsed if isinstance(one, Observation)]


def events(parsed: Iterable[Parsed]) -> list[tuple[Any, ...]]:
    """Class name and fields of each event, without the packet."""
    return [(type(one).__name__, *msgspec.structs.astuple(one)[1:]) for one in parsed if isinstance(one, Event)]
