"""DHCP for IPv6 (RFC 8415): what clients state about themselves and what servers assign.

A client is identified by its DUID, in hexadecimal, and by the MAC of its frames. A message that a relay forwards is
about the client inside, whose MAC the relay may add (RFC 6939); nothing is attributed to the relay itself. Ignores
authentication, prefixes that a client requests, and what a server sends to a relay.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator

from sensor.core.addresses import NONE, Address, is_group_mac, text
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import TEXT_LIMIT, Malformed, clean
from sensor.dissectors.shared.truncation import incomplete

CLIENT_PORT, SERVER_PORT = 546, 547
(
    SOLICIT,
    ADVERTISE,
    REQUEST,
    CONFIRM,
    RENEW,
    REBIND,
    REPLY,
    RELEASE,
    DECLINE,
    RECONFIGURE,
    INFORMATION,
    RELAY_FORWARD,
    RELAY_REPLY,
) = range(1, 14)
FROM_CLIENTS = (SOLICIT, REQUEST, CONFIRM, RENEW, REBIND, RELEASE, DECLINE, INFORMATION)
FROM_SERVERS = (ADVERTISE, REPLY, RECONFIGURE)
RELAYS_LIMIT = 8  # maximum of consecutive relays (RFC 8415, 7.6)
OPTIONS_LIMIT = 128
CODES_LIMIT = 128
ADDRESSES_LIMIT = 16
HEX_LIMIT = 256  # bytes, twice as many characters
NAME_LIMIT = 255
LINK_LOCAL = 0xFE80 >> 6  # the first ten bits
CLIENT_ID, SERVER_ID, IA_NA, IA_TA, ADDRESS, REQUESTED, RELAYED, STATUS = 1, 2, 3, 4, 5, 6, 9, 13
USER_CLASS, VENDOR_CLASS, VENDOR_OPTIONS, INTERFACE, DNS, DOMAINS, REMOTE_ID, FQDN = 15, 16, 17, 18, 23, 24, 37, 39
BOOT_FILE, ARCHITECTURE, CLIENT_MAC, MUD_URL = 59, 61, 79, 112
_OPTION = struct.Struct("!HH")
_RELAY = struct.Struct("!BB16s16s")


class Dhcpv6Message(Event):
    """What all messages share; empty and 0 if not sent. ``duid`` of the client and ``server`` of the server are
    hexadecimal; ``mac``: the client's.

    ``addresses``: requested or assigned; ``status``: 0 is success; ``relay``: the address of the relay nearest to the
    client, and ``circuit`` its interface id for the client. ``dns``, ``domain`` and ``boot_file`` are what servers
    assign.
    """

    type: int
    xid: int
    duid: str
    server: str
    mac: int
    addresses: tuple[Address, ...] = ()
    status: int = 0
    fqdn: str = ""
    relay: Address = NONE
    circuit: str = ""
    dns: tuple[Address, ...] = ()
    domain: str = ""
    boot_file: str = ""


class Dhcpv6Solicit(Dhcpv6Message):
    """A client looks for servers."""


class Dhcpv6Advertise(Dhcpv6Message):
    """A server offers."""


class Dhcpv6Request(Dhcpv6Message):
    """A client takes an offer, or keeps or confirms what it has."""


class Dhcpv6Reply(Dhcpv6Message):
    """A server grants or refuses."""


class Dhcpv6Release(Dhcpv6Message):
    """A client gives addresses back, or found them in use."""


class Dhcpv6Information(Dhcpv6Message):
    """A client with an address requests configuration."""


class Dhcpv6Other(Dhcpv6Message):
    """A server triggers a client (reconfigure), or a type beyond RFC 8415."""


class Dhcpv6(Dissector):
    """Repeats are recognized regardless of type and transaction id: a solicit is sent repeatedly."""

    interest = Interest(udp=(CLIENT_PORT, SERVER_PORT), repeats_s=10, volatile=(1, 4))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        try:
            return iter(_read(packet, packet.payload))
        except (IndexError, struct.error):
            return incomplete(packet)


_EVENTS: dict[int, type[Dhcpv6Message]] = {
    SOLICIT: Dhcpv6Solicit,
    ADVERTISE: Dhcpv6Advertise,
    REQUEST: Dhcpv6Request,
    CONFIRM: Dhcpv6Request,
    RENEW: Dhcpv6Request,
    REBIND: Dhcpv6Request,
    REPLY: Dhcpv6Reply,
    RELEASE: Dhcpv6Release,
    DECLINE: Dhcpv6Release,
    INFORMATION: Dhcpv6Information,
}


def _read(packet: Packet, data: bytes) -> list[Parsed]:
    """Parse a message. Raises IndexError or struct.error if it ends early."""
    relay, circuit, mac, sender = NONE, "", 0, packet.src
    for _ in range(RELAYS_LIMIT):
        if data[0] not in (RELAY_FORWARD, RELAY_REPLY):
            break
        _, _, _, peer = _RELAY.unpack_from(data)
        outer = _options(data, _RELAY.size)
        relay, sender, circuit = sender, int.from_bytes(peer, "big"), _place(outer)
        if (named := outer.get(CLIENT_MAC, b""))[:2] == b"\0\1" and len(named) == 8:
            mac = int.from_bytes(named[2:], "big")
        data = outer.get(RELAYED, b"")
    else:
        raise Malformed("too many relays")
    type_ = data[0]
    if not 0 < type_ < 64:
        raise Malformed("not a message of DHCP")
    xid, options = int.from_bytes(data[1:4], "big"), _options(data, 4)
    if not relay:
        near, address = (packet.src_mac, packet.src) if type_ in FROM_CLIENTS else (packet.dst_mac, packet.dst)
        mac = near if address >> 118 == LINK_LOCAL else 0  # any other address may come from behind a router
    event = _EVENTS.get(type_, Dhcpv6Other)(
        packet, type_, xid, _hex(options.get(CLIENT_ID, b"")), _hex(options.get(SERVER_ID, b"")), mac
    )
    event.addresses, valid = _addresses(options)
    event.relay, event.circuit = relay, circuit
    event.status, event.fqdn = _status(options.get(STATUS, b"")), _fqdn(options.get(FQDN, b""))
    parsed: list[Parsed] = [event]
    if type_ in FROM_CLIENTS:
        _client(event, options, parsed)
    elif type_ in FROM_SERVERS:
        _server(event, options, valid, parsed)
    return parsed


def _options(data: bytes, offset: int) -> dict[int, bytes]:
    """Options by code; values of options with the same code (addresses of several interfaces) are concatenated."""
    options: dict[int, bytes] = {}
    end = len(data)
    for _ in range(OPTIONS_LIMIT):
        if offset >= end:
            return options
        code, size = _OPTION.unpack_from(data, offset)
        start, offset = offset + 4, offset + 4 + size
        if offset > end:
            raise IndexError
        if code not in options:
            options[code] = data[start:offset]
        elif code in (IA_NA, IA_TA):  # stored with their headers, to be parsed later
            options[code] += data[start - 4 : offset]
    raise Malformed("too many options")


def _addresses(options: dict[int, bytes]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The addresses of all interfaces, and the valid ones among them, whose lifetime is not 0 (RFC 8415, 21.6)."""
    found: list[int] = []
    valid: list[int] = []
    for code, head in ((IA_NA, 12), (IA_TA, 4)):
        raw = options.get(code, b"")
        offset = head
        while offset + 4 <= len(raw) and len(found) < ADDRESSES_LIMIT:
            kind, size = _OPTION.unpack_from(raw, offset)
            body = raw[offset + 4 : offset + 4 + size]
            if kind == ADDRESS and len(body) >= 24:
                found.append(int.from_bytes(body[:16], "big"))
                if any(body[20:24]):
                    valid.append(found[-1])
            offset += 4 + (head if kind == code else size)
    return tuple(found), tuple(valid)


