"""The addresses, MACs, devices, hashes and domains that a file of records may contain, known before it is opened.

The values are in a Bloom filter (B. H. Bloom, 1970) with 12 bits per value: a value in the file is always found,
another one in about one of 250 files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

BITS_EACH, HASHES, SMALLEST = 12, 6, 64
# Number of trailing labels of a name that are entered, so that a name of 127 labels does not become 127 values.
LABELS = 6
_MIX, _LOW, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFFFFFFFF), np.uint64(32)


def holds(filter_: bytes, values: Iterable[bytes]) -> bool:
    """Whether one of these values may be in the file. An empty filter (no filter was written) excludes nothing."""
    if not filter_:
        return True
    bits = np.frombuffer(filter_, np.uint8)
    places = _places(list(values), 8 * len(bits))
    return bool((bits[places >> 3] >> (places & 7).astype(np.uint8) & 1).all(axis=1).any())


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
    size = max(SMALLEST, -(-len(values) * BITS_EACH // 8) * 8)
    bits = np.zeros(size, np.bool_)
    bits[_places(list(values), size)] = True
    return np.packbits(bits, bitorder="little").tobytes()


def _places(values: Sequence[bytes], size: int) -> npt.NDArray[np.int64]:
    """The bit positions of each value: two halves of a mixed CRC-32 give as many hashes as needed."""
    mixed = np.fromiter(map(zlib.crc32, values), np.uint64, len(values)) * _MIX
    mixed = (mixed ^ (mixed >> _HALF)) * _MIX
    first, step = mixed >> _HALF, (mixed & _LOW) | np.uint64(1)
    numbers = first[:, None] + step[:, None] * np.arange(HASHES, dtype=np.uint64)
    return (numbers % np.uint64(size)).astype(np.int64)
