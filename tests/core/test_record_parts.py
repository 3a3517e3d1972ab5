"""Parts of records: values that JSON can hold, and objects of foreign logs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sensor.core.output import Options
from sensor.core.record_parts import objects, plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"a": 1}, 2, None, {"b": 3}], [{"a": 1}, {"b": 3}]),
        ([], []),
        ({"a": 1}, []),
        ("text", []),
        (None, []),
        (7, []),
    ],
)
def test_objects_of_any_value(value: Any, expected: list[dict[str, Any]]) -> None:
    assert objects(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(7), 7), (np.uint64(2**63), str(2**63)), (2**53 - 2, 2**53 - 2), (2**64, str(2**64)),
        (-(2**64), str(-(2**64))), (True, True), (None, None),
        (np.float32(0.5), 0.5), (1 / 3, 0.333333), (float("inf"), "inf"),
        ({1: None, 2: "a\x1b[2J"}, {"2": "a [2J"}), ((1, None, "b"), [1, "b"]), (b"raw\n", "raw"),
    ],
)  # fmt: skip
def test_values_that_json_can_hold(value: Any, expected: object) -> None:
    """Large numbers keep their digits as text, and texts of peers are clean."""
    made = plain(value)
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize(("enabled", "delivers"), [(True, True), (False, False)])
def test_an_output_that_is_off_delivers_nothing(enabled: bool, delivers: bool) -> None:
    assert Options(enabled=enabled).delivers is delivers