def _client(event: Dhcpv6Message, options: dict[int, bytes], parsed: list[Parsed]) -> None:
    """Facts that a client states about itself. Its address is known if it is the packet's source."""
    packet = event.packet
    subject = Subject(event.mac) if event.relay else Subject(event.mac, packet.src, packet.vlan)
    if not (subject.mac or subject.address) or is_group_mac(subject.mac):
        return
    ts, flow = packet.ts, packet.flow
    if enterprise := _enterprise(options.get(CLIENT_ID, b"")):
        parsed.append(Observation(ts, subject, "dhcpv6.enterprise", enterprise, flow))
    for code, raw in options.items():
        if (fact := _FACTS.get(code)) and (value := fact[1](raw)):
            parsed.append(Observation(ts, subject, fact[0], value, flow))


def _server(event: Dhcpv6Message, options: dict[int, bytes], valid: tuple[int, ...], parsed: list[Parsed]) -> None:
    """Options from a server, its role, and the lease. Behind a relay the frame is the relay's, and does not contain the
    client's MAC.
    """
    packet, dns = event.packet, options.get(DNS, b"")
    event.dns = tuple(
        [int.from_bytes(dns[at : at + 16], "big") for at in range(0, len(dns) - 15, 16)][:ADDRESSES_LIMIT]
    )
    event.domain, event.boot_file = _labels(options.get(DOMAINS, b"")), clean(options.get(BOOT_FILE, b""))
    if event.relay:
        return
    here = packet.src >> 118 == LINK_LOCAL
    subject = Subject(packet.src_mac if here else 0, packet.src, packet.vlan)
    parsed.append(Observation(packet.ts, subject, "dhcpv6.role", "server", packet.flow))
    if here and event.server:
        parsed.append(Observation(packet.ts, subject, "dhcpv6.duid", event.server, packet.flow))
    if event.type == REPLY and event.mac and not is_group_mac(event.mac):
        for address in valid:
            client = Subject(event.mac, address, packet.vlan)
            parsed.append(Observation(packet.ts, client, "dhcpv6.lease", text(address), packet.flow))


