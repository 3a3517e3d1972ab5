"""Writes databases in the MaxMind DB format 2.0 (https://maxmind.github.io/MaxMind-DB/)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

MARKER, SEPARATOR = b"\xab\xcd\xefMaxMind.com", bytes(16)
TEXT, MAP, ARRAY, BOOLEAN = 2, 7, 11, 14
UINT16, UINT32, UINT64 = 5, 6, 9
Node = list[Any]


def database(networks: Mapping[str, Any], *, record_size: int = 24, ip_version: int = 6) -> bytes:
    """A database with a value for each network. ``record_size``: bits of one of the two records of a node."""
    nodes, data = [[None, None]], b""
    for network, value in networks.items():
        _insert(nodes, _bits(network, ip_version), len(data))
        data += _encoded(value)
    records = [_number(record, len(nodes)) for node in nodes for record in node]
    tree = b"".join(
        _node(left, right, record_size) for left, right in zip(records[::2], records[1::2], strict=True)
    )  # fmt: skip
    metadata = {
        "node_count": (UINT32, len(nodes)), "record_size": (UINT16, record_size), "ip_version": (UINT16, ip_version),
        "database_type": "Test", "languages": ["en"], "binary_format_major_version": (UINT16, 2),
        "binary_format_minor_version": (UINT16, 0), "build_epoch": (UINT64, 1_767_225_600),
        "description": {"en": "test"},
    }  # fmt: skip
    return tree + SEPARATOR + data + MARKER + _encoded(metadata)


def _bits(network: str, ip_version: int) -> list[int]:
    """The path to a network; IPv4 is below ::/96 in a tree for IPv6."""
    parsed = ipaddress.ip_network(network)
    bits = [int(bit) for bit in f"{int(parsed.network_address):0{parsed.max_prefixlen}b}"][: parsed.prefixlen]
    return [0] * 96 + bits if parsed.version == 4 and ip_version == 6 else bits


def _insert(nodes: list[Node], bits: list[int], offset: int) -> None:
    """Adds a leaf at the end of a path: a tuple with the offset of its value. Inner records are numbers of nodes."""
    at = 0
    for bit in bits[:-1]:
        if nodes[at][bit] is None:
            nodes[at][bit] = len(nodes)
            nodes.append([None, None])
        at = nodes[at][bit]
    nodes[at][bits[-1]] = (offset,)


def _number(record: Any, count: int) -> int:
    if record is None:
        return count
    return count + len(SEPARATOR) + record[0] if isinstance(record, tuple) else int(record)


def _node(left: int, right: int, record_size: int) -> bytes:
    """With records of 28 bits the middle byte has the highest four bits of both."""
    if record_size == 28:
        middle = left >> 24 << 4 | right >> 24
        return (left & 0xFFFFFF).to_bytes(3, "big") + bytes([middle]) + (right & 0xFFFFFF).to_bytes(3, "big")
    return b"".join(record.to_bytes(record_size // 8, "big") for record in (left, right))


def _encoded(value: Any) -> bytes:
    """Numbers are pairs of type and value, or of 32 bits."""
    if isinstance(value, Mapping):
        return _head(MAP, len(value)) + b"".join(_encoded(key) + _encoded(one) for key, one in value.items())
    if isinstance(value, list):
        return _head(ARRAY, len(value)) + b"".join(map(_encoded, value))
    if isinstance(value, str):
        return _head(TEXT, len(value.encode())) + value.encode()
    if isinstance(value, bool):
        return _head(BOOLEAN, int(value))
    kind, number = value if isinstance(value, tuple) else (UINT32, value)
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return _head(kind, len(raw)) + raw


def _head(kind: int, size: int) -> bytes:
    """Control byte, further byte of types above 7, further byte of sizes from 29 on."""
    low, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return (bytes([kind << 5 | low]) if kind <= 7 else bytes([low, kind - 7])) + more
