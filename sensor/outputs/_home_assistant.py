"""Presence of devices for MQTT discovery of Home Assistant: one retained binary sensor per device, which survives
restarts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec

from sensor.core.reader import clean
from sensor.outputs._names import device_of, named

ONLINE, OFFLINE = b"online", b"offline"
ON, OFF = b"on", b"off"
# Actions that mean that a packet of the device was seen.
PRESENT = ("new", "back", "identified", "changed", "address_changed")
ORIGIN = "Passive network sensor"
TEXT_LIMIT = 256
MACS_LIMIT = 4

# Characters that names in discovery topics must not have.
_ODD = re.compile(r"[^a-zA-Z0-9_-]")
_LOST = re.compile(r"(dev-\w+) is the same device")


class Topics(Protocol):
    """Topics of states; see the options of MQTT."""

    @property
    def prefix(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def status(self) -> str: ...


def presence(record: Mapping[str, Any], topics: Topics) -> Iterator[tuple[str, bytes]]:
    """Topics and payloads for a device record: its description, then its presence. Nothing if the record names no
    device.
    """
    device, name = record.get("device") or {}, device_of(record)
    if not name:
        return
    yield _config_topic(topics, name), msgspec.json.encode(_config(record, device, name, topics))
    if record["action"] in PRESENT:
        yield named(topics.state, record), ON
    elif record["action"] == "gone":
        yield named(topics.state, record), OFF
    lost = _LOST.match(str(record.get("reason", ""))) if record["action"] == "merged" else None
    if lost:
        # An empty message removes a retained one.
        yield _config_topic(topics, lost[1]), b""
        yield named(topics.state, {**record, "device": {"id": lost[1]}}), b""


def _config_topic(topics: Topics, name: str) -> str:
    return f"{topics.prefix}/binary_sensor/{_ODD.sub('_', name)}/config"


def _config(record: Mapping[str, Any], device: Mapping[str, Any], name: str, topics: Topics) -> dict[str, Any]:
    unique = f"sensor_{_ODD.sub('_', name)}"
    return {
        # The only entity of a device takes its name.
        "name": None,
        "unique_id": unique,
        "device_class": "connectivity",
        "state_topic": named(topics.state, record),
        "payload_on": ON.decode(),
        "payload_off": OFF.decode(),
        "availability_topic": topics.status,
        "origin": {"name": ORIGIN, "sw_version": str((record.get("sensor") or {}).get("version") or "0")},
        "device": {"identifiers": [unique], "name": _called(device, name)} | _known(device),
    }


def _called(device: Mapping[str, Any], name: str) -> str:
    made = " ".join(str(device[key]) for key in ("vendor", "model") if device.get(key))
    return clean(str(device.get("hostname") or made or name), TEXT_LIMIT)


def _known(device: Mapping[str, Any]) -> dict[str, Any]:
    """Device information for Home Assistant; the MAC links it to the same device of other integrations."""
    names = {"manufacturer": "vendor", "model": "model", "sw_version": "firmware", "serial_number": "serial"}
    body: dict[str, Any] = {
        key: clean(str(device[name]), TEXT_LIMIT) for key, name in names.items() if device.get(name)
    }
    macs = device.get("macs") or []
    if 0 < len(macs) <= MACS_LIMIT and not device.get("randomised_mac"):
        body["connections"] = [["mac", str(mac)] for mac in macs]
    return body
