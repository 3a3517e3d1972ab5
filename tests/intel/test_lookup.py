"""The compiled lookup against a slow one, and edge cases of the compiled reader."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.core.addresses import V4
from sensor.intel.lookup import AddressTable, boundaries, plain_lines

LOW = 2**64 - 1


def split(numbers: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([n >> 64 for n in numbers], np.uint64), np.array([n & LOW for n in numbers], np.uint64)


def slow(prefixes: list[tuple[int, int]], address: int) -> int:
    """Number of the longest prefix that contains the address, the first of equals; -1 if there is none."""
    best, length = -1, -1
    for number, (base, bits) in enumerate(prefixes):
        if bits > length and (base ^ address) >> (128 - bits) == 0:
            best, length = number, bits
    return best


def host(base: int, bits: int) -> tuple[int, int]:
    return base >> (128 - bits) << (128 - bits), bits


BASES = st.one_of(
    st.integers(0, 2**16).map(lambda n: V4 | 0x0B000000 | n),
    st.integers(0, 2**32 - 1).map(lambda n: V4 | n),
    st.integers(0, 2**8).map(lambda n: 0x20010DB8 << 96 | n << 60 | n),
    st.sampled_from([2**128 - 1, 2**128 - 256, V4, V4 | 0xFFFFFFFF, 1, LOW, LOW + 1]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(BASES, st.integers(96, 128)), max_size=30), st.lists(BASES, max_size=30), st.integers(1, 95))
def test_finds_the_longest_prefix_like_the_slow_one(
    entries: list[tuple[int, int]], requested: list[int], wide: int
) -> None:
    """For overlapping prefixes the most specific entry is found, or none, also at the edges of every prefix."""
    prefixes = [host(base, bits if base >> 32 == 0xFFFF else bits - wide) for base, bits in entries]
    edges = [
        edge
        for base, bits in prefixes
        for edge in (base - 1, base, base | (1 << (128 - bits)) - 1, (base | (1 << (128 - bits)) - 1) + 1)
    ]
    requested = requested + [edge for edge in edges if 0 <= edge < 2**128]
    bits, numbers = np.array([bits for _, bits in prefixes], np.uint8), np.arange(len(prefixes), dtype=np.int32)
    table = AddressTable(*split([base for base, _ in prefixes]), bits, numbers)
    assert table.listed(*split(requested)).tolist() == [
        slow(same_family(prefixes, address), address) for address in requested
    ]


def same_family(prefixes: list[tuple[int, int]], address: int) -> list[tuple[int, int]]:
    """IPv6 prefixes wide enough to contain all IPv4-mapped addresses do not match IPv4: they are replaced by one that
    matches nothing.
    """
    mapped = address >> 32 == 0xFFFF
    return [
        (base, bits) if (base >> 32 == 0xFFFF and bits >= 96) == mapped else (address ^ 1, 128)
        for base, bits in prefixes
    ]


def test_no_prefixes_no_hits() -> None:
    """An empty table returns -1."""
    none = np.zeros(0, np.uint64)
    table = AddressTable(none, none, np.zeros(0, np.uint8), np.zeros(0, np.int32))
    assert table.listed(*split([0, V4, 2**128 - 1])).tolist() == [-1, -1, -1]
    with pytest.raises(ValueError, match="halves"):
        table.listed(none, np.zeros(1, np.uint64))


def test_neighbours_of_one_owner_need_no_boundary() -> None:
    """Two halves of a block with the same number are one interval."""
    hi, lo = split([V4 | 0x0B000000, V4 | 0x0B000080])
    _, starts, owners = boundaries(hi, lo, np.array([121, 121], np.uint8), np.zeros(2, np.int32))
    assert starts.tolist() == [V4 | 0x0B000000, V4 | 0x0B000100]
    assert owners.tolist() == [0, -1]


@pytest.mark.parametrize(
    ("line", "prefix"),
    [
        (b"11.2.3.4", (V4 | 0x0B020304, 128)),
        (b"  11.2.3.4\t# remark", (V4 | 0x0B020304, 128)),
        (b"11.2.3.4/24;SBL1\r", (V4 | 0x0B020300, 120)),
        (b"11.2.3.4/0", (V4, 96)),
        (b"2001:db8::1", (0x20010DB8 << 96 | 1, 128)),
        (b"2001:DB8::1/33 x", (0x20010DB8 << 96, 33)),
        (b"::ffff:11.2.3.4", (V4 | 0x0B020304, 128)),
        (b"2001:db8::1/0", (0, 0)),
    ],
)
def test_reads_addresses_and_blocks(line: bytes, prefix: tuple[int, int]) -> None:
    """An address or block is read with its host bits cleared, whatever follows it."""
    hi, lo, bits, offset, odd = plain_lines(np.frombuffer(b"# head\n\n" + line, np.uint8))
    assert [(int(hi[0]) << 64 | int(lo[0]), int(bits[0]))] == [prefix]
    assert (offset.tolist(), odd.tolist()) == ([8], [])


@pytest.mark.parametrize(
    "line",
    [b"1.2.3", b"1.2.3.256", b"1.2.3.4.5", b"01.2.3.4", b"1.2.3.4/33", b"1.2.3.4/", b"1.2.3.4-1.2.3.9",
    b"1.2.3.4 - 1.2.3.9", b"1.2.3[.]4", b"x", b"1.2.3.4x",
     b"2001:db8::/129", b"2001:db8::g", b"1:2", b"\xff\xfe", b":" * 60, b"2001:db8::1-2001:db8::2", b"."],
)  # fmt: skip
def test_leaves_everything_else_to_the_slow_reader(line: bytes) -> None:
    """Lines with anything but one address or block are returned by offset."""
    *_, offset, odd = plain_lines(np.frombuffer(b"11.0.0.1\n" + line + b"\n\n", np.uint8))
    assert (offset.tolist(), odd.tolist()) == ([0], [9])
