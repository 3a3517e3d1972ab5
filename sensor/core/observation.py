"""Observation: a raw fact about an endpoint. Evidence: what a fingerprint concludes from it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Subject(NamedTuple):
    """The endpoint that a fact is about, as seen in the packet: MAC (0: the link has none), address (0: none yet), VLAN
    (0: untagged).
    """

    mac: int
    address: int = 0
    vlan: int = 0


class Observation(msgspec.Struct, frozen=True, gc=False):
    """A fact as the peer sent it, cleaned to printable text: ``kind`` is dotted (``dhcp.vendor_class``), ``value`` at
    most 1024 characters.

    The inventory also reads kinds that end in a name (``dhcp.hostname``, ``mdns.hostname``) as names of the device.
    """

    ts: int
    subject: Subject
    kind: str
    value: str
    flow: int = 0


class Evidence(msgspec.Struct, gc=False):
    """One statement about one attribute of a device, with its source. ``first`` and ``last`` are ns; ``count`` is the
    number of sightings.
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
