"""UPnP IGD calls that open a port (IGD 1 and 2, WANIPConnection and WANIPv6FirewallControl).

The calls are small and flat: elements are found by name, without a full XML parser. Missing elements are 0 or empty.
"""

from __future__ import annotations

import html

import msgspec

from sensor.core.addresses import NONE, parse
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean

OPENING = ("AddPortMapping", "AddAnyPortMapping", "AddPinhole")
SIZE_LIMIT = 8192
_ELEMENT = lazy_pattern(
    rb"<(?:[\w.-]{1,16}:)?(NewExternalPort|NewInternalPort|InternalPort|NewInternalClient|"
    rb"InternalClient|NewProtocol|Protocol|NewPortMappingDescription)"
    rb"(?:\s[^<>]{0,128})?>([^<>]{0,256})</"
)


class Mapping(msgspec.Struct, frozen=True):
    """``external_port`` of the router is mapped to ``internal_port`` of ``client``; ``description``: as given by the
    program.
    """

    client: int
    protocol: str
    internal_port: int
    external_port: int
    description: str


def opens(action: str) -> bool:
    """Whether a SOAPAction opens a port."""
    return action.rpartition("#")[2] in OPENING


def mapping(body: bytes) -> Mapping:
    """The mapping in the body of such a call."""
    found = {name.removeprefix(b"New"): value.strip() for name, value in _ELEMENT.findall(body[:SIZE_LIMIT])}
    try:
        client = parse(clean(found.get(b"InternalClient", b""), 64))
    except ValueError:
        client = NONE
    protocol = {b"6": "tcp", b"17": "udp"}.get(
        found.get(b"Protocol", b""), clean(found.get(b"Protocol", b""), 16).lower()
    )
    description = clean(html.unescape(clean(found.get(b"PortMappingDescription", b""))), 128)
    return Mapping(
        client, protocol, _port(found.get(b"InternalPort", b"")), _port(found.get(b"ExternalPort", b"")), description
    )


def _port(raw: bytes) -> int:
    return int(raw) if raw.isdigit() and len(raw) <= 5 and int(raw) < 65536 else 0
