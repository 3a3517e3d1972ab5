"""BACnet/IP over UDP (ASHRAE 135: annex J, clauses 6 and 20): building controllers and how they identify themselves.

Reads Who-Is, I-Am, answers that read properties of device objects, and requests that write or command. Ignores values,
alarms, trends and files, and the parts of segmented messages after the first. Facts are about the sender: neither what
a router forwards (a source network in the network header) nor what a broadcast manager forwards for another address.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import v4
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.sender_facts import fact

PORTS = tuple(range(0xBAC0, 0xBAD0))
BVLC = b"\x81"
FORWARDED, DISTRIBUTE, UNICAST, BROADCAST = 0x04, 0x09, 0x0A, 0x0B
CONFIRMED, UNCONFIRMED, COMPLEX_ACK, ABORT = 0, 1, 3, 7
I_AM, WHO_IS = 0, 8
READ, READ_MULTIPLE, WRITE = 12, 14, 15
# Requests that change something or command (clause 21, BACnetConfirmedServiceChoice).
WRITES = {
    7: "atomic_write_file", 8: "add_list_element", 9: "remove_list_element", 10: "create_object", 11: "delete_object",
    WRITE: "write_property", 16: "write_property_multiple", 17: "device_communication_control",
    20: "reinitialize_device",
}  # fmt: skip
DEVICE = 8
ANY_INSTANCE = 0x3FFFFF  # stands for the device's own object (clause 12.11)
# Properties of the device object that identify it (clause 21, BACnetPropertyIdentifier).
PROPERTIES = {
    12: "application_version", 28: "description", 44: "firmware", 58: "location", 70: "model", 77: "instance",
    121: "vendor", 372: "serial",
}  # fmt: skip
CHARACTER_STRING = 7
UTF8, UTF16 = 0, 4
ITEMS_LIMIT = 64
DEPTH_LIMIT = 8


class BacnetWhoIs(Event):
    """A search for devices with instance numbers from ``low`` to ``high``; -1 for all."""

    low: int
    high: int


class BacnetIAm(Event):
    """A device announces its instance number and its vendor's number. ``network``: the network behind a router it comes
    from, 0 for the local one.
    """

    device: int
    vendor: int
    network: int


class BacnetRequest(Event):
    """A confirmed request. ``service``: its number; ``name``: set if it writes or commands, else empty; ``object_type``
    -1: not sent.
    """

    service: int
    name: str
    object_type: int
    instance: int


class BacnetDevice(Event):
    """Properties of a device object that identify it, from a response: (``model``, text) and so on."""

    device: int
    network: int
    properties: tuple[tuple[str, str], ...]


class BacnetMessage(Event):
    """Any other message: ``function`` of the link layer, ``type`` of the application layer, -1 where there is none, and
    its ``service``, -1 likewise.
    """

    function: int
    type: int
    service: int


class Bacnet(Dissector):
    """Announcements and requests repeat; an identical one within a minute is dropped, and so is a repeated request with
    the same number.
    """

    interest = Interest(udp=PORTS, repeats_s=60)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        try:
            return iter(_link(packet, Reader(packet.payload)))
        except Malformed:
            if packet.truncated:
                return iter(())
            raise


def _link(packet: Packet, reader: Reader) -> list[Parsed]:
    """The virtual link layer (annex J, 2). Its ports are in the ephemeral range, so other data belongs to another
    protocol.
    """
    data = packet.payload
    if data[:1] != BVLC or (int.from_bytes(data[2:4], "big") != len(data) and not packet.truncated):
        return []
    reader.skip(1)
    function = reader.u8()
    reader.skip(2)
    own = True
    if function == FORWARDED:
        own = v4(reader.u32()) == packet.src
        reader.skip(2)
    elif function not in (DISTRIBUTE, UNICAST, BROADCAST):
        return [BacnetMessage(packet, function, -1, -1)]
    network = _network(reader)
    if network < 0 or not reader.left:
        return [BacnetMessage(packet, function, -1, -1)]
    return _application(packet, function, reader, network, own and not network)


def _network(reader: Reader) -> int:
    """The network header (clause 6.2): source network of the message, 0 for the local one, -1 for a network layer
    message.
    """
    if reader.u8() != 1:
        raise Malformed("no BACnet network version")
    control = reader.u8()
    source = 0
    if control & 0x20:
        reader.skip(2)
        reader.skip(reader.u8())
    if control & 0x08:
        source = reader.u16()
        reader.skip(reader.u8())
    if control & 0x20:
        reader.skip(1)
    return -1 if control & 0x80 else source


def _application(packet: Packet, function: int, reader: Reader, network: int, own: bool) -> list[Parsed]:
    """The application header (clause 20.1)."""
    first = reader.u8()
    kind = first >> 4
    segmented = bool(first & 8)
    if kind == UNCONFIRMED:
        return _unconfirmed(packet, function, reader, network, own)
    if kind == CONFIRMED:
        reader.skip(2)
        if segmented:
            reader.skip(2)
        service = reader.u8()
        number, instance = (-1, -1) if segmented or service not in (READ, WRITE) else _object(reader)
        return [BacnetRequest(packet, service, WRITES.get(service, ""), number, instance)]
    if kind == COMPLEX_ACK:
        reader.skip(1)
        part = reader.take(2)[0] if segmented else 0
        service = reader.u8()
        if service in (READ, READ_MULTIPLE) and not part:
            found = _read_property(reader) if service == READ else _read_multiple(reader, segmented)
            if found[1]:
                return _device(packet, found, network, own)
        return [BacnetMessage(packet, function, kind, service)]
    if kind > ABORT:
        raise Malformed("no BACnet message type")
    return [BacnetMessage(packet, function, kind, -1)]


def _unconfirmed(packet: Packet, function: int, reader: Reader, network: int, own: bool) -> list[Parsed]:
    service = reader.u8()
    if service == WHO_IS:
        low, high = (_unsigned(reader, 0x08), _unsigned(reader, 0x18)) if reader.left else (-1, -1)
        return [BacnetWhoIs(packet, low, high)]
    if service != I_AM:
        return [BacnetMessage(packet, function, UNCONFIRMED, service)]
    if reader.u8() != 0xC4:
        raise Malformed("I-Am without a device")
    number = reader.u32()
    _unsigned(reader, 0x20)  # maximum message length
    _unsigned(reader, 0x90)  # segmentation
    vendor = _unsigned(reader, 0x20)
    if number >> 22 != DEVICE:
        raise Malformed("I-Am without a device")
    parsed: list[Parsed] = [BacnetIAm(packet, number & ANY_INSTANCE, vendor, network)]
    if own:
        parsed.append(fact(packet, "bacnet.vendor_id", str(vendor)))
    return parsed


def _device(packet: Packet, found: tuple[int, tuple[tuple[str, str], ...]], network: int, own: bool) -> list[Parsed]:
    parsed: list[Parsed] = [BacnetDevice(packet, found[0], network, found[1])]
    if own:
        parsed += [fact(packet, f"bacnet.{name}", text) for name, text in found[1]]
    return parsed


def _read_property(reader: Reader) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Response to ReadProperty (clause 15.5): object, property, array index if present, value."""
    kind, instance = _object(reader)
    name = PROPERTIES.get(_unsigned(reader, 0x18), "")
    if kind != DEVICE or not name or not reader.left or reader.u8() != 0x3E:
        return instance, ()
    text = _text(reader)
    return instance, ((name, text),) if text else ()


