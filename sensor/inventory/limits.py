"""Limits of how far peers can make the inventory grow, and confidence thresholds for reports."""

from __future__ import annotations

import msgspec

from sensor.core.time_units import HOUR, MINUTE, SECOND


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are counts, names in ``_ns`` are packet time in ns.

    ``devices``: devices kept; unidentified ones seen longest ago go first. ``pending``: newcomers that have not shown
    enough yet.
    ``viewed``: devices whose attributes are cached; those of the others are computed on demand.
    ``endpoints``: remembered endpoint-to-device answers, a cache. ``leases``: addresses whose holder is known.
    ``novelty_bits``: 2**bits facts of endpoints are remembered as known, in a fixed table. ``evidence``, ``idle``,
    ``names``, ``roles``, ``addresses``, ``macs``, ``services``, ``neighbours``: of one device (``idle``: facts no
    fingerprint knows). ``burst`` newcomers are admitted in ``burst_ns``; more than that must show evidence again after
    ``again_ns``.
    ``own4``, ``own6``: unclaimed inside addresses seen behind one MAC within ``crowd_ns`` that still pass as its own;
    more make it a router, as do IPv4 addresses of more networks (/24) than ``own_networks``.
    ``networks``: outside networks seen behind one MAC that make it a gateway. ``names_of_one``: different names of one
    protocol a device may bear; more and it speaks for others. ``claim_ns``: how long after its last use an address
    stays with its holder when another MAC uses it unclaimed.
    ``quiet_ns``: how long the old MAC of a name must have been silent before a new one may join it.
    ``pause_ns``: minimum time between two reports of a device, so that changes in a row are reported at once.
    ``hold_ns``: how long a changed value must hold before it is reported, unless it is ``margin`` more confident than
    the reported one.
    ``address_hold_ns``: the same for addresses, doubled with each move within an hour. ``gone_ns``: silence that makes
    a device gone.
    """

    devices: int = 100_000
    viewed: int = 100_000
    pending: int = 10_000
    endpoints: int = 65_536
    leases: int = 262_144
    novelty_bits: int = 16
    evidence: int = 256
    idle: int = 64
    names: int = 16
    roles: int = 16
    addresses: int = 64
    macs: int = 16
    services: int = 32
    neighbours: int = 4
    burst: int = 2_000
    burst_ns: int = MINUTE
    again_ns: int = SECOND
    own4: int = 3
    own_networks: int = 2
    own6: int = 16
    crowd_ns: int = 10 * MINUTE
    networks: int = 3
    names_of_one: int = 4
    claim_ns: int = 5 * MINUTE
    quiet_ns: int = MINUTE
    pause_ns: int = 5 * SECOND
    hold_ns: int = 30 * SECOND
    margin: float = 0.15
    address_hold_ns: int = 2 * SECOND
    gone_ns: int = 24 * HOUR
