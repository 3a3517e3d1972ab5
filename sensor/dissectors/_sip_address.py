"""Addresses in the headers of SIP (RFC 3261, 20.10): ``"Front desk" <sip:100@pbx;x=y>;tag=1``."""

from __future__ import annotations

import functools

from sensor.core.addresses import text
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean

SCHEMES = (b"sip", b"sips", b"tel")
LIMIT = 255
_DISPLAY_NAME = lazy_pattern(rb'\s*"(?:[^"\\]|\\.)*"')  # may contain angle brackets, as may the text after the address


def address_in(raw: bytes) -> str:
    """The address in a From, To or Contact header without display name, scheme and parameters: ``100@pbx``."""
    if named := _DISPLAY_NAME.match(raw):
        raw = raw[named.end() :]
    start = raw.find(b"<") + 1
    uri = raw[start : raw.find(b">", start)] if start else raw
    return _bare(uri.partition(b";")[0][:LIMIT])


@functools.lru_cache(maxsize=4096)
def _bare(uri: bytes) -> str:
    scheme, _, rest = uri.strip().partition(b":")
    return clean(rest if scheme.lower() in SCHEMES else uri, LIMIT)


def names_sender(packet: Packet, contact: bytes) -> bool:
    """Whether a Contact names the sender: its address, or a host name, which cannot be verified."""
    host = address_in(contact).rpartition("@")[2]
    host = host[1:].partition("]")[0] if host[:1] == "[" else host.partition(":")[0]
    return host == text(packet.src) or not (host.replace(".", "").isdigit() or ":" in host)
