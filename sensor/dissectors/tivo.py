"""TiVo Connect beacons (TiVo Connect Automatic Machine Discovery Protocol, 1.5): video recorders, and media servers for
them, name themselves in lines of text on port 2190.

Reads the machine, the platform and the version of its software; ignores services.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.discovery import FIELD_LIMIT, Discovery
from sensor.dissectors.shared.sender_facts import facts

PORT = 2190
START = b"tivoconnect="
RECORDER = "tcd/"  # platform of recorders; others are programs
LINES_LIMIT = 32


class TivoBeacon(Event):
    """``platform``: ``tcd/Series3`` of a recorder, ``pc/`` and its program of a computer."""

    machine: str
    platform: str
    version: str


class Tivo(Discovery):
    """Beacons are sent every minute; identical ones within a minute are dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data[: len(START)].lower() != START:
            return []
        found: dict[bytes, str] = {}
        for line in data.split(b"\n", LINES_LIMIT)[:LINES_LIMIT]:
            name, _, value = line.partition(b"=")
            found.setdefault(name.strip().lower(), clean(value, FIELD_LIMIT))
        machine, platform = found.get(b"machine", ""), found.get(b"platform", "")
        version = found.get(b"swversion", "")
        pairs = (
            ("tivo.platform", platform),
            ("tivo.device_name", machine),
            ("tivo.firmware", version if platform.startswith(RECORDER) else ""),
        )
        return [TivoBeacon(packet, machine, platform, version), *facts(packet, pairs)]
