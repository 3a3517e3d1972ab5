"""DHCP for IPv4 and BOOTP (RFC 2131, 2132, 951): what clients state about themselves and what servers assign.

Reads options across overloaded fields (RFC 2132, 9.3) and options split in parts (RFC 3396). A fact about a client
belongs to the hardware address in the message, never to the frame, which may come from a relay; its address is one it
already uses or was just assigned, never one it only requests. The relay agent information (RFC 3046) is in the event
only. Ignores what a server states about a client (options 12 and 81 in replies), authentication (RFC 3118), and the
subject of a lease query.
"""

from __future__ import annotations

import functools
import struct
import uuid
from collections.abc import Callable, Iterator

from sensor.core.addresses import NONE, V4, Address, text
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import TEXT_LIMIT, Malformed, clean

MAGIC = b"\x63\x82\x53\x63"
UNUSED = bytes(4)  # of BOOTP without vendor information (RFC 951, 3)
MAGIC_AT, OPTIONS_AT = 236, 240
SERVER_NAME, BOOT_FILE = slice(44, 108), slice(108, 236)
ETHERNET = 1
GROUP = 1 << 40  # the group bit of a MAC
OPTIONS_LIMIT = 256
NAME_LIMIT = 255
HEX_LIMIT = 512  # bytes, twice as many characters
BOOTREQUEST, BOOTREPLY = 1, 2
BOOTP, DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(9)
FROM_SERVERS = (OFFER, ACK, NAK)
FROM_CLIENTS = (BOOTP, DISCOVER, REQUEST, DECLINE, RELEASE, INFORM)
HOLDS_ADDRESS = (BOOTP, REQUEST, INFORM)  # ciaddr is in use by the client (RFC 2131, table 5)
_FIXED = struct.Struct("!BBBBIHHIIIIHI")  # the hardware address in two parts, 16 and 32 bits
_ADDRESS = struct.Struct("!I")


class DhcpMessage(Event):
    """What all messages share. Addresses are 0 and texts empty if not sent; ``mac`` is the client's hardware address.

    ``address``: the client's current one (ciaddr); ``offered``: the one the server assigns (yiaddr); ``requested``: the
    one the client requests; ``server``: the server's identifier; ``relay``: the relay agent, with its ``circuit`` and
    ``remote`` id (RFC 3046). The rest is what servers assign; ``boot_host`` is a name, an address or the URL of a
    phone's settings; ``tftp`` are the servers of option 150 (RFC 5859).
    """

    type: int
    xid: int
    mac: int
    address: Address = NONE
    offered: Address = NONE
    requested: Address = NONE
    server: Address = NONE
    relay: Address = NONE
    circuit: str = ""
    remote: str = ""
    hostname: str = ""
    vendor_class: str = ""
    lease_s: int = 0
    netmask: Address = NONE
    gateways: tuple[Address, ...] = ()
    dns: tuple[Address, ...] = ()
    domain: str = ""
    boot_server: Address = NONE
    boot_host: str = ""
    boot_file: str = ""
    tftp: tuple[Address, ...] = ()
    proxy_url: str = ""


class DhcpDiscover(DhcpMessage):
    """A client looks for servers."""


class DhcpOffer(DhcpMessage):
    """A server offers an address and options."""


class DhcpRequest(DhcpMessage):
    """A client takes an offer or renews its lease."""


class DhcpDecline(DhcpMessage):
    """A client found the address in use."""


class DhcpAck(DhcpMessage):
    """A server grants the lease, or only options where ``offered`` is 0."""


class DhcpNak(DhcpMessage):
    """A server refuses."""


class DhcpRelease(DhcpMessage):
    """A client gives its address back."""


class DhcpInform(DhcpMessage):
    """A client with an address asks for options."""


class DhcpOther(DhcpMessage):
    """BOOTP (``type`` 0), or a type beyond RFC 2131: lease queries, forced renewals."""


