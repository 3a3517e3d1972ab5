"""Printers announced to CUPS over UDP port 631 (CUPS Browsing Protocol of CUPS 1.5, which cups-browsed still accepts).

Reads the URI of printers that are announced to one host; print servers announce theirs to all. Location, description
and model are ignored. No facts about the sender.
"""

from __future__ import annotations

import re

from sensor.core.addresses import is_group_mac
from sensor.core.dissector import Interest, Parsed
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.service_command import ServiceCommand
from sensor.dissectors.shared.discovery import Discovery

PORT = 631
# Type and state in hexadecimal, and the URI.
_PRINTER = lazy_pattern(rb"[0-9a-f]{1,8} [0-9a-f]{1,2} ([a-z]{3,5}://[\x21-\x7e]{1,1024})(?:\s|\Z)", re.IGNORECASE)


class CupsBrowse(Discovery):
    """Announcements are repeated every 30 seconds; identical ones within a minute are dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        found = _PRINTER.match(packet.payload)
        if found is None or is_group_mac(packet.dst_mac):
            return []
        return [ServiceCommand(packet, "cups", clean(found[1]))]
