"""The shared helpers of native dissectors, compared with Python."""

from __future__ import annotations

import pytest

from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.snmp_variables import VARIABLES
from sensor.native.byte_table import ByteTable
from sensor.native.seal import sealed
from tests import sampling
from tests.dissectors.samples import PCAPS
from tests.native.speed import table

BLOCK = 128


def test_seals_are_those_of_the_reference() -> None:
    chance = sampling.chance("seals")
    for size in range(BLOCK):
        user = bytes(chance.choices(range(32, 127), k=chance.randrange(BLOCK - size)))
        password = chance.randbytes(size)
        assert sealed(user, password) == seal(user.decode(), password)


def test_seals_of_what_is_long_or_not_ascii_are_left_to_the_reference() -> None:
    assert sealed(b"a" * 60, b"b" * 67) is not None
    assert sealed(b"a" * 60, b"b" * 68) is None
    assert sealed("ä".encode(), b"b") is None


def test_texts_are_found_by_their_bytes() -> None:
    known = {name: place for place, name in enumerate(VARIABLES)}
    table = ByteTable(known)
    assert {name: table.number(name) for name in known} == known
    assert table.number(b"") == table.number(b"no such word") == -1
    assert ByteTable({}).number(b"") == -1
    assert ByteTable({b"": 3}).number(b"") == 3


@pytest.mark.parametrize("bad", [{"text": 1}, {b"text": None}])
def test_a_table_needs_bytes_and_numbers(bad: dict[bytes, int]) -> None:
    with pytest.raises(TypeError):
        ByteTable(bad)


def test_speed_is_measured_of_what_is_chosen() -> None:
    """Each native dissector with messages in a capture has a result, for frames, datagrams and heads of segments."""
    for name in ("arp", "ntp", "tcp_syn"):
        measured = dict(table(PCAPS / f"{name}.pcap"))
        assert measured[name].messages > 0
        assert 0.5 < measured[name].taken <= 1
        assert measured[name].ns > 0
