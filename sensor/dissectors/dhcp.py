"""DHCP for IPv4 and BOOTP (RFC 2131, 2132, 951): what clients state about themselves and what servers assign.

Reads options across overloaded fields (RFC 2132, 9.3) and options split in parts (RFC 3396). A fact about a client
belongs to the hardware address in the message, never to the frame, which may come from a relay and another VLAN; its
address is one it already uses or was just assigned, never one it only requests. If the capture truncated a message
before any fact, its client is still known to be on the network. The relay agent information (RFC 3046) is in the event
only. Ignores what a server states about a client (options 12 and 81 in replies), authentication (RFC 3118), and the
subject of a lease query.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.addresses import NONE, V4, Address, is_group_mac, text
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors._dhcp_options import FACTS, NAME_LIMIT, relay_agent

MAGIC = b"\x63\x82\x53\x63"
UNUSED = bytes(4)  # BOOTP without vendor information (RFC 951, 3)
MAGIC_AT, OPTIONS_AT = 236, 240
SERVER_NAME, BOOT_FILE = slice(44, 108), slice(108, 236)
ETHERNET = 1
OPTIONS_LIMIT = 256
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
    """A client with an address requests options."""


class DhcpOther(DhcpMessage):
    """BOOTP (``type`` 0), or a type beyond RFC 2131: lease queries, forced renewals; also ``type`` 0: the capture
    truncated the message before its options.
    """


class Dhcp(Dissector):
    """Repeats are recognized regardless of the seconds; requests with another transaction id are significant."""

    interest = Interest(udp=(67, 68), magic=((MAGIC_AT, MAGIC),), repeats_s=10, volatile=(8, 10))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data, partial = packet.payload, packet.truncated
        cookie = data[MAGIC_AT:OPTIONS_AT]
        cut = bool(partial) and len(data) < OPTIONS_AT  # truncated before the options: the client can still be read
        if cut and len(data) < _FIXED.size:
            return iter(())
        if cookie not in (MAGIC, UNUSED) and not cut:
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
            event.circuit, event.remote = relay_agent(agent)
        parsed: list[Parsed] = [event]
        if op == BOOTREPLY:
            _server(event, siaddr, data, options)
            _server_facts(event, parsed)
        elif type_ in FROM_SERVERS:
            raise Malformed("a server's message sent as a client's")
        else:
            _client(event, options, parsed)
        if partial and len(parsed) == 1:
            _present(event, parsed)
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


def _present(event: DhcpMessage, parsed: list[Parsed]) -> None:
    """The client of a message truncated before its facts. No address is certain: the type may be unknown."""
    if event.mac and not is_group_mac(event.mac):
        subject = Subject(event.mac, NONE, _vlan(event, event.packet.src_mac))
        parsed.append(Observation(event.packet.ts, subject, "dhcp.role", "client", event.packet.flow))


def _client(event: DhcpMessage, options: dict[int, bytes], parsed: list[Parsed]) -> None:
    """Facts that a client states about itself."""
    packet, type_ = event.packet, event.type
    if type_ not in FROM_CLIENTS:
        return
    subject = Subject(event.mac, event.address if type_ in HOLDS_ADDRESS else NONE, _vlan(event, packet.src_mac))
    known = (subject.mac or subject.address) and not is_group_mac(subject.mac)
    ts, flow = packet.ts, packet.flow
    for code, raw in options.items():
        fact = FACTS.get(code)
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
    """Options from a server, for the event."""
    get = options.get
    event.netmask = _one(options, 1)
    event.gateways = _many(get(3))
    event.dns = _many(get(6))
    event.tftp = _many(get(150))
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
    if raw := get(67) or (
        data[BOOT_FILE] if data[BOOT_FILE.start : BOOT_FILE.start + 1].strip(b"\0") and 52 not in options else b""
    ):
        event.boot_file = clean(raw.partition(b"\0")[0], NAME_LIMIT)


def _server_facts(event: DhcpMessage, parsed: list[Parsed]) -> None:
    """The server's role, and the lease of the client. Behind a relay the frame's source is not the server's."""
    packet = event.packet
    if event.server and event.type in FROM_SERVERS:
        mac = packet.src_mac if packet.src == event.server and not event.relay else 0
        parsed.append(
            Observation(
                packet.ts, Subject(mac, event.server, packet.vlan if mac else 0), "dhcp.role", "server", packet.flow
            )
        )
    if event.type == ACK and event.offered and event.mac and not is_group_mac(event.mac):
        parsed.append(
            Observation(
                packet.ts,
                Subject(event.mac, event.offered, _vlan(event, packet.dst_mac)),
                "dhcp.lease",
                text(event.offered),
                packet.flow,
            )
        )


def _vlan(event: DhcpMessage, end: int) -> int:
    """The client's VLAN, 0 if unknown: frames between a relay or router and the server have a different VLAN.
    ``end``: the MAC at the client's end of the frame.
    """
    return event.packet.vlan if end in (event.mac, 0) or is_group_mac(end) else 0


def _v4(number: int) -> int:
    return V4 | number if number else NONE


def _one(options: dict[int, bytes], code: int) -> int:
    """The address in an option of four bytes; 0 if absent."""
    raw = options.get(code)
    if raw is None:
        return NONE
    if len(raw) != 4:
        raise Malformed("address option of a wrong size")
    return _v4(int.from_bytes(raw, "big"))


def _many(raw: bytes | None) -> tuple[int, ...]:
    """The addresses in an option with several. Administrators enter these values, sometimes as text: invalid ones are
    left out, the lease still counts.
    """
    if not raw or len(raw) & 3:
        return ()
    return tuple([V4 | number for (number,) in _ADDRESS.iter_unpack(raw)])
