"""MikroTik Neighbor Discovery Protocol over UDP port 5678: routers and switches with RouterOS or SwOS announce
themselves, once a minute and on request.

Reads all known fields: MAC, identity (the host name), version, platform, uptime, licence id, board, addresses and
interface. A message without fields is the query of a management program. A message of another layout belongs to another
protocol on the port and yields nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from sensor.core.addresses import mac_text
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.neighbour import FIELDS_LIMIT, Announcement, address_facts, address_of, observations

PORT = 5678
HEADER = 4  # two bytes of flags and a sequence number
MAC, IDENTITY, VERSION, PLATFORM, UPTIME, LICENCE, BOARD, IPV6, INTERFACE, IPV4 = 1, 5, 7, 8, 10, 11, 12, 15, 16, 17
KNOWN = frozenset((MAC, IDENTITY, VERSION, PLATFORM, UPTIME, LICENCE, BOARD, 14, IPV6, INTERFACE, IPV4))
QUESTION = bytes(4)


class MndpQuestion(Event):
    """A management program requests announcements from all neighbors."""


class MndpAnnouncement(Announcement):
    """A device and its interface. ``chassis``: its MAC; ``description``: platform and version. ``licence``: the
    software id.
    """

    version: str = ""
    platform: str = ""
    board: str = ""
    licence: str = ""
    uptime_s: int = 0


class Mndp(Dissector):
    """An announcement contains the uptime, so that no two are equal; requests are."""

    interest = Interest(udp=(PORT,), repeats_s=30, volatile=(2, 4))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if packet.dport != PORT:
            return iter(())
        if data[:HEADER] == QUESTION and len(data) <= 9 and not any(data):
            return iter((MndpQuestion(packet),))
        found = _fields(data, packet.truncated)
        if MAC not in found or not found.keys() & {IDENTITY, VERSION, PLATFORM, BOARD}:
            return iter(())
        return iter(_announced(packet, found))


def _fields(data: bytes, cut: bool) -> dict[int, bytes]:
    """Values by type; two bytes each for type and length. Empty if the first field does not belong to this protocol."""
    found: dict[int, bytes] = {}
    offset, end = HEADER, len(data)
    while offset + 4 <= end and len(found) < FIELDS_LIMIT:
        kind, size = data[offset] << 8 | data[offset + 1], data[offset + 2] << 8 | data[offset + 3]
        if not found and kind not in KNOWN:
            return {}
        offset += 4
        if offset + size > end:
            if cut or not found:
                break
            raise Malformed("field longer than the message")
        found.setdefault(kind, data[offset : offset + size])
        offset += size
    return found


def _announced(packet: Packet, found: dict[int, bytes]) -> list[Parsed]:
    mac, (name, version, platform) = found[MAC], [_text(found.get(kind, b"")) for kind in (IDENTITY, VERSION, PLATFORM)]
    addresses = tuple([address for kind in (IPV4, IPV6) if (address := address_of(found.get(kind, b"")))])
    event = MndpAnnouncement(
        packet, mac_text(int.from_bytes(mac, "big")) if len(mac) == 6 else "", _text(found.get(INTERFACE, b"")), name,
        f"{platform} {version}".strip(), (),
        addresses, version=version, platform=platform, board=_text(found.get(BOARD, b"")),
        licence=_text(found.get(LICENCE, b"")),
        uptime_s=int.from_bytes(found.get(UPTIME, b"")[:4], "little"),
    )  # fmt: skip
    facts: dict[tuple[str, str], None] = {
        ("mndp.hostname", name): None,
        ("mndp.version", version): None,
        ("mndp.platform", platform): None,
        ("mndp.board", event.board): None,
        ("mndp.chassis", event.chassis): None,
        ("mndp.port", event.port): None,
    }
    return [event, *observations(packet, facts | address_facts("mndp.address", addresses))]


@functools.lru_cache(maxsize=1024)
def _text(value: bytes) -> str:
    return clean(value)
