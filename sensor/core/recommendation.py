"""Recommendation: a setting to change on a device, proven by packets, with the steps to change it."""

from __future__ import annotations

import msgspec

from sensor.core.alert import Severity
from sensor.core.observation import Subject
from sensor.core.record_parts import Body

# How the reason begins if a recommendation is closed because its device got another id, for which it is opened again.
REIDENTIFIED = "its device is known as"


class Recommendation(msgspec.Struct):
    """The current state. ``key``: device and setting, the source of the id, so that it is the same after a restart;
    ``subject`` and ``port``: the endpoint that has the setting; ``product``: the product, if the same setting is
    changed differently on other products; ``other``: the other endpoint; ``seen``: the field that proves it, with its
    value; ``proof``: the messages, or the conclusions of fingerprints, as records show them (``proof_body``): they are
    kept after the run; ``makers``: steps by vendor; ``test``: how to verify the fix. ``first`` and ``ts``: packet times
    of the first and last of ``count`` messages that showed it, ns.
    """

    key: str
    setting: str
    title: str
    severity: Severity
    summary: str
    why: str
    seen: str
    fix: str
    test: str
    subject: Subject
    proof: tuple[Body, ...]
    first: int
    ts: int
    port: int = 0
    other: Subject | None = None
    other_port: int = 0
    app: str = ""
    community_id: str = ""
    product: str = ""
    maker: str = ""
    steps: str = ""
    count: int = 1
