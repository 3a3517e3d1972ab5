"""The fields of HTTP heads, compared with a regular expression."""

from __future__ import annotations

import random
import re

from sensor.records.files.http_fields import wanted

NAMES = (b"content-length", b"transfer-encoding", b"content-encoding", b"content-type", b"content-disposition")
FIELD = re.compile(rb"\n(" + b"|".join(NAMES) + rb"):[ \t]*([^\r\n]*)", re.IGNORECASE)


def expected(head: bytes) -> tuple[bytes | None, ...]:
    found = {name.lower(): value for name, value in FIELD.findall(head)}
    return tuple(found.get(name) for name in NAMES)


def test_fields_in_any_case_the_last_of_repeated_ones() -> None:
    head = b"GET / HTTP/1.1\r\nCONTENT-length: 5\r\nX: content-type: a\r\nContent-Type:\t text/html \ncontent-length:7"
    assert wanted(head) == (b"7", None, None, b"text/html ", None)


def test_odd_heads_are_read_as_by_the_expression() -> None:
    draw = random.Random(7)
    parts = [*NAMES, b"Content-Type", b"TRANSFER-ENCODING", b"t", b"C", b":", b" ", b"\t"]
    parts += [b"\n" + name + b":" for name in NAMES]
    parts += [b"\r\n", b"\n", b"\r", b"x", b"\0", b"\xff"]
    heads = [b"".join(draw.choices(parts, k=draw.randrange(24))) for _ in range(20_000)]
    assert sum(any(expected(head)) for head in heads) > 1_000
    for head in heads:
        assert wanted(head) == expected(head), head
