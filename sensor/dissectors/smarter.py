"""Kettles and coffee machines of Smarter over TCP, port 2081. The vendor has not published the protocol; the format is
that of the open-source tools that control them.

Reads the answer to a request for the identity (0x65: product, version) and the status that a machine sends every second
(0x14 of a kettle, 0x32 of a coffee machine). Each message ends with 0x7e. Ignores the same messages over UDP.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.sender_facts import facts

PORT, TAIL = 2081, 0x7E
IDENTITY, IDENTITY_SIZE, STATUS_SIZE = 0x65, 4, 7
PRODUCTS = {1: "iKettle 2.0", 2: "SmarterCoffee"}  # in an identity
STATUS = {0x14: "iKettle 2.0", 0x32: "SmarterCoffee"}


class SmarterMachine(Event):
    """A machine reports its product; ``version`` of its firmware, 0 if the message has none."""

    product: str
    version: int


class Smarter(Dissector):
    """The first messages of a connection."""

    interest = Interest(tcp=(PORT,), stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return SmarterStream()


class SmarterStream(Stream):
    """One connection, until the machine has reported its product."""

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if from_client:
            return
        product, version = _product(data)
        if product:
            self.done = True
            known = [("smarter.product", product), ("smarter.firmware", str(version) if version else "")]
            yield SmarterMachine(packet, product, version)
            yield from facts(packet, [fact for fact in known if fact[1]])

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        return iter(())


def _product(data: bytes) -> tuple[str, int]:
    """(product, version) of the first message that is complete in a segment; empty without one."""
    if data[:1] == bytes((IDENTITY,)) and len(data) >= IDENTITY_SIZE and data[IDENTITY_SIZE - 1] == TAIL:
        return PRODUCTS.get(data[1], ""), data[2]
    whole = len(data) >= STATUS_SIZE and len(data) % STATUS_SIZE == 0
    return (STATUS.get(data[0], ""), 0) if whole and data[STATUS_SIZE - 1] == TAIL else ("", 0)
