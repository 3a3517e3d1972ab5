"""Hosts that an option of a detector names: by address, CIDR block or MAC."""

from __future__ import annotations

from collections.abc import Iterable

from sensor.core.addresses import parse, parse_mac, parse_network


class AddressBlocks:
    """The addresses and CIDR blocks of an option: ``address in blocks``."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._blocks = tuple(map(parse_network, texts))

    def __contains__(self, address: int) -> bool:
        return any(first <= address <= last for first, last in self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)


def address_or_mac(text: str) -> int:
    """The address, or the MAC, that a text is. Raises ValueError for any other text."""
    try:
        return parse(text)
    except ValueError:
        return parse_mac(text)
