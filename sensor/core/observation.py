"""Observation: a raw fact about an endpoint. Evidence: what a fingerprint makes of it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Subject(NamedTuple):
    """Whom a fact is about, as the packet showed it: MAC (0 where the link has none), address (0 where none yet), VLAN
    (0 untagged).
    """

    mac: int
    address: int = 0
    vlan: int = 0


class Observation(msgspec.Struct, frozen=True, gc=False):
    """A fact as the peer sent it, cleaned to printable text: ``kind`` is dotted (``dhcp.vendor_class``), ``value`` at
    most 1024 characters.

    Kinds whose last word is a name (``dhcp.hostname``, ``mdns.hostname``) are also read by the inventory as names of
    the device.
    """

    ts: int
    subject: Subject
    kind: str
    value: str
    flow: int = 0


class Evidence(msgspec.Struct, gc=False):
    """One claim about one attribute of a device, with what it rests on. ``first`` and ``last`` are ns; ``count`` counts
    sightings.
    """

    attribute: str
    value: str
    confidence: float
    fingerprint: str
    family: str
    kind: str
    seen: str
    first: int
    last: int
    count: int = 1
