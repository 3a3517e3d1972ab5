"""The native dissector and the Python dissector of the same name on the same message: their events and observations,
one by one.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import msgspec
import numpy as np

import sensor.dissectors
from sensor.boundary import Boundary
from sensor.core.batch import ROW
from sensor.core.dissector import Dissector, Parsed
from sensor.core.event import Event, MalformedMessage
from sensor.core.packet import Packet, Packets
from sensor.core.reader import Malformed
from sensor.engine.native_messages import NativeMessages
from sensor.inventory.novelty import Novelty
from sensor.native.out import Messages
from sensor.native.reading import Reading
from sensor.native.unit import Native
from sensor.native.units import UNITS
from sensor.registry import units
from tests.dissectors.samples import packets
from tests.native.guarded import Guarded

TCP, TCP_HEAD = 6, 2
# Fields that a row and its packet have in common.
FIELDS = (
    "ts", "src_mac", "dst_mac", "flow", "vlan", "ethertype", "sport", "dport", "problem", "ip_version", "proto",
    "ttl", "fragment", "tcp_flags",
)  # fmt: skip
DISSECTORS = units(sensor.dissectors, Dissector)
NAMES = [
    unit.name
    for unit in UNITS
    if isinstance(importlib.import_module(f"sensor.native.{unit.name}").UNIT, Native)  # not of a stream
]
# Complete messages: the samples of streams over TCP are segments.
SAMPLES = {
    name: [one for one in packets(name, heads) if heads or one.proto != TCP]
    for name in NAMES
    for heads in [DISSECTORS[name].interest.tcp_heads]
}


class Answer(NamedTuple):
    """``taken``: parsed by the native one; ``fault``: the difference to its reference, empty if there is none."""

    taken: bool
    fault: str


class Pair:
    """A native dissector and its reference. Messages are next to the page at the end or at the
    begin of guarded memory.
    """

    def __init__(self, name: str) -> None:
        self.reference = DISSECTORS[name]()
        native = importlib.import_module(f"sensor.native.{name}").UNIT
        self.frames = self.reference.interest.frames
        self.reading = Reading([] if self.frames else [native], [native] if self.frames else [])
        self.received: list[Parsed] = []
        self.packet = Packet()
        self.native_messages = NativeMessages(self._receive, lambda *_: self.packet, Novelty(2), Boundary())
        self.memory, self.row = Guarded(), np.zeros(1, ROW)
        self.messages: tuple[Messages, ...] = ()  # of the last message

    def _receive(self, text: list[Parsed]) -> None:
        self.received += text

    def native(self, packet: Packet, at_end: bool = True) -> list[Parsed] | None:
        """The result of the native dissector; None where it leaves the message to its reference."""
        row, self.packet, self.received = self.row, packet, []
        row["frame"], row["payload_len"] = self.memory.place(packet.payload, at_end), len(packet.payload)
        row["caplen"], row["wanted"] = len(packet.payload), 1
        row["src_hi"], row["src_lo"] = packet.src >> 64, packet.src & 0xFFFF_FFFF_FFFF_FFFF
        row["dst_hi"], row["dst_lo"] = packet.dst >> 64, packet.dst & 0xFFFF_FFFF_FFFF_FFFF
        for field in FIELDS:
            row[field] = getattr(packet, field)
        row["begins"] = TCP_HEAD if self.reference.interest.tcp_heads else 0
        self.reading.read_rows(self.memory.data, row)
        self.messages = self.reading.take()
        if row["wanted"][0]:
            assert not self.messages, "said something and gave the message up"
            return None
        self.native_messages.begin(Packets(self.memory.data, row), self.messages)
        self.native_messages.end()
        return self.received

    def python(self, packet: Packet) -> list[Parsed] | None:
        """The result of the reference; None where it finds the message malformed."""
        try:
            return list(self.reference.dissect(packet))
        except Malformed:
            return None

    def compare(self, packet: Packet, at_end: bool = True) -> Answer:
        """Compare both on one message."""
        native = self.native(packet, at_end)
        if native is None:
            self.python(packet)  # it may remember the message
            return Answer(False, "")
        if packet.problem & 1 or packet.fragment:
            return Answer(True, "a part of a message was taken")
        python = self.python(packet)
        if python is None:
            alike = [type(one) for one in native] == [MalformedMessage]
            return Answer(True, "" if alike else f"malformed, but natively {native}")
        ours, theirs = [shown(one) for one in native], [shown(one) for one in python]
        return Answer(True, "" if ours == theirs else f"{packet.payload.hex()}\nnatively  {ours}\nreference {theirs}")


def shown(one: Parsed) -> Any:
    """What is compared: of an event its class and all fields but the packet, of an observation all; with the types of
    the values.
    """
    if isinstance(one, Event):
        return type(one).__name__, repr(msgspec.structs.astuple(one)[1:])
    return repr(one)
