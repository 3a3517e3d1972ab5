"""Hosts that an option of a detector names: by address, CIDR block or MAC."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated

from sensor.core.addresses import checked_blocks, parse, parse_mac, parse_network
from sensor.core.model import Check

Blocks = Annotated[tuple[str, ...], Check(checked_blocks)]
"""An option with addresses and CIDR blocks."""


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
    for read in (parse, parse_mac):
        with contextlib.suppress(ValueError):
            return read(text)
    raise ValueError(f"found {text!r}, expected an IP address or a MAC")


def _checked(read: Callable[[str], int], texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        read(text)
    return texts


Hosts = Annotated[tuple[str, ...], Check(partial(_checked, address_or_mac))]
"""An option with addresses and MACs."""
Macs = Annotated[tuple[str, ...], Check(partial(_checked, parse_mac))]
"""An option with MACs."""
