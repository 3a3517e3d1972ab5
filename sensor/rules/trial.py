"""Runs the tests of a rule: their descriptions become events, flows and device changes, which the rule's own detector
evaluates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from sensor.core import addresses
from sensor.core.alert import Alert
from sensor.core.device import TYPES, Attribute, Device, DeviceChange, FieldChange
from sensor.core.event import Event
from sensor.core.flow import Flow, Reason
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.observation import Evidence
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.documents import nearest
from sensor.rules.fields import ATTRIBUTES, DEVICE_KINDS, FLOW_KINDS, Signal, event_classes, watched
from sensor.rules.load import EmptyContext, Loaded
from sensor.rules.model import RuleTest
from sensor.rules.values import RuleError

START = 1_767_225_600 * SECOND  # 2026-01-01
PACKET_FIELDS = ("src", "dst", "src.port", "dst.port", "src.mac", "dst.mac", "vlan", "proto", "ttl")
FLOW_FACTS = (
    *PACKET_FIELDS[:-1],
    "src.bytes",
    "dst.bytes",
    "src.packets",
    "dst.packets",
    "answered",
    "reason",
    "duration_s",
)
DEVICE_FACTS = ("src", "src.mac", "vlan", "src.type", "src.name", *(f"src.{name}" for name in ATTRIBUTES), "changed")
MOST = {"src.port": 65535, "dst.port": 65535, "vlan": 4095, "ttl": 255, "duration_s": 7 * 86400}
_EMPTY: dict[Any, Any] = {str: "", int: 0, float: 0.0, bool: False, bool | None: None, bytes: b"", dict[str, str]: {}}
_REASONS = {reason.name.lower(): reason for reason in Reason}


class RuleTestResult(NamedTuple):
    """Result of a test: the expected alerts and the actual ones."""

    title: str
    wanted: int
    alerts: list[Alert]

    @property
    def good(self) -> bool:
        return len(self.alerts) == self.wanted


def run_trial(one: Loaded, place: int) -> RuleTestResult:
    """Run one test of a rule. Raises RuleError with the faults in it."""
    trial = one.rule.tests[place]
    try:
        detector = one.detector(EmptyContext(_devices(trial)))
        signals = sorted(_signals(one, trial), key=lambda signal: signal.ts)
    except RuleError as error:
        raise error.within("tests", place) from None
    alerts = [alert for signal in signals for alert in detector.look(signal)]
    return RuleTestResult(trial.title, trial.alerts, alerts)


def _devices(trial: RuleTest) -> dict[int, Device]:
    found = {}
    for address, attributes in trial.devices.items():
        try:
            found[addresses.parse(address)] = _device(START, addresses.parse(address), attributes)
        except ValueError:
            raise RuleError(
                f"found {address!r}, expected the address of a device", "devices", address, key=True
            ) from None
    return found


def _device(ts: int, address: int, attributes: dict[str, str], mac: int = 0, vlan: int = 0) -> Device:
    known = ("type", "name", *ATTRIBUTES)
    for name, value in attributes.items():
        if name not in known:
            raise RuleError(f"found {name!r} of a device, {nearest(name, known)}", "devices")
        if name == "type" and value not in TYPES:
            raise RuleError(f"found the type {value!r}, {nearest(value, TYPES)}", "devices")
    made = {
        name: Attribute(name, value, 1.0, (Evidence(name, value, 1.0, "test", "test", "test", value, ts, ts),))
        for name, value in attributes.items()
        if name != "name"
    }
    names = {attributes["name"]: ts} if "name" in attributes else {}
    place = addresses.text(address)
    return Device(
        f"dev-{place}",
        f"ip:{place}",
        ts,
        ts,
        (mac,) if mac else (),
        {address: ts} if address else {},
        vlan,
        names,
        made,
    )


def _signals(one: Loaded, trial: RuleTest) -> Iterator[Signal]:
    for place, made in enumerate(trial.events):
        kind = made.when or one.rule.steps[0].when[0]
        try:
            [kind] = watched([kind])
            for n in range(made.times):
                facts = {name: _counted(value, n) for name, value in (made.model_extra or {}).items()}
                yield _signal(kind, START + int((made.at + n * made.every) * SECOND), facts)
        except RuleError as error:
            raise error.within("events", place) from None


def _counted(value: Any, n: int) -> Any:
    if isinstance(value, list):
        return [_counted(item, n) for item in value]
    return value.replace("{n}", str(n)) if isinstance(value, str) else value


def _signal(kind: str, ts: int, facts: dict[str, Any]) -> Signal:
    if kind in FLOW_KINDS:
        return _flow(kind, ts, facts)
    if kind in DEVICE_KINDS:
        return _change(kind, ts, facts)
    return _event(event_classes()[kind], ts, facts)


def _event(event: type[Event], ts: int, facts: dict[str, Any]) -> Event:
    """An event with the given fields; the others are empty."""
    fields = {field.name: field for field in msgspec.structs.fields(event) if field.name != "packet"}
    _known(facts, (*fields, *PACKET_FIELDS))
    packet = Packet(
        ts=ts, src=_address(facts, "src"), dst=_address(facts, "dst"), sport=_number(facts, "src.port"),
        dport=_number(facts, "dst.port"),
        src_mac=_mac(facts, "src.mac"), dst_mac=_mac(facts, "dst.mac"),
        vlan=0 if "vlan" in fields else _number(facts, "vlan"),
        proto=_proto(facts.get("proto", "udp")), ttl=_number(facts, "ttl", 64),
    )  # fmt: skip
    values = {
        name: _value(field, facts[name], name) if name in facts else _empty(field) for name, field in fields.items()
    }
    return event(packet, **values)


def _empty(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return _EMPTY.get(field.type, ())


def _value(field: msgspec.structs.FieldInfo, given: Any, name: str) -> Any:
    """A value of a test in the type of the event: addresses as numbers, pairs split."""
    if field.type is int and isinstance(given, str):
        return _mac({name: given}, name) if given.count(":") == 5 else _address({name: given}, name)
    if field.type == tuple[tuple[str, str], ...] and isinstance(given, list):
        return tuple(tuple(str(pair).partition("=")[::2]) for pair in given)
    if name == "answers" and isinstance(given, list):
        from sensor.dissectors.shared.dns_message import Record

        return tuple(Record("", 1, 0, 0, value=str(one)) for one in given)
    wanted: tuple[type, ...] = {str: (str,), int: (int,), float: (int, float), bool: (bool,)}.get(
        field.type, (str, int, float, bool, list)
    )
    if not isinstance(given, wanted) or (field.type is int and isinstance(given, bool)):
        raise RuleError(f"found {given!r}, which is not a valid {name}", name)
    return tuple(given) if isinstance(given, list) else given


def _flow(kind: str, ts: int, facts: dict[str, Any]) -> Flow:
    _known(facts, FLOW_FACTS)
    reason = str(facts.get("reason", "none"))
    if reason not in _REASONS:
        raise RuleError(f"found the reason {reason!r}, {nearest(reason, list(_REASONS))}", "reason")
    numbers = {
        name: _number(facts, name)
        for name in ("src.port", "dst.port", "vlan", "src.packets", "dst.packets", "src.bytes", "dst.bytes")
    }
    return Flow(
        ts, ts - int(_number(facts, "duration_s") * SECOND), 1, _address(facts, "src"), _address(facts, "dst"),
        _mac(facts, "src.mac"), _mac(facts, "dst.mac"), numbers["src.port"], numbers["dst.port"],
        _proto(facts.get("proto", "tcp")), numbers["vlan"], 0, FLOW_KINDS[kind], _REASONS[reason],
        bool(facts.get("answered", False)), numbers["src.packets"], numbers["dst.packets"], numbers["src.bytes"],
        numbers["dst.bytes"],
    )  # fmt: skip


def _change(kind: str, ts: int, facts: dict[str, Any]) -> DeviceChange:
    _known(facts, DEVICE_FACTS)
    attributes = {
        name.partition(".")[2]: str(value)
        for name, value in facts.items()
        if name.startswith("src.") and name != "src.mac"
    }
    device = _device(ts, _address(facts, "src"), attributes, _mac(facts, "src.mac"), _number(facts, "vlan"))
    changed = facts.get("changed", ())
    fields = changed if isinstance(changed, list | tuple) else (changed,)
    return DeviceChange(ts, DEVICE_KINDS[kind], device, tuple(FieldChange(str(name), "", "") for name in fields))


def _number(facts: dict[str, Any], name: str, usual: int = 0) -> Any:
    """A non-negative number of a packet or a flow."""
    value, most = facts.get(name, usual), MOST.get(name, 2**63 - 1)
    if (
        isinstance(value, bool)
        or not isinstance(value, int if name != "duration_s" else (int, float))
        or not 0 <= value <= most
    ):
        raise RuleError(f"found {value!r}, expected a number from 0 to {most}", name)
    return value


def _known(facts: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in facts:
        if name not in names:
            raise RuleError(f"found the field {name!r}, {nearest(name, names)}", name, key=True)


def _address(facts: dict[str, Any], name: str) -> int:
    try:
        return addresses.parse(str(facts[name])) if name in facts else 0
    except ValueError:
        raise RuleError(f"found {facts[name]!r}, expected an address", name) from None


def _mac(facts: dict[str, Any], name: str) -> int:
    try:
        return addresses.parse_mac(str(facts[name])) if name in facts else 0
    except ValueError:
        raise RuleError(f"found {facts[name]!r}, expected a MAC", name) from None


def _proto(given: Any) -> int:
    numbers = {name: number for number, name in PROTOCOLS.items()}
    if given not in numbers:
        raise RuleError(f"found {given!r}, {nearest(given, list(numbers))}", "proto")
    return numbers[given]
