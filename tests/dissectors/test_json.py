"""Truncated JSON: its complete members are an object."""

from __future__ import annotations

import json

import pytest

from sensor.core.reader import Malformed
from sensor.dissectors.shared.json_values import clipped, read_object

WHOLE = rb'{"a": {"b": "x, \"}]", "c": [1, {"d": true}, "e\\"]}, "f": -1.5}'


def test_every_length_is_an_object() -> None:
    """Truncated at any byte, the members that are read are equal to those of the complete object."""
    whole = json.loads(WHOLE)
    for size in range(1, len(WHOLE) + 1):
        found = read_object(WHOLE[:size], truncated=True)
        assert found.items() <= whole.items() or found.keys() <= {"a"}
        assert found.get("a", {}).get("b", 'x, "}]') == 'x, "}]'
    assert read_object(WHOLE, truncated=True) == whole


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b'{"a":1,"b":2', b'{"a":1}'), (b'{"a":{"b":"c","d', b'{"a":{"b":"c"}}'),
        (b'{"a":[1,2,{"b"', b'{"a":[1,2,{}]}'),
        (b'{"a":"\\"', b"{}"), (b'{"a":{"b":1}', b'{"a":{"b":1}}'), (b"no", b""),
    ],
)  # fmt: skip
def test_what_is_kept(data: bytes, kept: bytes) -> None:
    assert clipped(data) == kept


@pytest.mark.parametrize("data", [b"", b"text", b"[1", b"[" * 100, b'{"a":tr,'])
def test_what_is_no_object(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_object(data, truncated=True)
