"""The network of one device: a router, a workstation, a PBX, external servers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pcaps._capture import Capture, Host

HERE = Path(__file__).parent
START = 1_796_113_800  # 2026-12-01 08:30:00 UTC
# Seconds before the first message of a device, and between messages.
FIRST, PAUSE = 1.0, 1.3
NET = "10.40.0"

Arguments = dict[str, Any]


@dataclass
class DeviceSpec:
    """A device as its YAML file describes it. ``expect``: expected identity. ``messages``: messages in order, by
    builder.
    """

    name: str
    mac: str
    expect: dict[str, str]
    messages: list[dict[str, Arguments]]
    host: Host = field(init=False)

    def __post_init__(self) -> None:
        self.host = Host(self.name, self.mac, f"{NET}.41")

    @property
    def uuid(self) -> str:
        """A UUID of a UPnP device, derived from the name."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))

    def substituted(self, value: Any) -> Any:
        """A value with its placeholders replaced: the MAC address as ``<mac>`` (aabbcc…), ``<MAC>``, ``<Mac>``
        (aa:bb:…), ``<MAC:>`` or ``<MAC->``, its last six digits as ``<mac6>`` or ``<MAC6>``, ``<ip>`` and ``<uuid>``.
        """
        if isinstance(value, str):
            digits = self.host.hex
            values = {
                "<mac>": digits,
                "<MAC>": digits.upper(),
                "<Mac>": self.mac,
                "<MAC:>": self.mac.upper(),
                "<MAC->": self.mac.upper().replace(":", "-"),
            }
            values |= {"<mac6>": digits[-6:], "<MAC6>": digits[-6:].upper(), "<ip>": self.host.ip, "<uuid>": self.uuid}
            for placeholder, text in values.items():
                value = value.replace(placeholder, text)
            return value
        if isinstance(value, dict):
            return {key: self.substituted(item) for key, item in value.items()}
        return [self.substituted(item) for item in value] if isinstance(value, list) else value


class Network:
    """A device, its peers, and the capture."""

    def __init__(self, spec: DeviceSpec) -> None:
        self.spec, self.host = spec, spec.host
        self.router = Host("router", "02:00:5e:40:00:01", f"{NET}.1")
        self.workstation = Host("desk", "02:00:5e:40:00:14", f"{NET}.20", ttl=128)
        self.pbx = Host("exchange", "02:00:5e:40:00:05", f"{NET}.5")
        self.capture = Capture(START, self.router.mac)

    def external(self, name: str) -> Host:
        """A server beyond the router, with an address of a documentation prefix (RFC 5737)."""
        return Host(name, "", f"198.51.100.{sum(name.encode()) % 200 + 20}", remote=True, ttl=52)


def device_specs() -> list[DeviceSpec]:
    """The devices of all YAML files in this folder."""
    return [
        DeviceSpec(name=name, **fields)
        for path in sorted(HERE.glob("*.yaml"))
        for name, fields in yaml.safe_load(path.read_text(encoding="utf-8")).items()
    ]
