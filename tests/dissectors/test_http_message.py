"""Heads of HTTP messages: those without secrets are cached, all others are parsed each time."""

from __future__ import annotations

import pytest

from sensor.dissectors.shared.http_message import read_head


def test_a_repeated_head_is_cached() -> None:
    head = b"GET /a?lang=en HTTP/1.1\r\nHost: a.example\r\nUser-Agent: curl/8.5.0"
    assert read_head(head) is read_head(head)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nAuthorization: Basic YTpi",
        b"GET / HTTP/1.1\r\nproxy-authorization: Basic YTpi",
        b"GET / HTTP/1.1\r\nCookie: id=1",
        b"GET /?lang=en HTTP/1.1\r\nCookie: id=1",
        b"GET /?Password=1 HTTP/1.1",
        b"GET /?a=1&PWD=1 HTTP/1.1",
        b"GET / HTTP/1.1\r\nReferer: http://a.example/?api_key=1",
    ],
)
def test_a_head_with_a_secret_is_not_cached(head: bytes) -> None:
    """Secrets in fields, in queries, and in queries of other fields."""
    assert read_head(head) is not read_head(head)
