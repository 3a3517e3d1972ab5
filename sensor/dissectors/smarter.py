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
IDENTITY = 0x65
READ_LIMIT = 256  # bytes of a machine
PRODUCTS = {1: "iKettle 2.0", 2: "SmarterCoffee"}  # in an identity
STATUS = {0x14: "iKettle 2.0", 0x32: "SmarterCoffee"}
SIZES = {IDENTITY: 4, **dict.fromkeys(STATUS, 7)}


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
    """One connection, until the machine has reported its product, or for its first bytes."""

    def __init__(self) -> None:
        self._kept, self._left = bytearray(), READ_LIMIT

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if from_client or self.done:
            return
        self._kept += data[: self._left]
        self._left -= len(data)
        product, version = self._product()
        self.done = bool(product) or self._left <= 0
        if product:
            known = [("smarter.product", product), ("smarter.firmware", str(version) if version else "")]
            yield SmarterMachine(packet, product, version)
            yield from facts(packet, [fact for fact in known if fact[1]])

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """The next message may begin anywhere."""
        self.done = self.done or not from_client
        return iter(())

    def _product(self) -> tuple[str, int]:
        """(product, version) of the first message that reports one; other complete messages are removed."""
        kept = self._kept
        while kept:
            size = SIZES.get(kept[0], 0)
            if len(kept) < size:
                return "", 0
            if size and kept.find(TAIL) == size - 1:
                return (PRODUCTS.get(kept[1], ""), kept[2]) if kept[0] == IDENTITY else (STATUS[kept[0]], 0)
            del kept[: kept.find(TAIL) + 1 or len(kept)]
        return "", 0
