"""The EICAR antivirus test file, a 68-character string that every scanner detects, at the beginning of a TCP payload,
as in files sent by FTP or in HTTP bodies.

Ignores the file inside archives or encryption and behind other bytes. Files written over SMB are reported by the SMB
dissector.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet

# The string is assembled here, so that no scanner detects this file.
STRING = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!"


class EicarFile(Event):
    """The test file is transferred from the source of the packet to its destination."""


class Eicar(Dissector):
    """Recognized by its first bytes, in any connection."""

    interest = Interest(starts=(STRING[:8],), stream=True, opening=1)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return EicarStream()


class EicarStream(Stream):
    """One connection. Each direction is read until it is clear whether it begins with the string, and again after a
    gap.
    """

    def __init__(self) -> None:
        self._kept: list[bytes | None] = [b"", b""]

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        kept = self._kept[from_client]
        if kept is None:
            return
        kept += data[: len(STRING)]
        if kept.startswith(STRING):
            yield EicarFile(packet)
        self._kept[from_client] = kept if len(kept) < len(STRING) and STRING.startswith(kept) else None

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self._kept[from_client] = b""
        return iter(())
