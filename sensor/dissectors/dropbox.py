"""LAN sync of Dropbox: a JSON object broadcast from and to port 17500 by every computer that runs the program.

Reads that it runs and in which version. The numbers of folders and hosts identify accounts and are only counted.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.json_values import read_object, text
from sensor.dissectors.shared.sender_facts import facts

PORT = 17500


class DropboxAnnouncement(Event):
    """A computer with Dropbox announces itself. ``folders``: number of shared folders it lists."""

    version: str
    name: str
    folders: int


class Dropbox(Discovery):
    """Sent every 30 seconds to several broadcast addresses; identical ones within a minute are dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data[:1] != b"{" or b'"host_int"' not in data:
            return []
        body = read_object(data)
        version, folders = body.get("version"), body.get("namespaces")
        numbers = version if isinstance(version, list) else []
        written = ".".join(str(number) for number in numbers[:4] if type(number) is int)
        # Clients without a name repeat their number.
        name = text(body, "displayname")
        name = "" if name == str(body.get("host_int")) else name
        event = DropboxAnnouncement(packet, written, name, len(folders) if isinstance(folders, list) else 0)
        return [event, *facts(packet, (("dropbox.version", written), ("dropbox.hostname", name)))]
