"""Objects as lines of limited length: what is cut first, and how far."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sensor.core.record_json import encoded


def test_an_object_within_the_limit_is_kept() -> None:
    """Also one that takes exactly the limit; the object itself is never changed."""
    body = {"list": list(range(10)), "text": "x" * 100}
    line = json.dumps(body, separators=(",", ":")).encode()
    assert encoded(body, len(line)) == line
    assert json.loads(encoded(body, len(line) - 1)) == {"list": [0, 1, 2, 3, 4], "text": "x" * 100}
    assert len(body["list"]) == 10


@pytest.mark.parametrize(
    ("body", "limit", "expected"),
    [
        ({"a": [1, 2], "b": {"c": [3, 4, 5, 6]}}, 30, {"a": [1, 2], "b": {"c": [3, 4]}}),  # the longest list
        ({"a": [{"b": [1, 2, 3, 4, 5, 6]}]}, 24, {"a": [{"b": [1, 2, 3]}]}),  # a list of one item is kept
        ({"a": ["x" * 80, "y" * 8]}, 20, {"a": ["x" * 40]}),  # as far as it can be shortened
        ({"a": "x" * 100, "b": "y" * 90}, 160, {"a": "x" * 50, "b": "y" * 90}),  # without a list the longest text
        ({"a": "x" * 64}, 10, {"a": "x" * 64}),  # nothing to shorten
        ({"a": "x" * 65}, 10, {"a": "x" * 32}),
        ({"a": [1, 2], "b": "x" * 300}, 250, {"a": [1], "b": "x" * 150}),  # lists before texts
    ],
)  # fmt: skip
def test_the_longest_value_loses_its_second_half(body: dict[str, Any], limit: int, expected: dict[str, Any]) -> None:
    assert json.loads(encoded(body, limit)) == expected
