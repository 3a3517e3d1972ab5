"""RTCP over UDP (RFC 3550): media sessions between two endpoints, their quality, and the names of the programs that
send them.

Selected by content, because the ports are negotiated elsewhere: reports with up to two blocks and plausible lengths.
Media itself (RTP) is never selected. Reads sender and receiver reports, CNAME and TOOL. If everything after the first
header is encrypted (SRTCP, RFC 3711), only its presence is reported. Facts are about the sender of the report alone:
items of other sources come from mixers and translators, which forward them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.sender_facts import facts

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION = 200, 201, 202
LAST_TYPE = 207
CNAME, TOOL = 1, 6
PARTS_LIMIT = 16
# First bytes with their length in words: sender reports have 6 words and 6 per block, receiver reports 1 and 6 (RFC
# 3550, 6.4).
STARTS = (
    b"\x80\xc8\x00\x06", b"\x81\xc8\x00\x0c", b"\x82\xc8\x00\x12", b"\x80\xc9\x00\x01", b"\x81\xc9\x00\x07",
    b"\x82\xc9\x00\x0d",
    *(bytes((0x81, 0xCA, 0, words)) for words in range(2, 33)),
)  # fmt: skip
_REPORT = struct.Struct("!QIII")  # NTP time, RTP time, packets, octets
_BLOCK = struct.Struct("!IIIIII")  # source, lost, highest number, jitter, last report, delay


class RtcpReport(Event):
    """``source``: id of the sender's stream; ``packets`` and ``octets`` sent, 0 for a receiver; ``lost``: share of
    packets that the other end lost recently, 0 to 1; ``encrypted``: only the first header is readable.
    """

    source: int
    sends: bool
    packets: int
    octets: int
    lost: float
    tool: str
    encrypted: bool


class Rtcp(Dissector):
    """Reports come every few seconds and are never equal."""

    interest = Interest(starts=STARTS)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(_read(packet, packet.payload))


def _read(packet: Packet, data: bytes) -> list[Parsed]:
    if not data.startswith(STARTS):
        if packet.truncated and len(data) < 4:
            return []
        raise Malformed("no RTCP report")
    size = 4 + (data[2] << 10 | data[3] << 2)
    if size > len(data):
        if packet.truncated:
            return []
        raise Malformed("report longer than the datagram")
    count, kind, source = data[0] & 31, data[1], int.from_bytes(data[4:8], "big")
    parts = _parts(data)
    encrypted = not parts
    sent = lost = 0
    octets = 0
    if not encrypted and kind == SENDER_REPORT:
        _, _, sent, octets = _REPORT.unpack_from(data, 8)
    if not encrypted and count and kind != DESCRIPTION:
        lost = _BLOCK.unpack_from(data, 28 if kind == SENDER_REPORT else 8)[1] >> 24
    items: dict[int, str] = {}
    for start, stop in parts:
        if data[start + 1] == DESCRIPTION:
            items |= _items(data, start, stop, source)
    parsed: list[Parsed] = [
        RtcpReport(packet, source, kind == SENDER_REPORT, sent, octets, lost / 256, items.get(TOOL, ""), encrypted)
    ]
    return parsed + facts(packet, [("rtcp.cname", items.get(CNAME, "")), ("rtcp.tool", items.get(TOOL, ""))])


def _parts(data: bytes) -> list[tuple[int, int]]:
    """(start, stop) of the packets of a compound; empty if they do not fill the datagram, which is then encrypted or
    not RTCP.
    """
    parts: list[tuple[int, int]] = []
    at = 0
    while at + 4 <= len(data) and len(parts) < PARTS_LIMIT:
        stop = at + 4 + (data[at + 2] << 10 | data[at + 3] << 2)
        if data[at] >> 6 != 2 or not SENDER_REPORT <= data[at + 1] <= LAST_TYPE or stop > len(data):
            return []
        parts.append((at, stop))
        at = stop
    return parts if at == len(data) else []


def _items(data: bytes, start: int, stop: int, source: int) -> dict[int, str]:
    """Items of the chunk for this source (RFC 3550, 6.5); chunks end with a zero and are padded to whole words."""
    found: dict[int, str] = {}
    at = start + 4
    for _ in range(data[start] & 31):
        if at + 4 > stop:
            break
        mine = int.from_bytes(data[at : at + 4], "big") == source
        at += 4
        while at < stop and data[at]:
            if at + 2 > stop or at + 2 + data[at + 1] > stop:
                return found
            if mine:
                found.setdefault(data[at], clean(data[at + 2 : at + 2 + data[at + 1]]))
            at += 2 + data[at + 1]
        at += 4 - (at - start) % 4
    return found
