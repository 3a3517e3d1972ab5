"""Columns of addresses have Python's notation."""

from __future__ import annotations

import ipaddress

import numpy as np

from sensor.core import addresses
from sensor.records.columns import ips, macs
from tests.sampling import chance, count

EDGES = (
    "::",
    "::1",
    "1::",
    "1:0:0:2::",
    "1::2:0:0:3",
    "0:1:0:1:0:1:0:1",
    "fe80::1:0:0:1",
    "::ffff:0:1",
    "1:2:3:4:5:6:7:0",
    "0:2:3:4:5:6:7:8",
)
QUADS = ("0.0.0.0", "1.2.3.4", "9.10.99.100", "255.255.255.255", "10.0.0.109")


def test_addresses_are_written_as_python_writes_them() -> None:
    """Edge cases of RFC 5952, and random addresses with many zero groups."""
    draw = chance("addresses")
    made = [int(ipaddress.IPv6Address(text)) for text in EDGES] + [
        addresses.V4 | int(ipaddress.IPv4Address(text)) for text in QUADS
    ]
    for _ in range(count(20_000, 2_000)):
        groups = [draw.choice((0, 0, draw.randrange(16), draw.randrange(65536))) for _ in range(8)]
        made.append(int.from_bytes(b"".join(group.to_bytes(2, "big") for group in groups), "big"))
        made.append(addresses.V4 | draw.getrandbits(32))
    hi, lo = (np.array([address >> shift & (1 << 64) - 1 for address in made], np.uint64) for shift in (64, 0))
    assert ips(hi, lo).to_pylist() == [addresses.text(address) if address else None for address in made]


def test_macs() -> None:
    """An absent address is null."""
    draw = chance("macs")
    made = [0, 1, (1 << 48) - 1, *(draw.getrandbits(48) for _ in range(500))]
    assert macs(np.array(made, np.uint64)).to_pylist() == [addresses.mac_text(mac) if mac else None for mac in made]
