"""The segment on which one device shows itself: a router, a computer that looks at it, a telephone exchange, servers
outside.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pcaps._craft import Machine, Tape

HERE = Path(__file__).parent
START = 1_796_113_800  # 2026-12-01 08:30:00 UTC
# Devices begin to speak so long after the capture does, and say one thing after the other in this pace.
FIRST, PAUSE = 1.0, 1.3
NET = "10.40.0"

Words = dict[str, Any]


@dataclass
class Subject:
    """A device as its file describes it. ``expect``: the expected identity; ``says``: what it sends, in
    order, one protocol each.
    """

    name: str
    mac: str
    expect: dict[str, str]
    says: list[dict[str, Words]]
    host: Machine = field(init=False)

    def __post_init__(self) -> None:
        self.host = Machine(self.name, self.mac, f"{NET}.41")

    @property
    def uuid(self) -> str:
        """An id as UPnP devices have one, made from the name."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))

    def filled(self, value: Any) -> Any:
        """Words with what belongs to the unit in their places: its MAC as ``<mac>`` (aabbcc…), ``<MAC>``, ``<Mac>``
        (aa:bb:…), ``<MAC:>`` or ``<MAC->``, the last six digits as ``<mac6>`` or ``<MAC6>``, ``<ip>`` and ``<uuid>``.
        """
        if isinstance(value, str):
            digits = self.host.hex
            own = {
                "<mac>": digits,
                "<MAC>": digits.upper(),
                "<Mac>": self.mac,
                "<MAC:>": self.mac.upper(),
                "<MAC->": self.mac.upper().replace(":", "-"),
            }
            own |= {"<mac6>": digits[-6:], "<MAC6>": digits[-6:].upper(), "<ip>": self.host.ip, "<uuid>": self.uuid}
            for place, text in own.items():
                value = value.replace(place, text)
            return value
        if isinstance(value, dict):
            return {key: self.filled(one) for key, one in value.items()}
        return [self.filled(one) for one in value] if isinstance(value, list) else value


class Stage:
    """One device, those it speaks with, and the tape."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.host = subject, subject.host
        self.router = Machine("router", "02:00:5e:40:00:01", f"{NET}.1")
        self.desk = Machine("desk", "02:00:5e:40:00:14", f"{NET}.20", ttl=128)
        self.exchange = Machine("exchange", "02:00:5e:40:00:05", f"{NET}.5")
        self.tape = Tape(START, self.router.mac)

    def outside(self, name: str) -> Machine:
        """A server of that name beyond the router, at an address for documentation."""
        return Machine(name, "", f"198.51.100.{sum(name.encode()) % 200 + 20}", far=True, ttl=52)


def subjects() -> list[Subject]:
    """Every device of every file beside this one."""
    return [
        Subject(name=name, **words)
        for path in sorted(HERE.glob("*.yaml"))
        for name, words in yaml.safe_load(path.read_text(encoding="utf-8")).items()
    ]