class Dhcp(Dissector):
    """The seconds are left out when repeats are recognised; a client that asks under another transaction id each time
    means something by it.
    """

    interest = Interest(udp=(67, 68), magic=((MAGIC_AT, MAGIC),), repeats_s=10, volatile=(8, 10))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data, partial = packet.payload, packet.truncated
        cookie = data[MAGIC_AT:OPTIONS_AT]
        if cookie not in (MAGIC, UNUSED):
            if partial and len(data) < OPTIONS_AT:
                return iter(())
            raise Malformed("no magic cookie" if len(data) >= OPTIONS_AT else "message ends early")
        op, link, hlen, _, xid, _, _, ciaddr, yiaddr, siaddr, giaddr, mac_hi, mac_lo = _FIXED.unpack_from(data)
        if not BOOTREQUEST <= op <= BOOTREPLY:
            raise Malformed("neither request nor reply")
        options = _options(data, bool(partial)) if cookie == MAGIC else {}
        type_ = (options.get(53) or b"\0")[0]
        mac = mac_hi << 32 | mac_lo if link == ETHERNET and hlen == 6 else 0
        event = _EVENTS.get(type_, DhcpOther)(
            packet, type_, xid, mac, _v4(ciaddr), _v4(yiaddr), _one(options, 50), _one(options, 54), _v4(giaddr)
        )
        if agent := options.get(82):
            event.circuit, event.remote = _relay_agent(agent)
        parsed: list[Parsed] = [event]
        if op == BOOTREPLY:
            _server(event, siaddr, data, options)
            _server_facts(event, parsed)
        elif type_ in FROM_SERVERS:
            raise Malformed("a server's message sent as a client's")
        else:
            _client(event, options, parsed)
        return iter(parsed)


_EVENTS: dict[int, type[DhcpMessage]] = {
    DISCOVER: DhcpDiscover,
    OFFER: DhcpOffer,
    REQUEST: DhcpRequest,
    DECLINE: DhcpDecline,
    ACK: DhcpAck,
    NAK: DhcpNak,
    RELEASE: DhcpRelease,
    INFORM: DhcpInform,
}


def _options(data: bytes, partial: bool) -> dict[int, bytes]:
    """Options by code, from the options field and, if option 52 requires it, from the file and the server name fields,
    in that order (RFC 3396, 5).
    """
    options: dict[int, bytes] = {}
    _collect(data, OPTIONS_AT, len(data), options, partial)
    overload = options.get(52)
    if overload:
        if overload[0] & 1:
            _collect(data, BOOT_FILE.start, BOOT_FILE.stop, options, partial)
        if overload[0] & 2:
            _collect(data, SERVER_NAME.start, SERVER_NAME.stop, options, partial)
    return options


def _collect(data: bytes, offset: int, end: int, options: dict[int, bytes], partial: bool) -> None:
    """Add the options between two offsets; a code met again continues its value (RFC 3396, 7)."""
    last, left = end - 1, OPTIONS_LIMIT + 1
    while offset < last:
        code = data[offset]
        if code == 0:
            offset += 1
            continue
        if code == 255:
            return
        start = offset + 2
        offset = start + data[offset + 1]
        left -= 1
        if offset > end or not left:
            if partial and left:
                return
            raise Malformed("option longer than the message" if left else "too many options")
        if code in options:
            options[code] += data[start:offset]
        else:
            options[code] = data[start:offset]
    if offset == last and 0 < data[last] < 255 and not partial:
        raise Malformed("option longer than the message")


def _client(event: DhcpMessage, options: dict[int, bytes], parsed: list[Parsed]) -> None:
    """Facts that a client states about itself."""
    packet, type_ = event.packet, event.type
    if type_ not in FROM_CLIENTS:
        return
    subject = Subject(event.mac, event.address if type_ in HOLDS_ADDRESS else NONE, packet.vlan)
    known = (subject.mac or subject.address) and not subject.mac & GROUP
    ts, flow = packet.ts, packet.flow
    for code, raw in options.items():
        fact = _FACTS.get(code)
        if fact is None:
            continue
        value = fact[1](raw)
        if code == 12:
            event.hostname = value
        elif code == 60:
            event.vendor_class = value
        if value and known:
            parsed.append(Observation(ts, subject, fact[0], value, flow))


