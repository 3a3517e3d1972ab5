"""NetBIOS datagrams (RFC 1002, 4.4) and the browser announcements in them ([MS-BRWS] 2.2): what Windows and Samba hosts
announce about themselves.

Reads host, local master and domain announcements, elections and requests, inside a mailslot write of SMB 1 ([MS-MAIL]
2.2.1), and the announcements of LAN Manager, which Samba, OS/2 and Windows 9x send to a separate mailslot in a separate
format. Facts come from announcements whose datagram names the sender's own address: one forwarded by a distribution
server yields none, nor does one without any type, with which a host signs off. Ignores fragments of datagrams; of other
mailslots only the name is reported.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.addresses import V4
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.netbios import ELECTION, MASTER, NAME_SIZE, NetbiosName, is_machine, name_at, oem
from sensor.dissectors.shared.sender_facts import facts
from sensor.dissectors.shared.truncation import incomplete

PORT = 138
DIRECT, ERROR, NEGATIVE = 0x10, 0x13, 0x16  # the first, the first without two names, the last
SMB_MAGIC = b"\xffSMB"
TRANSACTION = 0x25
MAILSLOT = b"\\MAILSLOT\\"
BROWSE, LAN_MANAGER = "\\MAILSLOT\\BROWSE", "\\MAILSLOT\\LANMAN"
MAILSLOT_LIMIT = 64
COMMENT_LIMIT = 64  # with the final zero at most 43 by [MS-BRWS] 2.2.1
HOST = 1
WANTED = 2
ELECT = 8
LIST_WANTED = 9
LIST = 10
BACKUP = 11
DOMAIN = 12
MASTERS = 13
RESET = 14
LOCAL_MASTER = 15
# Bits of the server type ([MS-BRWS] 2.2.1, [MS-RAP] 2.5.5.4).
TYPES = {
    0x00000001: "workstation", 0x00000002: "server", 0x00000004: "sql_server", 0x00000008: "domain_controller",
    0x00000010: "backup_controller", 0x00000020: "time_source", 0x00000040: "afp_server", 0x00000080: "netware_server",
    0x00000100: "domain_member", 0x00000200: "print_queue", 0x00000400: "dial_in", 0x00000800: "unix",
    0x00001000: "nt_workstation", 0x00002000: "windows_for_workgroups", 0x00008000: "nt_server",
    0x00010000: "potential_browser", 0x00020000: "backup_browser", 0x00040000: "master_browser",
    0x00080000: "domain_master", 0x00400000: "windows_9x", 0x01000000: "cluster", 0x02000000: "terminal_server",
}  # fmt: skip
CONTROLLER_BITS, PRINT_QUEUE, UNIX = 0x18, 0x200, 0x800
_DATAGRAM = struct.Struct("!BBHIHHH")  # type, flags, id, source address, source port, length, offset of the piece
_DATA = struct.Struct("<HH")
_ANNOUNCEMENT = struct.Struct("<BI16sBBIBBH")
# 1 for a host, server types, version, seconds to the next one; then name and comment, each zero-terminated.
_LAN_MANAGER = struct.Struct("<HIBBH")
_ELECTION = struct.Struct("<BIII")
DATA_AT = 32 + 1 + 22  # size and offset of the data among the words of a transaction


class BrowserAnnouncement(Event):
    """A host (or, if ``master``, the master browser of its segment) announces itself. ``types``: bits of [MS-BRWS]
    2.2.1; ``version``: of its system.
    """

    hostname: str
    domain: str
    version: str
    types: int
    comment: str
    master: bool


class BrowserDomain(Event):
    """A master browser announces its domain or workgroup."""

    domain: str
    master: str


class BrowserElection(Event):
    """A host wants to be master browser; the highest ``criteria`` wins."""

    hostname: str
    criteria: int
    uptime_s: int


class BrowserRequest(Event):
    """Other browser messages. ``code``: number in [MS-BRWS] 2.2; ``hostname``: the name in it."""

    code: int
    hostname: str


class BrowserDatagram(Event):
    r"""A datagram other than browser messages. ``mailslot``: its destination (``\MAILSLOT\NET\NETLOGON``), empty if it
    has none.
    """

    type: int
    source: str
    destination: str
    suffix: int
    mailslot: str


class Browser(Dissector):
    """Hosts announce themselves every few minutes; repeats are recognized regardless of the datagram id."""

    interest = Interest(udp=(PORT,), repeats_s=60, volatile=(2, 4))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        try:
            return iter(_read(packet, packet.payload))
        except (IndexError, struct.error):
            return incomplete(packet)


def _read(packet: Packet, data: bytes) -> list[Parsed]:
    """Parse a datagram. Raises IndexError or struct.error if it ends early."""
    type_ = data[0]
    if not DIRECT <= type_ <= NEGATIVE:
        raise Malformed("no NetBIOS datagram")
    if type_ >= ERROR:
        name = NetbiosName("", 0) if type_ == ERROR else name_at(data, 10)[0]
        return [BrowserDatagram(packet, type_, "", name.name, name.suffix, "")]
    _, flags, _, address, _, _, piece = _DATAGRAM.unpack_from(data)
    source, offset = name_at(data, _DATAGRAM.size)
    destination, offset = name_at(data, offset)
    mailslot, raw = ("", b"") if piece or flags & 1 else _mailslot(data[offset:])
    own = not address or V4 | address == packet.src
    if mailslot == BROWSE and raw:
        return _browser(packet, raw, source, destination, own)
    if mailslot == LAN_MANAGER and raw[:1] == bytes((HOST,)):
        return _lan_manager(packet, raw, destination, own)
    return [BrowserDatagram(packet, type_, source.name, destination.name, destination.suffix, mailslot)]


def _mailslot(data: bytes) -> tuple[str, bytes]:
    """(name of the mailslot, data written to it); empty if it is not a mailslot write."""
    if data[:5] != SMB_MAGIC + bytes((TRANSACTION,)):
        return "", b""
    words = data[32]
    size, start = _DATA.unpack_from(data, DATA_AT)
    at = 33 + 2 * words + 2
    end = data.index(b"\0", at, at + MAILSLOT_LIMIT) if b"\0" in data[at : at + MAILSLOT_LIMIT] else at
    name = data[at:end].upper()
    if not name.startswith(MAILSLOT):
        return "", b""
    if start + size > len(data):
        raise IndexError
    return oem(name), data[start : start + size]


def _browser(packet: Packet, raw: bytes, source: NetbiosName, destination: NetbiosName, own: bool) -> list[Parsed]:
    """One browser message."""
    code = raw[0]
    if code in (HOST, LOCAL_MASTER):
        return _announcement(packet, raw, destination, own)
    if code == DOMAIN:
        if len(raw) < 32:
            raise IndexError
        return [BrowserDomain(packet, _text(raw[6:22]), _text(raw[32 : 32 + COMMENT_LIMIT]))]
    if code == ELECT:
        _, criteria, uptime, _ = _ELECTION.unpack_from(raw, 1)
        return [BrowserElection(packet, _text(raw[14:30]) or source.name, criteria, uptime // 1000)]
    if code not in (WANTED, LIST_WANTED, LIST, BACKUP, MASTERS, RESET):
        raise Malformed("unknown browser message")
    skipped = {WANTED: 2, BACKUP: 1, MASTERS: 1}.get(code)
    return [BrowserRequest(packet, code, _text(raw[skipped : skipped + 16]) if skipped else "")]


def _announcement(packet: Packet, raw: bytes, destination: NetbiosName, own: bool) -> list[Parsed]:
    """A host or the local master browser announces itself; the datagram is sent to a name of its domain."""
    _, _, name, major, minor, types, _, _, _ = _ANNOUNCEMENT.unpack_from(raw, 1)
    comment = raw[32 : 32 + COMMENT_LIMIT]
    return _announced(
        BrowserAnnouncement(
            packet, _text(name), _domain(destination), f"{major}.{minor}", types, _text(comment), raw[0] == LOCAL_MASTER
        ),
        own,
    )


def _lan_manager(packet: Packet, raw: bytes, destination: NetbiosName, own: bool) -> list[Parsed]:
    """A host announces itself in the older format."""
    _, types, major, minor, _ = _LAN_MANAGER.unpack_from(raw)
    name, _, comment = raw[_LAN_MANAGER.size :].partition(b"\0")
    comment = comment[:COMMENT_LIMIT]
    return _announced(
        BrowserAnnouncement(
            packet, _text(name[:NAME_SIZE]), _domain(destination), f"{major}.{minor}", types, _text(comment), False
        ),
        own,
    )


def _domain(destination: NetbiosName) -> str:
    return destination.name if destination.suffix in (0, MASTER, ELECTION) and is_machine(destination) else ""


def _announced(event: BrowserAnnouncement, own: bool) -> list[Parsed]:
    parsed: list[Parsed] = [event]
    if own and event.types and is_machine(NetbiosName(event.hostname, 0)):
        _facts(event, parsed)
    return parsed


def _facts(event: BrowserAnnouncement, parsed: list[Parsed]) -> None:
    """Facts of a host's announcement."""
    packet, types = event.packet, event.types
    pairs = [("netbios.hostname", event.hostname), ("netbios.domain", event.domain), ("browser.comment", event.comment)]
    pairs.append(("browser.version", f"{event.version} {_words(types)}"))
    if types & CONTROLLER_BITS:
        pairs.append(("browser.role", "domain_controller"))
    if types & PRINT_QUEUE and not types & UNIX:  # Samba sets the bit whether it has printers or not
        pairs.append(("browser.role", "print_server"))
    parsed += facts(packet, pairs)


def _words(types: int) -> str:
    """The names of server types, in the order of their bits."""
    return ",".join([word for bit, word in TYPES.items() if types & bit])


def _text(raw: bytes) -> str:
    return oem(raw.partition(b"\0")[0])
