"""Writes quarantined packets to a capture file for any tool."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

from sensor.core.packet import Packet
from sensor.logs.logs import log

_NANOSECONDS = 0xA1B23C4D
_RECORD = struct.Struct("<IIII")


def write_quarantine(path: Path, packets: Iterable[Packet]) -> None:
    """Write a pcap file with times in ns. A file that cannot be written is logged: the end of the run is still to
    come.
    """
    try:
        _write(path, packets)
    except OSError as error:
        log().warning("the packets of a failed unit cannot be written", path=str(path), error=error.strerror)


def _write(path: Path, packets: Iterable[Packet]) -> None:
    """It has one link type: packets with another than the first are left out."""
    link = -1
    with path.open("wb") as file:
        for packet in packets:
            if link < 0:
                link = packet.link
                file.write(struct.pack("<IHHiIII", _NANOSECONDS, 2, 4, 0, 0, 262144, link))
            if packet.link == link:
                seconds, rest = divmod(max(packet.ts, 0), 10**9)
                file.write(_RECORD.pack(seconds & 0xFFFFFFFF, rest, len(packet.frame), packet.wirelen) + packet.frame)
