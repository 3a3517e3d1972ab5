"""Limits on the growth of the inventory by peers, and confidence thresholds for reports."""

from __future__ import annotations

import msgspec

from sensor.core.time_units import HOUR, MINUTE, SECOND


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are counts, names in ``_ns`` are packet time in ns.

    ``devices``: devices kept; unidentified ones seen longest ago are evicted first. ``pending``: newcomers without
    enough evidence yet. ``viewed``: devices whose attributes are cached; those of the others are computed on demand.
    ``endpoints``: cached records of endpoints. ``leases``: addresses with a known holder. ``novelty_bits``: 2**bits
    facts of endpoints are remembered as known, in a fixed table. ``evidence``, ``idle``, ``names``, ``roles``,
    ``addresses``, ``macs``, ``services``, ``neighbours``: per device (``idle``: facts that no fingerprint matches).
    ``burst`` newcomers are admitted in ``burst_ns``; further ones must show evidence again after ``again_ns``.
    ``own4``, ``own6``: unclaimed internal addresses seen behind one MAC within ``forwarder_ns`` that are still treated
    as its own; more make it a router, as do IPv4 addresses of more networks (/24) than ``own_networks``, or more than
    one of networks in which it claims none. ``networks``: external networks seen behind one MAC that make it a gateway.
    ``names_of_one``: different names of one protocol that a device may have; with more it answers for others.
    ``claim_ns``: time after its last use for which an address stays with its holder when another MAC uses it unclaimed.
    ``quiet_ns``: time for which the old MAC of a name must have been silent before a new one may join it. ``pause_ns``:
    minimum time between two reports of a device, so that successive changes are reported together. ``hold_ns``: time
    for which a changed value must last before it is reported, unless its confidence is higher by ``margin`` than that
    of the reported one. ``address_hold_ns``: the same for addresses, doubled with each move within an hour.
    ``gone_ns``: silence after which a device is gone.
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
    forwarder_ns: int = 10 * MINUTE
    networks: int = 3
    names_of_one: int = 4
    claim_ns: int = 5 * MINUTE
    quiet_ns: int = MINUTE
    pause_ns: int = 5 * SECOND
    hold_ns: int = 30 * SECOND
    margin: float = 0.15
    address_hold_ns: int = 2 * SECOND
    gone_ns: int = 24 * HOUR
