"""Structs of the kernels and numpy types of Python describe the same memory, and must be equal."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sensor.core.batch import ROW, Problem
from sensor.core.flow import CHANGE, Change, Reason
from sensor.core.recent import SEEN
from sensor.counting.window_types import PAIR, WAIT
from sensor.decode.flows import MARK, SLOT
from sensor.records.block import HEAD, SECTION
from tests.principles._source import SENSOR

C_TYPES = {f"{sign}int{bits}_t": f"{sign[:1] or 'i'}{bits // 8}" for sign in ("u", "") for bits in (8, 16, 32, 64)}


def struct_fields(path: Path, name: str) -> list[tuple[str, str]]:
    """(field, numpy type) of a packed struct in a .pxd, in order."""
    body = re.search(
        rf"^(?:ctypedef|cdef) packed struct {name}:\n((?:    .*\n)+)", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert body, f"{path}: no packed struct {name}"
    found = re.findall(r"^    (\w+)(?:\[(\d+)\])? (\w+)", body[1], re.MULTILINE)
    return [
        (field, C_TYPES[kind] if not size else f"V{int(C_TYPES[kind][1:]) * int(size)}") for kind, size, field in found
    ]


def enum_values(path: Path) -> dict[str, int]:
    return {
        name: int(value)
        for name, value in re.findall(r"^    ([A-Z_]+) = (\d+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


@pytest.mark.parametrize(
    ("file", "struct", "dtype"),
    [
        ("core/row.pxd", "Row", ROW),
        ("core/change.pxd", "Change", CHANGE),
        ("decode/flows.pxd", "Slot", SLOT),
        ("decode/flows.pxd", "Mark", MARK),
        ("core/recent.pxd", "Seen", SEEN),
        ("counting/window_rows.pxd", "Pair", PAIR),
        ("counting/window_rows.pxd", "Wait", WAIT),
        ("records/buffer.pxd", "Head", HEAD),
        ("records/buffer.pxd", "Section", SECTION),
    ],
)
def test_struct_equals_dtype(file: str, struct: str, dtype: np.dtype[np.void]) -> None:
    """Fields are equal in name, type and order."""
    assert struct_fields(SENSOR / file, struct) == [(name, dtype[name].str[1:]) for name in dtype.names or ()]


def test_row_has_no_padding() -> None:
    """A row has two cache lines, and every field is aligned."""
    assert ROW.itemsize == 128
    assert all(offset % kind.itemsize == 0 for kind, offset in (ROW.fields or {}).values())


def test_problem_bits_are_the_same_on_both_sides() -> None:
    """Each bit of Problem has the same name and value in row.pxd, which has no others."""
    bits = enum_values(SENSOR / "core" / "row.pxd")
    first, last = (
        (SENSOR / "core" / "row.pxd")
        .read_text(encoding="utf-8")
        .split("# Bits of Row.problem")[1]
        .split("# Bits of Row.tcp_flags")[0],
        bits,
    )
    assert {name for name in last if re.search(rf"^    {name} = ", first, re.MULTILINE)} == set(Problem.__members__)
    assert {name: bits[name] for name in Problem.__members__} == {
        name: int(bit) for name, bit in Problem.__members__.items()
    }


def test_kinds_and_reasons_are_the_same_on_both_sides() -> None:
    """The numbers written by the flow pass equal those of Change and Reason."""
    values = enum_values(SENSOR / "decode" / "flow_keys.pxd") | enum_values(SENSOR / "decode" / "flows.pxd")
    expected = {member.name: int(member) for kind in (Change, Reason) for member in kind}
    assert {name: value for name, value in values.items() if name in expected} == {
        name: value for name, value in expected.items() if name in values
    }
    assert {"NEW", "ANSWERED", "REFUSED", "ENDED"} <= values.keys()