def _place(options: dict[int, bytes]) -> str:
    """The client's location according to a relay: name of the interface, otherwise the remote id after its enterprise
    number (RFC 4649).
    """
    return _text_or_hex(options.get(INTERFACE, b"") or options.get(REMOTE_ID, b"")[4:])


def _status(raw: bytes) -> int:
    return int.from_bytes(raw[:2], "big")


def _hex(raw: bytes) -> str:
    return raw[:HEX_LIMIT].hex()


def _text_or_hex(raw: bytes) -> str:
    """Text if all bytes are printable ASCII (except trailing zeros), otherwise hexadecimal."""
    bare = raw.rstrip(b"\0")
    return clean(bare) if bare and bare.isascii() and bare.decode("ascii").isprintable() else _hex(raw)


@functools.lru_cache(maxsize=1024)
def _codes(raw: bytes) -> str:
    """Option codes in wire order: the order depends on the client's software."""
    return ",".join([str(raw[at] << 8 | raw[at + 1]) for at in range(0, min(len(raw) - 1, 2 * CODES_LIMIT), 2)])


def _labels(raw: bytes) -> str:
    """The first name in DNS labels (RFC 8415, 10); one without a final zero is a partial name."""
    labels, offset = [], 0
    while offset < len(raw) and raw[offset]:
        stop = offset + 1 + raw[offset]
        if stop > len(raw) or raw[offset] > 63:
            return ""
        labels.append(clean(raw[offset + 1 : stop], NAME_LIMIT))
        offset = stop
    return ".".join(labels)[:NAME_LIMIT]


def _fqdn(raw: bytes) -> str:
    """Flags, then the name (RFC 4704, 4)."""
    return _labels(raw[1:])


def _classes(raw: bytes) -> str:
    """Texts, each preceded by its 16-bit length (RFC 8415, 21.15)."""
    pieces, offset = [], 0
    while offset + 2 <= len(raw):
        stop = offset + 2 + (raw[offset] << 8 | raw[offset + 1])
        pieces.append(raw[offset + 2 : stop])
        offset = stop
    return _text_or_hex(b",".join(pieces))


def _vendor_class(raw: bytes) -> str:
    """``enterprise:texts`` (RFC 8415, 21.16)."""
    texts = _classes(raw[4:])
    return f"{int.from_bytes(raw[:4], 'big')}:{texts}"[:TEXT_LIMIT] if texts else ""


def _vendor_options(raw: bytes) -> str:
    """``enterprise:hexadecimal`` (RFC 8415, 21.17)."""
    return f"{int.from_bytes(raw[:4], 'big')}:{_hex(raw[4:])}" if len(raw) > 4 else ""


def _enterprise(raw: bytes) -> str:
    """The enterprise number in a DUID, if any (RFC 8415, 11.3)."""
    return str(int.from_bytes(raw[2:6], "big")) if raw[:2] == b"\0\2" and len(raw) > 6 else ""


_FACTS: dict[int, tuple[str, Callable[[bytes], str]]] = {
    CLIENT_ID: ("dhcpv6.duid", _hex),
    REQUESTED: ("dhcpv6.option_list", _codes),
    USER_CLASS: ("dhcpv6.user_class", _classes),
    VENDOR_CLASS: ("dhcpv6.vendor_class", _vendor_class),
    VENDOR_OPTIONS: ("dhcpv6.vendor_options", _vendor_options),
    FQDN: ("dhcpv6.fqdn", _fqdn),
    ARCHITECTURE: ("dhcpv6.architecture", _codes),
    MUD_URL: ("dhcpv6.mud_url", clean),
}
