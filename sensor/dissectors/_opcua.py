"""Values and structures of the OPC UA binary encoding (IEC 62541-6, 5.2; IEC 62541-4, 7)."""

from __future__ import annotations

from typing import NamedTuple

from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.login_events import CLEAR, NONE

ITEMS_LIMIT, DEPTH_LIMIT, TEXT_LIMIT = 64, 8, 255
# Sizes of the rest of a node id, by the first byte (5.2.2.9); those of texts and bytes have their own.
NUMERIC, SIZES, GUID, TEXTS = 1, {0: 1, 1: 3, 2: 6}, 4, (3, 5)
ANONYMOUS, USER_NAME, CERTIFICATE = 321, 324, 327  # user identity tokens
ANONYMOUS_POLICY = 0


class Application(NamedTuple):
    """The description of an application, as text."""

    uri: str
    product: str
    name: str


def octets(reader: Reader) -> bytes:
    """Bytes with their length in front; empty if they are null."""
    size = int.from_bytes(reader.take(4), "little", signed=True)
    return reader.take(size) if size > 0 else b""


def text(reader: Reader) -> str:
    return clean(octets(reader), TEXT_LIMIT)


def count(reader: Reader) -> int:
    """Number of items of an array. Raises Malformed above the limit."""
    number = int.from_bytes(reader.take(4), "little", signed=True)
    if number > ITEMS_LIMIT:
        raise Malformed("too many items")
    return max(number, 0)


def number(reader: Reader) -> int:
    """A numeric node id of the first namespace; 0 for others."""
    kind = reader.u8() & 0x3F
    if kind in TEXTS:
        reader.skip(2)
        octets(reader)
        return 0
    if kind == GUID:
        reader.skip(18)
        return 0
    if kind not in SIZES:
        raise Malformed("no node id")
    raw = reader.take(SIZES[kind])
    return int.from_bytes(raw if not kind else raw[1:] if kind == NUMERIC else raw[2:], "little")


def skip_request(reader: Reader) -> None:
    """The header of a request: token, time, handle, diagnostics, audit id, time-out, additional header."""
    number(reader)
    reader.skip(16)
    octets(reader)
    reader.skip(4)
    extension(reader)


def response(reader: Reader) -> int:
    """The result in the header of a response, which is skipped."""
    reader.skip(12)
    status = int.from_bytes(reader.take(4), "little")
    _skip_diagnostics(reader, 0)
    for _ in range(count(reader)):
        octets(reader)
    extension(reader)
    return status


def extension(reader: Reader) -> tuple[int, bytes]:
    """An extension object: the number of its type, and its body."""
    kind = number(reader)
    return kind, octets(reader) if reader.u8() else b""


def application(reader: Reader) -> Application:
    """The description of an application (7.2): URI, product, localized name, type, gateway, profile, addresses."""
    uri, product = text(reader), text(reader)
    fields = reader.u8()
    if fields & 1:
        octets(reader)
    name = text(reader) if fields & 2 else ""
    reader.skip(4)
    octets(reader)
    octets(reader)
    for _ in range(count(reader)):
        octets(reader)
    return Application(uri, product, name)


def endpoint(reader: Reader) -> tuple[int, bool]:
    """The rest of an endpoint (7.14), behind its server: its security mode, and whether it accepts anonymous users."""
    octets(reader)
    mode = int.from_bytes(reader.take(4), "little")
    octets(reader)
    anonymous = False
    for _ in range(count(reader)):
        octets(reader)
        anonymous = int.from_bytes(reader.take(4), "little") == ANONYMOUS_POLICY or anonymous
        for _ in range(3):
            octets(reader)
    octets(reader)
    reader.skip(1)
    return mode, anonymous


def identity(reader: Reader) -> tuple[str, str, bytes]:
    """(user, method, password in cleartext) of an ActivateSession request (5.6.3), behind its header."""
    octets(reader)
    octets(reader)
    for _ in range(count(reader)):
        octets(reader)
        octets(reader)
    for _ in range(count(reader)):
        octets(reader)
    kind, body = extension(reader)
    if kind != USER_NAME:
        return "", NONE if kind in (0, ANONYMOUS) else "certificate" if kind == CERTIFICATE else "token", b""
    token = Reader(body)
    octets(token)
    user, password = text(token), octets(token)
    return (user, "password", b"") if octets(token) else (user, CLEAR, password)


def _skip_diagnostics(reader: Reader, depth: int) -> None:
    """Diagnostic information (IEC 62541-6, 5.2.2.12): fields by a mask, the last of which is of the same kind."""
    mask = reader.u8()
    if depth > DEPTH_LIMIT:
        raise Malformed("diagnostics nested too deep")
    for bit in (1, 2, 4, 8):
        reader.skip(4 if mask & bit else 0)
    if mask & 16:
        octets(reader)
    reader.skip(4 if mask & 32 else 0)
    if mask & 64:
        _skip_diagnostics(reader, depth + 1)
