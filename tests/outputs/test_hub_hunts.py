"""Messages of hunts: an answer is cut to the maximum message size and marked; anything else is refused."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
import zstandard

from sensor.outputs.hub_protocol.hunts import Found, Hunt, fitted, found_subject, read_found

GOOD = {"id": "0123456789abcdef", "sql": "SELECT 1", "rows": 10, "seconds": 5}


def packed(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def test_an_answer_comes_back_as_it_was() -> None:
    found = Found(
        columns=["a", "b"],
        types=["BIGINT", "VARCHAR[]"],
        rows=[[1, ["x"]], [None, ["y", "z"]]],
        whole=True,
        coverage=["all of it"],
    )
    assert read_found(fitted(found, 1 << 20)) == found


def test_an_answer_that_is_too_large_loses_rows_and_reports_it() -> None:
    """An answer that is too large keeps its first rows."""
    rows = [[hashlib.sha256(bytes([number])).hexdigest()] for number in range(250)]
    body = fitted(Found(columns=["a"], types=["VARCHAR"], rows=rows), 4096)
    found = read_found(body)
    assert len(body) <= 4096
    assert 0 < len(found.rows) < len(rows)
    assert found.rows == rows[: len(found.rows)]
    assert found.more


def test_an_answer_that_cannot_be_cut_is_a_fault() -> None:
    names = [hashlib.sha256(bytes([number])).hexdigest() for number in range(250)]
    found = Found(columns=names, types=["VARCHAR"] * len(names))
    assert read_found(fitted(found, 4096)).fault == "failed"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no zstd",
        packed(b"no JSON"),
        packed(b'{"fault":"other"}'),
        packed(b'{"columns":["a"],"types":["BIGINT"],"rows":[[1,2]]}'),
        packed(b'{"columns":["a"],"rows":[[1]]}'),
        packed(b'{"columns":"a"}'),
        packed(bytes(33 << 20)),
        packed(b"{}")[:-1],
    ],
)
def test_what_is_no_answer(body: bytes) -> None:
    """Invalid answers are refused, also one that would exhaust memory."""
    with pytest.raises(ValueError, match="found"):
        read_found(body)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "0123456789abcdef\r\nPUB hub.events.X 0\r\n"},
        {"id": "0123456789abcdef\n"},
        {"id": "*"},
        {"sql": ""},
        {"sql": "x" * 65_537},
        {"rows": 10_001},
        {"seconds": 61},
        {"seconds": 0},
    ],
)
def test_hunts_out_of_bounds_are_refused(change: dict[str, object]) -> None:
    """Hunts with invalid values are refused: the id becomes a part of a protocol line."""
    assert msgspec.convert(GOOD, Hunt).rows == 10
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(GOOD | change, Hunt)


def test_the_sender_is_the_last_token() -> None:
    assert found_subject("*", "UKEY") == "hub.found.*.UKEY"
