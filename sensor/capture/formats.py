"""The formats of capture files, recognized by their first bytes: pcap and its nanosecond and Kuznetzov variants,
pcapng, snoop.

A format object holds the file header (byte order, link type, interfaces); the kernels of ``sensor.decode.records``
parse the records.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sensor.capture.pcapng import Pcapng, Step
from sensor.decode import records

SUPPORTED = "pcap, pcapng and snoop, plain or in gzip, zstd, xz or lz4"

LARGEST_FRAME = 262144
"""libpcap's limit, regardless of the snapshot length that the file declares."""

_LARGE_LINKS = frozenset((189, 220, 231, 249, 266, 279))
_LARGEST_TRANSFER = 16 << 20
"""The same for captures of buses (USB, D-Bus), whose records may be larger."""

HEADER_SIZE = 24


class Format(Protocol):
    """How to parse the records of one file."""

    @property
    def name(self) -> str: ...
    @property
    def dropped(self) -> int:
        """Packets lost while the file was written, if it contains that number."""
        ...

    @property
    def begin(self) -> int:
        """Offset of the first record."""
        ...

    def scan(self, data: npt.NDArray[np.uint8], start: int, end: int, rows: npt.NDArray[np.void]) -> Step: ...


class _Pcap(NamedTuple):
    order: str
    fraction_ns: int
    record: int


PCAPS = {
    magic: _Pcap(order, fraction_ns, record)
    for order, name in (("<", "little"), (">", "big"))
    for magic, fraction_ns, record in (
        (0xA1B2C3D4.to_bytes(4, name), 1000, 16),  # type: ignore[arg-type]
        (0xA1B23C4D.to_bytes(4, name), 1, 16),  # type: ignore[arg-type]
        (0xA1B2CD34.to_bytes(4, name), 1000, 24),  # type: ignore[arg-type]
    )
}
"""draft-ietf-opsawg-pcap, and the variant of old Linux versions of libpcap with the interface in each record."""

_WHY = {
    records.FRAME_LENGTH: "a record longer than any frame",
    records.BLOCK_LENGTH: "a record of an invalid length",
    records.OVERHANG: "a frame longer than its record",
}


class Pcap:
    """``snaplen`` of the file is not used, because it is often 0 or too small."""

    name, begin, dropped = "pcap", HEADER_SIZE, 0

    def __init__(self, header: bytes, source: int) -> None:
        self._kind = PCAPS[header[:4]]
        # The upper half contains the length of the frame check sequence; its other bits are reserved.
        self.link = struct.unpack_from(self._kind.order + "I", header, 20)[0] & 0xFFFF
        self._largest = _LARGEST_TRANSFER if self.link in _LARGE_LINKS else LARGEST_FRAME
        self._source = source
        self._lengths = self._order_of_lengths(*struct.unpack_from(self._kind.order + "HH", header, 4))

    @staticmethod
    def _order_of_lengths(major: int, minor: int) -> int:
        """The order of the two lengths changed in version 2.3, which some writers of that version did not follow; DG/UX
        called the old order 543.0.
        """
        if major == 543 or (major == 2 and minor < 3):
            return 1
        return 2 if (major, minor) == (2, 3) else 0

    def scan(self, data: npt.NDArray[np.uint8], start: int, end: int, rows: npt.NDArray[np.void]) -> Step:
        kind = self._kind
        filled, at, why, need = records.scan_pcap(
            data,
            start,
            end,
            rows,
            0,
            kind.order == ">",
            kind.fraction_ns,
            kind.record,
            self._lengths,
            self._largest,
            self.link,
            self._source,
        )
        return Step(filled, at, why, need, _WHY[need] if why == records.BROKEN else "")


class Snoop:
    """RFC 1761, version 2. It has its own link types; those without an equivalent are reported as unknown."""

    name, begin = "snoop", 16
    MAGIC = b"snoop\0\0\0"
    VERSION = 2
    LINKS = {0: 1, 2: 6, 4: 1, 8: 10, 18: 123, 26: 226}

    def __init__(self, header: bytes, source: int) -> None:
        number = struct.unpack_from(">I", header, 12)[0]
        self.link = self.LINKS.get(number, 0xFFFF)
        self._source = source
        self.dropped = 0

    def scan(self, data: npt.NDArray[np.uint8], start: int, end: int, rows: npt.NDArray[np.void]) -> Step:
        filled, at, why, need = records.scan_snoop(data, start, end, rows, 0, LARGEST_FRAME, self.link, self._source)
        if filled:  # each record contains the number of packets lost up to it
            self.dropped = int.from_bytes(
                data[(place := int(rows["frame"][filled - 1]) - 12) : place + 4].tobytes(), "big"
            )
        return Step(filled, at, why, need, _WHY[need] if why == records.BROKEN else "")


def recognise(head: bytes, source: int) -> Format | int | str:
    """The format of a file that begins with these bytes; the number of bytes needed to recognize it; or a text that
    describes what else the file is.
    """
    if head[:4] in PCAPS:
        return Pcap(head, source) if len(head) >= HEADER_SIZE else HEADER_SIZE
    if head[:4] == Pcapng.MAGIC:
        return Pcapng(source)
    if head[:8] == Snoop.MAGIC:
        if len(head) < Snoop.begin:
            return Snoop.begin
        version = struct.unpack_from(">I", head, 8)[0]
        return Snoop(head, source) if version == Snoop.VERSION else f"snoop, version {version}"
    for magic in (*PCAPS, Pcapng.MAGIC, Snoop.MAGIC):
        if magic.startswith(head):
            return len(magic)
    return describe(head)


_OTHERS = (
    (b"GMBU", "a Network Monitor capture"),
    (b"RTSS", "a Network Monitor 1 capture"),
    (b"TRSNIFF data", "a Sniffer capture"),
    (b"XCP\0", "a NetXRay capture"),
    (b"ObserverPktBuffe", "an Observer capture"),
    (b"btsnoop\0", "a Bluetooth HCI capture"),
    (b"iptrace ", "an AIX iptrace capture"),
    (b"\x7fver", "an EtherPeek capture"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"BZh", "bzip2 data"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\0", "a SQLite database"),
)


def describe(head: bytes) -> str:
    """What a file that is not a capture file appears to be."""
    if not head:
        return "no data"
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return name
    if all(byte in b"\t\n\r\f" or 0x20 <= byte < 0x7F for byte in head[:64]):
        return "text"
    return f"data that begins with {head[:8].hex(' ')}"
