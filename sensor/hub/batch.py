"""A batch as received by the hub: decoded, and validated as far as possible without the database. Invalid batches are
quarantined with a reason from a fixed list.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec
import zstandard

from sensor.core.reader import clean
from sensor.hub.lines import LINE_LIMIT, events_of
from sensor.outputs.hub_protocol.batches import MOST
from sensor.outputs.hub_protocol.messages import OLDEST, VERSION, Head, Run, batch_id
from sensor.tables.lines import AlertState, DevicePart, IncidentPart, Names, RecordHead, time_ns

Reason = Literal[
    "unknown_sensor", "not_approved", "foreign_identity", "oversize", "undecodable", "unknown_version", "clock",
    "event_time", "wrong_numbers", "fork", "database_refused", "fault",
]  # fmt: skip
# Limit of one decompressed batch: MOST events of 64 KiB, and the head.
SIZE_LIMIT = (MOST + 1) * LINE_LIMIT
CLOCK_LIMIT = timedelta(days=30)
HIGHEST = 1 << 53
# In the year 2116.
LATEST_NS = 1 << 62
DETAIL_LIMIT, NAME_LIMIT = 300, 64
_head = msgspec.json.Decoder(Head).decode
# NUL in JSON, after an even number of backslashes.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_EPOCH_NAME = re.compile(r"[0-9a-z]{1,32}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DeviceState(DevicePart, gc=False):
    """The fields of a device record that have columns."""

    hostname: str = ""
    type: str = ""
    vendor: str = ""
    model: str = ""
    ips: list[str] = []
    macs: list[str] = []
    serial: str = ""
    owner: str = ""
    criticality: str = ""
    tags: list[str] = []
    vlan: int = 0
    confidence: float = 0.0
    first_seen: str = ""
    last_seen: str = ""


_NO_END = Names()


class HubLine(RecordHead, gc=False):
    """A record with the fields that the hub's tables have as columns, without NUL, which PostgreSQL text cannot
    contain. All others are skipped: each would cost the worker as much as a column. ``reason``: of a device change.
    """

    alert: AlertState | None = None
    incident: IncidentPart | None = None
    recommendation: DevicePart | None = None
    device: DeviceState | None = None
    src: Names = _NO_END
    dst: Names = _NO_END
    targets: list[Names] = []
    reason: str = ""


_line = msgspec.json.Decoder(HubLine).decode


class Quarantined(Exception):
    """A batch that is rejected. ``reason``: a code; the message has the details."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(clean(detail, DETAIL_LIMIT))
        self.reason = reason


class Message(NamedTuple):
    """A message from JetStream. ``key``: public key of the sensor, at the end of the subject; ``id``: its Nats-Msg-Id;
    ``version``: of the format, as text; ``received``: by the clock of the NATS server.
    """

    key: str
    id: str
    version: str
    received: datetime
    body: bytes


class Event(NamedTuple):
    """One line of a log. ``text``: as the sensor sent it, valid UTF-8."""

    seq: int
    ts: datetime
    line: HubLine
    text: bytes


class Batch(NamedTuple):
    """A decoded message."""

    message: Message
    head: Head
    events: list[Event]


def opened(message: Message) -> Batch:
    """Decode a message. Raises Quarantined if the batch cannot be used."""
    _check_version(message.version)
    head_line, *lines = _decompressed(message.body).split(b"\n")
    try:
        head = _head(head_line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Quarantined("undecodable", f"the head of the batch: {error}") from None
    if not _EPOCH_NAME.fullmatch(head.epoch):
        raise Quarantined("undecodable", f"found the epoch {head.epoch!r}, expected letters and digits")
    if len(lines) > MOST:
        raise Quarantined("oversize", f"{len(lines):,} events, expected at most {MOST}")
    numbers = list(_numbers(head.runs, len(lines)))
    if message.id != batch_id(message.key, head.epoch, head.runs, lines):
        raise Quarantined("undecodable", "the id of the message does not match its content")
    _check_clock(head, message.received)
    latest = message.received + CLOCK_LIMIT
    other = functools.partial(event_of, message.received)
    return Batch(message, head, events_of(numbers, lines, _line, Event, latest, other))


def _check_version(text: str) -> None:
    if not text.isascii() or not text.isdecimal() or len(text) > 4 or not OLDEST <= int(text) <= VERSION:
        raise Quarantined("unknown_version", f"found version {text!r}, expected {OLDEST} to {VERSION}")


def _decompressed(body: bytes) -> bytes:
    """The content of a zstd frame, with a size check before and during decompression."""
    try:
        size = zstandard.frame_content_size(body)
        if not 0 <= size <= SIZE_LIMIT:
            raise Quarantined("oversize", f"{size:,} bytes decompressed, expected 0 to {SIZE_LIMIT:,}")
        return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompress(body, max_output_size=size)
    except zstandard.ZstdError as error:
        raise Quarantined("undecodable", f"invalid zstd data: {error}") from None


def _numbers(runs: list[Run], count: int) -> Iterator[int]:
    """The numbers of the events. Runs must ascend and match the number of events."""
    before, total = 0, 0
    for first, last in runs:
        if not before < first <= last < HIGHEST:
            raise Quarantined("wrong_numbers", f"found the numbers {first} to {last} after {before}")
        before, total = last, total + last - first + 1
        if total > count:
            break
    if total != count or not count:
        raise Quarantined("wrong_numbers", f"{total:,} or more numbers for {count:,} events")
    for first, last in runs:
        yield from range(first, last + 1)


def event_of(received: datetime, seq: int, text: bytes) -> Event:
    """One line. Raises Quarantined if it is unusable."""
    if len(text) > LINE_LIMIT:
        detail = f"the event with number {seq} has {len(text):,} bytes, expected at most {LINE_LIMIT:,}"
        raise Quarantined("undecodable", detail)
    try:
        escaped = b"\\" in text and b"\\u0000" in text  # the first test alone is fast, and most lines fail it
        line = _line(_NUL.sub(rb"\1", text) if escaped else text)
        text.isascii() or text.decode()
        ts = _EPOCH + timedelta(microseconds=time_ns(line.ts) // 1000)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise Quarantined("undecodable", f"the event with number {seq} is not a record: {error}") from None
    if line.sensor.seq != seq:
        raise Quarantined("wrong_numbers", f"the event at number {seq} has number {line.sensor.seq}")
    if ts - received > CLOCK_LIMIT:  # events may be old: the sensor may have been offline
        raise Quarantined("event_time", f"the event with number {seq}: {_times(ts, received)}")
    return Event(seq, ts, line, text)


def _check_clock(head: Head, received: datetime) -> None:
    """Check the sensor's clock at the time of sending."""
    if not 0 <= head.sent_ns < LATEST_NS:
        raise Quarantined("clock", f"the clock of the sensor: {head.sent_ns} ns since 1970")
    sent = _EPOCH + timedelta(microseconds=head.sent_ns // 1000)
    if abs(sent - received) > CLOCK_LIMIT:
        raise Quarantined("clock", f"the clock of the sensor: {_times(sent, received)}")


def _times(time: datetime, received: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}, received {received:%Y-%m-%dT%H:%M:%SZ}"