def _server(event: DhcpMessage, siaddr: int, data: bytes, options: dict[int, bytes]) -> None:
    """What a server hands out, into the event."""
    get = options.get
    event.netmask, event.gateways, event.dns, event.tftp = (
        _one(options, 1),
        _many(get(3)),
        _many(get(6)),
        _many(get(150)),
    )
    event.boot_server = _v4(siaddr)
    if raw := get(51):
        event.lease_s = int.from_bytes(raw[:4], "big")
    if raw := get(15):
        event.domain = clean(raw, NAME_LIMIT)
    if raw := get(66):
        event.boot_host = clean(raw, NAME_LIMIT)
    if raw := get(252):
        event.proxy_url = clean(raw)
    if raw := get(60):
        event.vendor_class = clean(raw)
    if raw := get(67) or (data[BOOT_FILE] if data[BOOT_FILE.start] and 52 not in options else b""):
        event.boot_file = clean(raw.partition(b"\0")[0], NAME_LIMIT)


def _server_facts(event: DhcpMessage, parsed: list[Parsed]) -> None:
    """The server's role, and the lease of the client. Behind a relay the frame's source is not the server's."""
    packet = event.packet
    if event.server and event.type in FROM_SERVERS:
        mac = packet.src_mac if packet.src == event.server and not event.relay else 0
        parsed.append(
            Observation(packet.ts, Subject(mac, event.server, packet.vlan), "dhcp.role", "server", packet.flow)
        )
    if event.type == ACK and event.offered and event.mac and not event.mac & GROUP:
        parsed.append(
            Observation(
                packet.ts,
                Subject(event.mac, event.offered, packet.vlan),
                "dhcp.lease",
                text(event.offered),
                packet.flow,
            )
        )


def _v4(number: int) -> int:
    return V4 | number if number else NONE


def _one(options: dict[int, bytes], code: int) -> int:
    """The address in an option of four bytes; 0 where it is not there."""
    raw = options.get(code)
    if raw is None:
        return NONE
    if len(raw) != 4:
        raise Malformed("address option of a wrong size")
    return _v4(int.from_bytes(raw, "big"))


def _many(raw: bytes | None) -> tuple[int, ...]:
    """The addresses in an option of several. People type in what servers hand out, some as text: what are no addresses
    is left out, the lease counts.
    """
    if not raw or len(raw) & 3:
        return ()
    return tuple([V4 | number for (number,) in _ADDRESS.iter_unpack(raw)])


@functools.lru_cache(maxsize=1024)
def _numbers(raw: bytes) -> str:
    return ",".join(map(str, raw))


def _parameter_list(raw: bytes) -> str:
    """Codes in wire order: the order is the fingerprint."""
    return _numbers(raw[:NAME_LIMIT])


def _name(raw: bytes) -> str:
    return clean(raw, NAME_LIMIT)


def _hex(raw: bytes) -> str:
    return raw[:HEX_LIMIT].hex()


def _text_or_hex(raw: bytes) -> str:
    """Text where every byte is printable ASCII (final zeros aside), else hexadecimal."""
    bare = raw.rstrip(b"\0")
    if bare and bare.isascii() and bare.decode("ascii").isprintable():
        return clean(bare)
    return _hex(raw)


def _client_id(raw: bytes) -> str:
    """Type 0 is followed by a free name (RFC 2132, 9.14)."""
    if raw[:1] == b"\0" and len(raw) > 1:
        named = _text_or_hex(raw[1:])
        return named if named != _hex(raw[1:]) else _hex(raw)
    return _text_or_hex(raw)


