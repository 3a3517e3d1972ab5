"""Domains of host names. Names and domains are in lower case, without a final dot."""

from __future__ import annotations

from collections.abc import Container, Mapping


def under(name: str, domains: Container[str]) -> bool:
    """Whether a name is one of the domains or below one."""
    while name:
        if name in domains:
            return True
        name = name.partition(".")[2]
    return False


def bits_under(name: str, domains: Mapping[str, int]) -> int:
    """The bits of all domains that a name is or is below."""
    bits = 0
    while name:
        bits |= domains.get(name, 0)
        name = name.partition(".")[2]
    return bits
