"""A network interface: state, settings and counters from the kernel (sysfs(5),
Documentation/ABI/testing/sysfs-class-net).
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from sensor.capture.interfaces import addresses_of, index_of, is_up, valid_name
from sensor.doctor.ethtool import asking, features, receive_ring

FOLDER, IPV6 = Path("/sys/class/net"), Path("/proc/sys/net/ipv6/conf")
# Attributes of a bridge, of a bridge port, and of a bond member.
SWITCHING = ("bridge", "brport", "master")
LOOPBACK, NO_ARP, PROMISCUOUS = 0x8, 0x80, 0x100
COUNTERS = (
    "rx_packets",
    "rx_dropped",
    "rx_missed_errors",
    "rx_fifo_errors",
    "rx_over_errors",
    "rx_length_errors",
    "rx_crc_errors",
    "rx_frame_errors",
)


class Card(msgspec.Struct):
    """``there``: the interface exists; ``carrier``, ``promiscuous``: None if unknown; ``physical``: it is a device, not
    virtual; ``switching``: the kernel forwards its traffic; ``arp``, ``ipv6``: enabled on it; ``addresses`` with prefix
    lengths; ``ring``, ``ring_most``: current and maximum size of the card's receive ring in frames, 0 if it has none;
    ``speed`` in Mbit/s, 0 if unknown.
    """

    name: str
    there: bool = False
    up: bool = False
    loopback: bool = False
    promiscuous: bool | None = None
    carrier: bool | None = None
    physical: bool = False
    switching: bool = False
    arp: bool = False
    ipv6: bool = False
    addresses: list[str] = []
    mac: int = 0
    mtu: int = 0
    speed: int = 0
    offloads: dict[str, bool] = {}
    ring: int = 0
    ring_most: int = 0
    counters: dict[str, int] = {}


def look(name: str) -> Card:
    """The current state of an interface."""
    card = Card(name)
    try:
        if not valid_name(name):
            return card
    except UnicodeEncodeError:  # an argument that is not valid text: no interface has such a name
        return card
    with asking() as sock:
        index = index_of(sock, name)
        card.there, card.up = bool(index), is_up(sock, name)
        card.offloads = features(sock, name)
        card.ring, card.ring_most = receive_ring(sock, name)
    if card.there and (FOLDER / name).exists():  # not if /sys belongs to another network namespace
        _read_all(card)
        card.addresses = addresses_of(index)
        card.ipv6 = _first(IPV6 / name / "disable_ipv6") == "0" or any(":" in address for address in card.addresses)
    return card


def _read_all(card: Card) -> None:
    name, flags = card.name, _number(card.name, "flags", 16)
    card.loopback, card.promiscuous = bool(flags & LOOPBACK), bool(flags & PROMISCUOUS)
    card.arp = not flags & NO_ARP
    card.carrier = _number(name, "carrier") > 0 if card.up else None
    card.physical = (FOLDER / name / "device").exists()
    card.switching = any((FOLDER / name / entry).exists() for entry in SWITCHING)
    card.mtu, card.speed = _number(name, "mtu"), max(0, _number(name, "speed"))
    card.mac = _mac(name)
    card.counters = {counter: _number(name, f"statistics/{counter}") for counter in COUNTERS}


def _read(name: str, file: str) -> str:
    return _first(FOLDER / name / file)


def _first(path: Path) -> str:
    """The content of a file of the kernel; empty if it cannot be read."""
    with contextlib.suppress(OSError):
        return path.read_text(encoding="ascii", errors="replace").strip()
    return ""


def _number(name: str, file: str, base: int = 10) -> int:
    """0 if the kernel does not provide it."""
    with contextlib.suppress(ValueError):
        return int(_read(name, file) or "0", base)
    return 0


def _mac(name: str) -> int:
    """48 bits; 0 if it has no such address."""
    digits = _read(name, "address").replace(":", "")
    with contextlib.suppress(ValueError):
        return int(digits, 16) if len(digits) == 12 else 0
    return 0
