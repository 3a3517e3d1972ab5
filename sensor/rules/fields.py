"""Fields for conditions of rules: those of the event, of the packet, of the flow, and of the devices at both ends."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

import sensor.dissectors
from sensor.core import addresses
from sensor.core.detector import Context
from sensor.core.device import CHANGING, TYPES, DeviceChange
from sensor.core.event import Derived, Event, kind_of
from sensor.core.flow import Change, Flow, Reason
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.known_values import KNOWN, PORTS, ROLES
from sensor.core.observation import Subject
from sensor.core.service_names import services_at
from sensor.documents import nearest
from sensor.registry import modules
from sensor.rules.values import Kind, RuleError

Signal = Event | Flow | DeviceChange
Get = Callable[[Any], Any]

FLOW_KINDS = {f"flow.{change.name.lower()}": change for change in Change}
DEVICE_KINDS = {
    f"device.{action}": action
    for action in ("new", "identified", "changed", "address_changed", "merged", "split", "gone", "back")
}
ATTRIBUTES = ("vendor", "model", "firmware", "serial", "os", "software", "criticality", "location", "owner")
HOUR_NS = 3_600_000_000_000
# Words and numbers that fields can have.
DIRECTIONS = ("internal", "outbound", "inbound", "external")
TRANSPORTS = (*PROTOCOLS.values(), *(str(number) for number in range(256) if number not in PROTOCOLS))
REASONS = tuple(reason.name.lower() for reason in Reason)
TAGS, TTLS, HOURS, COUNTS = range(4096), range(256), range(24), range(2**63 - 1)
_KINDS: dict[Any, Kind] = {
    str: Kind.TEXT, int: Kind.NUMBER, float: Kind.NUMBER, bool: Kind.FLAG, bool | None: Kind.FLAG,
    tuple[str, ...]: Kind.TEXTS, tuple[int, ...]: Kind.NUMBERS, tuple[tuple[str, str], ...]: Kind.TEXTS,
}  # fmt: skip


class Field(NamedTuple):
    """``get`` returns the value for an event, a flow or a device change. ``columns``: the same in columns of flow
    changes. ``asks``: it needs the inventory, and is evaluated last. ``source``: the field of an event, or of its
    packet, with the same value. ``words``, ``numbers``: all values that it can have, empty if any; ``similar``: those
    that it can have for a value with the same number.
    """

    kind: Kind
    get: Get
    columns: tuple[str, ...] = ()
    asks: bool = False
    source: str = ""
    words: tuple[str, ...] = ()
    numbers: range = range(0)
    similar: Callable[[str], tuple[str, ...]] | None = None


Fields = dict[str, Field]


class Ends(NamedTuple):
    """Subjects and ports of both ends."""

    src: Get
    dst: Get
    src_port: Get
    dst_port: Get


PACKET_ENDS = Ends(
    lambda event: Subject(event.packet.src_mac, event.packet.src, event.packet.vlan),
    lambda event: Subject(event.packet.dst_mac, event.packet.dst, event.packet.vlan),
    attrgetter("packet.sport"),
    attrgetter("packet.dport"),
)
FLOW_ENDS = Ends(
    lambda flow: Subject(flow.client_mac, flow.client, flow.vlan),
    lambda flow: Subject(flow.server_mac, flow.server, flow.vlan),
    attrgetter("client_port"),
    attrgetter("server_port"),
)


def subject_of(change: DeviceChange) -> Subject:
    """The changed device, with the addresses that it was last seen with."""
    device = change.device
    address = max(device.addresses, key=lambda one: device.addresses[one], default=0)
    return Subject(device.macs[0] if device.macs else 0, address, device.vlan)


DEVICE_ENDS = Ends(subject_of, lambda _: Subject(0), lambda _: 0, lambda _: 0)


def ends_of(signal: Signal) -> Ends:
    return PACKET_ENDS if isinstance(signal, Event) else FLOW_ENDS if isinstance(signal, Flow) else DEVICE_ENDS


@functools.cache
def event_classes() -> dict[str, type[Event]]:
    """The classes of events by kind, of all dissectors. Kinds that have only refinements and no events of their own are
    left out.
    """
    for _ in modules(sensor.dissectors):
        pass
    return dict(sorted(((kind_of(one), one) for one in _below(Event)), key=lambda each: each[0]))


def _below(event: type[Event]) -> Iterable[type[Event]]:
    for one in event.__subclasses__():
        if one is not Derived:
            yield one
            yield from _below(one)


def watched(when: Iterable[str]) -> list[str]:
    """The kinds of a ``when``. Raises RuleError for an unknown kind, or a mixture of events, flows and devices."""
    kinds = list(when)
    for place, kind in enumerate(kinds):
        if kind not in event_classes() and kind not in FLOW_KINDS and kind not in DEVICE_KINDS:
            near = nearest(kind, [*FLOW_KINDS, *DEVICE_KINDS, *event_classes()])
            raise RuleError(
                f"found {kind!r}, {near}; `sensor rules fields` lists all", "when", *([place] if len(kinds) > 1 else [])
            )
    if len({"flow" if kind in FLOW_KINDS else "device" if kind in DEVICE_KINDS else "" for kind in kinds}) > 1:
        raise RuleError(
            "found events, flows and devices together, expected one category: a step may watch several kinds of the "
            "same category only",
            "when",
        )
    return kinds


def fields_of(kinds: Iterable[str], context: Context) -> Fields:
    """The fields that are available for all watched kinds."""
    first, *others = [_fields_of(kind, context) for kind in kinds]
    return {
        name: field
        for name, field in first.items()
        if all(name in fields and fields[name].kind is field.kind for fields in others)
    }


def _fields_of(kind: str, context: Context) -> Fields:
    if kind in FLOW_KINDS:
        return _flow_fields(context)
    if kind in DEVICE_KINDS:
        return _device_fields()
    return _event_fields(event_classes()[kind], context)


def _event_fields(event: type[Event], context: Context) -> Fields:
    found = _of_ends(PACKET_ENDS, context)
    found["vlan"] = Field(Kind.NUMBER, attrgetter("packet.vlan"), source="packet.vlan", numbers=TAGS)
    found["proto"] = Field(
        Kind.TEXT, lambda one: PROTOCOLS.get(one.packet.proto, str(one.packet.proto)), words=TRANSPORTS
    )
    found["ttl"] = Field(Kind.NUMBER, attrgetter("packet.ttl"), source="packet.ttl", numbers=TTLS)
    for side, port in (("src", "sport"), ("dst", "dport")):
        found[f"{side}.port"] = found[f"{side}.port"]._replace(source=f"packet.{port}")
    for field in msgspec.structs.fields(event):
        kind = _KINDS.get(field.type)
        if field.type == tuple[tuple[str, str], ...]:
            found[field.name] = Field(Kind.TEXTS, functools.partial(_pairs, attrgetter(field.name)))
        elif kind is not None:
            found[field.name] = Field(kind, attrgetter(field.name), source=field.name)
        elif field.name == "answers":
            found["answers"] = Field(Kind.TEXTS, _answers)
    return found


def _pairs(get: Get, event: Event) -> tuple[str, ...]:
    """Pairs as ``name=value``."""
    return tuple(f"{name}={value}" for name, value in get(event))


def _answers(event: Any) -> tuple[str, ...]:
    """The answers of a DNS response: addresses, names and texts."""
    return tuple(addresses.text(one.address) if one.address else one.value for one in event.answers)


def _flow_fields(context: Context) -> Fields:
    found = _of_ends(FLOW_ENDS, context)
    for side, end in (("src", "client"), ("dst", "server")):
        found[side] = found[side]._replace(columns=(f"{end}_hi", f"{end}_lo"))
        found[f"{side}.port"] = found[f"{side}.port"]._replace(columns=(f"{end}_port",))
        for what in ("bytes", "packets"):
            column = f"{end}_{what}"
            found[f"{side}.{what}"] = Field(Kind.NUMBER, attrgetter(column), (column,), numbers=COUNTS)
    found["vlan"] = Field(Kind.NUMBER, attrgetter("vlan"), ("vlan",), numbers=TAGS)
    found["answered"] = Field(Kind.FLAG, attrgetter("answered"), ("answered",))
    found["proto"] = Field(Kind.TEXT, lambda flow: PROTOCOLS.get(flow.proto, str(flow.proto)), words=TRANSPORTS)
    found["reason"] = Field(Kind.TEXT, lambda flow: flow.reason.name.lower(), words=REASONS)
    found["duration_s"] = Field(Kind.NUMBER, lambda flow: (flow.ts - flow.first) / 1e9, numbers=COUNTS)
    return found


def _device_fields() -> Fields:
    found = _of_device("src", lambda change: change.device)
    found["src"] = Field(Kind.ADDRESS, lambda change: subject_of(change).address)
    found["src.mac"] = Field(Kind.MAC, lambda change: subject_of(change).mac)
    found["vlan"] = Field(Kind.NUMBER, lambda change: change.device.vlan, numbers=TAGS)
    found["changed"] = Field(Kind.TEXTS, lambda change: tuple(one.field for one in change.changes), words=CHANGING)
    found["old"] = Field(Kind.TEXTS, lambda change: tuple(one.old for one in change.changes))
    found["new"] = Field(Kind.TEXTS, lambda change: tuple(one.new for one in change.changes))
    return found | _of_time()


def _of_ends(ends: Ends, context: Context) -> Fields:
    """The attributes of both endpoints, from the packet and the inventory."""
    found = _of_time()
    inside = context.networks.direction
    found["direction"] = Field(
        Kind.TEXT, lambda signal: inside(ends.src(signal).address, ends.dst(signal).address), words=DIRECTIONS
    )
    for side, end, port in (("src", ends.src, ends.src_port), ("dst", ends.dst, ends.dst_port)):
        found[side] = Field(Kind.ADDRESS, functools.partial(_address, end))
        found[f"{side}.mac"] = Field(Kind.MAC, functools.partial(_mac, end))
        found[f"{side}.port"] = Field(Kind.NUMBER, port, numbers=PORTS)
        found[f"{side}.domain"] = Field(Kind.TEXTS, functools.partial(_domains, end, context), asks=True)
        found |= _of_device(side, functools.partial(_device, end, context))
    return found


def _of_time() -> Fields:
    return {"hour": Field(Kind.NUMBER, lambda signal: signal.ts // HOUR_NS % 24, numbers=HOURS)}


def _of_device(side: str, device: Get) -> Fields:
    """Attributes of a device at the time of the packet; empty if unknown."""
    found = {
        f"{side}.{name}": Field(
            Kind.TEXT, functools.partial(_attribute, device, name), asks=True, words=KNOWN.get(name, ())
        )
        for name in ATTRIBUTES
    }
    found[f"{side}.type"] = Field(
        Kind.TEXT, lambda signal: known.type if (known := device(signal)) else "unknown", asks=True, words=tuple(TYPES)
    )
    found[f"{side}.device"] = Field(Kind.TEXT, lambda signal: known.id if (known := device(signal)) else "", asks=True)
    for name in ("name", "role", "service"):
        get = functools.partial(_listed, device, attrgetter(f"{name}s"))
        found[f"{side}.{name}"] = Field(Kind.TEXTS, get, asks=True)
    found[f"{side}.role"] = found[f"{side}.role"]._replace(words=tuple(role.lower() for role in ROLES))
    found[f"{side}.service"] = found[f"{side}.service"]._replace(similar=_services_like)
    return found


def _services_like(text: str) -> tuple[str, ...]:
    """The services at the port of ``ssh/22``; without a port, an example."""
    port = text.rpartition("/")[2]
    return services_at(int(port)) if port.isdecimal() and int(port) in PORTS else services_at(22)


def _attribute(device: Get, name: str, signal: Signal) -> str:
    known = device(signal)
    return known.value(name) if known is not None else ""


def _listed(device: Get, get: Get, signal: Signal) -> tuple[str, ...]:
    known = device(signal)
    return tuple(get(known)) if known is not None else ()


def _device(end: Get, context: Context, signal: Signal) -> Any:
    return context.device(end(signal))


def _domains(end: Get, context: Context, signal: Signal) -> tuple[str, ...]:
    return context.names_of(end(signal).address)


def _address(end: Get, signal: Signal) -> int:
    return int(end(signal).address)


def _mac(end: Get, signal: Signal) -> int:
    return int(end(signal).mac)
