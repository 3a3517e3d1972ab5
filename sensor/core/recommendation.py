"""Recommendation: one thing of one device that should be otherwise, proven by packets, with what to do about it."""

from __future__ import annotations

import msgspec

from sensor.core.alert import Severity
from sensor.core.observation import Subject
from sensor.core.record_parts import Body


class Recommendation(msgspec.Struct):
    """As it stands. ``key``: device and setting, of which its id is made, so that it is the same after a restart;
    ``subject`` and ``port``: whose setting it is and where; ``product``: of which product, where the same setting is
    other work for another; ``other``: who was at the other end; ``seen``: the field that proves it, and what it held;
    ``proof``: the messages, or what fingerprints made of them, as records show them (``proof_body``): they outlive the
    run that saw them; ``makers``: steps for the vendor of the device; ``test``: how to verify the fix. ``first`` and
    ``ts``: packet times of the first and of the last of ``count`` messages that showed it, ns.
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