def _read_multiple(reader: Reader, segmented: bool) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Response to ReadPropertyMultiple (clause 15.7): objects with lists of property and value or error. The first
    device object counts.
    """
    found: dict[str, str] = {}
    device = -1
    try:
        while reader.left and len(found) < ITEMS_LIMIT:
            kind, instance = _object(reader)
            _expect(reader, 0x1E)
            mine = kind == DEVICE and device in (-1, instance)
            device = instance if mine else device
            _results(reader, found if mine else {})
    except Malformed:
        if not segmented:
            raise
    return device, tuple(found.items())


def _expect(reader: Reader, tag: int) -> None:
    if reader.u8() != tag:
        raise Malformed("unexpected tag")


def _results(reader: Reader, found: dict[str, str]) -> None:
    """The properties of one object up to the closing tag."""
    while (tag := reader.u8()) != 0x1F:
        reader.offset -= 1
        name = PROPERTIES.get(_unsigned(reader, 0x28), "")
        tag = reader.u8()
        if tag & 0xF8 == 0x38:  # an index
            reader.skip(tag & 7)
            tag = reader.u8()
        if tag == 0x4E:
            text = _text(reader) if name and reader.left and reader.data[reader.offset] >> 4 == CHARACTER_STRING else ""
            if text:
                found.setdefault(name, text)
            _skip_to(reader, 0x4F)
        elif tag == 0x5E:
            _skip_to(reader, 0x5F)
        else:
            raise Malformed("neither value nor error")


def _skip_to(reader: Reader, closing: int) -> None:
    """Skip to the closing tag that belongs to the tag just opened."""
    depth = 0
    while True:
        tag = reader.u8()
        shape = tag & 7
        if tag & 8 and shape == 6:
            depth += 1
            if depth > DEPTH_LIMIT:
                raise Malformed("tags nested too deep")
        elif tag & 8 and shape == 7:
            if not depth:
                if tag != closing:
                    raise Malformed("closing tag does not match")
                return
            depth -= 1
        elif tag & 0xF8 != 0x10:  # a boolean's value is in the length
            _skip_number(reader, tag)
            reader.skip(_length(reader, shape))


def _skip_number(reader: Reader, tag: int) -> None:
    """Tags above 14 have their number in a separate byte (clause 20.2.1.2)."""
    if tag >> 4 == 15:
        reader.skip(1)


def _length(reader: Reader, shape: int) -> int:
    """Length of a value: up to 4 in the tag; 5 means that a byte follows, which may announce more (clause 20.2.1.3)."""
    if shape < 5:
        return shape
    size = reader.u8()
    return reader.u16() if size == 254 else reader.u32() if size == 255 else size


def _unsigned(reader: Reader, tag: int) -> int:
    """A number with this tag, of up to four bytes."""
    found = reader.u8()
    if found & 0xF8 != tag or not 0 < found & 7 <= 4:
        raise Malformed("unexpected tag instead of a number")
    return int.from_bytes(reader.take(found & 7), "big")


def _object(reader: Reader) -> tuple[int, int]:
    """(type, instance) of the object named by the first field."""
    if reader.u8() != 0x0C:
        raise Malformed("no object")
    number = reader.u32()
    return number >> 22, number & ANY_INSTANCE


def _text(reader: Reader) -> str:
    """A character string in UTF-8 or UTF-16 (clause 20.2.9); empty for other encodings."""
    tag = reader.u8()
    if tag & 0xF8 != CHARACTER_STRING << 4:
        return ""
    raw = reader.take(_length(reader, tag & 7))
    if raw[:1] == bytes((UTF16,)):
        return clean(raw[1:4097].decode("utf-16-be", "replace"))
    return clean(raw[1:]) if raw[:1] == bytes((UTF8,)) else ""
