"""KNXnet/IP over UDP and TCP (KNX 03_08_02 to 03_08_04, ISO 22510), port 3671: gateways of building automation by name,
serial number and address, and requests that program devices on the bus.

Reads searches, descriptions, connections, and in tunnels the services that program or restart a device. Group
telegrams, which switch and measure, are not read, nor is KNX IP Secure.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import v4
from sensor.core.dissector import Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader
from sensor.dissectors.shared.discovery import Discovery, field, is_own
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import facts

PORT = 3671
HEADER, HEAD = b"\x06\x10", 6
SEARCHES, FOUND, DESCRIBED = frozenset((0x0201, 0x020B)), frozenset((0x0202, 0x020C)), 0x0204
CONNECT, CONNECTED, TUNNEL = 0x0205, 0x0206, 0x0420
SERVICES = frozenset(
    (*range(0x0201, 0x020D), 0x0310, 0x0311, TUNNEL, 0x0421, 0x0422, 0x0423, 0x0424, 0x0425, 0x0530, 0x0531, 0x0532,
     0x0533, *range(0x0950, 0x0956))
)  # fmt: skip
CONNECTIONS = {3: "device management", 4: "tunnel", 6: "remote logging", 7: "remote configuration", 8: "object server"}
ENDPOINT, DEVICE = 8, 1  # size of a host address; type of a description block
NAME_SIZE = 30
REQUEST = 0x11  # L_Data.req
# Application services of 10 bits that program a device (03_03_07, 3.1); some have parameters in the last six.
WRITES = {
    0x0C0: "write individual address", 0x280: "program memory", 0x2C2: "program user memory", 0x380: "restart device",
    0x381: "factory reset", 0x3D3: "write key", 0x3D7: "write property", 0x3DE: "write serial address",
}  # fmt: skip
PARAMETERS = frozenset((0x0C0, 0x280))


class KnxSearch(Event):
    """A search for gateways."""


class KnxDevice(Event):
    """A gateway describes itself. ``individual``: its address on the bus; ``serial`` in hexadecimal: the first four
    digits are the number of its manufacturer.
    """

    name: str
    individual: str
    serial: str


class KnxConnect(Event):
    """A request for a connection, or the response (``answer``): ``status`` 0 is success. ``type``: empty in a response
    that rejects it.
    """

    type: str
    answer: bool
    status: int


class KnxRequest(Event):
    """A request to a device on the bus, in a tunnel, that programs or restarts it."""

    individual: str
    name: str
    write: bool


class KnxMessage(Event):
    """Any other message, by its service type."""

    service: int


class Knx(Discovery):
    """Whole streams, and each datagram; identical ones within a minute are dropped."""

    interest = Interest(udp=(PORT,), tcp=(PORT,), stream=True, repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        return _message(packet, data) if 0 < _size(data, 0) == len(data) else []

    def stream(self, packet: Packet) -> Stream:
        return KnxStream()


class KnxStream(FramedStream):
    """One client and one gateway. Messages that are not parsed are reported once for each service."""

    head = HEAD

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()

    def size(self, data: bytes, at: int) -> int:
        size = _size(data, at)
        if not size:
            raise Malformed("no KNXnet/IP header")
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        for parsed in _message(packet, data):
            if isinstance(parsed, KnxMessage):
                if parsed.service in self._seen:
                    continue
                self._seen.add(parsed.service)
            yield parsed


def _size(data: bytes, at: int) -> int:
    """Size of the message; 0 without a header."""
    size = int.from_bytes(data[at + 4 : at + HEAD], "big")
    return size if data.startswith(HEADER, at) and size >= HEAD else 0


def _message(packet: Packet, data: bytes) -> list[Parsed]:
    service, reader = int.from_bytes(data[2:4], "big"), Reader(data, HEAD)
    if service in SEARCHES:
        return [KnxSearch(packet)]
    if service in FOUND:
        reader.skip(2)
        address = reader.u32()
        reader.skip(2)
        return _device(packet, reader, service, v4(address) if address else 0)
    if service == DESCRIBED:
        return _device(packet, reader, service, 0)
    if service in (CONNECT, CONNECTED):
        return [_connection(packet, reader, service == CONNECTED)]
    if service == TUNNEL and packet.dport == PORT and (request := _request(packet, reader)):
        return [request]
    return [KnxMessage(packet, service)] if service in SERVICES else []


def _device(packet: Packet, reader: Reader, service: int, address: int) -> list[Parsed]:
    """The first block: size, type, medium, status, individual address, installation, serial number, multicast address,
    MAC, name (03_08_02, 7.5.4.2).
    """
    size = reader.u8()
    if reader.u8() != DEVICE or size < 24 + NAME_SIZE:
        return [KnxMessage(packet, service)]
    reader.skip(2)
    individual = _individual(reader.u16())
    reader.skip(2)
    serial = reader.take(6)
    reader.skip(4)
    mac = int.from_bytes(reader.take(6), "big")
    name = field(reader.take(NAME_SIZE))
    event = KnxDevice(packet, name, individual, serial.hex())
    if not is_own(packet, mac, address):
        return [event]
    pairs = [("knx.role", "gateway"), ("knx.friendly_name", name)]
    if any(serial):
        pairs += [("knx.manufacturer", str(int.from_bytes(serial[:2], "big"))), ("knx.serial", serial.hex())]
    return [event, *facts(packet, pairs)]


def _connection(packet: Packet, reader: Reader, answer: bool) -> Parsed:
    """Two endpoints in a request, channel, status and one endpoint in a response; then size and type."""
    status = 0
    if answer:
        reader.skip(1)
        status = reader.u8()
    if status:
        return KnxConnect(packet, "", True, status)
    reader.skip(ENDPOINT if answer else 2 * ENDPOINT)
    reader.skip(1)
    number = reader.u8()
    return KnxConnect(packet, CONNECTIONS.get(number, str(number)), answer, 0)


def _request(packet: Packet, reader: Reader) -> KnxRequest | None:
    """The connection header, then a link-layer frame (cEMI): code, additional information, control, source,
    destination, size, transport and application service.
    """
    reader.skip(reader.u8() - 1)
    code = reader.u8()
    reader.skip(reader.u8())
    reader.skip(4)
    target = reader.u16()
    if code != REQUEST or not reader.u8():
        return None
    service = reader.u16() & 0x3FF
    name = WRITES.get(service) or (WRITES.get(service & 0x3C0) if service & 0x3C0 in PARAMETERS else None)
    return KnxRequest(packet, _individual(target), name, True) if name else None


def _individual(number: int) -> str:
    """An individual address: area, line and device."""
    return f"{number >> 12}.{number >> 8 & 15}.{number & 255}"
