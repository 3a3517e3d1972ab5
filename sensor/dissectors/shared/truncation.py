"""Incomplete messages: the capture may have truncated the packet, or the sender sent an invalid one."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed


def incomplete(packet: Packet, fault: str = "message ends early") -> Iterator[Parsed]:
    """Nothing if the capture truncated the packet. Raises Malformed otherwise."""
    if packet.truncated:
        return iter(())
    raise Malformed(fault) from None