def _fqdn(raw: bytes) -> str:
    """Flags, two old result codes, then the name: in DNS labels where flag E is set (RFC 4702, 2.1), else plain."""
    if len(raw) < 3 or not raw[0] & 4:
        return clean(raw[3:], NAME_LIMIT).rstrip(".")
    return ".".join([clean(label, NAME_LIMIT) for label in _counted(raw[3:]) or [raw[3:]] if label])[:NAME_LIMIT]


def _counted(raw: bytes) -> list[bytes]:
    """Pieces that each follow their length; empty where they do not fill the bytes exactly."""
    pieces, offset = [], 0
    while offset < len(raw):
        stop = offset + 1 + raw[offset]
        if stop > len(raw):
            return []
        pieces.append(raw[offset + 1 : stop])
        offset = stop
    return pieces


def _relay_agent(raw: bytes) -> tuple[str, str]:
    """Circuit and remote id of the agent's own options (RFC 3046, 2.0), in text or hexadecimal; empty where they are
    not there or cut.
    """
    ids = {1: "", 2: ""}
    offset = 0
    while offset + 2 <= len(raw):
        code, stop = raw[offset], offset + 2 + raw[offset + 1]
        if code in ids and stop <= len(raw):
            ids[code] = _text_or_hex(raw[offset + 2 : stop])
        offset = stop
    return ids[1], ids[2]


def _message_size(raw: bytes) -> str:
    """The longest message the client takes, in bytes (RFC 2132, 9.10): a trait of its software."""
    return str(int.from_bytes(raw, "big")) if len(raw) == 2 else ""


def _user_class(raw: bytes) -> str:
    """Counted texts (RFC 3004, 4), which many clients send as one plain text instead."""
    return clean(b",".join(_counted(raw) or [raw]))


def _vendor_identifying(raw: bytes) -> str:
    """The first enterprise number and its data (RFC 3925): ``enterprise:text`` or ``enterprise:hex``."""
    if len(raw) < 5:
        return ""
    return f"{int.from_bytes(raw[:4], 'big')}:{_text_or_hex(raw[5 : 5 + raw[4]])}"[:TEXT_LIMIT]


def _vendor_identifying_class(raw: bytes) -> str:
    """The same, where some clients count each piece of the data and some do not."""
    data = raw[5 : 5 + raw[4]] if len(raw) > 4 else b""
    pieces = b",".join(_counted(data)) or data
    return f"{int.from_bytes(raw[:4], 'big')}:{_text_or_hex(pieces)}"[:TEXT_LIMIT] if pieces else ""


def _architecture(raw: bytes) -> str:
    """Processor types (RFC 4578, 2.1), decimal, comma separated."""
    return ",".join([str(int.from_bytes(raw[at : at + 2], "big")) for at in range(0, min(len(raw) - 1, 64), 2)])


def _uuid(raw: bytes) -> str:
    """Type 0 and 16 bytes in wire order (RFC 4578, 2.3)."""
    return str(uuid.UUID(bytes=raw[1:])) if len(raw) == 17 and not raw[0] else _hex(raw)


_FACTS: dict[int, tuple[str, Callable[[bytes], str]]] = {
    12: ("dhcp.hostname", _name),
    43: ("dhcp.vendor_specific", _hex),
    55: ("dhcp.parameter_list", _parameter_list),
    57: ("dhcp.message_size", _message_size),
    60: ("dhcp.vendor_class", clean),
    61: ("dhcp.client_id", _client_id),
    77: ("dhcp.user_class", _user_class),
    81: ("dhcp.fqdn", _fqdn),
    93: ("dhcp.architecture", _architecture),
    97: ("dhcp.uuid", _uuid),
    124: ("dhcp.vendor_identifying", _vendor_identifying_class),
    125: ("dhcp.vendor_identifying", _vendor_identifying),
    161: ("dhcp.mud_url", clean),  # the vendor's MUD description of the device (RFC 8520, 10)
}
