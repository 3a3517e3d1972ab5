"""Past traffic as the events, connections and device changes that rules watch, in order of time, from the records."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import msgspec

from sensor.core import addresses
from sensor.core.device import DeviceChange
from sensor.core.event import Event
from sensor.core.flow import Change, Flow, Reason
from sensor.core.packet import Packet
from sensor.records.codes import PROTOCOLS
from sensor.records.past_devices import RowEndpoint, device_of
from sensor.records.query import Query
from sensor.records.stored_kinds import DEVICES, FLOWS, KINDS, StoredKind

# Limits on rows of one search, the newest first, and on rows that are in memory at once.
ROWS_MOST, PAGE = 200_000, 10_000
SECOND_US, HOUR_US = 1_000_000, 3_600_000_000
_NUMBERS = {name: number for number, name in PROTOCOLS.items()}
_REASONS = {reason.name.lower(): reason for reason in Reason}
_ENDS = "uid, coalesce(vlan, 0), src_ip, src_port, src_mac, src_device, dst_ip, dst_port, dst_mac, dst_device, proto"
_PLACES = 12  # columns before the fields: the time and those
_DEVICE = "device, action, name, type, vendor, model, os, coalesce(vlan, 0), ips, macs"

Signal = Event | Flow | DeviceChange


class Watched(NamedTuple):
    """One kind that a rule watches. ``narrow``: SQL that all matches among the rows of a stored kind meet."""

    kind: str
    narrow: Callable[[StoredKind], str]


class PastSubject(NamedTuple):
    """A thing of the past, and the devices at its ends."""

    signal: Signal
    places: tuple[RowEndpoint, ...]


class Examined(NamedTuple):
    """``rows``: number of rows to examine; ``since``: time (us) of the first; ``more``: there are older ones that
    exceed the limit.
    """

    rows: int
    since: int
    more: bool


class PastSignals:
    """The rows of the watched kinds. Raises QueryError, as its methods do."""

    def __init__(self, query: Query, watched: Sequence[Watched], most: int = ROWS_MOST) -> None:
        self._query = query
        self._sources = [
            (one.kind, stored, f"({stored.where}) AND {one.narrow(stored)}")
            for one in watched
            for stored in KINDS[one.kind]
        ]
        self._hours, self.examined = self._counted(most)

    def __iter__(self) -> Iterator[PastSubject]:
        """All, in order of time."""
        for since, until in self._pages():
            found = [past for source in self._sources for past in self._read(source, since, until)]
            found.sort(key=lambda past: past.signal.ts)
            yield from found

    def _counted(self, most: int) -> tuple[list[tuple[int, int]], Examined]:
        """The hours to read, oldest first, each with its number of rows."""
        hours = dict[int, int]()
        for _, stored, where in self._sources:
            sql = (
                f"SELECT epoch_us({_moment(stored)}) // {HOUR_US} AS hour, count(*) FROM {stored.table} "
                f"WHERE {where} GROUP BY 1"
            )
            for hour, count in self._query.run(sql, most=1_000_000).rows:
                hours[hour] = hours.get(hour, 0) + count
        chosen, rows = list[tuple[int, int]](), 0
        for hour in sorted(hours, reverse=True):
            if chosen and rows + hours[hour] > most:
                break
            chosen.append((hour, hours[hour]))
            rows += hours[hour]
        first = chosen[-1][0] * HOUR_US if chosen else 0
        return chosen[::-1], Examined(min(rows, most), first, len(chosen) < len(hours) or rows > most)

    def _pages(self) -> Iterator[tuple[int, int]]:
        """Time ranges in us, of whole hours, with few rows each if possible."""
        begun, rows, last = None, 0, 0
        for hour, count in self._hours:
            if begun is not None and rows + count > PAGE:
                yield begun * HOUR_US, last * HOUR_US
                begun, rows = None, 0
            begun, rows, last = hour if begun is None else begun, rows + count, hour + 1
        if begun is not None:
            yield begun * HOUR_US, last * HOUR_US

    def _read(self, source: tuple[str, StoredKind, str], since: int, until: int) -> Iterator[PastSubject]:
        kind, stored, where = source
        moment = f"epoch_us({_moment(stored)})"
        names = list(stored.fields)
        ends = _DEVICE if stored.table == "device_history" else _ENDS
        columns = ", ".join((moment, ends, *stored.fields.values()))
        sql = (
            f"SELECT {columns} FROM {stored.table} WHERE {where} AND {moment} >= {since} AND {moment} < {until} "
            f"ORDER BY {moment} DESC"
        )
        made = _maker(kind, stored)
        for row in reversed(self._query.run(sql, most=ROWS_MOST).rows):
            yield made(row, dict(zip(names, row[_PLACES:], strict=False)))


def _moment(stored: StoredKind) -> str:
    """SQL of the time of the event."""
    return "ts" if stored.late == "0" else f"(ts + to_microseconds(({stored.late} * {SECOND_US})::BIGINT))"


Row = Sequence[Any]
Fields = Mapping[str, Any]


def _maker(kind: str, stored: StoredKind) -> Callable[[Row, Fields], PastSubject]:
    """The function that makes a signal of a row and its fields."""
    if kind.startswith(DEVICES):
        return lambda row, _: _change(kind.removeprefix(DEVICES), row)
    if kind.startswith(FLOWS):
        change = Change[kind.removeprefix(FLOWS).upper()]
        return lambda row, fields: PastSubject(_flow(change, row, fields), _places(row))
    event = event_class(stored.event)
    return lambda row, fields: PastSubject(_event(event, row, fields, server=stored.server), _places(row))


@functools.cache
def event_class(name: str) -> type[Event]:
    """The class of ``module:class`` among the dissectors."""
    module, _, word = name.partition(":")
    found: type[Event] = getattr(import_module(f"sensor.dissectors.{module}"), word)
    return found


def _places(row: Row) -> tuple[RowEndpoint, ...]:
    """The two ends, each with its device."""
    src, dst = row[6], row[10]
    return (RowEndpoint(_ip(row[3]), _mac(row[5]), src or ""), RowEndpoint(_ip(row[7]), _mac(row[9]), dst or ""))


def _event(event: type[Event], row: Row, fields: Fields, *, server: bool) -> Event:
    client, other = row[3:6], row[7:10]
    src, dst = (other, client) if server else (client, other)
    packet = Packet(
        ts=row[0] * 1000, flow=row[1] or 0, vlan=row[2], src=_ip(src[0]), sport=_port(src[1]), src_mac=_mac(src[2]),
        dst=_ip(dst[0]), dport=_port(dst[1]), dst_mac=_mac(dst[2]), proto=_proto(row[11]),
    )  # fmt: skip
    return event(packet, **{field.name: _value(field, fields) for field in _own(event)})


@functools.cache
def _own(event: type[Event]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return tuple(field for field in msgspec.structs.fields(event) if field.name != "packet")


_EMPTY: dict[Any, Any] = {str: "", int: 0, float: 0.0, bool: False, bytes: b""}


def _value(field: msgspec.structs.FieldInfo, fields: Fields) -> Any:
    """A field of an event; empty if the records do not have it."""
    value = fields.get(field.name)
    if field.name == "answers":
        return _answers(value or ())
    if value is None:
        return field.default if field.default is not msgspec.NODEFAULT else _EMPTY.get(field.type, ())
    if field.type is int and isinstance(value, str):
        return _mac(value)
    return tuple(value) if isinstance(value, list) else value


def _answers(values: Sequence[str]) -> tuple[Any, ...]:
    from sensor.dissectors.shared.dns_message import Record

    return tuple(Record("", 1, 0, 0, value=value) for value in values)


def _flow(change: Change, row: Row, fields: Fields) -> Flow:
    ts = row[0] * 1000
    first = ts - int((fields.get("duration_s") or 0) * 1_000_000_000)
    counts = [fields.get(name) or 0 for name in ("src.packets", "dst.packets", "src.bytes", "dst.bytes")]
    return Flow(
        ts, first, row[1] or 0, _ip(row[3]), _ip(row[7]), _mac(row[5]), _mac(row[9]), _port(row[4]), _port(row[8]),
        _proto(row[11]), row[2], 0, change, _REASONS.get(fields.get("reason") or "", Reason.NONE),
        bool(fields.get("answered", change is Change.ANSWERED)), *counts,
    )  # fmt: skip


def _change(action: str, row: Row) -> PastSubject:
    ts, name, _, *about, ips, macs = row[:11]
    device = device_of(ts * 1000, name, about, ips or (), macs or ())
    return PastSubject(DeviceChange(ts * 1000, action, device), ())


def _ip(text: str | None) -> int:
    return addresses.parse(text) if text else 0


def _mac(text: str | None) -> int:
    return addresses.parse_mac(text) if text else 0


def _port(number: int | None) -> int:
    return number if number is not None and 0 <= number <= 65535 else 0


def _proto(word: str | None) -> int:
    if word is None:
        return 0
    return _NUMBERS[word] if word in _NUMBERS else int(word) if word.isdigit() else 0
