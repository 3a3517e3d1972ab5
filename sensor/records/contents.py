"""The addresses, networks, MACs, devices, hashes and domains that a file of records may contain, known before it is
opened.

The values are in a Bloom filter (B. H. Bloom, 1970) with 12 bits per value: a value in the file is always found,
another one in about one of 250 files.
"""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

# Lengths of the prefixes of IPv4 networks that are entered for each address, the longest first.
PREFIXES = (24, 16)
# Entered in each filter with networks: earlier versions entered only addresses. So many that no other values set all.
MARKS = [b"networks/%d" % number for number in range(8)]
BITS_EACH, HASHES, SMALLEST = 12, 6, 64
# Number of trailing labels of a name that are entered, so that a name of 127 labels does not become 127 values.
LABELS = 6
_MIX, _LOW, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFFFFFFFF), np.uint64(32)


def holds(filter_: bytes, values: Iterable[bytes]) -> bool:
    """Whether one of these values may be in the file. An empty filter (no filter was written) excludes nothing."""
    if not filter_:
        return True
    some = list(values)
    if _entered(filter_, some).any():
        return True
    return any(b"/" in value for value in some) and not _entered(filter_, MARKS).all()


def _entered(filter_: bytes, values: Sequence[bytes]) -> npt.NDArray[np.bool_]:
    """For each value whether it may be in the filter."""
    bits = np.frombuffer(filter_, np.uint8)
    places = _places(values, 8 * len(bits))
    found: npt.NDArray[np.bool_] = (bits[places >> 3] >> (places & 7).astype(np.uint8) & 1).all(axis=1)
    return found


def block_values(block: str) -> list[bytes] | None:
    """The value that each address of an IPv4 block has in the filter; None for blocks wider than any prefix."""
    network = ipaddress.ip_network(block)
    return next(
        ([str(network.supernet(new_prefix=size)).encode()] for size in PREFIXES if network.prefixlen >= size), None
    )


def endings(name: bytes) -> list[bytes]:
    """A name and its parent domains, up to the label limit; empty for an address."""
    labels = name.split(b".")
    if labels[-1][:1].isdigit():
        return []
    return [b".".join(labels[at:]) for at in range(max(0, len(labels) - LABELS), len(labels))]


def domain_value(name: str) -> bytes:
    """The value that every name of a domain has in the filter."""
    return endings(name.lower().encode())[0]


def packed(values: set[bytes]) -> bytes:
    """The filter of these values."""
    entered = [*values, *MARKS]
    size = max(SMALLEST, -(-len(entered) * BITS_EACH // 8) * 8)
    bits = np.zeros(size, np.bool_)
    bits[_places(entered, size)] = True
    return np.packbits(bits, bitorder="little").tobytes()


def _places(values: Sequence[bytes], size: int) -> npt.NDArray[np.int64]:
    """The bit positions of each value: two halves of a mixed CRC-32 give as many hashes as needed."""
    mixed = np.fromiter(map(zlib.crc32, values), np.uint64, len(values)) * _MIX
    mixed = (mixed ^ (mixed >> _HALF)) * _MIX
    first, step = mixed >> _HALF, (mixed & _LOW) | np.uint64(1)
    numbers = first[:, None] + step[:, None] * np.arange(HASHES, dtype=np.uint64)
    return (numbers % np.uint64(size)).astype(np.int64)
