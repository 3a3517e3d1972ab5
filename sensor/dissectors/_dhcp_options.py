"""DHCP options (RFC 2132) that describe a client, as values of facts."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable

from sensor.core.reader import TEXT_LIMIT, clean

NAME_LIMIT = 255
HEX_LIMIT = 512  # bytes, twice as many characters


@functools.lru_cache(maxsize=1024)
def _numbers(raw: bytes) -> str:
    return ",".join(map(str, raw))


def _parameter_list(raw: bytes) -> str:
    """Codes in wire order: the order is the fingerprint."""
    return _numbers(raw[:NAME_LIMIT])


def _name(raw: bytes) -> str:
    return clean(raw, NAME_LIMIT)


def _hex(raw: bytes) -> str:
    return raw[:HEX_LIMIT].hex()


def _text_or_hex(raw: bytes) -> str:
    """Text if all bytes are printable ASCII (except trailing zeros), otherwise hexadecimal."""
    bare = raw.rstrip(b"\0")
    if bare and bare.isascii() and bare.decode("ascii").isprintable():
        return clean(bare)
    return _hex(raw)


def _client_id(raw: bytes) -> str:
    """Type 0 is followed by a free name (RFC 2132, 9.14)."""
    if raw[:1] == b"\0" and len(raw) > 1:
        named = _text_or_hex(raw[1:])
        return named if named != _hex(raw[1:]) else _hex(raw)
    return _text_or_hex(raw)


def _fqdn(raw: bytes) -> str:
    """Flags, two obsolete result codes, then the name: in DNS labels if flag E is set (RFC 4702, 2.1),
    otherwise plain.
    """
    if len(raw) < 3 or not raw[0] & 4:
        return clean(raw[3:], NAME_LIMIT).rstrip(".")
    return ".".join([clean(label, NAME_LIMIT) for label in _counted(raw[3:]) or [raw[3:]] if label])[:NAME_LIMIT]


def _counted(raw: bytes) -> list[bytes]:
    """Length-prefixed pieces; empty if they do not match the size exactly."""
    pieces, offset = [], 0
    while offset < len(raw):
        stop = offset + 1 + raw[offset]
        if stop > len(raw):
            return []
        pieces.append(raw[offset + 1 : stop])
        offset = stop
    return pieces


def relay_agent(raw: bytes) -> tuple[str, str]:
    """Circuit and remote id in the agent's sub-options (RFC 3046, 2.0), as text or hexadecimal; empty if absent or
    truncated.
    """
    ids = {1: "", 2: ""}
    offset = 0
    while offset + 2 <= len(raw):
        code, stop = raw[offset], offset + 2 + raw[offset + 1]
        if code in ids and stop <= len(raw):
            ids[code] = _text_or_hex(raw[offset + 2 : stop])
        offset = stop
    return ids[1], ids[2]


def _message_size(raw: bytes) -> str:
    """The longest message the client accepts, in bytes (RFC 2132, 9.10), which depends on its software."""
    return str(int.from_bytes(raw, "big")) if len(raw) == 2 else ""


def _user_class(raw: bytes) -> str:
    """Length-prefixed texts (RFC 3004, 4), which many clients send as one plain text instead."""
    return clean(b",".join(_counted(raw) or [raw]))


def _vendor_identifying(raw: bytes) -> str:
    """The first enterprise number and its data (RFC 3925): ``enterprise:text`` or ``enterprise:hex``."""
    if len(raw) < 5:
        return ""
    return f"{int.from_bytes(raw[:4], 'big')}:{_text_or_hex(raw[5 : 5 + raw[4]])}"[:TEXT_LIMIT]


def _vendor_identifying_class(raw: bytes) -> str:
    """The same; some clients length-prefix each piece of the data, others do not."""
    data = raw[5 : 5 + raw[4]] if len(raw) > 4 else b""
    pieces = b",".join(_counted(data)) or data
    return f"{int.from_bytes(raw[:4], 'big')}:{_text_or_hex(pieces)}"[:TEXT_LIMIT] if pieces else ""


def _architecture(raw: bytes) -> str:
    """Processor types (RFC 4578, 2.1), decimal, comma separated."""
    return ",".join([str(int.from_bytes(raw[at : at + 2], "big")) for at in range(0, min(len(raw) - 1, 64), 2)])


def _uuid(raw: bytes) -> str:
    """Type 0 and 16 bytes in wire order (RFC 4578, 2.3)."""
    return str(uuid.UUID(bytes=raw[1:])) if len(raw) == 17 and not raw[0] else _hex(raw)


# By code of the option: the kind of the fact, and the function that reads its value.
FACTS: dict[int, tuple[str, Callable[[bytes], str]]] = {
    12: ("dhcp.hostname", _name),
    43: ("dhcp.vendor_specific", _hex),
    55: ("dhcp.parameter_list", _parameter_list),
    57: ("dhcp.message_size", _message_size),
    60: ("dhcp.vendor_class", clean),
    61: ("dhcp.client_id", _client_id),
    77: ("dhcp.user_class", _user_class),
    81: ("dhcp.fqdn", _fqdn),
    93: ("dhcp.architecture", _architecture),
    97: ("dhcp.uuid", _uuid),
    124: ("dhcp.vendor_identifying", _vendor_identifying_class),
    125: ("dhcp.vendor_identifying", _vendor_identifying),
    161: ("dhcp.mud_url", clean),  # the vendor's MUD description of the device (RFC 8520, 10)
}
