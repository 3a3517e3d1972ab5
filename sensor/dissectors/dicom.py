"""DICOM upper layer (DICOM PS3.8, 9.3) over TCP: modalities, archives and workstations by the titles and programs with
which they associate, and the services that they request.

Reads the negotiation of an association. Commands, images and the data of patients are not read; passwords of users are
not stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import facts

PORTS = (104, 11112)
HEAD, LONGEST = 6, 1 << 20
REQUEST, ACCEPT, REJECT = 1, 2, 3
VERSION, TITLES, ITEMS = b"\0\1", 4, 68  # offsets in the body: the titles, and the items behind them
CONTEXT, USER, ABSTRACT, CLASS, PROGRAM = 0x20, 0x50, 0x30, 0x52, 0x55
NAME_LIMIT, CONTEXTS_LIMIT = 64, 128
ROOT = "1.2.840.10008."
# Services by their class (PS3.4, PS3.6 annex A) without the root; storage classes by their common beginning.
SERVICES = {
    "1.1": "verification", "5.1.4.31": "worklist", "3.1.2.3.3": "procedure step", "1.20.1": "storage commitment",
    "5.1.4.1.2.1.1": "query", "5.1.4.1.2.2.1": "query", "5.1.4.1.2.1.2": "retrieval", "5.1.4.1.2.2.2": "retrieval",
    "5.1.4.1.2.1.3": "retrieval", "5.1.4.1.2.2.3": "retrieval", "5.1.1.9": "printing", "5.1.1.18": "printing",
}  # fmt: skip
STORAGE = "5.1.4.1.1."


class DicomAssociation(Event):
    """A request for an association. ``calling`` and ``called``: titles of the applications; ``program``: version of the
    calling program; ``services``: those requested, each once.
    """

    calling: str
    called: str
    program: str
    services: tuple[str, ...]


class DicomResult(Event):
    """The response: accepted, or rejected with its source and reason (9.3.4)."""

    accepted: bool
    program: str
    source: int
    reason: int


class Dicom(Dissector):
    """The first messages of each side. Archives use any port: requests shorter than 64 KiB are recognized by their
    first bytes.
    """

    interest = Interest(tcp=PORTS, starts=(bytes((REQUEST, 0, 0, 0)),), stream=True, opening=3)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return DicomStream()


class DicomStream(FramedStream):
    """The negotiation of an association. One captured from its middle yields nothing."""

    head = HEAD
    keep = 16384
    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._called = ""

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = True
        return iter(())

    def size(self, data: bytes, at: int) -> int:
        size = int.from_bytes(data[at + 2 : at + HEAD], "big")
        if data[at] not in (REQUEST, ACCEPT, REJECT) or data[at + 1] or size > LONGEST:
            self.done = True  # another protocol, or the rest of an association
            return 0
        return HEAD + size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        kind, body = data[0], data[HEAD:]
        if (kind == REQUEST) is not from_client or (kind != REJECT and body[:2] != VERSION):
            self.done = True
            return iter(())
        if kind == REQUEST:
            return iter(self._request(packet, body))
        self.done = True
        if kind == REJECT:
            source, reason = body[2:3], body[3:4]
            return iter((DicomResult(packet, False, "", *source, *reason),) if reason else ())
        user = _user(Reader(body, min(ITEMS, len(body))))
        return iter([DicomResult(packet, True, user.program, 0, 0), *_facts(packet, self._called, user, "provider")])

    def _request(self, packet: Packet, body: bytes) -> list[Parsed]:
        reader = Reader(body, TITLES)
        self._called, calling = (clean(reader.take(16), NAME_LIMIT) for _ in range(2))
        reader.skip(ITEMS - reader.offset)
        user = _user(reader)
        role = "modality" if "worklist" in user.services or "procedure step" in user.services else ""
        association = DicomAssociation(packet, calling, self._called, user.program, user.services)
        return [association, *_facts(packet, calling, user, role)]


class _User(NamedTuple):
    """Version name and class of a program (PS3.7, D.3.3.2), and the services of the contexts."""

    program: str
    implementation: str
    services: tuple[str, ...]


def _facts(packet: Packet, title: str, user: _User, role: str) -> list[Parsed]:
    pairs = [("title", title), ("program", user.program), ("implementation", user.implementation), ("role", role)]
    return facts(packet, [(f"dicom.{name}", value) for name, value in pairs])


def _user(reader: Reader) -> _User:
    values: dict[int, str] = {}
    found: dict[str, bool] = {}
    for kind, item in _items(reader):
        if kind == CONTEXT:
            for inner, value in _items(Reader(item, min(4, len(item)))):
                if inner == ABSTRACT:
                    found[_service(clean(value, NAME_LIMIT))] = True
        elif kind == USER:
            values = {inner: clean(value, NAME_LIMIT) for inner, value in _items(Reader(item))}
    return _User(values.get(PROGRAM, ""), values.get(CLASS, ""), tuple(name for name in found if name))


def _items(reader: Reader) -> Iterator[tuple[int, bytes]]:
    """Items with a type, a reserved byte and their length."""
    for _ in range(CONTEXTS_LIMIT + 8):
        if not reader.left:
            return
        kind = reader.u8()
        reader.skip(1)
        yield kind, reader.take(reader.u16())
    raise Malformed("too many items")


def _service(identifier: str) -> str:
    """Name of a service; empty for others."""
    short = identifier.removeprefix(ROOT)
    return SERVICES.get(short) or ("storage" if short.startswith(STORAGE) else "")
