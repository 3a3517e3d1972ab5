"""Fields of HttpRequest and HttpResponse that depend on the head of a message alone."""

from __future__ import annotations

import functools
import re
from typing import Any

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean
from sensor.dissectors import _http_shape as shapes
from sensor.dissectors.shared.http_credentials import challenge, credentials, in_query, is_stale
from sensor.dissectors.shared.http_message import Head, host_of, masked

NAMES_LIMIT = 24
PROXY_LOGIN = 407
# Header fields that show a proxy between the author and the sender (Cache-Status: RFC 9211; Surrogate-Capability: Edge
# Architecture Specification, W3C).
FORWARDED = frozenset((
    b"via", b"x-forwarded-for", b"forwarded", b"x-forwarded-host", b"x-cache", b"x-proxy-id", b"cache-status",
    b"surrogate-capability",
))  # fmt: skip
# The comment at the end of Via.
_PROGRAM = lazy_pattern(rb"\(([A-Za-z][\w.+/ -]{1,63})[^()]*\)\Z", re.ASCII)


def request_fields(head: Head) -> tuple[Any, ...]:
    """The fields of an HttpRequest."""
    fields, text = head.fields, head.text
    found = (
        credentials(sent_credentials(fields))
        if b"authorization" in fields or b"proxy-authorization" in fields
        else in_query(head.target)
    )
    target, action = masked(head.target), text(b"soapaction").strip('"')
    host = host_of(head.target if b"://" in head.target[:16] else fields.get(b"host", b""))
    media_type, length, forwarded = _media_type(fields.get(b"content-type", b"")), head.length, _forwarded(fields)
    cookie = fields.get(b"cookie")
    return (
        head.method, host, target, text(b"user-agent"), found.scheme, found.user, action, media_type, length, forwarded,
        _names(tuple(fields)), shapes.cookie_shapes(cookie) if cookie else "", shapes.odd_fields(fields), found.seal,
        found.password_seal,
    )  # fmt: skip


def response_fields(head: Head) -> tuple[Any, ...]:
    """Fields of an HttpResponse that depend on its head alone; then whether the challenge is stale, and whether a proxy
    added to the head.
    """
    fields, text = head.fields, head.text
    schemes, realm = challenge(requested := requested_credentials(fields))
    media_type, location = _media_type(fields.get(b"content-type", b"")), masked(fields.get(b"location", b""))
    return (
        head.status, text(b"server"), media_type, head.length, schemes, realm, location, is_stale(requested),
        _forwarded(fields),
    )  # fmt: skip


def sent_credentials(fields: dict[bytes, bytes]) -> bytes:
    """The credentials in a request."""
    return fields.get(b"authorization") or fields.get(b"proxy-authorization") or b""


def requested_credentials(fields: dict[bytes, bytes]) -> bytes:
    """The challenge of a response (RFC 9110, 11.6.1)."""
    return fields.get(b"www-authenticate") or fields.get(b"proxy-authenticate") or b""


def proxy_program(fields: dict[bytes, bytes]) -> str:
    """The program of the sender, a proxy that added the last entry of Via (RFC 9110, 7.6.3): ``squid/6.13`` of ``1.1 a
    (squid/6.13)``; empty if there is none.
    """
    found = _PROGRAM.search(fields.get(b"via", b""))
    return found[1].rstrip(b" ").decode("ascii") if found else ""


def is_of_proxy(status: int, fields: dict[bytes, bytes]) -> bool:
    """Whether a proxy wrote the response itself: it requests a login (RFC 9110, 15.5.8), or reports an error."""
    return status == PROXY_LOGIN or b"x-squid-error" in fields


def _forwarded(fields: dict[bytes, bytes]) -> bool:
    return not FORWARDED.isdisjoint(fields)


@functools.lru_cache(maxsize=1024)
def _names(fields: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(clean(name, 64) for name in fields[:NAMES_LIMIT])


@functools.lru_cache(maxsize=1024)
def _media_type(raw: bytes) -> str:
    """``text/html`` of ``Text/HTML; charset=utf-8``."""
    return clean(raw.partition(b";")[0], 128).lower()
