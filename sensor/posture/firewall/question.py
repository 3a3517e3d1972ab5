"""Parses arguments of firewall requests: a block, a service, a lifetime."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime, timedelta

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.moments import span_of
from sensor.inventory.rules import parse_service
from sensor.posture.firewall.model import Block, Match

NEVER = "never"
_SPAN = lazy_pattern(r"[1-9]\d{0,3}[hdw]", re.ASCII)


def block_of(text: str) -> Block:
    """An address or a network; IPv4-mapped IPv6 (RFC 4291, 2.5.5.2) as IPv4. Raises ValueError."""
    try:
        block = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        expected = "an address or a block such as 203.0.113.66 or 203.0.113.0/24"
        raise ValueError(f"--address: found {text!r}, expected {expected}") from None
    mapped = block.network_address.ipv4_mapped if isinstance(block, ipaddress.IPv6Network) else None
    return block if mapped is None or block.prefixlen < 96 else ipaddress.ip_network((mapped, block.prefixlen - 96))


def match_of(service: str) -> Match:
    """``tcp/443`` or a service name. Raises ValueError."""
    number = parse_service(service)
    return Match(number >> 16, number & 0xFFFF)


def expiry_of(now: datetime, span: str) -> datetime | None:
    """Expiry of the rules; None for ``never``. Raises ValueError."""
    if span == NEVER:
        return None
    if not _SPAN.fullmatch(span):
        raise ValueError(f"--expires: found {span!r}, expected a span such as 12h, 7d or 4w, or never")
    return now + timedelta(microseconds=span_of(span) // 1000)
