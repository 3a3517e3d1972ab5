"""Helpers of the tests of rules: rules are written to a file, loaded, and made into detectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsQuery
from sensor.rules.load import Loaded, load_rules
from tests.detectors.stories import START, World

CLIENT, SERVER = "10.0.0.5", "203.0.113.66"


def write(folder: Path, text: str, name: str = "ours.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str) -> Loaded:
    """The only rule of a text, which must be valid."""
    rules, faults = load_rules([write(folder, text)])
    assert faults == []
    [one] = rules
    return one


def made(folder: Path, text: str, world: World | None = None) -> Any:
    """The detector of the only rule of a text."""
    return loaded(folder, text).detector(world or World())


def packet(at: float = 0, source: str = CLIENT, target: str = SERVER, **more: Any) -> Packet:
    return Packet(ts=START + int(at * SECOND), src=parse(source), dst=parse(target), sport=5000, dport=53, **more)


def query(name: str, at: float = 0, source: str = CLIENT, target: str = SERVER) -> DnsQuery:
    return DnsQuery(packet(at, source, target), 1, name, 1, 0, True)
