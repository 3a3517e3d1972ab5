"""IPP over HTTP (RFC 8010, RFC 8011, PWG 5100.x): print jobs, and how printers describe themselves.

Reads the attributes of requests and responses in the first 32 KiB of a message; documents are skipped. A printer's
answer is a fact about it. A print server answers for other printers: it is recognised by its queue paths (/printers/,
/classes/) and by attributes that only spoolers have. Make, model and serial number in its answers are then not
attributed to any device; that it serves printers is its role.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors._ipp_codes import OPERATIONS
from sensor.dissectors.http import HttpStream
from sensor.dissectors.shared import http_body as bodies
from sensor.dissectors.shared.http_message import Head, masked
from sensor.dissectors.shared.ieee1284 import device_id
from sensor.dissectors.shared.sender_facts import facts

PORT = 631
MEDIA_TYPE = b"application/ipp"
REQUESTED_LIMIT = 16
ATTRIBUTES_LIMIT = 2048
NAME_LIMIT = 255
BOUNDS = (1, 2)  # major versions
_HEADER = struct.Struct("!BBHI")
# The delimiter after the attributes (RFC 8010, 3.5.1); others are below the first value tag.
END = 3
FIRST_VALUE = 0x10
WITH_LANGUAGE = (0x35, 0x36)  # a language precedes the text (RFC 8010, 3.9)
DOCUMENT_LIMIT = 32768
# Attributes of a printer that describe it.
FACTS = {
    b"printer-make-and-model": "ipp.make_and_model", b"printer-dns-sd-name": "ipp.instance",
    b"printer-uuid": "ipp.uuid", b"printer-location": "ipp.location",
    b"printer-firmware-string-version": "ipp.firmware", b"printer-serial-number": "ipp.serial",
    b"printer-device-id": "ipp.device_id",
}  # fmt: skip
# Attributes that only spoolers have: CUPS documents them as its own.
SPOOLER = frozenset(
    (
        b"printer-is-shared",
        b"printer-type",
        b"device-uri",
        b"member-names",
        b"server-is-sharing-printers",
        b"cups-version",
    )
)
QUEUES = ("/printers/", "/classes/")


class IppRequest(Event):
    """``operation``: by name (``print_job``, ``get_printer_attributes``); ``user`` and ``job``: as sent by the client;
    ``path``: target of the request.
    """

    operation: str
    path: str
    request_id: int
    user: str
    job: str
    user_agent: str


class IppResponse(Event):
    """``operation``: of the request, if captured; ``status``: below 0x100 is success (RFC 8011, B); ``spooler``: the
    response of a print server.
    """

    operation: str
    status: int
    request_id: int
    make_and_model: str
    server: str
    spooler: bool


class Ipp(Dissector):
    """Whole connections up to the first long document, since responses of printers are long and consecutive."""

    interest = Interest(tcp=(PORT,), starts=(b"POST /ip", b"POST /pr"), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return IppStream()


class IppStream(HttpStream):
    """HTTP messages of one connection; a response belongs to the request with the same number."""

    def __init__(self) -> None:
        super().__init__()
        self._requests: dict[int, tuple[str, str]] = {}  # operation and path

    def message(self, packet: Packet, head: Head, parsed: list[Parsed]) -> bodies.Body | None:
        """The body that follows a head; the HTTP dissector reports the heads themselves."""
        fields = head.fields
        length, chunked = head.length, b"chunked" in fields.get(b"transfer-encoding", b"").lower()
        media_type = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
        # Some printers send no type.
        ipp = media_type == MEDIA_TYPE or (not media_type and not head.method and bool(self._requests))
        if head.method and not ipp and packet.dport != PORT:
            self.done = True
            return None
        if head.method and length <= 0 and not chunked:
            return None
        if not head.method and (head.status < 200 or head.status in (204, 304) or length == 0):
            return None
        encoded = fields.get(b"content-encoding", b"").lower() not in (b"", b"identity")

        def read(body_of: Packet, body: bytes) -> Iterator[Parsed]:
            return iter(
                self._requested_in(body_of, head, body) if head.method else self._answered_in(body_of, head, body)
            )

        return bodies.Body(packet, length, chunked, encoded, read if ipp else None)

    def _requested_in(self, packet: Packet, head: Head, body: bytes) -> list[Parsed]:
        number, request_id, attributes = _read(body)
        operation, path = _operation(number), masked(head.target)
        if len(self._requests) >= REQUESTED_LIMIT:
            self._requests.clear()
        self._requests[request_id] = operation, path
        user, job = (attributes.get(name, "")[:NAME_LIMIT] for name in (b"requesting-user-name", b"job-name"))
        self.done = len(body) >= DOCUMENT_LIMIT
        return [IppRequest(packet, operation, path, request_id, user, job, head.text(b"user-agent"))]

    def _answered_in(self, packet: Packet, head: Head, body: bytes) -> list[Parsed]:
        status, request_id, attributes = _read(body)
        operation, path = self._requests.pop(request_id, ("", ""))
        addresses = (path, attributes.get(b"printer-uri-supported", ""))
        spooler = bool(SPOOLER & attributes.keys()) or any(
            queue in address for queue in QUEUES for address in addresses
        )
        model = attributes.get(b"printer-make-and-model", "")
        parsed: list[Parsed] = [
            IppResponse(packet, operation, status, request_id, model, head.text(b"server"), spooler)
        ]
        values = {"ipp.role": "print_server"} if spooler else _facts(attributes)
        return parsed + facts(packet, values.items())


def _facts(attributes: dict[bytes, str]) -> dict[str, str]:
    """Facts about a printer: its attributes, and missing ones from its device id."""
    found = {kind: attributes[name] for name, kind in FACTS.items() if name in attributes}
    if "ipp.device_id" in found:
        fields = device_id(found["ipp.device_id"])
        found.setdefault("ipp.make_and_model", f"{fields.get('MFG', '')} {fields.get('MDL', '')}".strip())
        found.setdefault("ipp.serial", fields.get("SN", ""))
        found.setdefault("ipp.firmware", fields.get("FWVER", ""))
    return found


def _read(body: bytes) -> tuple[int, int, dict[bytes, str]]:
    """(operation or status, request id, first value of each text attribute). Truncated attributes are left out."""
    reader = Reader(body)
    major, _, number, request_id = reader.unpack(_HEADER)
    if major not in BOUNDS:
        raise Malformed("unknown version")
    attributes: dict[bytes, str] = {}
    try:
        for _ in range(ATTRIBUTES_LIMIT):
            tag = reader.u8()
            if tag == END:
                break
            if tag < FIRST_VALUE:
                continue
            name = reader.take(reader.u16())
            value = reader.take(reader.u16())
            if name and name not in attributes:
                attributes[name] = _text(tag, value) if name in WANTED else ""
    except Malformed:
        if len(body) < DOCUMENT_LIMIT and not attributes:
            raise
    return number, request_id, attributes


def _text(tag: int, value: bytes) -> str:
    """Texts and names, with or without their language (RFC 8010, 3.9)."""
    if tag in WITH_LANGUAGE:
        reader = Reader(value)
        reader.skip(reader.u16())
        value = reader.take(reader.u16())
    return clean(value)


WANTED = frozenset((*FACTS, b"requesting-user-name", b"job-name", b"printer-uri-supported"))


@functools.lru_cache(maxsize=256)
def _operation(number: int) -> str:
    return OPERATIONS.get(number) or f"operation_{number:#06x}"
